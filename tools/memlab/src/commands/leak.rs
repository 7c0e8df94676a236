// SPDX-License-Identifier: GPL-2.0

//! `leak [PID]`: what of a machine's or a process's memory grows all the while. The module is not
//! needed.

use super::{Context, Found};
use crate::{
    error::{Error, Kind, Result},
    evidence::{
        debt::{row, Row, Verdict},
        growth::{self, Grown, Growth, Holder},
        maps::{Maps, Seen},
        Machine,
    },
    output::{fold, progress, Cell, Check, Face, Table, COLUMNS},
    sys::signals,
};
use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;
use std::{
    sync::atomic::Ordering,
    thread,
    time::{Duration, Instant},
};

/// How often is looked, where the time is long enough.
const LOOKS: u32 = 20;
/// At least so far apart: a look at every process takes a while.
const APART: Duration = Duration::from_millis(200);
/// How often events are taken meanwhile.
const STEP: Duration = Duration::from_millis(20);
/// So many rows are shown.
const SHOWN: usize = 12;

/// Shows what of the machine's memory, or of a process's, grows all the while
#[derive(Args, Debug)]
pub struct Arguments {
    /// The process; by default the whole machine
    pid: Option<u32>,
    /// How long to look, in s; Ctrl-C ends it sooner
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(2..=86_400))]
    time: u64,
}

/// What was found.
#[derive(Serialize, JsonSchema)]
pub struct Leaks {
    /// The process, where it is one.
    pub pid: Option<u32>,
    /// How long was looked.
    pub seconds: f64,
    /// How often.
    pub looks: usize,
    /// All that has memory, what grows the most first.
    pub holders: Vec<Grown>,
    /// DMA maps by device; they are no memory of their own.
    pub maps: Vec<Row>,
    /// What could not be looked at, and why.
    pub not_looked_at: Vec<String>,
}

/// Looks.
pub fn leak(context: &Context, arguments: &Arguments) -> Result<Found<Leaks>> {
    let machine = &context.machine;
    if machine.is_copy() {
        return Err(Error::new(
            Kind::Usage,
            "a copy of another machine does not change",
        ));
    }
    let ended = signals::first()?;
    let mut not_looked_at = Vec::new();
    let mut maps = match arguments.pid {
        Some(_) => None,
        None => Maps::begin(machine, None, false)
            .map_err(|error| not_looked_at.push(format!("DMA maps: {error}")))
            .ok(),
    };
    if arguments.pid.is_none() {
        not_looked_at.extend(growth::closed(machine));
    }
    let time = Duration::from_secs(arguments.time);
    let apart = (time / LOOKS).max(APART);
    let mut growth = Growth::default();
    let began = Instant::now();
    // What this command itself needs for a look is there then.
    Growth::default().look(machine, arguments.pid, Duration::ZERO)?;
    progress::during("looking for leaks", time, None, || -> Result {
        let mut next = Duration::ZERO;
        while began.elapsed() < time && !ended.load(Ordering::Relaxed) {
            if began.elapsed() >= next {
                growth.look(machine, arguments.pid, began.elapsed())?;
                next = began.elapsed() + apart;
            }
            if let Some(maps) = &mut maps {
                maps.take()?;
            }
            thread::sleep(STEP);
        }
        Ok(())
    })?;
    let maps = match maps {
        Some(maps) => rows(machine, maps)?,
        None => Vec::new(),
    };
    let value = Leaks {
        pid: arguments.pid,
        seconds: began.elapsed().as_secs_f64(),
        looks: growth.looks(),
        holders: growth.grown(),
        maps,
        not_looked_at,
    };
    let failed = value
        .any()
        .then(|| Error::new(Kind::Failed, "something grows all the while"));
    Ok(Found {
        failed,
        ..value.into()
    })
}

fn rows(machine: &Machine, maps: Maps) -> Result<Vec<Row>> {
    let Seen {
        ledger, from, to, ..
    } = maps.end()?;
    let rows = ledger.accounts.iter();
    Ok(rows
        .map(|(name, account)| row(machine, &ledger, name, account, from, to))
        .collect())
}

impl Leaks {
    fn grows(&self) -> impl Iterator<Item = &Grown> + Clone {
        self.holders.iter().filter(|grown| grown.grows)
    }

    fn leaking(&self) -> impl Iterator<Item = &Row> + Clone {
        let leaks = |row: &&Row| row.verdict == Verdict::Leaks;
        self.maps.iter().filter(leaks)
    }

    fn any(&self) -> bool {
        self.grows().next().is_some() || self.leaking().next().is_some()
    }

    /// Whether that nothing grew means anything.
    fn can_tell(&self) -> bool {
        self.looks >= growth::LOOKS_LEAST
    }

