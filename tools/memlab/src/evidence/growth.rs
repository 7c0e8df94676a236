// SPDX-License-Identifier: GPL-2.0

//! What uses memory, looked at again and again, and which of it grows all the while.

use super::{
    process::{fields, Seen},
    state::{Group, State},
    Machine,
};
use crate::error::{Error, Kind, Result};
use schemars::JsonSchema;
use serde::Serialize;
use std::{collections::BTreeMap, time::Duration};

/// Who has memory, in the order in which it is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Holder {
    /// The private memory of a process (USS), or of one of its areas.
    Process,
    /// A cache of the slab allocator.
    Slab,
    /// Areas of vmalloc(), by the function that asked.
    Vmalloc,
    /// A kind of memory of /proc/meminfo.
    Kind,
    /// What no file of the kernel's accounts for: pages that a driver took, for one.
    Unaccounted,
}

impl Holder {
    /// In a sentence.
    pub fn words(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::Slab => "slab cache",
            Self::Vmalloc => "vmalloc() by",
            Self::Kind => "meminfo's",
            Self::Unaccounted => "memory",
        }
    }
}

const SLABINFO: &str = "/proc/slabinfo";
const VMALLOCINFO: &str = "/proc/vmallocinfo";

/// The kinds of meminfo that say what memory is used for, and together all of it.
const KINDS: [&str; 9] = [
    "Buffers",
    "Cached",
    "AnonPages",
    "SReclaimable",
    "SUnreclaim",
    "KernelStack",
    "PageTables",
    "VmallocUsed",
    "Percpu",
];

/// One look: KiB by holder and name.
type Sizes = BTreeMap<(Holder, String), i64>;

/// All looks.
#[derive(Debug, Default)]
pub struct Growth {
    looks: Vec<(Duration, Sizes)>,
}

/// Quarters of the time, in each of which has to grow what grows.
const PARTS: usize = 4;
/// Fewer looks than these tell nothing.
pub const LOOKS_LEAST: usize = PARTS + 1;

/// Something that was there in every look.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Grown {
    /// Who has it.
    pub holder: Holder,
    /// Its name.
    pub name: String,
    /// In the first look.
    pub from_kib: i64,
    /// In the last.
    pub to_kib: i64,
    /// A straight line through all of them.
    pub kib_per_minute: f64,
    /// The largest step that it took downwards: less than a few of these is no growth.
    pub noise_kib: i64,
    /// Whether it grew in each quarter of the time, and by more than its noise.
    pub grows: bool,
}

impl Growth {
    /// Looks: at one process, or at the whole machine.
    pub fn look(&mut self, machine: &Machine, pid: Option<u32>, at: Duration) -> Result {
        let sizes = match pid {
            Some(pid) => areas(machine, pid)?,
            None => whole(machine)?,
        };
        self.looks.push((at, sizes));
        Ok(())
    }

    /// How many looks there were.
    pub fn looks(&self) -> usize {
        self.looks.len()
    }

    /// All that were there in each look, what grows the most first.
    pub fn grown(&self) -> Vec<Grown> {
        let Some((_, first)) = self.looks.first() else {
            return Vec::new();
        };
        let mut all: Vec<Grown> = first.keys().filter_map(|key| self.of(key)).collect();
        all.sort_by(|a, b| {
            let rank = |grown: &Grown| (!grown.grows, -grown.kib_per_minute);
            let (a, b) = (rank(a), rank(b));
            a.0.cmp(&b.0).then(a.1.total_cmp(&b.1))
        });
        all
    }

