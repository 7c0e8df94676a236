// SPDX-License-Identifier: GPL-2.0

//! What a sweep found: its points, what they say, and their faces.

use super::run::provenance;
use crate::{
    evidence::{
        outcome::Figure,
        points::{Over, Point, Timed},
        text::shown,
    },
    output::{fold, Cell, Check, Face, Table, COLUMNS},
    picture::{
        series::{self, time, Series},
        terminal,
    },
};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// A sweep.
#[derive(Serialize, JsonSchema)]
pub struct Swept {
    /// Over what.
    pub over: Over,
    /// How often each point was measured; the points take turns.
    pub rounds: u32,
    /// The state of memory that was made for it.
    pub under: Option<String>,
    /// What it comes to, in sentences.
    pub says: Vec<String>,
    /// The points, in the order of the tables.
    pub points: Vec<Point>,
    /// The least success, in per cent, that was asked for.
    pub min_success: Option<f64>,
    /// Where it was measured.
    pub facts: BTreeMap<String, Cell>,
}

/// A point as a curve has it.
fn on_curve(point: &Point) -> Option<series::Point> {
    let [ns, low, high] = point.cost()?;
    let below = |timed: &Timed| matches!(timed.p50, Figure::Below(_));
    Some(series::Point {
        size: point.place.at,
        ns: ns.max(1),
        low: low.clamp(1, ns.max(1)),
        high: high.max(ns).max(1),
        below: point.phases.iter().all(below),
    })
}

/// A figure in a few characters.
fn brief(figure: Figure) -> String {
    match figure {
        Figure::Ns(ns) => time(ns as f64),
        Figure::Below(floor) => format!("<{floor} ns"),
    }
}

