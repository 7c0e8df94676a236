// SPDX-License-Identifier: GPL-2.0

//! Each kind of memory as a program sees it that has it mapped: by its own page tables, and by reading
//! and writing it.

use super::{
    module::Module,
    text::{all_pairs, parse, table_of, value},
    walk::walk,
};
use crate::{
    error::{Error, Kind, Result},
    output::Cell,
    sys::buffer::{Buffer, By, Facts, Mapped},
};
use schemars::JsonSchema;
use serde::Serialize;
use std::time::{Duration, Instant};

/// The kinds, by their numbers.
pub const KINDS: [&str; 7] = [
    "pages",
    "vmalloc",
    "cma",
    "coherent",
    "wc",
    "noncoherent",
    "noncontiguous",
];
/// What a program has without asking memlab.
pub const ORDINARY: &str = "ordinary";
/// Those that a device and the CPU use at the same time: there is nothing to sync.
const SHARED: [&str; 2] = ["coherent", "wc"];
/// How often each figure is taken at least.
const ROUNDS: usize = 5;
/// How many links are followed in one round.
const STEPS: usize = 4096;

/// A figure: the median of its rounds, with the lowest and the highest.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Figure {
    /// The median.
    pub median: f64,
    /// The lowest round.
    pub low: f64,
    /// The highest.
    pub high: f64,
    /// How many rounds there were.
    pub rounds: usize,
}

impl Figure {
    fn of(mut rounds: Vec<f64>) -> Self {
        rounds.sort_by(f64::total_cmp);
        let at = |n: usize| rounds.get(n).copied().unwrap_or(0.0);
        Self {
            median: at(rounds.len() / 2),
            low: at(0),
            high: at(rounds.len().saturating_sub(1)),
            rounds: rounds.len(),
        }
    }
}

/// MB/s by each way of moving bytes.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Speed {
    /// Word by word.
    pub word: Figure,
    /// 64 bytes at a time.
    pub line: Figure,
    /// By memcpy(), to or from ordinary memory.
    pub memcpy: Figure,
}

/// One kind of memory.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct View {
    /// The kind; ordinary is what malloc() gives.
    pub kind: &'static str,
    /// How the program's own page tables let the CPU reach it.
    pub attr: Option<&'static str>,
    /// How the kernel's do.
    pub kernel_attr: Option<&'static str>,
    /// The zone of the first page.
    pub zone: String,
    /// Physically contiguous runs.
    pub extents: u32,
    /// What the first touch of a page takes, in ns.
    pub fault_ns: Figure,
    /// What the program writes, in MB/s.
    pub write: Speed,
    /// What it reads.
    pub read: Speed,
    /// What one read takes of which the next one's place is known only then, in ns.
    pub latency_ns: Figure,
    /// Whether device and CPU see each other's bytes only after a sync; `None` where that is not known.
    pub needs_sync: Option<bool>,
    /// Why.
    pub because: &'static str,
    /// What a sync for the CPU and one for the device take together, in ns; 0 rounds without them.
    pub sync_ns: Figure,
}

/// A kind that there is none of here, and why.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Missing {
    /// The kind.
    pub kind: &'static str,
    /// The module's sentence.
    pub why: String,
}

/// What is known of the device.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Whose {
    /// Its name.
    pub name: String,
    /// Whether it sees what is in the caches.
    pub coherent: Option<bool>,
    /// What the figures come from, as the module has it: native, tcg.
    pub machine: String,
}

/// The device of this name, or the one that is lent first.
pub fn device(module: &dyn Module, name: Option<&str>) -> Result<Whose> {
    let blocks = parse(&module.look("device")?);
    let table = table_of(&blocks, "device");
    let column = |name: &str| table.and_then(|table| table.column(name));
    let cell = |row: &[Cell], at: Option<usize>| {
        let word = at.and_then(|at| row.get(at)).map(Cell::csv);
        word.unwrap_or_default()
    };
    let rows = table.map_or(&[][..], |table| &table.rows);
    let called = |row: &&Vec<Cell>| name.is_none_or(|name| cell(row, column("device")) == name);
    let row = rows.iter().find(called).ok_or_else(|| {
        let name = name.unwrap_or("-");
        Error::new(
            Kind::Device,
            format!("device={name}: not lent: memlab lend"),
        )
    })?;
    let provenance = all_pairs(&parse(&module.look("provenance")?));
    Ok(Whose {
        name: cell(row, column("device")),
        coherent: match cell(row, column("coherent")).as_str() {
            "yes" => Some(true),
            "no" => Some(false),
            _ => None,
        },
        machine: value(&provenance, "machine")
            .unwrap_or("unknown")
            .to_owned(),
    })
}

/// How long and how much is looked at.
#[derive(Clone, Copy)]
pub struct Size {
    /// Of each mapping.
    pub bytes: usize,
    /// Of a page.
    pub page: usize,
    /// For each figure, at least.
    pub time: Duration,
}

/// As often as the time allows, and some times at least: what one round of `work` takes, in ns.
fn rounds(time: Duration, mut work: impl FnMut()) -> Vec<f64> {
    let began = Instant::now();
    let mut found = Vec::new();
    while found.len() < ROUNDS || began.elapsed() < time {
        let start = Instant::now();
        work();
        found.push(start.elapsed().as_nanos() as f64);
    }
    found
}

