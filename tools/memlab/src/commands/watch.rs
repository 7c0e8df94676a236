// SPDX-License-Identifier: GPL-2.0

//! `watch`: what the machine's memory does, by interval. The module is not needed.

use super::{Context, Found};
use crate::{
    error::{Error, Kind, Result},
    evidence::{
        lookups::{Lookups, Victim},
        process::Seen,
        state::{Group, State},
        Machine,
    },
    output::{self, fold, Cell, Check, Face, Table, COLUMNS},
    sys::signals,
};
use clap::{Args, ValueEnum};
use schemars::JsonSchema;
use serde::Serialize;
use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

/// How soon a signal ends it.
const STEP: Duration = Duration::from_millis(20);
/// So many of a group are shown.
const SHOWN: usize = 6;
/// A terminal's screen from its first place on.
const CLEAR: &str = "\x1b[H\x1b[2J";

/// What comes first in a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Sort {
    /// What changed the most.
    #[default]
    Change,
    /// What there is the most of, whether it changed or not.
    Now,
    /// By name.
    Name,
}

/// Shows what the machine's memory does, by interval
#[derive(Args, Debug)]
pub struct Arguments {
    /// One look: what there is, and what was counted since boot
    #[arg(short = 'o', long, conflicts_with_all = ["every", "time"])]
    once: bool,
    /// The interval, in ms
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u64).range(100..=3_600_000))]
    every: u64,
    /// How long to watch, in s; by default until Ctrl-C
    #[arg(long = "for", value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    time: Option<u64>,
    /// What comes first in a group
    #[arg(long, value_enum, default_value_t)]
    sort: Sort,
    /// Only these groups
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Group>,
    /// All of a group
    #[arg(long)]
    all: bool,
}

/// What was seen.
#[derive(Serialize, JsonSchema)]
pub struct Watched {
    /// One for each interval; of one look the only one.
    pub intervals: Vec<Interval>,
    /// What could not be looked at, and why.
    pub not_looked_at: Vec<String>,
    #[serde(skip)]
    all: bool,
}

/// An interval.
#[derive(Serialize, JsonSchema)]
pub struct Interval {
    /// When it ended, since the beginning.
    pub at: f64,
    /// How long it was; none of one look.
    pub seconds: Option<f64>,
    /// What that is, in sentences, whatever groups are shown.
    pub says: Vec<String>,
    /// The figures, by group.
    pub figures: Vec<Figure>,
    /// Whom the kernel killed for lack of memory.
    pub killed: Vec<Victim>,
    /// The most of the bounce buffer that was taken at once, in KiB.
    pub most_bounced_kib: Option<u64>,
    /// Whether the kernel says so (`track_hiwater`); else it is the most of these looks.
    pub most_is_counted: bool,
}

/// A figure.
#[derive(Serialize, JsonSchema)]
pub struct Figure {
    /// What it is one of.
    pub group: Group,
    /// The kernel's name.
    pub name: String,
    /// At the end of the interval.
    pub now: i64,
    /// By how much it changed in the interval; none of one look.
    pub change: Option<i64>,
}

