// SPDX-License-Identifier: GPL-2.0

//! `diff A B`: what moved between two recordings, by how much, beyond the noise of both.

use super::{Context, Found};
use crate::{
    error::{Error, Kind, Result},
    evidence::recording::{Median, Recording},
    output::{Cell, Check, Face, Table},
};
use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;
use std::path::PathBuf;

/// Less than this is no difference, as in the module's own advice.
const LEAST_PCT: u64 = 10;

/// Says what moved between two recordings, beyond the noise of both
#[derive(Args, Debug)]
pub struct Arguments {
    /// The recording to compare with
    before: PathBuf,
    /// The one to compare
    after: PathBuf,
    /// Fail (exit code 1) where a figure rose by more than so many per cent, beyond the noise
    #[arg(long, value_name = "PCT")]
    fail_on_regression: Option<u32>,
    /// All rows, also those that did not move
    #[arg(long)]
    all: bool,
}

/// What became of one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It costs more now.
    Dearer,
    /// It costs less now.
    Cheaper,
    /// It cannot be told apart.
    Same,
    /// Only one of them has it.
    Missing,
}

impl Verdict {
    fn name(self) -> &'static str {
        match self {
            Self::Dearer => "dearer",
            Self::Cheaper => "cheaper",
            Self::Same => "same",
            Self::Missing => "missing",
        }
    }
}

/// One row of both.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Moved {
    /// Way, size, direction, phase.
    pub name: String,
    /// The median before, in ns.
    pub before: Option<u64>,
    /// And after.
    pub after: Option<u64>,
    /// By how much, in per cent; none where it was below the clock's resolution.
    pub change_pct: Option<i64>,
    /// What both rounds and clock allow to be noise, in ns.
    pub noise_ns: u64,
    /// What became of it.
    pub verdict: Verdict,
}

/// All of them.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Difference {
    /// What is not the same of the machines, and may be why.
    pub machines: Vec<String>,
    /// Every row.
    pub rows: Vec<Moved>,
    #[serde(skip)]
    all: bool,
    #[serde(skip)]
    limit: Option<u32>,
}

/// Facts that make two recordings of two worlds.
const MUST_AGREE: [(&str, &str); 5] = [
    ("arch", "the architecture"),
    ("cpu", "the CPU"),
    ("machine", "what runs the kernel"),
    ("page_size", "the page size"),
    ("module", "the module's version"),
];
/// Facts that may be why something moved.
const MAY_DIFFER: [&str; 10] = [
    "kernel",
    "cpus",
    "clocksource",
    "preemption",
    "distorting",
    "device",
    "coherent",
    "dma_mask",
    "iommu",
    "swiotlb_force",
];

/// Compares.
pub fn diff(_: &Context, arguments: &Arguments) -> Result<Found<Difference>> {
    let before = Recording::read(&arguments.before)?;
    let after = Recording::read(&arguments.after)?;
    let mut found = compare(&before, &after)?;
    found.all = arguments.all;
    found.limit = arguments.fail_on_regression;
    let failed = found.worst().map(|(count, row)| {
        Error::new(
            Kind::Failed,
            format!(
                "{count} figures rose by more than {} %, the most: {} by {} %",
                found.limit.unwrap_or(0),
                row.name,
                row.change_pct.unwrap_or(0)
            ),
        )
    });
    Ok(Found {
        value: found,
        failed,
        silent: false,
        held: None,
    })
}

fn compare(before: &Recording, after: &Recording) -> Result<Difference> {
    for (key, name) in MUST_AGREE {
        let (one, other) = (before.fact(key), after.fact(key));
        if one != other {
            let shown = |fact: Option<String>| fact.unwrap_or_else(|| "unknown".to_owned());
            return Err(Error::new(
                Kind::Refused,
                format!(
                    "these cannot be compared: {name} is {} in one and {} in the other",
                    shown(one),
                    shown(other)
                ),
            ));
        }
    }
    let rounds = before.rounds.len().min(after.rounds.len());
    if rounds < 3 {
        return Err(Error::new(
            Kind::Refused,
            format!(
                "these cannot be compared: one has {rounds} rounds, which say nothing of the \
                     noise; record with --rounds 3 or more"
            ),
        ));
    }
    let machines = MAY_DIFFER.iter().filter_map(|key| {
        let (one, other) = (before.fact(key), after.fact(key));
        let shown = |fact: Option<String>| fact.unwrap_or_else(|| "-".to_owned());
        (one != other).then(|| format!("{key}: {} -> {}", shown(one), shown(other)))
    });
    let (mine, theirs) = (before.medians()?, after.medians()?);
    let mut rows: Vec<Moved> = mine
        .iter()
        .map(|row| {
            let name = row.name.clone();
            let other = theirs.iter().find(|other| other.name == name);
            match other {
                Some(other) => moved(name, row, other),
                None => missing(name, Some(row.ns), None),
            }
        })
        .collect();
    let new = theirs
        .iter()
        .filter(|other| !rows.iter().any(|row| row.name == other.name));
    let new: Vec<Moved> = new
        .map(|row| missing(row.name.clone(), None, Some(row.ns)))
        .collect();
    rows.extend(new);
    Ok(Difference {
        machines: machines.collect(),
        rows,
        all: false,
        limit: None,
    })
}

