// SPDX-License-Identifier: GPL-2.0

//! `outstanding [DEVICE]`: DMA maps that drivers have not given back, from the kernel's own
//! tracepoints. The module is not needed for it.

use super::{Context, Found};
use crate::{
    error::{Error, Kind, Result},
    evidence::{
        debt::{row, Row, Verdict},
        device,
        fault::Fault,
        ledger::Ledger,
        maps::{Maps, Seen},
        text::shown,
        Machine,
    },
    output::{fold, progress, Cell, Check, Face, Table, COLUMNS},
    sys::signals,
};
use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;
use std::{
    path::PathBuf,
    sync::atomic::Ordering,
    thread,
    time::{Duration, Instant},
};

/// How often what has come is taken.
const STEP: Duration = Duration::from_millis(20);
/// So many call sites of a device are shown.
const SITES: usize = 3;
/// What the tracepoints do not tell of.
const UNSEEN: [&str; 4] = [
    "what was mapped before it began",
    "pieces linked by dma_iova_link(), as of nvme behind an IOMMU",
    "blocks of a dma_pool",
    "entries of a list beyond the 128th",
];

/// Shows DMA maps that drivers have not given back, of all devices or of one
#[derive(Args, Debug)]
pub struct Arguments {
    /// The device, or a disk or interface behind it; by default all
    device: Option<String>,
    /// How long to watch, in s; Ctrl-C ends it sooner
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    time: u64,
    /// With who asked for what is held
    #[arg(long, conflicts_with = "from")]
    stacks: bool,
    /// Of a trace that was kept, as the kernel's file trace has it, watching nothing
    #[arg(long, value_name = "TRACE", conflicts_with = "device")]
    from: Option<PathBuf>,
}

/// What was found.
#[derive(Serialize, JsonSchema)]
pub struct Outstanding {
    /// How long was watched.
    pub seconds: f64,
    /// Events that were seen.
    pub events: u64,
    /// Events that were not: nothing is judged where there are any.
    pub lost: u64,
    /// Every device that mapped, allocated or gave back something.
    pub devices: Vec<Row>,
    /// What an IOMMU refused a device meanwhile.
    pub faults: Vec<Fault>,
    /// What cannot be seen this way.
    pub unseen: Vec<String>,
}

/// Watches.
pub fn outstanding(context: &Context, arguments: &Arguments) -> Result<Found<Outstanding>> {
    let machine = &context.machine;
    let Seen {
        ledger,
        from,
        to,
        faults,
    } = match &arguments.from {
        Some(path) => kept(path)?,
        None => watch(machine, arguments)?,
    };
    let rows = ledger
        .accounts
        .iter()
        .map(|(name, account)| row(machine, &ledger, name, account, from, to));
    let value = Outstanding {
        seconds: (to - from) as f64 / 1e6,
        events: ledger.events,
        lost: ledger.lost,
        devices: rows.collect(),
        faults,
        unseen: UNSEEN.map(str::to_owned).to_vec(),
    };
    let refused = value.faults.first().map(|fault| {
        let count = value.faults.len();
        let what = format!("{count} DMA faults: {}", fault.says);
        Error::new(Kind::Failed, what)
    });
    let failed = value.leaks().next().map(|row| {
        let count = value.leaks().count();
        let which = if count == 1 {
            "device leaks"
        } else {
            "devices leak"
        };
        Error::new(
            Kind::Failed,
            format!("{count} {which} DMA maps: {}", row.device),
        )
    });
    Ok(Found {
        failed: failed.or(refused),
        ..value.into()
    })
}

fn kept(path: &PathBuf) -> Result<Seen> {
    let bytes = std::fs::read(path).map_err(|error| Error::file(path, &error))?;
    let mut ledger = Ledger::default();
    String::from_utf8_lossy(&bytes)
        .lines()
        .for_each(|line| ledger.enter(line));
    ledger.close();
    let (from, to) = ledger.span.ok_or_else(|| {
        Error::new(
            Kind::File,
            format!(
                "{}: it has no event of the kernel's tracepoints dma:* in it",
                path.display()
            ),
        )
    })?;
    Ok(Seen {
        ledger,
        from,
        to,
        faults: Vec::new(),
    })
}

fn watch(machine: &Machine, arguments: &Arguments) -> Result<Seen> {
    if machine.is_copy() {
        return Err(Error::new(
            Kind::Usage,
            "a copy of another machine cannot be watched: --from TRACE reads a trace of it",
        ));
    }
    let device = match &arguments.device {
        Some(name) => Some(device::find(machine, name)?.name),
        None => None,
    };
    let ended = signals::first()?;
    let mut maps = Maps::begin(machine, device.as_deref(), arguments.stacks)?;
    let time = Duration::from_secs(arguments.time);
    progress::during("watching DMA maps", time, None, || -> Result {
        let began = Instant::now();
        while began.elapsed() < time && !ended.load(Ordering::Relaxed) {
            thread::sleep(STEP);
            maps.take()?;
        }
        Ok(())
    })?;
    maps.end()
}

