// SPDX-License-Identifier: GPL-2.0

//! The lines of a plot: what each way costs at each size.

use crate::{
    error::Result,
    evidence::recording::{Median, Recording},
};

/// What a way costs at one size: both phases together, in the median.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Bytes.
    pub size: u64,
    /// In ns; at least 1, so that it has a place on a logarithmic scale.
    pub ns: u64,
    /// The lowest of a round.
    pub low: u64,
    /// The highest.
    pub high: u64,
    /// Whether a part of it could not be told from nothing, so that it is at most `ns`.
    pub below: bool,
}

/// One way.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Its name.
    pub name: String,
    /// Rising by size.
    pub points: Vec<Point>,
}

/// What gets bytes to or from a device, or, without a direction, what gets memory.
pub fn of(recording: &Recording, direction: Option<&str>) -> Result<Vec<Series>> {
    Ok(from(&recording.medians()?, direction))
}

fn from(medians: &[Median], direction: Option<&str>) -> Vec<Series> {
    let mut all: Vec<Series> = Vec::new();
    let of_direction = |median: &&Median| median.row.direction.as_deref() == direction;
    for median in medians.iter().filter(of_direction) {
        // A window onto memory is no way to get it.
        if direction.is_none() && median.row.phase != "alloc" && median.row.phase != "free" {
            continue;
        }
        let at = all
            .iter()
            .position(|series| series.name == median.row.experiment);
        let at = at.unwrap_or_else(|| {
            all.push(Series {
                name: median.row.experiment.clone(),
                points: Vec::new(),
            });
            all.len() - 1
        });
        let hidden = match median.ns {
            0 => median.floor.unwrap_or(0),
            _ => 0,
        };
        let points = &mut all[at].points;
        let (ns, low, high) = (median.ns + hidden, median.low, median.high);
        match points
            .iter_mut()
            .find(|point| point.size == median.row.size)
        {
            Some(point) => {
                point.ns += ns;
                point.low += low;
                point.high += high;
                point.below |= hidden != 0;
            }
            None => points.push(Point {
                size: median.row.size,
                ns,
                low,
                high,
                below: hidden != 0,
            }),
        }
    }
    for series in &mut all {
        series.points.sort_by_key(|point| point.size);
        for point in &mut series.points {
            point.ns = point.ns.max(1);
            point.low = point.low.clamp(1, point.ns);
            point.high = point.high.max(point.ns);
        }
    }
    all
}

/// The directions that were measured, in the order of the table.
pub fn directions(recording: &Recording) -> Result<Vec<String>> {
    let mut found: Vec<String> = Vec::new();
    for row in recording.comparison()?.rows {
        if let Some(direction) = row.direction.filter(|direction| !found.contains(direction)) {
            found.push(direction);
        }
    }
    Ok(found)
}

/// Nanoseconds for people.
pub fn time(ns: f64) -> String {
    let units = [(1e9, "s"), (1e6, "ms"), (1e3, "us")];
    match units.into_iter().find(|(unit, _)| ns >= *unit) {
        Some((unit, name)) => {
            let value = ns / unit;
            match value >= 10.0 || (value - value.round()).abs() < 0.05 {
                true => format!("{value:.0} {name}"),
                false => format!("{value:.1} {name}"),
            }
        }
        None => format!("{ns:.0} ns"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::comparison::read;

    #[test]
    fn both_phases_are_one_point() {
        let text = "experiment size direction phase min p50 p90 p99 p99.9 max samples failures\n\
            map 4K to-device map 1 100 1 1 1 1 9 0\n\
            map 4K to-device unmap 1 <20 1 1 1 1 9 0\n\
            get 4K - alloc 1 30 1 1 1 1 9 0\n\
            win 4K - map 1 30 1 1 1 1 9 0\n";
        let median = |row: crate::evidence::comparison::Row| Median {
            low: 90,
            high: 130,
            ns: if row.phase == "unmap" {
                0
            } else {
                row.figure("p50").unwrap().most()
            },
            floor: (row.phase == "unmap").then_some(20),
            row,
        };
        let medians: Vec<Median> = read(text).unwrap().rows.into_iter().map(median).collect();
        let to = from(&medians, Some("to-device"));
        assert_eq!(to.len(), 1);
        assert_eq!(
            to[0].points,
            [Point {
                size: 4096,
                ns: 120,
                low: 120,
                high: 260,
                below: true
            }]
        );
        let memory = from(&medians, None);
        assert_eq!(
            memory
                .iter()
                .map(|series| series.name.as_str())
                .collect::<Vec<_>>(),
            ["get"]
        );
    }

    #[test]
    fn a_time_has_its_unit() {
        let all = [5.0, 1000.0, 1500.0, 12_345.0, 2e6, 3e9].map(time);
        assert_eq!(all, ["5 ns", "1 us", "1.5 us", "12 us", "2 ms", "3 s"]);
    }
}
