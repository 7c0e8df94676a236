// SPDX-License-Identifier: GPL-2.0

//! `advise --pattern`: for a device that is not there yet, from what the buffer is for.

use super::Context;
use crate::{
    error::{Error, Result},
    evidence::{
        comparison::{self, Comparison},
        module,
        outcome::Figure,
        text::{bytes, shown},
    },
    output::{fold, progress, Cell, Check, Face, Table, COLUMNS},
};
use schemars::JsonSchema;
use serde::Serialize;
use std::{str::FromStr, time::Duration};

const LIFETIMES: [&str; 2] = ["transfer", "kept"];
const DIRECTIONS: [&str; 2] = ["to-device", "from-device"];
const TOUCHES: [&str; 2] = ["none", "all"];

/// What a buffer is for.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Pattern {
    /// Whose it is: `transfer` for one that a driver is handed each time, `kept` for its own.
    pub lifetime: String,
    /// Bytes of one transfer.
    pub size: u64,
    /// Which way they go.
    pub direction: String,
    /// Whether the CPU reads or writes all of them for each transfer.
    pub touch: String,
}

impl FromStr for Pattern {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let mut pattern = Self {
            lifetime: "transfer".into(),
            size: 4096,
            direction: "to-device".into(),
            touch: "all".into(),
        };
        let word = |key: &str, value: &str, all: &[&str]| match all.contains(&value) {
            true => Ok(value.to_owned()),
            false => Err(Error::unknown(key, value, all).message),
        };
        for part in text.split(',') {
            let (key, value) = part
                .split_once('=')
                .ok_or(format!("{part}: must be KEY=WORD"))?;
            match key {
                "lifetime" => pattern.lifetime = word(key, value, &LIFETIMES)?,
                "direction" => pattern.direction = word(key, value, &DIRECTIONS)?,
                "touch" => pattern.touch = word(key, value, &TOUCHES)?,
                "size" => {
                    let size = bytes(value).filter(|size| (1..=4 << 20).contains(size));
                    pattern.size = size.ok_or(format!("size={value}: must be 1 to 4M bytes"))?;
                }
                _ => {
                    return Err(Error::unknown(
                        "key",
                        key,
                        &["lifetime", "size", "direction", "touch"],
                    )
                    .message)
                }
            }
        }
        Ok(pattern)
    }
}

/// A way with the parts that one transfer costs.
struct Way {
    name: &'static str,
    /// Experiments and the phase whose mean counts; without one it is what the module ranks by.
    parts: Vec<(&'static str, Option<&'static str>)>,
    /// The experiment whose calls it is.
    calls: &'static str,
}

/// What each way costs for one transfer, from the measured parts.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Costed {
    /// The way.
    pub way: String,
    /// All that it costs for one transfer, in ns; the parts below the resolution at their bound.
    pub ns: u64,
    /// Whether a part was below the resolution.
    pub at_most: bool,
    /// What it is made of.
    pub parts: Vec<(String, Figure)>,
    /// Its place in the module's ranking: what has the same cannot be told apart.
    #[serde(skip)]
    step: Option<usize>,
    #[serde(skip)]
    calls: &'static str,
}

/// The answer to a pattern.
#[derive(Serialize, JsonSchema)]
pub struct Answer {
    /// What was asked.
    pub pattern: Pattern,
    /// The ways, the cheapest first.
    pub ways: Vec<Costed>,
    /// Ways of which a part could not be measured.
    pub not_measured: Vec<String>,
    /// The calls in their order, and a sample with them.
    pub calls: String,
    /// What may not be told apart.
    pub verdict: String,
}

fn ways(pattern: &Pattern) -> Vec<Way> {
    let touched = pattern.touch == "all";
    let access = if pattern.direction == "to-device" {
        "write"
    } else {
        "read"
    };
    let way = |name, mut parts: Vec<_>, memory: &'static str, calls| {
        if touched {
            parts.push((memory, Some(access)));
        }
        Way { name, parts, calls }
    };
    match pattern.lifetime.as_str() {
        "kept" => vec![
            way("coherent memory", vec![], "access-coherent", "dma-coherent"),
            way(
                "mapped once, synced each time",
                vec![("dma-sync", None)],
                "access-cached",
                "dma-sync",
            ),
            way(
                "mapped each time",
                vec![("dma-single", None)],
                "access-cached",
                "dma-single",
            ),
        ],
        _ => vec![
            way(
                "mapped each time",
                vec![("dma-single", None)],
                "access-cached",
                "dma-single",
            ),
            way(
                "mapped each time, as a list",
                vec![("dma-sg", None)],
                "access-cached",
                "dma-sg",
            ),
            way(
                "copied to a kept buffer",
                vec![("dma-copy", None)],
                "access-cached",
                "dma-copy",
            ),
        ],
    }
}