fn tenth(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

impl Swept {
    /// The points of what was asked for.
    pub fn asked(&self) -> impl Iterator<Item = &Point> {
        self.points.iter().filter(|point| !point.place.instead)
    }

    /// What would do instead.
    fn others(&self) -> impl Iterator<Item = &Point> {
        self.points.iter().filter(|point| point.place.instead)
    }

    /// Each curve by its name: an experiment, or, of orders, the flags.
    pub fn curves(&self) -> Vec<(String, Vec<&Point>)> {
        let mut curves: Vec<(String, Vec<&Point>)> = Vec::new();
        for point in self.asked() {
            let name = point.place.gfp.as_ref().unwrap_or(&point.place.experiment);
            match curves.iter_mut().find(|(known, _)| known == name) {
                Some((_, points)) => points.push(point),
                None => curves.push((name.clone(), vec![point])),
            }
        }
        curves
    }

    fn plot(&self) -> Vec<String> {
        let curves = self.curves();
        let all: Vec<Series> = curves
            .into_iter()
            .map(|(name, points)| Series {
                name,
                points: points.iter().copied().filter_map(on_curve).collect(),
            })
            .collect();
        terminal::plot(&all)
    }

    /// What a row is called.
    fn label(&self, point: &Point) -> Cell {
        match self.over {
            Over::Sizes => Cell::text(shown(point.place.at)),
            Over::Threads | Over::Orders => Cell::Number(point.place.at),
        }
    }

    /// A row for each point: both phases, and what all threads do in a second.
    fn rows(&self) -> Vec<(String, Table)> {
        let one = |(name, points): (String, Vec<&Point>)| {
            let mut phases = points.iter().flat_map(|point| &point.phases);
            let first = phases
                .next()
                .map_or("acquire", |timed| timed.phase.as_str());
            let second = phases
                .next()
                .map_or("release", |timed| timed.phase.as_str());
            let at = match self.over {
                Over::Threads => "threads",
                Over::Sizes | Over::Orders => "size",
            };
            let mut table = Table::new(["", "", "+-%", "p99", "", "+-%", "p99", "ok%", "a second"]);
            let heads = [(0, at), (1, first), (4, second)];
            for (column, head) in heads {
                table.columns[column] = head.to_owned();
            }
            for point in points {
                let mut row = vec![self.label(point)];
                for at in 0..2 {
                    row.extend(match point.phases.get(at) {
                        Some(timed) => [timed.p50.cell(), timed.spread(), timed.p99.cell()],
                        None => [Cell::None, Cell::None, Cell::None],
                    });
                }
                let success = point.success().map(tenth);
                row.push(success.map_or(Cell::None, Cell::Real));
                row.push(Cell::Number(point.per_second));
                table.rows.push(row);
            }
            (name, table)
        };
        self.curves().into_iter().map(one).collect()
    }

    /// A row for each order: success, median and p99 by the flags.
    fn orders(&self) -> Table {
        let curves = self.curves();
        let mut table = Table::new(["order", "size"]);
        for (name, _) in &curves {
            table
                .columns
                .extend([name.clone(), "p50".into(), "p99".into()]);
        }
        let mut orders: Vec<u64> = self.asked().map(|point| point.place.at).collect();
        orders.sort_unstable();
        orders.dedup();
        for order in orders {
            let size = self.asked().find(|point| point.place.at == order);
            let mut row = vec![
                Cell::Number(order),
                size.map_or(Cell::None, |point| Cell::text(shown(point.place.size))),
            ];
            for (_, points) in &curves {
                let point = points.iter().find(|point| point.place.at == order);
                let success = point.and_then(|point| point.success()).map(tenth);
                let timed = point.and_then(|point| point.phases.first());
                let time =
                    |figure: Option<Figure>| figure.map(|ns| brief(ns).replace(' ', "")).into();
                row.push(success.map_or(Cell::None, Cell::Real));
                row.push(time(timed.map(|timed| timed.p50)));
                row.push(time(timed.map(|timed| timed.p99)));
            }
            table.rows.push(row);
        }
        table
    }

    /// What would do instead of a block, by its size.
    fn instead(&self) -> Table {
        let mut table = Table::new([
            "size",
            "instead",
            "ok%",
            "takes",
            "p99",
            "gives back",
            "extents",
        ]);
        for point in self.others() {
            let time = |at: usize, of: fn(&Timed) -> Figure| {
                point.phases.get(at).map(|timed| brief(of(timed))).into()
            };
            table.push([
                Cell::text(shown(point.place.size)),
                Cell::text(&*point.place.experiment),
                point.success().map(tenth).map_or(Cell::None, Cell::Real),
                time(0, |timed| timed.p50),
                time(0, |timed| timed.p99),
                time(1, |timed| timed.p50),
                point.extents.into(),
            ]);
        }
        table
    }
}

impl Face for Swept {
    fn text(&self) -> String {
        let mut lines: Vec<String> = Vec::new();
        lines.extend(self.says.iter().flat_map(|line| fold(line, COLUMNS)));
        if let Some(under) = &self.under {
            lines.push(format!("Under: {under}"));
        }
        let tables = match self.over {
            Over::Orders => vec![
                (String::new(), self.orders()),
                (String::new(), self.instead()),
            ],
            Over::Sizes | Over::Threads => self.rows(),
        };
        for (name, table) in tables.iter().filter(|(_, table)| !table.rows.is_empty()) {
            lines.push(String::new());
            if tables.len() > 1 && !name.is_empty() {
                lines.push(format!("{name}:"));
            }
            lines.extend(table.text().lines().map(str::to_owned));
        }
        let unit = match self.over {
            Over::Orders => {
                "under the flags: how many per cent of the tries succeed, and how long these take, net"
            }
            Over::Sizes | Over::Threads => {
                "ns per operation, net: the middle of the rounds' medians, and how far they lie from it"
            }
        };
        lines.extend(fold(
            &format!(
                "{unit}; {} rounds, in which the points take turns",
                self.rounds
            ),
            COLUMNS,
        ));
        let plot = self.plot();
        if !plot.is_empty() {
            lines.push(String::new());
            lines.extend(plot);
            lines.push("both phases together, by median".to_owned());
        }
        let refused = self.points.iter().filter_map(|point| {
            let why = point.refused.as_ref()?;
            Some(format!("Not measured: {}: {why}", point.place.line))
        });
        lines.extend(refused.flat_map(|line| fold(&line, COLUMNS)));
        let fact = |key: &str| self.facts.get(key).map(Cell::csv);
        if let Some(device) = fact("device").filter(|_| self.over != Over::Orders) {
            let iommu = fact("iommu").unwrap_or_else(|| "none".to_owned());
            lines.push(format!("on {device}, IOMMU {iommu}"));
        }
        lines.extend(provenance(&fact));
        lines.join("\n") + "\n"
    }

    fn tables(&self) -> Vec<Table> {
        let mut table = Table::new([
            "experiment",
            "at",
            "size",
            "gfp",
            "instead",
            "phase",
            "p50",
            "low",
            "high",
            "p99",
            "samples",
            "tries",
            "failures",
            "success_pct",
            "per_second",
            "extents",
            "refused",
        ]);
        for point in &self.points {
            let place = &point.place;
            let row = |timed: Option<&Timed>| {
                [
                    Cell::text(&*place.experiment),
                    Cell::Number(place.at),
                    Cell::Number(place.size),
                    place.gfp.clone().into(),
                    Cell::Number(place.instead.into()),
                    timed.map(|timed| timed.phase.clone()).into(),
                    timed.map_or(Cell::None, |timed| timed.p50.cell()),
                    timed.map(|timed| timed.low).into(),
                    timed.map(|timed| timed.high).into(),
                    timed.map_or(Cell::None, |timed| timed.p99.cell()),
                    timed.map(|timed| timed.samples).into(),
                    Cell::Number(point.tries),
                    Cell::Number(point.failures),
                    point.success().map(tenth).map_or(Cell::None, Cell::Real),
                    Cell::Number(point.per_second),
                    point.extents.into(),
                    point.refused.clone().into(),
                ]
            };
            if point.phases.is_empty() {
                table.push(row(None));
            }
            for timed in &point.phases {
                table.push(row(Some(timed)));
            }
        }
        vec![table]
    }

    fn checks(&self) -> Vec<Check> {
        let check = |point: &Point| {
            let place = &point.place;
            let at = self.label(point).csv();
            let gfp = place.gfp.iter().map(|gfp| format!(" gfp={gfp}"));
            let name = format!("sweep {} {at}{}", place.experiment, gfp.collect::<String>());
            let success = point.success();
            let least = match (self.min_success, self.over) {
                (Some(least), _) => least,
                // What cannot be had is what such a sweep is to find.
                (None, Over::Orders) => 0.0,
                (None, _) => 100.0,
            };
            let p50 = point.phases.first();
            let took = p50.map(|timed| format!(", {} {}", timed.phase, brief(timed.p50)));
            Check {
                name,
                held: success.map(|success| success >= least),
                because: match (&point.refused, success) {
                    (Some(why), _) => why.clone(),
                    (None, Some(success)) => format!(
                        "{:.1} % of {} succeeded{}",
                        success,
                        point.tries,
                        took.unwrap_or_default()
                    ),
                    (None, None) => "nothing was measured".to_owned(),
                },
            }
        };
        self.points.iter().map(check).collect()
    }
}
