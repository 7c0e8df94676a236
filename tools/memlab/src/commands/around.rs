// SPDX-License-Identifier: GPL-2.0

//! `around CMD...`: what a command changed in the machine's memory. The module is not needed.

use super::{Context, Found};
use crate::{
    error::{reason, Error, Kind, Result},
    evidence::{
        state::{self, Group, State},
        Machine,
    },
    output::{fold, Cell, Check, Face, Table, COLUMNS},
};
use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;
use std::{
    io::ErrorKind,
    os::unix::process::ExitStatusExt,
    process::{Child, Command, ExitStatus},
    thread,
    time::{Duration, Instant},
};

/// How often the command is looked at.
const STEP: Duration = Duration::from_millis(10);
/// A change has to be so many times what changes meanwhile anyway.
const TIMES: f64 = 2.0;
/// The largest changes of a group that are shown.
const SHOWN: usize = 8;

/// Runs a command, and shows what it changed in the machine's memory
#[derive(Args, Debug)]
pub struct Arguments {
    /// The command and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<String>,
    /// How long to watch what changes without it, in ms
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u64).range(10..=60_000))]
    idle: u64,
    /// All that changed, also what changes without it
    #[arg(long)]
    all: bool,
}

/// What was seen.
#[derive(Serialize, JsonSchema)]
pub struct Around {
    /// The command.
    pub command: Vec<String>,
    /// Its exit code; none where a signal ended it.
    pub exit_code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// How long it took.
    pub seconds: f64,
    /// The most memory that it itself had at once, of the looks at it; none where it was over
    /// before the first.
    pub peak_kib: Option<u64>,
    /// The least memory that was available meanwhile, of the same looks.
    pub least_available_kib: Option<u64>,
    /// How long was watched before it, for what changes anyway.
    pub idle_seconds: f64,
    /// What changed, by group, the largest first.
    pub changes: Vec<Change>,
    #[serde(skip)]
    all: bool,
}

/// A figure that changed.
#[derive(Serialize, JsonSchema)]
pub struct Change {
    /// What it is one of.
    pub group: Group,
    /// The kernel's name.
    pub name: String,
    /// By how much, from before the command to after it.
    pub change: i64,
    /// By how much in as long a time without it.
    pub idle: f64,
    /// Whether it is more than that.
    pub tells: bool,
}

/// Runs it.
pub fn around(context: &Context, arguments: &Arguments) -> Result<Found<Around>> {
    let machine = &context.machine;
    if machine.is_copy() {
        return Err(Error::new(
            Kind::Usage,
            "a copy of another machine runs no command",
        ));
    }
    // The first look at a file makes what it is made of.
    State::of(machine)?;
    let (began, first) = (Instant::now(), State::of(machine)?);
    thread::sleep(Duration::from_millis(arguments.idle));
    let before = State::of(machine)?;
    let idle_seconds = began.elapsed().as_secs_f64();
    let idle = before.since(&first);

    let began = Instant::now();
    let mut child = start(&arguments.command)?;
    let (status, peak_kib, least_available_kib) = follow(machine, &mut child)?;
    let after = State::of(machine)?;
    let seconds = began.elapsed().as_secs_f64();

    let changes = after.since(&before).into_iter().map(|(key, change)| {
        let idle = idle.get(&key).copied().unwrap_or(0) as f64 * seconds / idle_seconds;
        let (group, name) = key;
        Change {
            group,
            name,
            change,
            idle,
            tells: change.abs() as f64 > TIMES * idle.abs(),
        }
    });
    let mut changes: Vec<Change> = changes.filter(|change| change.change != 0).collect();
    changes.sort_by_key(|change| (change.group, std::cmp::Reverse(change.change.abs())));
    let failed = (!status.success()).then(|| {
        let how = match status.signal() {
            Some(signal) => format!("was ended by signal {signal}"),
            None => format!("ended with {}", status.code().unwrap_or(-1)),
        };
        Error::new(
            Kind::Failed,
            format!("{} {how}", arguments.command.join(" ")),
        )
    });
    let value = Around {
        command: arguments.command.clone(),
        exit_code: status.code(),
        signal: status.signal(),
        seconds,
        peak_kib,
        least_available_kib,
        idle_seconds,
        changes,
        all: arguments.all,
    };
    Ok(Found {
        failed,
        ..value.into()
    })
}

fn start(command: &[String]) -> Result<Child> {
    let (program, arguments) = command
        .split_first()
        .ok_or_else(|| Error::new(Kind::Usage, "which command?"))?;
    Command::new(program)
        .args(arguments)
        .spawn()
        .map_err(|error| {
            let kind = match error.kind() {
                ErrorKind::PermissionDenied => Kind::Denied,
                _ => Kind::File,
            };
            Error::new(kind, format!("{program}: {}", reason(&error)))
        })
}