/// The calls of a way, in their order, and the sample that shows them.
pub fn calls(experiment: &str) -> String {
    let (calls, sample) = match experiment {
        "dma-copy" => ("dma_alloc_coherent() once; memcpy() for each transfer", "coherent.rs"),
        "dma-coherent" => ("dma_alloc_coherent() once; no call for a transfer", "coherent.rs"),
        "dma-pool" => ("dma_pool_create() once; dma_pool_alloc() for each", "pool.rs"),
        "dma-sync" | "noncoherent-sync" => (
            "dma_map_single() once; dma_sync_single_for_device(), transfer, dma_sync_single_for_cpu()",
            "streaming.rs",
        ),
        "dma-sg" => ("dma_map_sgtable(), transfer, dma_unmap_sgtable()", "scatter_gather.rs"),
        _ => (
            "dma_map_single(), dma_mapping_error(), transfer, dma_unmap_single()",
            "streaming.rs",
        ),
    };
    format!("{calls} - samples/{sample}")
}

/// Measures the parts and adds them up.
pub fn advise(
    context: &Context,
    pattern: &Pattern,
    device: Option<&str>,
    time: u64,
) -> Result<Answer> {
    let module = module::open(&context.machine)?;
    let ways = ways(pattern);
    let mut experiments: Vec<&str> = ways
        .iter()
        .flat_map(|way| &way.parts)
        .map(|(name, _)| *name)
        .collect();
    experiments.sort_unstable();
    experiments.dedup();
    // Coherent memory that nobody touches costs nothing for a transfer.
    if experiments.is_empty() {
        experiments.push("dma-coherent");
    }
    let device = device
        .map(|name| format!(" device={name}"))
        .unwrap_or_default();
    let line = format!(
        "experiments={} size={} direction={} time={time}{device}",
        experiments.join(","),
        pattern.size,
        pattern.direction
    );
    let expected = Duration::from_millis(time * 2);
    let text = progress::during("comparing", expected, module.watch(), || {
        module.ask("compare", &line)
    })?;
    Ok(answer(pattern, &ways, &comparison::read(&text)?))
}

fn answer(pattern: &Pattern, ways: &[Way], compared: &Comparison) -> Answer {
    let ranks = compared.ranks();
    let rank = |experiment: &str| {
        ranks.iter().find(|rank| {
            rank.experiment == experiment
                && rank.size == pattern.size
                && rank.direction.as_ref() == Some(&pattern.direction)
        })
    };
    let part = |(experiment, phase): &(&str, Option<&str>)| {
        let Some(phase) = phase else {
            return Some((rank(experiment)?.experiment.clone(), rank(experiment)?.cost));
        };
        let row = compared.rows.iter().find(|row| {
            row.experiment == *experiment && row.size == pattern.size && row.phase == *phase
        });
        Some(((*phase).to_owned(), row?.mean()?))
    };
    let mut not_measured = Vec::new();
    let mut costed = Vec::new();
    for way in ways {
        let Some(parts) = way.parts.iter().map(part).collect::<Option<Vec<_>>>() else {
            not_measured.push(way.name.to_owned());
            continue;
        };
        costed.push(Costed {
            way: way.name.to_owned(),
            ns: parts.iter().map(|(_, figure)| figure.most()).sum(),
            at_most: parts
                .iter()
                .any(|(_, figure)| matches!(figure, Figure::Below(_))),
            parts,
            step: rank(way.calls).map(|rank| rank.step),
            calls: way.calls,
        });
    }
    costed.sort_by_key(|way| way.ns);
    // As the module has it, and what the CPU's access adds has no smaller noise.
    let alike = |one: &Costed, other: &Costed| {
        (one.step.is_some() && one.step == other.step) || (other.ns - one.ns) * 10 <= other.ns
    };
    let verdict = match costed.as_slice() {
        [] => "nothing could be measured".to_owned(),
        [only] => format!("{}: nothing else could be measured", only.way),
        [first, rest @ ..] => {
            let like: Vec<&str> = rest
                .iter()
                .filter(|other| alike(first, other))
                .map(|other| other.way.as_str())
                .collect();
            match like.as_slice() {
                [] => first.way.clone(),
                like => format!(
                    "these cannot be told apart: {}; {}",
                    first.way,
                    like.join("; ")
                ),
            }
        }
    };
    Answer {
        pattern: pattern.clone(),
        calls: costed
            .first()
            .map(|way| calls(way.calls))
            .unwrap_or_default(),
        ways: costed,
        not_measured,
        verdict,
    }
}