fn missing(name: String, before: Option<u64>, after: Option<u64>) -> Moved {
    Moved {
        name,
        before,
        after,
        change_pct: None,
        noise_ns: 0,
        verdict: Verdict::Missing,
    }
}

/// The rounds of one side must lie apart from all of the other's, and further than they do among
/// each other, than a bucket is wide, and than a tenth.
fn moved(name: String, before: &Median, after: &Median) -> Moved {
    let bucket = before.ns.max(after.ns) / 32;
    let noise = (before.spread() + after.spread()).max(2 * bucket).max(1);
    let change = before.ns.abs_diff(after.ns);
    let apart = before.high < after.low || after.high < before.low;
    let tenth = before.ns.max(after.ns) * LEAST_PCT / 100;
    let verdict = match apart && change > noise.max(tenth) {
        false => Verdict::Same,
        true if after.ns > before.ns => Verdict::Dearer,
        true => Verdict::Cheaper,
    };
    let (old, new) = (before.ns as i128, after.ns as i128);
    let change_pct = ((new - old) * 100)
        .checked_div(old)
        .and_then(|pct| i64::try_from(pct).ok());
    Moved {
        name,
        before: Some(before.ns),
        after: Some(after.ns),
        change_pct,
        noise_ns: noise,
        verdict,
    }
}

impl Difference {
    /// How many rows got dearer than allowed, and the worst.
    fn worst(&self) -> Option<(usize, &Moved)> {
        let limit = i64::from(self.limit?);
        // What was below the resolution and no longer is has no share that it rose by.
        let share = |row: &&Moved| row.change_pct.unwrap_or(i64::MAX);
        let risen: Vec<&Moved> = self
            .rows
            .iter()
            .filter(|row| row.verdict == Verdict::Dearer && share(row) > limit)
            .collect();
        Some((risen.len(), risen.iter().copied().max_by_key(share)?))
    }

    fn of(&self, verdict: Verdict) -> usize {
        self.rows
            .iter()
            .filter(|row| row.verdict == verdict)
            .count()
    }

    fn table(&self, rows: impl Iterator<Item = Moved>) -> Table {
        let mut table = Table::new(["what", "before", "after", "change", "noise", "verdict"]);
        for row in rows {
            table.push([
                Cell::text(row.name),
                row.before.into(),
                row.after.into(),
                row.change_pct
                    .map_or(Cell::None, |pct| Cell::Text(format!("{pct:+} %"))),
                Cell::Number(row.noise_ns),
                Cell::text(row.verdict.name()),
            ]);
        }
        table
    }
}

impl Face for Difference {
    fn text(&self) -> String {
        let (dearer, cheaper) = (self.of(Verdict::Dearer), self.of(Verdict::Cheaper));
        let (same, gone) = (self.of(Verdict::Same), self.of(Verdict::Missing));
        let mut lines = vec![match (dearer, cheaper) {
            (0, 0) => format!("nothing moved beyond the noise, of {same} figures"),
            _ => format!(
                "{dearer} of {} figures got dearer, {cheaper} cheaper, {same} cannot be told \
                          apart",
                dearer + cheaper + same
            ),
        }];
        if gone != 0 {
            lines.push(format!("{gone} are in one of them only"));
        }
        lines.extend(
            self.machines
                .iter()
                .map(|line| format!("not the same: {line}")),
        );
        let mut rows: Vec<Moved> = self
            .rows
            .iter()
            .filter(|row| self.all || row.verdict != Verdict::Same)
            .cloned()
            .collect();
        if !self.all {
            rows.sort_by_key(|row| std::cmp::Reverse(row.change_pct.map_or(i64::MAX, i64::abs)));
        }
        if !rows.is_empty() {
            lines.push(String::new());
            lines
                .push("ns, median of the rounds; noise: what both sets of rounds allow".to_owned());
            lines.push(self.table(rows.into_iter()).text());
        }
        lines.join("\n").trim_end().to_owned() + "\n"
    }

