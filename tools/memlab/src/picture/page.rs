// SPDX-License-Identifier: GPL-2.0

//! The page: one HTML file that needs nothing from outside and runs no script.

use super::{
    chart::{self, Curve, Mark, COLOURS},
    escape, heat,
    series::{self, Series},
};
use crate::{
    error::Result,
    evidence::{
        comparison,
        outcome::Ran,
        recording::Recording,
        text::{bytes, parse, shown, Block},
    },
    output::{Cell, Table, COLUMNS},
};
use std::fmt::Write;

const BROAD: (u32, u32) = (900, 420);
const NARROW: (u32, u32) = (380, 360);
/// The percentiles of a curve.
const CURVE: [f64; 12] = [
    0.0, 10.0, 25.0, 50.0, 75.0, 90.0, 95.0, 99.0, 99.5, 99.9, 99.95, 99.99,
];

/// All of it.
pub fn page(recording: &Recording) -> Result<String> {
    let fact = |key: &str| recording.fact(key).unwrap_or_else(|| "unknown".to_owned());
    let device = recording.device.clone().unwrap_or_else(|| fact("device"));
    let title = format!(
        "What memory and DMA cost {device} on Linux {}",
        fact("kernel")
    );
    let mut html = String::new();
    let _ = write!(
        html,
        "<!DOCTYPE html>\n<html lang=en><meta charset=utf-8>\
         <meta name=viewport content=\"width=device-width, initial-scale=1\">\
         <title>{0}</title>\n<style>\n{1}</style>\n<h1>{0}</h1>\n",
        escape(&title),
        include_str!("page.css")
    );
    if recording.fact("machine").as_deref() == Some("tcg") {
        html.push_str(
            "<p class=label>EMULATED: QEMU translated every instruction. Ratios on this page mean \
             something, nanoseconds do not.</p>\n",
        );
    }
    let compared = recording.comparison()?;
    let answer = compared.sentences(COLUMNS);
    let _ = writeln!(html, "<pre>{}</pre>", escape(&answer.join("\n")));
    for direction in series::directions(recording)? {
        let all = series::of(recording, Some(&direction))?;
        let mark = break_even(&compared.answer, &direction);
        let heading = format!("A transfer {}", direction.replace('-', " "));
        let caption =
            "All that a transfer costs, later too, as the module ranks it. A hollow point \
                       could not be told from nothing: it is at most so much. Both scales are \
                       logarithmic.";
        figure(&mut html, recording, &heading, caption, &all, mark.as_ref())?;
    }
    let all = series::of(recording, None)?;
    let caption = "Getting it and giving it back.";
    figure(&mut html, recording, "Memory itself", caption, &all, None)?;
    curves(&mut html, &recording.runs)?;
    memory(&mut html, recording);
    tables(
        &mut html,
        recording,
        &comparison::table(&compared.rows, &[]),
    )?;
    Ok(html)
}

fn figure(
    html: &mut String,
    recording: &Recording,
    heading: &str,
    caption: &str,
    all: &[Series],
    mark: Option<&Mark>,
) -> Result<()> {
    if all.is_empty() {
        return Ok(());
    }
    let _ = write!(html, "<h2>{}</h2><figure>", escape(heading));
    let names = all.iter().map(|series| series.name.as_str());
    key(html, names);
    for (class, size) in [("broad", BROAD), ("narrow", NARROW)] {
        let svg = chart::sizes(all, mark, size)?;
        let _ = write!(html, "<div class={class}>{svg}</div>");
    }
    let band = match recording.rounds.len() {
        0 | 1 => "It was measured once, so that there is no band of noise.".to_owned(),
        rounds => format!("The bands are between the lowest and the highest of {rounds} rounds."),
    };
    let _ = writeln!(
        html,
        "<figcaption>{} {band}</figcaption></figure>",
        escape(caption)
    );
    Ok(())
}

fn key<'a>(html: &mut String, names: impl Iterator<Item = &'a str>) {
    html.push_str("<ul class=key>");
    for (name, colour) in names.zip(COLOURS.iter().cycle()) {
        let plotters::style::RGBColor(red, green, blue) = colour;
        let _ = write!(
            html,
            "<li><span style=\"background:#{red:02x}{green:02x}{blue:02x}\"></span>{}",
            escape(name)
        );
    }
    html.push_str("</ul>");
}

/// From which size on a map is the cheaper one, as the module found it.
fn break_even(answer: &[String], direction: &str) -> Option<Mark> {
    let text = answer.join(" ");
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    // "dma-single or dma-copy, to-device: copy from 64 to 128, map from 512 to 1M"
    let (_, after) = text.split_once(&format!(" or dma-copy, {direction}: "))?;
    let sizes = |choice: &str| {
        let part = after.split(", ").find(|part| part.starts_with(choice))?;
        let words: Vec<&str> = part.split(' ').collect();
        match words.as_slice() {
            [_, "from", from, "to", to, ..] => Some((bytes(from)?, bytes(to)?)),
            _ => None,
        }
    };
    let (mapped, _) = sizes("map ")?;
    let copied = sizes("copy ").map(|(_, to)| to).filter(|to| *to < mapped);
    // Between the two, which lie on a logarithmic scale.
    let size = (copied.unwrap_or(mapped) as f64 * mapped as f64).sqrt();
    let label = match copied {
        Some(copied) => format!("copy to {}, map from {}", shown(copied), shown(mapped)),
        None => format!("map from {}", shown(mapped)),
    };
    Some(Mark { size, label })
}