/// Until it ends; with the most that it had, and the least that was left.
fn follow(machine: &Machine, child: &mut Child) -> Result<(ExitStatus, Option<u64>, Option<u64>)> {
    let (mut peak, mut least) = (None, None);
    loop {
        let status = child
            .try_wait()
            .map_err(|error| Error::new(Kind::File, format!("wait: {}", reason(&error))))?;
        if let Some(status) = status {
            return Ok((status, peak, least));
        }
        peak = peak.max(state::most_had(machine, child.id()));
        let left = state::available(machine);
        least = least.min(left).or(left);
        thread::sleep(STEP);
    }
}

fn mib(kib: u64) -> String {
    match kib {
        0..10_240 => format!("{kib} KiB"),
        _ => format!("{} MiB", kib / 1024),
    }
}

impl Around {
    fn answer(&self) -> String {
        let found = |group, name: &str| {
            let mut all = self.changes.iter().filter(|change| change.tells);
            all.find(|change| change.group == group && change.name == name)
                .map_or(0, |change| change.change)
        };
        let how = match (self.exit_code, self.signal) {
            (_, Some(signal)) => format!("was ended by signal {signal}"),
            (Some(0), _) | (None, None) => "ended well".to_owned(),
            (Some(code), _) => format!("ended with {code}"),
        };
        let mut said = vec![format!(
            "{} {how} after {:.2} s",
            self.command.first().map_or("", String::as_str),
            self.seconds
        )];
        said.extend(self.peak_kib.map(|kib| format!("had up to {}", mib(kib))));
        for (group, name, less, more) in [
            (
                Group::Memory,
                "MemAvailable",
                "less memory available",
                "more memory available",
            ),
            (
                Group::Memory,
                "Cached",
                "less page cache",
                "more page cache",
            ),
            (
                Group::Memory,
                "SUnreclaim",
                "less slab",
                "more slab that cannot be reclaimed",
            ),
        ] {
            let change = found(group, name);
            let words = if change < 0 { less } else { more };
            if change != 0 {
                said.push(format!("left {} {words}", mib(change.unsigned_abs())));
            }
        }
        for (name, one, many) in [
            ("pgmajfault", "major fault", "major faults"),
            ("pswpout", "page swapped out", "pages swapped out"),
            (
                "oom_kill",
                "kill for lack of memory",
                "kills for lack of memory",
            ),
        ] {
            let count = found(Group::Events, name);
            if count > 0 {
                let words = if count == 1 { one } else { many };
                said.push(format!("{count} {words}"));
            }
        }
        said.join(", ") + "."
    }
}

impl Face for Around {
    fn text(&self) -> String {
        let mut lines = fold(&self.answer(), COLUMNS);
        let least = self.least_available_kib.map(mib);
        lines.extend(fold(
            &format!(
                "Least memory available meanwhile: {}. Idle: what changes in as long without \
                 it, by {:.1} s before it.",
                least.as_deref().unwrap_or("not looked at in time"),
                self.idle_seconds
            ),
            COLUMNS,
        ));
        let mut table = Table::new(["", "change", "idle", "unit", "what"]);
        let mut left_out = 0;
        let mut last = (None, 0);
        for change in &self.changes {
            let (name, unit) = change.group.names();
            if last.0 != Some(change.group) {
                last = (Some(change.group), 0);
            }
            let shows = self.all || (change.tells && last.1 < SHOWN);
            if !shows {
                left_out += 1;
                continue;
            }
            last.1 += 1;
            table.push([
                Cell::text(name),
                Cell::Real(change.change as f64),
                Cell::Real(change.idle.round()),
                Cell::text(unit),
                Cell::text(&*change.name),
            ]);
        }
        let mut text = lines.join("\n") + "\n";
        if !table.rows.is_empty() {
            text += "\n";
            text += &table.text();
        }
        if left_out != 0 {
            text += &format!(
                "\n{left_out} more changed, by less or by no more than without it: --all\n"
            );
        }
        text
    }

    fn tables(&self) -> Vec<Table> {
        let mut table = Table::new(["group", "name", "change", "idle", "unit", "tells"]);
        for change in &self.changes {
            let (name, unit) = change.group.names();
            table.push([
                Cell::text(name),
                Cell::text(&*change.name),
                Cell::Real(change.change as f64),
                Cell::Real(change.idle),
                Cell::text(unit),
                Cell::text(if change.tells { "yes" } else { "no" }),
            ]);
        }
        vec![table]
    }

    fn checks(&self) -> Vec<Check> {
        vec![Check {
            name: format!("around {}", self.command.join(" ")),
            held: Some(self.exit_code == Some(0)),
            because: self.answer(),
        }]
    }
}
