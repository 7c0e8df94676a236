// SPDX-License-Identifier: GPL-2.0

//! The outcome of one run, with the buckets of its histograms.

use super::{
    slow::Slow,
    text::{all_pairs, parse, table_of, value},
};
use crate::{
    error::{Error, Kind, Result},
    output::Cell,
};
use memlab_model::model::outcome::{ClockCost, Net};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A figure net of the clock's own cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Figure {
    /// Nanoseconds.
    Ns(u64),
    /// Not to be told from nothing: less than so many.
    Below(u64),
}

impl Figure {
    /// As the module writes it.
    pub fn parse(word: &str) -> Option<Self> {
        match word.strip_prefix('<') {
            Some(floor) => floor.parse().ok().map(Self::Below),
            None => word.parse().ok().map(Self::Ns),
        }
    }

    /// For a table.
    pub fn cell(self) -> Cell {
        match self {
            Self::Ns(ns) => Cell::Number(ns),
            Self::Below(floor) => Cell::Text(format!("<{floor}")),
        }
    }

    /// The most that it may be.
    pub fn most(self) -> u64 {
        match self {
            Self::Ns(ns) | Self::Below(ns) => ns,
        }
    }
}

impl std::fmt::Display for Figure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.cell().csv())
    }
}

/// Samples between two values, both of them in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Bucket {
    /// The lowest, in raw ns.
    pub low: u64,
    /// The highest.
    pub high: u64,
    /// How many.
    pub count: u64,
}

/// What the clock cost in this run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Clock {
    /// The median of the empty operation, in ns; net figures are less it.
    pub p50_ns: u64,
    /// Its 99th percentile.
    pub p99_ns: u64,
    /// The smallest step that the clock was seen to make.
    pub step_ns: u64,
    /// By how much the median was another after the run than before it.
    pub drift_ns: u64,
}

impl Clock {
    fn cost(self) -> ClockCost {
        ClockCost {
            median: self.p50_ns,
            p99: self.p99_ns,
            step: self.step_ns,
            drift: self.drift_ns,
        }
    }

    /// Below this a net figure cannot be told from nothing.
    pub fn floor(self) -> u64 {
        self.cost().floor()
    }

    /// What is left of a raw figure.
    pub fn net(self, raw: u64) -> Figure {
        match self.cost().net(raw) {
            Net::Ns(ns) => Figure::Ns(ns),
            Net::Below(floor) => Figure::Below(floor),
        }
    }
}

/// The samples of one phase.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Phase {
    /// Its name.
    pub name: String,
    /// How many samples.
    pub samples: u64,
    /// The smallest, exact, raw.
    pub min: u64,
    /// The largest, exact, raw.
    pub max: u64,
    /// Samples above all buckets.
    pub overflow: u64,
    /// The buckets with samples, rising.
    pub buckets: Vec<Bucket>,
}

impl Phase {
    /// The raw value that so many per cent of the samples do not exceed; `None` without samples.
    pub fn percentile(&self, per_cent: f64) -> Option<u64> {
        if self.samples == 0 {
            return None;
        }
        // CAST: a share of a count that fits; rounded up, as the median of one sample is that one.
        let rank = ((self.samples as f64 * per_cent / 100.0).ceil() as u64).clamp(1, self.samples);
        let mut seen = 0;
        let found = self.buckets.iter().find(|bucket| {
            seen += bucket.count;
            seen >= rank
        });
        Some(found.map_or(self.max, |bucket| bucket.high.clamp(self.min, self.max)))
    }
}

/// One run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Ran {
    /// The experiment.
    pub experiment: String,
    /// What was asked, what is not asked left out.
    pub request: BTreeMap<String, Cell>,
    /// How it ended.
    pub ending: String,
    /// From the first thread's start to the last one's end.
    pub elapsed_ns: u64,
    /// Operations in a sample: 1 unless batched.
    pub per_sample: u64,
    /// Samples during which a thread was switched out.
    pub disturbed: u64,
    /// Operations that failed.
    pub failures: u64,
    /// Which errno how often.
    pub errnos: BTreeMap<String, u64>,
    /// What the clock cost.
    pub clock: Clock,
    /// Both phases.
    pub phases: Vec<Phase>,
    /// Where the first buffer was, and what machine it was on.
    pub facts: BTreeMap<String, Cell>,
    /// What was asked to hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gates: Vec<Gate>,
    /// The first operation that was slower than asked for, where one was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slow: Option<Slow>,
    /// The percentiles that are shown.
    #[serde(skip, default)]
    pub percentiles: Vec<f64>,
    /// The module's own text.
    #[serde(skip, default)]
    pub text: String,
}

impl Ran {
    /// What it is, and a phase of it, for a curve.
    pub fn name(&self, phase: &str) -> String {
        match self.request.get("direction") {
            Some(direction) => format!("{} {} {phase}", self.experiment, direction.csv()),
            None => format!("{} {phase}", self.experiment),
        }
    }
}

/// Something that a figure must not exceed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Gate {
    /// The phase and the percentile, as they were given.
    pub name: String,
    /// The most that is allowed, in ns.
    pub max_ns: u64,
    /// What it was; none where nothing was measured.
    pub was: Option<Figure>,
    /// Whether it held.
    pub held: bool,
}

