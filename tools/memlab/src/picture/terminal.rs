// SPDX-License-Identifier: GPL-2.0

//! A small plot in plain characters: a line for each size, a letter for each way.

use super::series::{time, Series};
use crate::evidence::text::shown;

const LEFT: usize = 7;
const WIDTH: usize = 72;

/// The plot with its scale above and its key below; nothing where there is nothing to plot.
pub fn plot(all: &[Series]) -> Vec<String> {
    let points = || all.iter().flat_map(|series| &series.points);
    let (Some(least), Some(most)) = (
        points().map(|point| point.ns).min(),
        points().map(|point| point.ns).max(),
    ) else {
        return Vec::new();
    };
    let low = (least as f64).log10().floor();
    let high = (most as f64).log10().ceil().max(low + 1.0);
    let column = |ns: f64| {
        // CAST: within the width by the two lines above.
        (((ns.log10() - low) / (high - low) * (WIDTH - 1) as f64).round() as usize).min(WIDTH - 1)
    };
    let mut scale = vec![b' '; WIDTH + 8];
    let mut decade = low;
    while decade <= high {
        let label = time(10f64.powf(decade));
        // The last one ends where the plot does.
        let at = column(10f64.powf(decade)).min(WIDTH - label.len());
        if scale[at.saturating_sub(1)..at + label.len()]
            .iter()
            .all(|byte| *byte == b' ')
        {
            scale[at..at + label.len()].copy_from_slice(label.as_bytes());
        }
        decade += 1.0;
    }
    let letters = letters(all);
    let mut sizes: Vec<u64> = points().map(|point| point.size).collect();
    sizes.sort_unstable();
    sizes.dedup();
    let line = |mark: &str, cells: &[u8]| {
        format!(
            "{mark:>width$} {}",
            String::from_utf8_lossy(cells),
            width = LEFT - 1
        )
        .trim_end()
        .to_owned()
    };
    let mut lines = vec![line("", &scale)];
    for size in sizes {
        let mut cells = vec![b'.'; WIDTH];
        for (series, letter) in all.iter().zip(&letters) {
            let Some(point) = series.points.iter().find(|point| point.size == size) else {
                continue;
            };
            let mut at = column(point.ns as f64);
            // Two ways at one place stand beside each other.
            while at + 1 < WIDTH && cells[at] != b'.' {
                at += 1;
            }
            cells[at] = *letter;
        }
        lines.push(line(&shown(size), &cells));
    }
    let key = all.iter().zip(&letters);
    let key = key.map(|(series, letter)| format!("{} {}", char::from(*letter), series.name));
    lines.push(line("", key.collect::<Vec<_>>().join("  ").as_bytes()));
    lines
}

/// A letter of each name that no other has: the first of its last word if that is free.
fn letters(all: &[Series]) -> Vec<u8> {
    let mut taken: Vec<u8> = Vec::new();
    for series in all {
        let word = series.name.rsplit('-').next().unwrap_or_default();
        let mut candidates = word.bytes().chain(series.name.bytes()).chain(b'a'..=b'z');
        let letter = candidates.find(|byte| byte.is_ascii_alphabetic() && !taken.contains(byte));
        taken.push(letter.unwrap_or(b'*'));
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::series::Point;

    fn series(name: &str, points: &[(u64, u64)]) -> Series {
        let point = |(size, ns): &(u64, u64)| Point {
            size: *size,
            ns: *ns,
            low: *ns,
            high: *ns,
            below: false,
        };
        Series {
            name: name.into(),
            points: points.iter().map(point).collect(),
        }
    }

    #[test]
    fn every_way_has_its_letter_at_its_place() {
        let all = [
            series("dma-single", &[(64, 100), (4096, 100)]),
            series("dma-sg", &[(64, 100)]),
            series("dma-copy", &[(64, 10), (4096, 100_000)]),
        ];
        let lines = plot(&all);
        assert_eq!(lines.len(), 4);
        assert!(lines.iter().all(|line| line.len() <= 80), "{lines:#?}");
        assert!(lines[0].trim_start().starts_with("10 ns"), "{}", lines[0]);
        assert!(lines[1].starts_with("    64 c"), "{}", lines[1]);
        assert!(lines[1].contains("sg"), "two at one place: {}", lines[1]);
        assert!(lines[2].ends_with('c'), "{}", lines[2]);
        assert_eq!(lines[3].trim(), "s dma-single  g dma-sg  c dma-copy");
    }

    #[test]
    fn nothing_is_no_plot() {
        assert!(plot(&[]).is_empty());
    }
}
