// SPDX-License-Identifier: GPL-2.0

//! A recording: what was measured once, on what, to be shown, drawn and compared later.

use super::{
    comparison::{self, Comparison, Row},
    outcome::{Figure, Ran},
    text::{all_pairs, parse, value},
};
use crate::{
    error::{Error, Kind, Result},
    output::Cell, //
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fs, io, path::Path};

/// What the first member of a recording says.
pub const FORMAT: &str = "memlab-recording";
/// The version of the format.
pub const VERSION: u32 = 1;

/// The looks that a recording keeps.
pub const LOOKS: [&str; 8] = [
    "provenance",
    "zones",
    "buddy",
    "watermarks",
    "fragmentation",
    "cma",
    "layout",
    "meminfo",
];

/// A recording, as it stands in its file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Recording {
    /// [`FORMAT`].
    pub format: String,
    /// [`VERSION`].
    pub version: u32,
    /// The version of the command that took it.
    pub command: String,
    /// When, in seconds since 1970.
    pub taken: u64,
    /// The device under test, as it was asked for; the module's own if none was.
    pub device: Option<String>,
    /// The module's comparison, as often as it was measured.
    pub rounds: Vec<String>,
    /// Runs with whole histograms, for the curves.
    pub runs: Vec<Ran>,
    /// The module's looks before anything was measured, by file.
    pub before: BTreeMap<String, String>,
    /// And after.
    pub after: BTreeMap<String, String>,
}

/// A figure over all rounds.
#[derive(Clone, Debug, PartialEq)]
pub struct Median {
    /// What it is of: way, size, direction, phase.
    pub name: String,
    /// The lowest of a round, in ns.
    pub low: u64,
    /// The middle one.
    pub ns: u64,
    /// The highest.
    pub high: u64,
    /// What cannot be told from nothing, where a round was below that.
    pub floor: Option<u64>,
}

impl Median {
    /// Of one figure in each round.
    pub fn of(name: String, figures: &[Figure]) -> Option<Self> {
        let floor = figures.iter().filter_map(|figure| match figure {
            Figure::Below(floor) => Some(*floor),
            Figure::Ns(_) => None,
        });
        let floor = floor.max();
        let value = |figure: &Figure| match figure {
            Figure::Ns(ns) => *ns,
            Figure::Below(_) => 0,
        };
        let mut ns: Vec<u64> = figures.iter().map(value).collect();
        ns.sort_unstable();
        Some(Self {
            name,
            low: *ns.first()?,
            ns: ns[ns.len() / 2],
            high: (*ns.last()?).max(floor.unwrap_or(0)),
            floor,
        })
    }

    /// How far the rounds lie apart.
    pub fn spread(&self) -> u64 {
        self.high - self.low
    }
}

impl Recording {
    /// Reads a file.
    pub fn read(path: &Path) -> Result<Self> {
        Self::of(&Self::bytes(path)?, path)
    }

    /// The bytes of a file, or of stdin.
    pub fn bytes(path: &Path) -> Result<Vec<u8>> {
        let bytes = match path == Path::new("-") {
            true => {
                let mut bytes = Vec::new();
                io::Read::read_to_end(&mut io::stdin(), &mut bytes).map(|_| bytes)
            }
            false => fs::read(path),
        };
        bytes.map_err(|error| Error::file(path, &error))
    }

    /// Of bytes that a file had.
    pub fn of(bytes: &[u8], path: &Path) -> Result<Self> {
        Self::parse(bytes)
            .map_err(|(kind, why)| Error::new(kind, format!("{}: {why}", path.display())))
    }

    fn parse(bytes: &[u8]) -> std::result::Result<Self, (Kind, String)> {
        /// Enough to tell what it is.
        #[derive(Deserialize)]
        struct Head {
            format: String,
            version: u32,
        }
        let foreign = |error: serde_json::Error| {
            let why = match error.is_eof() {
                true => "it is cut short: record it again",
                false => "it is no recording of memlab: memlab record makes one",
            };
            (Kind::File, why.to_owned())
        };
        let head: Head = serde_json::from_slice(bytes).map_err(foreign)?;
        if head.format != FORMAT {
            return Err((
                Kind::File,
                format!("it is a {}, no recording of memlab", head.format),
            ));
        }
        if head.version != VERSION {
            let why = format!(
                "it is of version {}, this command reads version {VERSION}",
                head.version
            );
            return Err((Kind::Version, why));
        }
        serde_json::from_slice(bytes)
            .map_err(|error| (Kind::File, format!("it is damaged: {error}")))
    }