/// Watches.
pub fn watch(context: &Context, arguments: &Arguments) -> Result<Found<Watched>> {
    let machine = &context.machine;
    if machine.is_copy() && !arguments.once {
        return Err(Error::new(
            Kind::Usage,
            "a copy of another machine does not change: watch --once",
        ));
    }
    let mut watched = Watched {
        intervals: Vec::new(),
        not_looked_at: Vec::new(),
        all: arguments.all,
    };
    let mut lookups = None;
    if !arguments.once {
        lookups = Lookups::begin(machine)
            .map_err(|error| {
                let why = format!("the page cache's hits, and who is killed: {error}");
                watched.not_looked_at.push(why);
            })
            .ok();
    }
    let ended = signals::first()?;
    let began = Instant::now();
    let mut most = None;
    let mut before: Option<(State, f64)> = None;
    loop {
        let state = look(machine, lookups.as_ref())?;
        let at = began.elapsed().as_secs_f64();
        if watched.intervals.is_empty() && before.is_none() {
            watched.closed(&state);
        }
        let used = state.get(Group::Swiotlb, "used");
        most = most.max(used.and_then(|kib| u64::try_from(kib).ok()));
        if before.is_some() || arguments.once {
            let killed = lookups.as_mut().map_or(Ok(Vec::new()), Lookups::victims)?;
            let interval = Interval::of(&state, before.as_ref(), at, (killed, most), arguments);
            if context.live && !arguments.once {
                watched.show(&interval)?;
            } else {
                watched.intervals.push(interval);
            }
        }
        // On a busy machine one look may take all the time: an interval is shown even so.
        let over = before.is_some() && arguments.time.is_some_and(|time| at >= time as f64);
        if arguments.once || over || ended.load(Ordering::Relaxed) {
            break;
        }
        before = Some((state, at));
        let left = arguments.time.map(|time| (time as f64 - at).max(0.0));
        let every = Duration::from_millis(arguments.every);
        rest(
            every.min(left.map_or(every, Duration::from_secs_f64)),
            &ended,
        );
    }
    let mut found = Found::from(watched);
    found.silent = context.live && !arguments.once;
    Ok(found)
}

/// Until the next look, or a signal.
fn rest(time: Duration, ended: &AtomicBool) {
    let began = Instant::now();
    while began.elapsed() < time && !ended.load(Ordering::Relaxed) {
        thread::sleep(STEP.min(time.saturating_sub(began.elapsed())));
    }
}

fn look(machine: &Machine, lookups: Option<&Lookups>) -> Result<State> {
    let mut state = State::of(machine)?;
    if let Some(lookups) = lookups {
        lookups.count(&mut state)?;
    }
    // What /proc of a copy says of processes is not asked for: they are this machine's.
    if !machine.is_copy() {
        for seen in Seen::all(machine) {
            // One that has ended meanwhile has none.
            if let Ok((_, majors)) = seen.faults() {
                state.put(Group::Process, &seen.label(), majors as i64);
            }
        }
    }
    Ok(state)
}

impl Interval {
    fn of(
        state: &State,
        before: Option<&(State, f64)>,
        at: f64,
        (killed, most): (Vec<Victim>, Option<u64>),
        arguments: &Arguments,
    ) -> Self {
        let changes = before.map(|(before, _)| state.since(before));
        let figures = state.0.iter().map(|((group, name), now)| {
            let key = (*group, name.clone());
            let change = changes.as_ref().and_then(|all| all.get(&key).copied());
            // A process that is new was not seen to fault before.
            let change = match (*group, before) {
                (Group::Process, Some((before, _))) => {
                    change.filter(|_| before.0.contains_key(&key))
                }
                _ => change,
            };
            Figure {
                group: *group,
                name: name.clone(),
                now: *now,
                change,
            }
        });
        let mut figures: Vec<Figure> = figures.collect();
        let sort = match before {
            None if arguments.sort == Sort::Change => Sort::Now,
            _ => arguments.sort,
        };
        figures.sort_by_key(|figure| {
            let rank = match sort {
                Sort::Change => figure.change.unwrap_or(0).abs(),
                Sort::Now => figure.now,
                Sort::Name => 0,
            };
            (figure.group, std::cmp::Reverse(rank))
        });
        let counted = state.get(Group::Swiotlb, "most");
        let mut interval = Self {
            // One look is no interval, and says the same of the same state.
            at: if before.is_some() { at } else { 0.0 },
            seconds: before.map(|(_, then)| at - then),
            says: Vec::new(),
            figures,
            killed,
            most_bounced_kib: counted.and_then(|kib| u64::try_from(kib).ok()).or(most),
            most_is_counted: counted.is_some(),
        };
        let more = [interval.cache(), interval.bounced()];
        let says = std::iter::once(interval.answer()).chain(more.into_iter().flatten());
        interval.says = says.collect();
        let changed = |figure: &Figure| figure.change.unwrap_or(0) != 0;
        interval.figures.retain(|figure| {
            let asked = arguments.only.is_empty() || arguments.only.contains(&figure.group);
            let all = sort != Sort::Change || arguments.all || figure.group == Group::Zone;
            asked && (all || changed(figure))
        });
        interval
    }

