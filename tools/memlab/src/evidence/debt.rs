// SPDX-License-Identifier: GPL-2.0

//! What a device owes by its account, and whether that is a leak.

use super::{
    device,
    ledger::{Account, Ledger, Made},
    Machine,
};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// One device.
#[derive(Serialize, JsonSchema)]
pub struct Row {
    /// Its name.
    pub device: String,
    /// Its driver.
    pub driver: Option<String>,
    /// Maps and allocations made.
    pub made: u64,
    /// Given back, also of what was made before.
    pub given_back: u64,
    /// Made and not given back.
    pub held: u64,
    /// The bytes of these.
    pub bytes: u64,
    /// How much more was made than given back, in a minute.
    pub per_minute: i64,
    /// The age of the oldest that is held.
    pub oldest_seconds: Option<f64>,
    /// Which way the bytes of those that are held go.
    pub directions: Vec<String>,
    /// What follows.
    pub verdict: Verdict,
    /// Of how many made one is not given back, where it leaks.
    pub one_in: Option<u64>,
    /// Who asked for what is held, the most first.
    pub sites: Vec<Site>,
}

/// What follows from the figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// More is made than given back in each quarter of the time, and what is old stays.
    Leaks,
    /// More was made than given back, and not all the while.
    CannotBeTold,
    /// As much is given back as is made.
    Steady,
}

/// A call site.
#[derive(Serialize, JsonSchema)]
pub struct Site {
    /// How many that are held are from it.
    pub held: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The functions, the innermost first.
    pub frames: Vec<String>,
}

/// What one device owes, from one moment to another.
pub fn row(
    machine: &Machine,
    ledger: &Ledger,
    name: &str,
    account: &Account,
    from: u64,
    to: u64,
) -> Row {
    let (made, given_back) = (account.made.len(), account.given_back.len());
    let held = || account.held();
    let net = made as i64 - given_back as i64;
    let minutes = (to - from).max(1) as f64 / 60e6;
    let oldest = held().map(|made| made.us).min();
    let mut directions: Vec<String> = held()
        .map(|made| made.direction.to_lowercase().replace('_', "-"))
        .collect();
    directions.sort();
    directions.dedup();
    let verdict = judge(account, ledger.lost, from, to);
    Row {
        device: name.to_owned(),
        driver: device::find(machine, name)
            .ok()
            .and_then(|device| device.driver(machine)),
        made: made as u64,
        given_back: given_back as u64,
        held: held().count() as u64,
        bytes: held().map(|made| made.bytes).sum(),
        per_minute: (net as f64 / minutes).round() as i64,
        oldest_seconds: oldest.map(|us| to.saturating_sub(us) as f64 / 1e6),
        directions,
        verdict,
        one_in: (verdict == Verdict::Leaks).then(|| (made as f64 / net as f64).round() as u64),
        sites: sites(ledger, held()),
    }
}

/// A ring that is filled anew gives back what was made before: the balance tells it from a leak,
/// where what is held does not.
fn judge(account: &Account, lost: u64, from: u64, to: u64) -> Verdict {
    const PARTS: u64 = 4;
    let part = |us: u64| us.saturating_sub(from) * PARTS / (to - from).max(1);
    let balance = |at: u64| {
        let count = |all: &[u64]| {
            all.iter()
                .filter(|us| part(**us).min(PARTS - 1) == at)
                .count()
        };
        count(&account.made) as i64 - count(&account.given_back) as i64
    };
    let balances: Vec<i64> = (0..PARTS).map(balance).collect();
    let old = account.held().any(|made| part(made.us) < PARTS / 2);
    // What was on its way when it began and when it ended is no growth.
    let later: i64 = balances.iter().skip(1).sum();
    match lost {
        0 if old && balances.iter().all(|balance| *balance > 0) => Verdict::Leaks,
        0 if later <= 0 => Verdict::Steady,
        _ => Verdict::CannotBeTold,
    }
}

fn sites<'a>(ledger: &Ledger, held: impl Iterator<Item = &'a Made>) -> Vec<Site> {
    let mut all: BTreeMap<usize, (u64, u64)> = BTreeMap::new();
    for made in held {
        if let Some(at) = made.stack {
            let (count, bytes) = all.entry(at).or_default();
            *count += 1;
            *bytes += made.bytes;
        }
    }
    let mut sites: Vec<Site> = all
        .into_iter()
        .map(|(at, (held, bytes))| Site {
            held,
            bytes,
            frames: ledger.stacks.get(at).cloned().unwrap_or_default(),
        })
        .collect();
    sites.sort_by_key(|site| std::cmp::Reverse(site.held));
    sites
}

impl Row {
    /// What is not given back, in words.
    pub fn share(&self) -> String {
        match self.one_in {
            Some(2..) => format!("1 map in {}", self.one_in.unwrap_or(0)),
            _ => "its maps".to_owned(),
        }
    }

    /// The verdict in words.
    pub fn says(&self) -> String {
        match self.verdict {
            Verdict::Leaks => format!("leaks {}", self.share()),
            Verdict::CannotBeTold => "cannot be told".to_owned(),
            Verdict::Steady => "steady".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An account of the same maps in each of 100 steps of time: (made, given back).
    fn verdict(step: impl Fn(u64) -> (u64, u64)) -> Verdict {
        let mut ledger = Ledger::default();
        for at in 0..100 {
            let line = |event: &str, n: u64| {
                format!(
                    "x-1 [000] ..... 0.{at:06}: {event}: d dir=TO_DEVICE dma_addr={n:x} size=1 \
                     phys_addr=0 attrs="
                )
            };
            let (made, given_back) = step(at);
            let name = |n| at * 100 + n;
            (0..made).for_each(|n| ledger.enter(&line("dma_map_phys", name(n))));
            (0..given_back).for_each(|n| ledger.enter(&line("dma_unmap_phys", name(n))));
        }
        judge(&ledger.accounts["d"], ledger.lost, 0, 100)
    }

    #[test]
    fn a_leak_is_what_grows_all_the_while_and_stays() {
        assert_eq!(
            verdict(|at| (12, if at % 4 == 0 { 11 } else { 12 })),
            Verdict::Leaks
        );
        assert_eq!(verdict(|_| (1, 0)), Verdict::Leaks);
        assert_eq!(verdict(|_| (12, 12)), Verdict::Steady);
        // A ring that is filled once.
        assert_eq!(
            verdict(|at| (if at < 20 { 9 } else { 1 }, 1)),
            Verdict::Steady
        );
        // One that began a little ago may do either.
        let late = |at| (if at < 60 { 1 } else { 2 }, 1);
        assert_eq!(verdict(late), Verdict::CannotBeTold);
    }

    #[test]
    fn nothing_is_judged_where_events_are_lost() {
        let mut ledger = Ledger::default();
        ledger.enter("x-1 [000] ..... 0.000001: dma_map_phys: d dir=TO_DEVICE dma_addr=1 size=1 phys_addr=0 attrs=");
        assert_eq!(judge(&ledger.accounts["d"], 1, 0, 9), Verdict::CannotBeTold);
    }
}