impl Outstanding {
    fn leaks(&self) -> impl Iterator<Item = &Row> + Clone {
        let leaks = |row: &&Row| row.verdict == Verdict::Leaks;
        self.devices.iter().filter(leaks)
    }

    fn answer(&self) -> String {
        let leaks: Vec<String> = self
            .leaks()
            .map(|row| {
                let driver = row.driver.as_deref().unwrap_or("no driver");
                format!(
                    "{} ({driver}) does not give back {}, {} a minute",
                    row.device,
                    row.share(),
                    row.per_minute
                )
            })
            .collect();
        let unknown = |row: &Row| row.verdict == Verdict::CannotBeTold;
        match leaks.as_slice() {
            [] if self.devices.is_empty() => {
                "No driver has mapped, allocated or given back anything.".into()
            }
            [] if self.lost != 0 => format!(
                "It cannot be told who leaks: {} events were lost. Watch one device, or less.",
                self.lost
            ),
            [] if self.devices.iter().any(unknown) => {
                "It cannot be told yet: what is held grew, and not all the while. --time N".into()
            }
            [] => "No driver leaks: as much was given back as was made.".into(),
            leaks => format!("{}.", leaks.join("; ")),
        }
    }
}

impl Face for Outstanding {
    fn text(&self) -> String {
        let mut lines = fold(&self.answer(), COLUMNS);
        let faults = self.faults.iter();
        lines.extend(faults.flat_map(|fault| fold(&format!("{}.", fault.says), COLUMNS)));
        let lost = match self.lost {
            0 => "none lost".to_owned(),
            lost => format!("{lost} lost"),
        };
        let watched = format!(
            "In {:.1} s, from the kernel's dma tracepoints: {} events, {lost}.",
            self.seconds, self.events
        );
        lines.extend(fold(&watched, COLUMNS));
        let mut text = lines.join("\n") + "\n";
        if !self.devices.is_empty() {
            let mut table = Table::new([
                "device", "driver", "held", "bytes", "a minute", "oldest", "verdict",
            ]);
            for row in &self.devices {
                let oldest = row.oldest_seconds.map(|seconds| format!("{seconds:.1} s"));
                table.push([
                    Cell::text(&*row.device),
                    row.driver.clone().into(),
                    Cell::Number(row.held),
                    Cell::text(shown(row.bytes)),
                    Cell::Real(row.per_minute as f64),
                    oldest.into(),
                    Cell::text(row.says()),
                ]);
            }
            text += "\n";
            text += &table.text();
        }
        for row in &self.devices {
            for site in row.sites.iter().take(SITES) {
                text += &format!(
                    "\n{}: {} held ({}) by\n",
                    row.device,
                    site.held,
                    shown(site.bytes)
                );
                for frame in &site.frames {
                    text += &format!("  {frame}\n");
                }
            }
        }
        let has_sites = self.devices.iter().any(|row| !row.sites.is_empty());
        if let Some(row) = self.leaks().next().filter(|_| !has_sites) {
            let next = format!("Where: memlab outstanding {} --stacks", row.device);
            text += &format!("\n{next}\n");
        }
        let unseen = format!("Not seen: {}.", self.unseen.join("; "));
        text += &format!("\n{}\n", fold(&unseen, COLUMNS).join("\n"));
        text
    }

    fn tables(&self) -> Vec<Table> {
        let mut table = Table::new([
            "device",
            "driver",
            "made",
            "given_back",
            "held",
            "bytes",
            "per_minute",
            "oldest_seconds",
            "directions",
            "verdict",
        ]);
        for row in &self.devices {
            table.push([
                Cell::text(&*row.device),
                row.driver.clone().into(),
                Cell::Number(row.made),
                Cell::Number(row.given_back),
                Cell::Number(row.held),
                Cell::Number(row.bytes),
                Cell::Real(row.per_minute as f64),
                row.oldest_seconds.map_or(Cell::None, Cell::Real),
                Cell::text(row.directions.join(" ")),
                Cell::text(row.says()),
            ]);
        }
        vec![table]
    }

    fn checks(&self) -> Vec<Check> {
        let check = |row: &Row| Check {
            name: format!("outstanding {}", row.device),
            held: match row.verdict {
                Verdict::Leaks => Some(false),
                Verdict::Steady => Some(true),
                Verdict::CannotBeTold => None,
            },
            because: format!(
                "{} made, {} given back, {} held: {}",
                row.made,
                row.given_back,
                row.held,
                row.says()
            ),
        };
        let faults = self.faults.iter().map(|fault| Check {
            name: format!("fault {}", fault.device),
            held: Some(false),
            because: fault.says.clone(),
        });
        self.devices.iter().map(check).chain(faults).collect()
    }
}