    /// A fact of the machine or of the device. The looks are of the module's own device: what a
    /// device that was asked for is like stands in the runs that used it.
    pub fn fact(&self, key: &str) -> Option<String> {
        let device = |run: &&Ran| match (&self.device, run.facts.get("device")) {
            (Some(asked), Some(used)) => used.csv() == *asked,
            _ => false,
        };
        let told = self
            .runs
            .iter()
            .find(device)
            .and_then(|run| run.facts.get(key));
        if let Some(cell) = told {
            return (*cell != Cell::None).then(|| cell.csv());
        }
        let text = self.before.get("provenance")?;
        value(&all_pairs(&parse(text)), key).map(str::to_owned)
    }

    /// What the module compared, the first time.
    pub fn comparison(&self) -> Result<Comparison> {
        let first = self.rounds.first().map(String::as_str).unwrap_or_default();
        comparison::read(first)
    }

    /// All rounds.
    pub fn comparisons(&self) -> Result<Vec<Comparison>> {
        self.rounds
            .iter()
            .map(|text| comparison::read(text))
            .collect()
    }

    /// What each round has: the median of every row, and what the module ranks.
    pub fn medians(&self) -> Result<Vec<Median>> {
        let rounds: Vec<Vec<(String, Figure)>> = self.comparisons()?.iter().map(figures).collect();
        let Some(first) = rounds.first() else {
            return Ok(Vec::new());
        };
        let median = |(name, _): &(String, Figure)| {
            let in_round = |round: &Vec<(String, Figure)>| {
                round
                    .iter()
                    .find(|(other, _)| other == name)
                    .map(|(_, figure)| *figure)
            };
            let all: Option<Vec<Figure>> = rounds.iter().map(in_round).collect();
            Median::of(name.clone(), &all?)
        };
        Ok(first.iter().filter_map(median).collect())
    }
}

/// Every figure of a round that is compared with those of others.
fn figures(round: &Comparison) -> Vec<(String, Figure)> {
    let median = |row: &Row| Some((format!("{} p50", row.name()), row.figure("p50")?));
    let rows = round.rows.iter().filter_map(median);
    let ranks = round.ranks();
    rows.chain(ranks.iter().map(|rank| (rank.name(), rank.cost)))
        .collect()
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A recording of so many rounds with one row, whose medians are given.
    pub fn recording(medians: &[&str]) -> Recording {
        let round = |p50: &&str| {
            format!(
                "experiment size direction phase min p50 p90 p99 p99.9 max samples failures\n\
                 dma-single 4K to-device map 1 {p50} 900 900 900 900 100 0\n"
            )
        };
        let provenance = "kernel 7.3\narch x86_64\ncpu a cpu\nmachine native\npage_size 4096\n\
                          module 0.1\n";
        Recording {
            format: FORMAT.into(),
            version: VERSION,
            command: "0.1.0".into(),
            taken: 0,
            device: None,
            rounds: medians.iter().map(round).collect(),
            runs: Vec::new(),
            before: [("provenance".to_owned(), provenance.to_owned())].into(),
            after: BTreeMap::new(),
        }
    }

    #[test]
    fn the_rounds_give_a_median_and_a_spread() {
        let all = recording(&["100", "130", "110"]).medians().unwrap();
        let [median] = &all[..] else { panic!() };
        assert_eq!(median.name, "dma-single 4K to-device map p50");
        assert_eq!((median.low, median.ns, median.high), (100, 110, 130));
        let all = recording(&["<40", "45", "<41"]).medians().unwrap();
        assert_eq!((all[0].ns, all[0].floor, all[0].high), (0, Some(41), 45));
    }

    #[test]
    fn what_is_no_recording_says_what_it_is() {
        let whole = serde_json::to_vec(&recording(&["1"])).unwrap();
        assert!(Recording::parse(&whole).is_ok());
        let of = |bytes: &[u8]| Recording::parse(bytes).unwrap_err();
        assert!(of(&whole[..whole.len() - 9]).1.contains("cut short"));
        assert!(of(b"").1.contains("cut short"));
        assert!(of(b"not json").1.contains("no recording"));
        assert!(of(b"{\"format\":\"x\",\"version\":1}")
            .1
            .contains("it is a x"));
        let newer = String::from_utf8(whole)
            .unwrap()
            .replace("\"version\":1", "\"version\":9");
        assert_eq!(of(newer.as_bytes()).0, Kind::Version);
    }
}