    fn of(&self, key: &(Holder, String)) -> Option<Grown> {
        let points: Vec<(f64, i64)> = (self.looks.iter())
            .map(|(at, sizes)| Some((at.as_secs_f64() / 60.0, *sizes.get(key)?)))
            .collect::<Option<_>>()?;
        let sizes: Vec<i64> = points.iter().map(|(_, kib)| *kib).collect();
        let (from_kib, to_kib) = (*sizes.first()?, *sizes.last()?);
        let falls = sizes.windows(2).map(|pair| match pair {
            [before, after] => before - after,
            _ => 0,
        });
        let noise_kib = falls.max().unwrap_or(0).max(0);
        Some(Grown {
            holder: key.0,
            name: key.1.clone(),
            from_kib,
            to_kib,
            kib_per_minute: slope(&points),
            noise_kib,
            grows: grows(&sizes, noise_kib),
        })
    }
}

/// In each quarter, and by more than a few times what it falls by on the way.
fn grows(sizes: &[i64], noise: i64) -> bool {
    const TIMES: i64 = 4;
    let last = sizes.len().saturating_sub(1);
    let at = |part: usize| sizes.get(last * part / PARTS).copied().unwrap_or(0);
    sizes.len() >= LOOKS_LEAST
        && (0..PARTS).all(|part| at(part + 1) > at(part))
        && at(PARTS) - at(0) > TIMES * noise
}

/// By least squares.
fn slope(points: &[(f64, i64)]) -> f64 {
    let count = points.len().max(1) as f64;
    let mean = |of: &dyn Fn(&(f64, i64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(&|point| point.0), mean(&|point| point.1 as f64));
    let above = mean(&|point| (point.0 - x) * (point.1 as f64 - y));
    let below = mean(&|point| (point.0 - x).powi(2));
    match below > 0.0 {
        true => above / below,
        false => 0.0,
    }
}

/// What of the machine cannot be looked at, and why: root alone may read it, or the kernel has none.
pub fn closed(machine: &Machine) -> impl Iterator<Item = String> + '_ {
    let files = [(SLABINFO, "slab caches"), (VMALLOCINFO, "vmalloc()")];
    let closed = files
        .into_iter()
        .filter(|(file, _)| machine.look(file).is_none());
    closed.map(|(file, what)| format!("{what}: {file} is not to be read"))
}

fn whole(machine: &Machine) -> Result<Sizes> {
    let mut sizes = Sizes::new();
    let meminfo = fields(&machine.read("/proc/meminfo")?);
    let kib = |name: &str| meminfo.get(name).copied().unwrap_or(0) as i64;
    let mut rest = kib("MemTotal") - kib("MemFree");
    for name in KINDS {
        sizes.insert((Holder::Kind, name.into()), kib(name));
        // Its pages are not all in memory of its own: what is mapped of devices counts, too.
        if name != "VmallocUsed" {
            rest -= kib(name);
        }
    }
    for ((group, name), kib) in State::of(machine)?.0 {
        if group == Group::Slab {
            sizes.insert((Holder::Slab, name), kib);
        }
    }
    if let Some(text) = machine.look(VMALLOCINFO) {
        for (caller, kib) in callers(&text) {
            sizes.insert((Holder::Vmalloc, caller.to_owned()), kib);
        }
    }
    for seen in Seen::all(machine) {
        // One that ends meanwhile, and a thread of the kernel's, has none.
        if let Ok(kib) = seen.uss() {
            if seen.pid() == std::process::id() {
                // It keeps all looks, and is no part of what is looked at.
                let own = (Holder::Kind, "AnonPages".to_owned());
                *sizes.entry(own).or_default() -= kib as i64;
                continue;
            }
            sizes.insert((Holder::Process, seen.label()), kib as i64);
        }
    }
    sizes.insert((Holder::Unaccounted, "nobody accounts for".into()), rest);
    Ok(sizes)
}

