// SPDX-License-Identifier: GPL-2.0

//! The lines of a plot: what each way costs at each size.

use crate::{
    error::Result,
    evidence::{
        comparison::Rank,
        outcome::Figure,
        recording::{Median, Recording},
    },
};

/// What a way costs at one size: the middle round's.
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
    /// Whether it could not be told from nothing, so that it is at most `ns`.
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

/// What gets bytes to or from a device, or, without a direction, what gets memory: as the module
/// ranks it, in each round.
pub fn of(recording: &Recording, direction: Option<&str>) -> Result<Vec<Series>> {
    let rounds: Vec<Vec<Rank>> = recording
        .comparisons()?
        .iter()
        .map(|round| round.ranks())
        .collect();
    Ok(from(&rounds, direction))
}

fn from(rounds: &[Vec<Rank>], direction: Option<&str>) -> Vec<Series> {
    let mut all: Vec<Series> = Vec::new();
    let Some(first) = rounds.first() else {
        return all;
    };
    for rank in first
        .iter()
        .filter(|rank| rank.direction.as_deref() == direction)
    {
        let name = rank.name();
        let in_round = |round: &Vec<Rank>| {
            round
                .iter()
                .find(|other| other.name() == name)
                .map(|other| other.cost)
        };
        let costs: Option<Vec<Figure>> = rounds.iter().map(in_round).collect();
        let Some(median) = costs.and_then(|costs| Median::of(name, &costs)) else {
            continue;
        };
        let below = median.ns == 0;
        let ns = if below {
            median.floor.unwrap_or(0)
        } else {
            median.ns
        }
        .max(1);
        let point = Point {
            size: rank.size,
            ns,
            low: median.low.clamp(1, ns),
            high: median.high.max(ns),
            below,
        };
        match all.iter_mut().find(|series| series.name == rank.experiment) {
            Some(series) => series.points.push(point),
            None => all.push(Series {
                name: rank.experiment.clone(),
                points: vec![point],
            }),
        }
    }
    for series in &mut all {
        series.points.sort_by_key(|point| point.size);
    }
    // In the order of their names, so that a way keeps its colour from plot to plot.
    all.sort_by(|one, other| one.name.cmp(&other.name));
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

    #[test]
    fn the_rounds_make_the_band() {
        let rank = |name: &str, size, cost| Rank {
            experiment: name.into(),
            size,
            direction: Some("to-device".into()),
            cost,
            step: 0,
        };
        let rounds = [
            vec![
                rank("map", 4096, Figure::Ns(120)),
                rank("map", 64, Figure::Below(9)),
            ],
            vec![
                rank("map", 64, Figure::Below(8)),
                rank("map", 4096, Figure::Ns(100)),
            ],
            vec![
                rank("map", 4096, Figure::Ns(130)),
                rank("map", 64, Figure::Below(7)),
            ],
        ];
        let all = from(&rounds, Some("to-device"));
        let [map] = &all[..] else { panic!("{all:?}") };
        let hidden = Point {
            size: 64,
            ns: 9,
            low: 1,
            high: 9,
            below: true,
        };
        let shown = Point {
            size: 4096,
            ns: 120,
            low: 100,
            high: 130,
            below: false,
        };
        assert_eq!(map.points, [hidden, shown]);
        assert!(from(&rounds, None).is_empty());
    }

    #[test]
    fn a_time_has_its_unit() {
        let all = [5.0, 1000.0, 1500.0, 12_345.0, 2e6, 3e9].map(time);
        assert_eq!(all, ["5 ns", "1 us", "1.5 us", "12 us", "2 ms", "3 s"]);
    }
}