const REQUEST: [&str; 17] = [
    "size",
    "iterations",
    "warmup",
    "time_ms",
    "threads",
    "node",
    "batch",
    "offset",
    "entries",
    "mask",
    "sync",
    "align",
    "gfp",
    "direction",
    "mode",
    "release",
    "size_instructions",
];
const COUNTS: [&str; 11] = [
    "experiment",
    "ending",
    "warmed_up",
    "elapsed_ns",
    "per_sample",
    "clock_p50_ns",
    "clock_p99_ns",
    "clock_step_ns",
    "clock_drift",
    "disturbed",
    "failures",
];

/// Reads the module's file `run`.
pub fn read(text: &str) -> Result<Ran> {
    let blocks = parse(text);
    let pairs = all_pairs(&blocks);
    let strange = |what: &str| {
        Error::new(
            Kind::Version,
            format!("the module's outcome has no {what}: it is older or newer"),
        )
    };
    let number = |key: &str| -> Result<u64> {
        value(&pairs, key)
            .and_then(|word| word.parse().ok())
            .ok_or_else(|| strange(key))
    };
    let word = |key: &str| {
        value(&pairs, key)
            .map(str::to_owned)
            .ok_or_else(|| strange(key))
    };
    let latency = table_of(&blocks, "phase")
        .filter(|table| table.column("figure").is_some())
        .ok_or_else(|| strange("table of latencies"))?;
    let of = |row: &Vec<Cell>, name: &str| latency.column(name).and_then(|at| row.get(at)).cloned();
    let mut phases = Vec::new();
    for row in &latency.rows {
        if of(row, "figure") != Some(Cell::text("raw")) {
            continue;
        }
        let figure = |name: &str| of(row, name).and_then(|cell| cell.number()).unwrap_or(0);
        phases.push(Phase {
            name: of(row, "phase").map(|cell| cell.csv()).unwrap_or_default(),
            samples: figure("samples"),
            min: figure("min"),
            max: figure("max"),
            overflow: 0,
            buckets: Vec::new(),
        });
    }
    let histogram = blocks.iter().find_map(|block| match block {
        super::text::Block::Table(table) if table.columns == ["phase", "low", "high", "count"] => {
            Some(table)
        }
        _ => None,
    });
    for row in histogram.map_or(&[][..], |table| &table.rows) {
        let [name, low, high, count] = row.as_slice() else {
            continue;
        };
        let Some(phase) = phases
            .iter_mut()
            .find(|phase| Some(&*phase.name) == name.word())
        else {
            continue;
        };
        let count = count.number().unwrap_or(0);
        match (low.number(), high.number()) {
            (Some(low), Some(high)) => phase.buckets.push(Bucket { low, high, count }),
            _ => phase.overflow = count,
        }
    }
    let errnos = table_of(&blocks, "errno").map_or(&[][..], |table| &table.rows);
    let errnos = errnos.iter().filter_map(|row| match row.as_slice() {
        [errno, name, count] => {
            let name = name.word().map_or_else(|| errno.csv(), str::to_owned);
            Some((name, count.number()?))
        }
        _ => None,
    });
    let cells = |wanted: &dyn Fn(&str) -> bool| {
        pairs
            .iter()
            .filter(|(key, value)| wanted(key) && value != "-")
            .map(|(key, value)| (key.clone(), Cell::parse(value)))
            .collect::<BTreeMap<_, _>>()
    };
    Ok(Ran {
        experiment: word("experiment")?,
        request: cells(&|key| REQUEST.contains(&key)),
        ending: word("ending")?,
        elapsed_ns: number("elapsed_ns")?,
        per_sample: number("per_sample")?,
        disturbed: number("disturbed")?,
        failures: number("failures")?,
        errnos: errnos.collect(),
        clock: Clock {
            p50_ns: number("clock_p50_ns")?,
            p99_ns: number("clock_p99_ns")?,
            step_ns: number("clock_step_ns")?,
            drift_ns: number("clock_drift")?,
        },
        phases,
        facts: cells(&|key| !REQUEST.contains(&key) && !COUNTS.contains(&key)),
        gates: Vec::new(),
        slow: None,
        percentiles: Vec::new(),
        text: text.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_the_end_of_its_bucket() {
        let bucket = |low, high, count| Bucket { low, high, count };
        let phase = Phase {
            name: "map".into(),
            samples: 100,
            min: 10,
            max: 500,
            overflow: 0,
            buckets: vec![bucket(10, 11, 50), bucket(20, 21, 49), bucket(496, 511, 1)],
        };
        let at = |per_cent| phase.percentile(per_cent).unwrap();
        assert_eq!(
            [at(0.0), at(50.0), at(50.1), at(99.0), at(99.9)],
            [11, 11, 21, 21, 500]
        );
        let none = Phase {
            samples: 0,
            ..phase
        };
        assert_eq!(none.percentile(50.0), None);
    }

    #[test]
    fn what_is_no_outcome_is_said_to_be_none() {
        let error = read("# nothing yet: a write to run runs, see help\n").unwrap_err();
        assert_eq!(error.kind, Kind::Version);
    }
}