    fn of_group(&self, group: Group) -> impl Iterator<Item = &Figure> {
        self.figures
            .iter()
            .filter(move |figure| figure.group == group)
    }

    fn changed(&self, group: Group, name: &str) -> f64 {
        let found = self.of_group(group).find(|figure| figure.name == name);
        found.and_then(|figure| figure.change).unwrap_or(0) as f64
    }

    fn now(&self, group: Group, name: &str) -> Option<i64> {
        let found = self.of_group(group).find(|figure| figure.name == name);
        found.map(|figure| figure.now)
    }

    /// What it does, or did.
    fn answer(&self) -> String {
        let Some(seconds) = self.seconds else {
            return "What there is, and what was counted since boot.".to_owned();
        };
        let mut said = Vec::new();
        for victim in &self.killed {
            said.push(format!(
                "kills {} ({}) with {} KiB for lack of memory",
                victim.pid, victim.command, victim.anonymous_kib
            ));
        }
        let kswapd = self.changed(Group::Events, "pgsteal_kswapd");
        let direct = self.changed(Group::Events, "pgsteal_direct");
        for (count, words) in [
            (direct, "pages reclaimed by who needs them"),
            (kswapd, "pages reclaimed by kswapd"),
            (
                self.changed(Group::Events, "compact_stall"),
                "waits for compaction",
            ),
            (self.changed(Group::Events, "pswpin"), "pages swapped in"),
            (self.changed(Group::Events, "pswpout"), "pages swapped out"),
            (self.changed(Group::Events, "pgmajfault"), "major faults"),
        ] {
            if count > 0.0 {
                said.push(format!("{:.0} {words} a second", count / seconds));
            }
        }
        let waits = self.changed(Group::Pressure, "memory some") / seconds / 1e4;
        if waits >= 0.1 {
            said.push(format!(
                "something waits for memory {waits:.1} % of the time"
            ));
        }
        match said.is_empty() {
            true => "Quiet: it neither reclaims, compacts nor swaps, and nothing waits for memory."
                .to_owned(),
            false => format!("It is at work: {}.", said.join(", ")),
        }
    }

    /// Of what is read or touched in files, what was there at least: what came in and is not known
    /// to be written may have come for it.
    fn cache(&self) -> Option<String> {
        let asked = self.changed(Group::Cache, "read") + self.changed(Group::Cache, "faulted");
        let added = self.changed(Group::Cache, "added");
        let missed = (added - self.changed(Group::Events, "nr_dirtied")).clamp(0.0, asked);
        (asked > 0.0).then(|| {
            format!(
                "Page cache: {asked:.0} pages asked for, at least {:.0} were there ({:.1} %), \
                 {added:.0} came in.",
                asked - missed,
                (asked - missed) * 100.0 / asked
            )
        })
    }

    fn bounced(&self) -> Option<String> {
        let (used, size) = (
            self.now(Group::Swiotlb, "used")?,
            self.now(Group::Swiotlb, "size")?,
        );
        let most = self.most_bounced_kib?;
        let whose = match self.most_is_counted {
            true => "the kernel counted",
            false => "of these looks; swiotlb=track_hiwater counts all",
        };
        Some(format!(
            "Bounce buffer: {used} of {size} KiB taken, {most} at most ({whose})."
        ))
    }

    fn zones(&self) -> Table {
        let mut table = Table::new([
            "zone", "free", "change", "min", "low", "high", "managed", "cma", "cma free",
        ]);
        let mut names: Vec<&str> = (self.of_group(Group::Zone))
            .filter_map(|figure| figure.name.strip_suffix(" managed"))
            .collect();
        names.sort_unstable();
        for name in names {
            let now = |key: &str| {
                let kib = self.now(Group::Zone, &format!("{name} {key}"));
                Cell::from(kib.and_then(|kib| u64::try_from(kib).ok()))
            };
            let change = self.seconds.map_or(Cell::None, |_| {
                Cell::Real(self.changed(Group::Zone, &format!("{name} free")))
            });
            table.push([
                Cell::text(name),
                now("free"),
                change,
                now("min"),
                now("low"),
                now("high"),
                now("managed"),
                now("cma"),
                now("free_cma"),
            ]);
        }
        table
    }