fn curves(html: &mut String, runs: &[Ran]) -> Result<()> {
    let mut all = Vec::new();
    for ran in runs {
        let Some(phase) = ran.phases.first().filter(|phase| phase.samples != 0) else {
            continue;
        };
        let at = |per_cent: &f64| {
            // A percentile of fewer samples than it needs is the maximum.
            let needed = 100.0 / (100.0 - per_cent);
            let enough = phase.samples as f64 >= needed;
            let raw = phase.percentile(*per_cent).filter(|_| enough)?;
            let ns = ran.clock.net(raw).most().max(1);
            Some((*per_cent, ns as f64))
        };
        all.push(Curve {
            name: ran.name(&phase.name),
            points: CURVE.iter().filter_map(at).collect(),
        });
    }
    if all.is_empty() {
        return Ok(());
    }
    html.push_str("<h2>How far the slow ones lie from the usual</h2><figure>");
    key(html, all.iter().map(|curve| curve.name.as_str()));
    for (class, size) in [("broad", BROAD), ("narrow", NARROW)] {
        let svg = chart::percentiles(&all, size)?;
        let _ = write!(html, "<div class={class}>{svg}</div>");
    }
    html.push_str(
        "<figcaption>Getting or mapping 4K: so many per cent of the operations took no longer. \
         Each step to the right is one nine more.</figcaption></figure>\n",
    );
    Ok(())
}

fn memory(html: &mut String, recording: &Recording) {
    let page_size = recording
        .fact("page_size")
        .and_then(|size| size.parse().ok())
        .unwrap_or(4096);
    html.push_str("<h2>Free memory, by the size of its blocks</h2>");
    html.push_str(
        "<p>The buddy allocator keeps free memory in blocks of a page times a power of two. The \
         darker a cell, the more of the zone's free memory lies in blocks of that size. What is \
         hatched cannot be had in one piece now, however much is free.</p>",
    );
    for (when, looks) in [("Before", &recording.before), ("After", &recording.after)] {
        let (Some(buddy), Some(fragmentation)) = (looks.get("buddy"), looks.get("fragmentation"))
        else {
            continue;
        };
        let zones = heat::zones(buddy, fragmentation);
        let _ = writeln!(
            html,
            "<figure><b>{when} it was measured</b>{}<figcaption>{}</figcaption></figure>",
            heat::map(&zones, page_size),
            escape(&heat::sentences(&zones, page_size).join("; "))
        );
    }
    if let Some(layout) = recording.before.get("layout") {
        html.push_str("<h2>The kernel's address space</h2>");
        html.push_str(
            "<p>The highest address first; a block is a step taller for each factor of 4.</p>",
        );
        html.push_str(&heat::layout(layout));
    }
}

fn tables(html: &mut String, recording: &Recording, figures: &Table) -> Result<()> {
    html.push_str("<h2>All figures</h2>");
    let _ = write!(
        html,
        "<p>ns per operation, net of the clock's own cost, of the first of {} rounds; &lt;F: below \
         the resolution of F ns.</p>",
        recording.rounds.len()
    );
    html.push_str(&table(figures));
    html.push_str("<h2>On what it was measured</h2>");
    let mut facts = Table::new(["fact", "value"]);
    let provenance = recording
        .before
        .get("provenance")
        .map_or("", String::as_str);
    for block in parse(provenance) {
        if let Block::Pairs(pairs) = block {
            for (key, value) in pairs {
                facts.push([Cell::text(key), Cell::text(value)]);
            }
        }
    }
    facts.push([Cell::text("command"), Cell::text(&*recording.command)]);
    facts.push([
        Cell::text("taken"),
        Cell::text(format!("{} s after 1970", recording.taken)),
    ]);
    html.push_str(&table(&facts));
    Ok(())
}

fn table(table: &Table) -> String {
    let mut html = String::from("<div class=wide><table><tr>");
    for column in &table.columns {
        let _ = write!(html, "<th>{}", escape(column));
    }
    for row in &table.rows {
        html.push_str("<tr>");
        for cell in row {
            let class = if matches!(cell, Cell::Text(_)) {
                " class=w"
            } else {
                ""
            };
            let _ = write!(html, "<td{class}>{}", escape(&cell.csv()));
        }
    }
    html + "</table></div>\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::recording::tests::recording;

    #[test]
    fn the_page_needs_nothing_from_outside_and_runs_nothing() {
        let html = page(&recording(&["100", "120", "110"])).unwrap();
        for word in [
            "<script", "http:", "https:", "@import", "url(", " src=", " href=",
        ] {
            // The name of SVG is an address that nobody fetches.
            let found = html.replace("http://www.w3.org/2000/svg", "");
            assert!(!found.contains(word), "{word}");
        }
        assert!(html.contains("What memory and DMA cost"));
    }

    #[test]
    fn the_break_even_is_the_modules() {
        let answer = [
            "dma-single or dma-copy, to-device: copy from 64 to 128, cannot be told from 256 to",
            "  256, map from 512 to 1M",
            "dma-single or dma-copy, from-device: cannot be told from 64 to 512, map from",
            "  1K to 1M",
            "To get memory and give it back",
        ]
        .map(str::to_owned);
        let mark = break_even(&answer, "to-device").unwrap();
        assert_eq!(
            (mark.size, mark.label.as_str()),
            (256.0, "copy to 128, map from 512")
        );
        let mark = break_even(&answer, "from-device").unwrap();
        assert_eq!((mark.size, mark.label.as_str()), (1024.0, "map from 1K"));
        assert!(break_even(&answer, "bidirectional").is_none());
    }
}