    fn answer(&self) -> String {
        let of = |holders: &[Holder]| {
            let all = self.grows().filter(|grown| holders.contains(&grown.holder));
            all.map(|grown| {
                let whose = match (self.pid, grown.holder) {
                    (Some(pid), _) => format!("process {pid} in {}", grown.name),
                    (None, holder) => format!("{} {}", holder.words(), grown.name),
                };
                format!("{whose}, {:.0} KiB a minute", grown.kib_per_minute)
            })
            .collect::<Vec<_>>()
        };
        let maps = self.leaking().map(|row| {
            format!(
                "DMA maps of {} ({}), {} a minute",
                row.device,
                row.driver.as_deref().unwrap_or("no driver"),
                row.per_minute
            )
        });
        // Who has it tells more than what kind it is.
        let mut who = of(&[Holder::Process, Holder::Slab, Holder::Vmalloc]);
        who.extend(maps);
        let what = of(&[Holder::Kind, Holder::Unaccounted]);
        let said = |all: &[String]| all.iter().take(3).cloned().collect::<Vec<_>>().join("; ");
        match (who.is_empty(), what.is_empty()) {
            (false, _) => format!("This grows all the while: {}.", said(&who)),
            (true, false) => format!(
                "This grows all the while, and nobody who has it was found: {}.",
                said(&what)
            ),
            (true, true) if !self.can_tell() => format!(
                "Whether anything grows cannot be told: it takes {} looks, and there was time \
                 for {}.",
                growth::LOOKS_LEAST,
                self.looks
            ),
            (true, true) => "Nothing grows all the while.".to_owned(),
        }
    }
}

fn table(holders: impl Iterator<Item = Grown>) -> Table {
    let mut table = Table::new(["KiB/min", "from KiB", "to KiB", "noise", "grows", "what"]);
    for grown in holders {
        table.push([
            Cell::Real(grown.kib_per_minute.round()),
            Cell::Real(grown.from_kib as f64),
            Cell::Real(grown.to_kib as f64),
            Cell::Real(grown.noise_kib as f64),
            Cell::text(if grown.grows { "yes" } else { "no" }),
            Cell::text(format!("{} {}", grown.holder.words(), grown.name)),
        ]);
    }
    table
}

impl Face for Leaks {
    fn text(&self) -> String {
        let mut lines = fold(&self.answer(), COLUMNS);
        lines.push(format!("In {:.1} s, {} looks.", self.seconds, self.looks));
        for why in &self.not_looked_at {
            lines.extend(fold(&format!("Not looked at: {why}"), COLUMNS));
        }
        let mut text = lines.join("\n") + "\n";
        let changed = |grown: &&Grown| grown.from_kib != grown.to_kib;
        let shown = self.holders.iter().filter(changed).take(SHOWN).cloned();
        let table = table(shown);
        if !table.rows.is_empty() {
            let cut = |line: &str| line.chars().take(COLUMNS).collect::<String>();
            let rows: Vec<String> = table.text().lines().map(cut).collect();
            text += &format!("\n{}\n", rows.join("\n"));
        }
        if let Some(row) = self.leaking().next() {
            text += &format!("\nWhere: memlab outstanding {} --stacks\n", row.device);
        }
        let process = self.grows().find(|grown| grown.holder == Holder::Process);
        if let (None, Some(grown)) = (self.pid, process) {
            let pid = grown.name.split(' ').next().unwrap_or("");
            text += &format!("\nWhere: memlab leak {pid}\n");
        }
        text
    }

    fn tables(&self) -> Vec<Table> {
        vec![table(self.holders.iter().cloned())]
    }

    fn checks(&self) -> Vec<Check> {
        let grown = self.grows().map(|grown| Check {
            name: format!("leak {} {}", grown.holder.words(), grown.name),
            held: Some(false),
            because: format!(
                "{} to {} KiB, {:.0} a minute",
                grown.from_kib, grown.to_kib, grown.kib_per_minute
            ),
        });
        let maps = self.leaking().map(|row| Check {
            name: format!("leak DMA maps of {}", row.device),
            held: Some(false),
            because: row.says(),
        });
        let mut all: Vec<Check> = grown.chain(maps).collect();
        if all.is_empty() {
            all.push(Check {
                name: "leak".into(),
                held: self.can_tell().then_some(true),
                because: self.answer(),
            });
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_few_looks_are_no_quiet_machine() {
        let of = |looks| Leaks {
            pid: None,
            seconds: 2.0,
            looks,
            holders: Vec::new(),
            maps: Vec::new(),
            not_looked_at: Vec::new(),
        };
        let held = |looks| of(looks).checks().first().and_then(|check| check.held);
        assert!(of(4)
            .text()
            .starts_with("Whether anything grows cannot be told"));
        assert_eq!(held(4), None);
        assert!(of(5).text().starts_with("Nothing grows all the while."));
        assert_eq!(held(5), Some(true));
    }
}