    fn text(&self, all: bool) -> String {
        let mut lines = Vec::new();
        if let Some(seconds) = self.seconds {
            lines.push(format!("After {:.1} s, in {seconds:.2} s:", self.at));
        }
        lines.extend(self.says.iter().flat_map(|line| fold(line, COLUMNS)));
        let mut text = lines.join("\n") + "\n";
        let zones = self.zones();
        if !zones.rows.is_empty() {
            text += &format!("\n{}(KiB)\n", zones.text());
        }
        let mut table = Table::new(["", "now", "change", "a second", "unit", "what"]);
        let (mut last, mut left_out) = ((None, 0), 0);
        for figure in self
            .figures
            .iter()
            .filter(|figure| figure.group != Group::Zone)
        {
            if last.0 != Some(figure.group) {
                last = (Some(figure.group), 0);
            }
            if last.1 == SHOWN && !all {
                left_out += 1;
                continue;
            }
            last.1 += 1;
            table.push(figure.row(self.seconds));
        }
        if !table.rows.is_empty() {
            let cut = |line: &str| line.chars().take(COLUMNS).collect::<String>();
            let rows: Vec<String> = table.text().lines().map(cut).collect();
            text += &format!("\n{}\n", rows.join("\n"));
        }
        if left_out != 0 {
            text += &format!("\n{left_out} more: --all\n");
        }
        text
    }
}

impl Figure {
    fn row(&self, seconds: Option<f64>) -> [Cell; 6] {
        let (name, unit) = self.group.names();
        let real = |value: f64| Cell::Real((value * 10.0).round() / 10.0);
        let change = self.change.map(|change| change as f64);
        [
            Cell::text(name),
            Cell::Real(self.now as f64),
            change.map_or(Cell::None, Cell::Real),
            change
                .zip(seconds)
                .map_or(Cell::None, |(change, s)| real(change / s)),
            Cell::text(unit),
            Cell::text(&*self.name),
        ]
    }
}

impl Watched {
    /// What this machine does not show, by what is not there.
    fn closed(&mut self, state: &State) {
        for (group, why) in [
            (Group::Slab, "slab caches: /proc/slabinfo is not to be read"),
            (
                Group::Pressure,
                "waits: /proc/pressure is not there (CONFIG_PSI, psi=1)",
            ),
            (
                Group::Swiotlb,
                "the bounce buffer: there is none, or debugfs is not mounted",
            ),
        ] {
            if !state.0.keys().any(|(of, _)| *of == group) {
                self.not_looked_at.push(why.to_owned());
            }
        }
    }

    fn notes(&self) -> String {
        let lines = self.not_looked_at.iter();
        let lines = lines.flat_map(|why| fold(&format!("Not looked at: {why}"), COLUMNS));
        lines.map(|line| line + "\n").collect()
    }

    fn show(&self, interval: &Interval) -> Result {
        let text = interval.text(self.all) + &self.notes();
        output::print(&match output::on_terminal() {
            true => format!("{CLEAR}{text}"),
            false => format!("{text}\n"),
        })
    }
}

impl Face for Watched {
    fn text(&self) -> String {
        let all = self.intervals.iter();
        let texts: Vec<String> = all.map(|interval| interval.text(self.all)).collect();
        texts.join("\n") + &self.notes()
    }

    fn tables(&self) -> Vec<Table> {
        let mut table = Table::new(["at", "group", "name", "now", "change", "per_second", "unit"]);
        for interval in &self.intervals {
            for figure in &interval.figures {
                let [group, now, change, rate, unit, name] = figure.row(interval.seconds);
                let at = Cell::Real((interval.at * 1000.0).round() / 1000.0);
                table.push([at, group, name, now, change, rate, unit]);
            }
        }
        vec![table]
    }

    fn checks(&self) -> Vec<Check> {
        let check = |interval: &Interval| Check {
            name: format!("watch after {:.0} s", interval.at),
            held: Some(interval.killed.is_empty()),
            because: interval.says.join(" "),
        };
        self.intervals.iter().map(check).collect()
    }
}