/// The private memory of a process by its areas: those of one name together.
fn areas(machine: &Machine, pid: u32) -> Result<Sizes> {
    let failed = |why: String| {
        let kind = match machine.has(&format!("/proc/{pid}")) {
            true => Kind::Denied,
            false => Kind::Refused,
        };
        let why = match kind {
            Kind::Denied => why,
            _ => "there is no such process, or it has ended".to_owned(),
        };
        Error::new(kind, format!("pid={pid}: {why}"))
    };
    let text = Seen::new(machine, pid).text("smaps").map_err(failed)?;
    let mut sizes = Sizes::new();
    let mut area = String::new();
    for line in text.lines() {
        let first = line.split_whitespace().next().unwrap_or("");
        if !first.ends_with(':') {
            let name = line.splitn(6, ' ').nth(5).unwrap_or("").trim_start();
            area = if name.is_empty() { "anonymous" } else { name }.to_owned();
        } else if first.starts_with("Private_") {
            let kib = line.split_whitespace().nth(1);
            let kib: i64 = kib.and_then(|word| word.parse().ok()).unwrap_or(0);
            *sizes.entry((Holder::Process, area.clone())).or_default() += kib;
        }
    }
    if sizes.is_empty() {
        return Err(Error::new(
            Kind::Refused,
            format!("pid={pid}: it has no memory of its own: a thread of the kernel's"),
        ));
    }
    Ok(sizes)
}

/// KiB by the function that asked.
fn callers(text: &str) -> BTreeMap<&str, i64> {
    let mut all: BTreeMap<&str, i64> = BTreeMap::new();
    for line in text.lines() {
        let mut words = line.split_whitespace();
        let (Some(_), Some(bytes), Some(caller)) = (words.next(), words.next(), words.next())
        else {
            continue;
        };
        // What was given back waits there for being unmapped together with more: nobody has it.
        if caller == "unpurged" {
            continue;
        }
        let caller = caller.split_once('+').map_or(caller, |(name, _)| name);
        *all.entry(caller).or_default() += bytes.parse::<i64>().unwrap_or(0) / 1024;
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(sizes: &[i64]) -> Grown {
        let mut growth = Growth::default();
        for (at, kib) in sizes.iter().enumerate() {
            let one = Sizes::from([((Holder::Slab, "x".to_owned()), *kib)]);
            growth.looks.push((Duration::from_secs(6 * at as u64), one));
        }
        growth.grown().remove(0)
    }

    #[test]
    fn what_grows_all_the_while_is_found_with_its_slope() {
        let grown = of(&[0, 10, 20, 30, 40, 50, 60, 70, 80]);
        assert!(grown.grows);
        assert!((grown.kib_per_minute - 100.0).abs() < 0.1, "{grown:?}");
        // It steps down on the way, by less than it climbs.
        assert!(of(&[0, 30, 20, 50, 40, 70, 60, 90, 80]).grows);
    }

    #[test]
    fn what_was_filled_once_or_goes_to_and_fro_does_not_grow() {
        assert!(!of(&[0, 90, 90, 90, 90, 90, 90, 90, 90]).grows);
        assert!(!of(&[0, 90, 5, 95, 10, 100, 15, 105, 20]).grows);
        assert!(!of(&[5; 9]).grows);
        assert!(!of(&[0, 1, 2]).grows, "too few looks");
    }

    #[test]
    fn what_was_not_there_in_each_look_is_left_out() {
        let mut growth = Growth::default();
        let one = Sizes::from([((Holder::Slab, "x".to_owned()), 1)]);
        growth.looks.push((Duration::ZERO, one));
        growth.looks.push((Duration::from_secs(1), Sizes::new()));
        assert_eq!(growth.grown(), []);
    }

    #[test]
    fn areas_of_vmalloc_are_added_up_by_who_asked() {
        let text = "0xffffc90000000000-0xffffc90000005000   20480 irq_init+0x1/0x2 vmap\n\
                    0xffffc90000005000-0xffffc90000007000    8192 irq_init+0x7/0x9 pages=1\n\
                    0xffffc90000008000-0xffffc90000009000    4096 unpurged vm_area\n";
        assert_eq!(callers(text), BTreeMap::from([("irq_init", 28)]));
    }
}