    fn tables(&self) -> Vec<Table> {
        vec![self.table(self.rows.iter().cloned())]
    }

    fn checks(&self) -> Vec<Check> {
        let check = |row: &Moved| Check {
            name: row.name.clone(),
            held: match row.verdict {
                Verdict::Missing => None,
                Verdict::Dearer => Some(self.limit.is_some_and(|limit| {
                    row.change_pct.is_some_and(|pct| pct <= i64::from(limit))
                })),
                _ => Some(true),
            },
            because: match (row.before, row.after) {
                (Some(before), Some(after)) => format!("{before} -> {after} ns"),
                _ => "in one only".to_owned(),
            },
        };
        self.rows.iter().map(check).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::{
        outcome,
        recording::tests::recording, //
    };

    fn verdict(before: &[&str], after: &[&str]) -> Verdict {
        let found = compare(&recording(before), &recording(after)).unwrap();
        found.rows[0].verdict
    }

    #[test]
    fn only_what_is_beyond_the_noise_moved() {
        let base = ["100", "104", "102"];
        assert_eq!(verdict(&base, &["100", "104", "102"]), Verdict::Same);
        assert_eq!(verdict(&base, &["150", "151", "149"]), Verdict::Dearer);
        assert_eq!(verdict(&["150", "151", "149"], &base), Verdict::Cheaper);
        // Apart, and less than a tenth.
        assert_eq!(verdict(&base, &["107", "108", "109"]), Verdict::Same);
        // Overlapping rounds.
        assert_eq!(verdict(&base, &["103", "400", "410"]), Verdict::Same);
        // Apart, and no further than the rounds among each other.
        assert_eq!(
            verdict(&["100", "190", "195"], &["200", "280", "290"]),
            Verdict::Same
        );
        // Nothing can be said of what both times cannot be told from nothing.
        assert_eq!(
            verdict(&["<40", "<41", "<42"], &["<50", "<51", "<52"]),
            Verdict::Same
        );
        assert_eq!(
            verdict(&["<40", "<41", "<42"], &["500", "501", "502"]),
            Verdict::Dearer
        );
    }

    #[test]
    fn two_worlds_are_refused_by_name() {
        let base = ["1", "2", "3"];
        let mut other = recording(&base);
        let text = other.before["provenance"].replace("a cpu", "another cpu");
        other.before.insert("provenance".into(), text);
        let error = compare(&recording(&base), &other).unwrap_err();
        assert_eq!(error.kind, Kind::Refused);
        assert!(
            error
                .message
                .contains("the CPU is a cpu in one and another cpu"),
            "{error}"
        );
        let error = compare(&recording(&base), &recording(&["1"])).unwrap_err();
        assert!(error.message.contains("--rounds"), "{error}");
    }

    #[test]
    fn what_the_asked_device_is_like_comes_from_its_runs() {
        let behind = |iommu: &str| {
            let mut all = recording(&["1", "2", "3"]);
            let mut run = outcome::read(include_str!("../../tests/machine/run.txt")).unwrap();
            run.facts.insert("iommu".to_owned(), Cell::text(iommu));
            all.device = run.facts.get("device").map(Cell::csv);
            all.runs.push(run);
            all
        };
        let found = compare(&behind("none"), &behind("DMA")).unwrap();
        assert_eq!(found.machines, ["iommu: none -> DMA"]);
        // Runs of another device say nothing of this one.
        let mut other = behind("DMA");
        other.device = Some("0000:00:04.0".to_owned());
        assert_eq!(other.fact("iommu"), None);
    }

    #[test]
    fn a_regression_is_what_rose_by_more_than_is_allowed() {
        let mut found = compare(
            &recording(&["100", "100", "100"]),
            &recording(&["150", "150", "150"]),
        )
        .unwrap();
        assert!(found.worst().is_none());
        found.limit = Some(50);
        assert!(found.worst().is_none());
        found.limit = Some(49);
        assert_eq!(found.worst().unwrap().0, 1);
        assert_eq!(found.checks()[0].held, Some(false));
    }
}