fn speed(size: Size, mut work: impl FnMut(By)) -> Speed {
    let mut figure = |by| {
        let took = rounds(size.time, || work(by));
        // Bytes in a microsecond are megabytes in a second.
        Figure::of(
            took.iter()
                .map(|ns| size.bytes as f64 * 1e3 / ns.max(1.0))
                .collect(),
        )
    };
    Speed {
        word: figure(By::Word),
        line: figure(By::Line),
        memcpy: figure(By::Copy),
    }
}

/// Whether a sync is needed, and why.
fn sync(kind: &str, coherent: Option<bool>, bounced: u32) -> (Option<bool>, &'static str) {
    if kind == ORDINARY {
        return (None, "no device");
    }
    if SHARED.contains(&kind) {
        return (Some(false), "shared");
    }
    match (bounced, coherent) {
        (1, _) => (Some(true), "bounced"),
        (_, Some(false)) => (Some(true), "caches not seen"),
        (0, Some(true)) => (Some(false), "caches seen, not bounced"),
        // Behind an IOMMU it is not told where the bytes are.
        _ => (None, "not told"),
    }
}

fn look(
    module: &dyn Module,
    whose: &Whose,
    kind: &'static str,
    size: Size,
    made: Option<(Buffer, Facts)>,
) -> Result<View> {
    let failed = |error| Error::new(Kind::Refused, format!("{kind}: mmap: {error}"));
    let buffer = made.as_ref().map(|(buffer, _)| buffer);
    let facts = made.as_ref().map(|(_, facts)| facts);
    let faults = (0..ROUNDS).map(|_| {
        let mapped = Mapped::new(buffer, size.bytes).map_err(failed)?;
        let start = Instant::now();
        mapped.touch(size.page);
        Ok(start.elapsed().as_nanos() as f64 * size.page as f64 / size.bytes as f64)
    });
    let fault_ns = Figure::of(faults.collect::<Result<_>>()?);
    let mapped = Mapped::new(buffer, size.bytes).map_err(failed)?;
    let ordinary = Mapped::new(None, size.bytes).map_err(failed)?;
    mapped.touch(size.page);
    ordinary.touch(size.page);
    let walked = walk(module, &[], mapped.address(), None)?;
    let write = speed(size, |by| mapped.write(by, &ordinary));
    let read = speed(size, |by| mapped.read(by, &ordinary));
    mapped.link();
    let chased = rounds(size.time, || mapped.chase(STEPS));
    let bounced = facts.map_or(0, |facts| facts.bounced);
    let (needs_sync, because) = sync(kind, whose.coherent, bounced);
    let synced = match buffer {
        Some(buffer) if buffer.sync().is_ok() => rounds(size.time, || {
            let _ = buffer.sync(); // It was possible a moment ago.
        }),
        _ => Vec::new(),
    };
    Ok(View {
        kind,
        attr: walked.entries.last().and_then(|entry| entry.attr),
        kernel_attr: facts.and_then(|facts| super::walk::attr(facts.kernel_attr)),
        zone: match (facts, &walked.page) {
            (Some(facts), _) => facts.zone(),
            (None, Some(page)) => page.zone.clone(),
            (None, None) => String::new(),
        },
        extents: facts.map_or(0, |facts| facts.extents),
        fault_ns,
        write,
        read,
        latency_ns: Figure::of(chased.iter().map(|ns| ns / STEPS as f64).collect()),
        needs_sync,
        because,
        sync_ns: Figure::of(synced),
    })
}

/// Looks at the kinds that are `wanted`, or all, and at ordinary memory first.
pub fn view(
    module: &dyn Module,
    whose: &Whose,
    size: Size,
    wanted: impl Fn(&str) -> bool,
) -> Result<(Vec<View>, Vec<Missing>)> {
    let mut views = vec![look(module, whose, ORDINARY, size, None)?];
    let mut missing = Vec::new();
    for (number, kind) in (0u32..).zip(KINDS).filter(|(_, kind)| wanted(kind)) {
        match module.buffer(number, size.bytes as u64, &whose.name) {
            Ok(made) => views.push(look(module, whose, kind, size, Some(made))?),
            Err(error) if error.kind == Kind::Refused => missing.push(Missing {
                kind,
                why: error.message,
            }),
            Err(error) => return Err(error),
        }
    }
    Ok((views, missing))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_the_median_with_its_noise() {
        let figure = Figure::of(vec![3.0, 1.0, 2.0]);
        assert_eq!((figure.low, figure.median, figure.high), (1.0, 2.0, 3.0));
        assert_eq!(Figure::of(Vec::new()).rounds, 0);
    }

    #[test]
    fn a_sync_is_needed_where_bytes_lie_twice() {
        assert_eq!(sync("coherent", Some(false), 0).0, Some(false));
        assert_eq!(sync("pages", Some(true), 0).0, Some(false));
        assert_eq!(sync("pages", Some(true), 1).0, Some(true));
        assert_eq!(sync("pages", Some(false), 0).0, Some(true));
        assert_eq!(sync("pages", Some(true), 2).0, None);
        assert_eq!(sync(ORDINARY, Some(true), 0).0, None);
    }
}