impl Answer {
    fn table(&self) -> Table {
        let mut table = Table::new(["way", "ns", "of which"]);
        for way in &self.ways {
            let parts = way
                .parts
                .iter()
                .map(|(name, figure)| format!("{name} {figure}"));
            let ns = match way.at_most && way.ns != 0 {
                true => Cell::Text(format!("<{}", way.ns)),
                false => Cell::Number(way.ns),
            };
            table.push([
                Cell::text(&*way.way),
                ns,
                Cell::text(parts.collect::<Vec<_>>().join(" + ")),
            ]);
        }
        table
    }
}

impl Face for Answer {
    fn text(&self) -> String {
        let pattern = &self.pattern;
        let whose = match pattern.lifetime.as_str() {
            "kept" => "of the driver's own",
            _ => "that is handed to the driver each time",
        };
        let touched = match pattern.touch.as_str() {
            "none" => "does not touch",
            _ => "touches all of",
        };
        let asked = format!(
            "{} {} in a buffer {whose}, of which the CPU {touched} the bytes: {}",
            shown(pattern.size),
            pattern.direction,
            self.verdict
        );
        let mut text = format!(
            "{}\n\nns for one transfer: the mean of all it costs, later too; <N: at \
             most\n{}",
            fold(&asked, COLUMNS).join("\n"),
            self.table().text()
        );
        for way in &self.not_measured {
            text += &format!("not measured on this device: {way}\n");
        }
        let calls = fold(&format!("Next: {}", self.calls), COLUMNS).join("\n");
        text + &format!("\n{calls}\n")
    }

    fn tables(&self) -> Vec<Table> {
        vec![self.table()]
    }

    fn checks(&self) -> Vec<Check> {
        let measured = self.ways.iter().map(|way| (way.way.clone(), Some(true)));
        let missing = self.not_measured.iter().map(|way| (way.clone(), None));
        let check = |(name, held)| Check {
            name,
            held,
            because: String::new(),
        };
        measured.chain(missing).map(check).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compared(rows: &str, ranks: &str) -> Comparison {
        let head =
            "experiment size direction phase min p50 mean p90 p99 p99.9 max samples failures";
        comparison::read(&format!("{head}\n{rows}{ranks}")).unwrap()
    }

    #[test]
    fn a_pattern_is_read_or_refused() {
        let pattern: Pattern = "lifetime=kept,size=64K,direction=from-device,touch=none"
            .parse()
            .unwrap();
        assert_eq!((pattern.size, pattern.touch.as_str()), (65536, "none"));
        for bad in ["lifetime=x", "size=0", "size=8M", "x=y", "size"] {
            assert!(bad.parse::<Pattern>().is_err(), "{bad}");
        }
    }

    #[test]
    fn what_the_cpu_does_with_the_bytes_counts() {
        // The medians of the parts would say the contrary.
        let rows = "dma-sync 4K to-device for-device 1 900 30 1 1 1 1 9 0\n\
                    dma-single 4K to-device map 1 4 400 1 1 1 1 9 0\n\
                    access-cached 4K - write 1 5 500 1 1 1 1 9 0\n\
                    access-cached 4K - read 1 9 9 1 1 1 1 9 0\n\
                    access-coherent 4K - write 1 9 9000 1 1 1 1 9 0\n";
        let apart = compared(rows, "# 4K to-device: dma-sync <50 < dma-single 700\n");
        let mut pattern: Pattern = "lifetime=kept".parse().unwrap();
        let found = answer(&pattern, &ways(&pattern), &apart);
        let costs: Vec<_> = found.ways.iter().map(|way| (way.ns, way.at_most)).collect();
        assert_eq!(costs, [(550, true), (1200, false), (9000, false)]);
        assert_eq!(found.verdict, "mapped once, synced each time");
        assert!(found.calls.contains("dma_sync_single_for_device"));
        // What the module cannot tell apart is not told apart here.
        let alike = compared(rows, "# 4K to-device: dma-sync <50 ~ dma-single 700\n");
        let verdict = answer(&pattern, &ways(&pattern), &alike).verdict;
        assert_eq!(
            verdict,
            "these cannot be told apart: mapped once, synced each time; mapped each time"
        );
        // The control: where nobody touches the bytes, coherent memory costs nothing.
        pattern.touch = "none".into();
        let found = answer(&pattern, &ways(&pattern), &apart);
        assert_eq!(
            (found.ways[0].ns, found.verdict.as_str()),
            (0, "coherent memory")
        );
        // What is missing is said to be.
        let missing = compared(rows, "# 4K to-device: dma-sync <50\n");
        let pattern: Pattern = "lifetime=kept".parse().unwrap();
        let found = answer(&pattern, &ways(&pattern), &missing);
        assert_eq!(found.not_measured, ["mapped each time"]);
    }
}
