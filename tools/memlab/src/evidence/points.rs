// SPDX-License-Identifier: GPL-2.0

//! Points of a sweep: what each is of, and what its rounds come to.

use super::{
    outcome::{Figure, Ran},
    recording::Median,
};
use crate::output::Cell;
use clap::ValueEnum;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// What is another at each point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Over {
    /// Bytes of one operation.
    Sizes,
    /// How many operate at the same time.
    Threads,
    /// Blocks of the buddy allocator, by flags of the allocation.
    Orders,
}

/// What a point is a measurement of.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Place {
    /// The experiment.
    pub experiment: String,
    /// Bytes, threads, or the order.
    pub at: u64,
    /// Bytes of one operation.
    pub size: u64,
    /// The flags of the allocation, in a sweep of orders.
    pub gfp: Option<String>,
    /// Whether it is there to be compared with: what would do instead.
    pub instead: bool,
    /// What the module was asked, each round.
    pub line: String,
}

/// A phase of an operation at one point.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Timed {
    /// Its name.
    pub phase: String,
    /// Samples of all rounds.
    pub samples: u64,
    /// The median of the middle round, in ns, net.
    pub p50: Figure,
    /// The lowest median of a round.
    pub low: u64,
    /// The highest.
    pub high: u64,
    /// The 99th percentile of the round in the middle, by it.
    pub p99: Figure,
}

/// One point, of all rounds.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Point {
    /// What it is of.
    #[serde(flatten)]
    pub place: Place,
    /// Operations that were tried.
    pub tries: u64,
    /// Those that failed.
    pub failures: u64,
    /// Which errno how often.
    pub errnos: BTreeMap<String, u64>,
    /// Both phases; none where nothing succeeded.
    pub phases: Vec<Timed>,
    /// How many operations all threads did in a second: the middle round's.
    pub per_second: u64,
    /// Physically contiguous runs of the first buffer.
    pub extents: Option<u64>,
    /// Why it was not measured.
    pub refused: Option<String>,
}

fn count(ran: &Ran, key: &str) -> u64 {
    ran.facts.get(key).and_then(Cell::number).unwrap_or(0)
}

/// Operations that succeeded.
fn succeeded(ran: &Ran) -> u64 {
    let samples = ran.phases.first().map_or(0, |phase| phase.samples);
    samples * ran.per_sample + count(ran, "unsampled")
}

impl Timed {
    /// Of all rounds in which something was measured.
    fn of(rounds: &[Ran], at: usize) -> Option<Self> {
        let measured = || {
            rounds
                .iter()
                .filter_map(|ran| Some((ran, ran.phases.get(at)?)))
        };
        let figures = |per_cent: f64| {
            let net = measured()
                .filter_map(|(ran, phase)| Some(ran.clock.net(phase.percentile(per_cent)?)));
            net.collect::<Vec<_>>()
        };
        let middle = |per_cent: f64| {
            let median = Median::of(String::new(), &figures(per_cent))?;
            let figure = match median.floor {
                Some(floor) if median.ns == 0 => Figure::Below(floor),
                _ => Figure::Ns(median.ns),
            };
            Some((figure, median.low, median.high))
        };
        let (p50, low, high) = middle(50.0)?;
        let (p99, _, _) = middle(99.0)?;
        Some(Self {
            phase: measured().next()?.1.name.clone(),
            samples: measured().map(|(_, phase)| phase.samples).sum(),
            p50,
            low,
            high,
            p99,
        })
    }

    /// How far the rounds lie from the middle, in per cent of it.
    pub fn spread(&self) -> Cell {
        match self.p50 {
            Figure::Ns(ns) if ns > 0 => {
                let most = (self.high.saturating_sub(ns)).max(ns.saturating_sub(self.low));
                Cell::Number(most.saturating_mul(100) / ns)
            }
            _ => Cell::None,
        }
    }
}

impl Point {
    /// What its rounds come to.
    pub fn of(place: Place, rounds: &[Ran], refused: Option<String>) -> Self {
        let failures = rounds.iter().map(|ran| ran.failures).sum();
        let mut errnos = BTreeMap::new();
        for (name, count) in rounds.iter().flat_map(|ran| &ran.errnos) {
            *errnos.entry(name.clone()).or_insert(0) += count;
        }
        let mut rates: Vec<u64> = rounds
            .iter()
            .map(|ran| {
                let all = u128::from(succeeded(ran)) * 1_000_000_000;
                u64::try_from(all / u128::from(ran.elapsed_ns.max(1))).unwrap_or(u64::MAX)
            })
            .collect();
        rates.sort_unstable();
        let extents = rounds.iter().map(|ran| count(ran, "extents")).max();
        Self {
            tries: rounds.iter().map(succeeded).sum::<u64>() + failures,
            failures,
            errnos,
            phases: (0..2).filter_map(|at| Timed::of(rounds, at)).collect(),
            per_second: rates.get(rates.len() / 2).copied().unwrap_or(0),
            extents: extents.filter(|extents| *extents != 0),
            refused,
            place,
        }
    }

    /// Of those that were tried, in per cent.
    pub fn success(&self) -> Option<f64> {
        let good = self.tries.checked_sub(self.failures)? as f64;
        (self.tries != 0).then(|| good * 100.0 / self.tries as f64)
    }

    /// Whether a phase of it is below the clock's resolution, so that its cost is the most that it may
    /// be.
    pub fn is_bound(&self) -> bool {
        let below = |timed: &Timed| matches!(timed.p50, Figure::Below(_));
        self.phases.iter().any(below)
    }

    /// What both phases take together, with the lowest and the highest that it may be.
    pub fn cost(&self) -> Option<[u64; 3]> {
        (self.phases.len() == 2).then(|| {
            let sum = |of: fn(&Timed) -> u64| self.phases.iter().map(of).sum();
            [
                sum(|timed| timed.p50.most()),
                sum(|timed| timed.low),
                sum(|timed| timed.high),
            ]
        })
    }
}
