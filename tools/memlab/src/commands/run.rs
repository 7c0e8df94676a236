// SPDX-License-Identifier: GPL-2.0

//! `run LINE`: one experiment, with percentiles to choose and gates.

use super::{Context, Found};
use crate::{
    error::{Error, Kind, Result},
    evidence::{
        module::{self, Module},
        outcome::{self, Gate, Ran},
        slow::{Event, Slow, Watch, EVENTS},
        text,
    },
    output::{fold, progress, Cell, Check, Face, Table, COLUMNS},
};
use clap::Args;
use std::{str::FromStr, time::Duration};

/// The percentiles that are shown if none are asked for.
pub const PERCENTILES: [f64; 4] = [50.0, 90.0, 99.0, 99.9];
/// So many events of a slow operation are shown.
const TRACED: usize = 24;

/// Runs one experiment and shows its outcome
#[derive(Args, Debug)]
pub struct Arguments {
    /// NAME key=value ..., as the module's file run takes it
    #[arg(required = true)]
    line: Vec<String>,
    /// Fail (exit code 1) where a percentile of a phase is above so many ns, as map:p99=500
    #[arg(long, value_name = "PHASE:PN=NS")]
    max_ns: Vec<Limit>,
    /// End with the first operation of more than so many ns, and show the kernel's trace of it
    #[arg(long, value_name = "NS", value_parser = clap::value_parser!(u64).range(1..))]
    trace_above: Option<u64>,
    /// The module's own report, in full
    #[arg(long)]
    full: bool,
}

/// What a percentile must not exceed.
#[derive(Clone, Debug)]
pub struct Limit {
    phase: String,
    per_cent: f64,
    max_ns: u64,
    given: String,
}

impl FromStr for Limit {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let parsed = || {
            let (what, ns) = text.split_once('=')?;
            let (phase, percentile) = what.split_once(':')?;
            let per_cent = percentile.strip_prefix(['p', 'P'])?.parse().ok()?;
            let fits = !phase.is_empty() && (0.0..=100.0).contains(&per_cent);
            fits.then_some(Self {
                phase: phase.to_owned(),
                per_cent,
                max_ns: ns.parse().ok()?,
                given: what.to_owned(),
            })
        };
        parsed().ok_or_else(|| "must be PHASE:PN=NS, as map:p99=500 or unmap:p99.9=2000".to_owned())
    }
}

impl Limit {
    fn gate(&self, ran: &Ran) -> Result<Gate> {
        let names = || {
            ran.phases
                .iter()
                .map(|phase| phase.name.as_str())
                .collect::<Vec<_>>()
        };
        let phase = ran
            .phases
            .iter()
            .find(|phase| phase.name == self.phase)
            .ok_or_else(|| {
                Error::new(
                    Kind::Usage,
                    format!(
                        "{}: {} has no phase {}, but {}",
                        self.given,
                        ran.experiment,
                        self.phase,
                        names().join(" and ")
                    ),
                )
            })?;
        let was = phase
            .percentile(self.per_cent)
            .map(|raw| ran.clock.net(raw));
        // What is below the resolution holds where the resolution does.
        let held = was.is_some_and(|was| was.most() <= self.max_ns);
        Ok(Gate {
            name: self.given.clone(),
            max_ns: self.max_ns,
            was,
            held,
        })
    }
}

/// Runs.
pub fn run(context: &Context, arguments: &Arguments) -> Result<Found<Ran>> {
    let module = module::open(&context.machine)?;
    let line = arguments.line.join(" ");
    let mut ran = match arguments.trace_above {
        Some(ns) => {
            let watch = Watch::begin(&context.machine)?;
            // A batch has no single operation that could be slow.
            let mut ran = measure(&*module, &format!("{line} above={ns} mode=op"))?;
            let released = ran.phases.get(1).and_then(|phase| phase.percentile(100.0));
            ran.slow = watch.end(released.unwrap_or(0))?;
            ran
        }
        None => measure(&*module, &line)?,
    };
    ran.percentiles = match context.percentiles.as_slice() {
        [] => PERCENTILES.to_vec(),
        chosen => chosen.to_vec(),
    };
    for limit in &arguments.max_ns {
        let gate = limit.gate(&ran)?;
        ran.gates.push(gate);
    }
    if !arguments.full {
        ran.text = String::new();
    }
    let broken: Vec<&Gate> = ran.gates.iter().filter(|gate| !gate.held).collect();
    let failed = broken.first().map(|gate| {
        Error::new(
            Kind::Failed,
            format!(
                "{} of {} gates do not hold, the first: {}",
                broken.len(),
                ran.gates.len(),
                sentence(gate)
            ),
        )
    });
    Ok(Found {
        value: ran,
        failed,
        silent: false,
        held: None,
    })
}

/// Runs one line and reads its outcome.
pub fn measure(module: &dyn Module, line: &str) -> Result<Ran> {
    let told = line
        .split(' ')
        .find_map(|word| word.strip_prefix("time=")?.parse().ok());
    let expected = Duration::from_millis(told.unwrap_or(1000));
    let name = line.split(' ').next().unwrap_or("").to_owned();
    let text = progress::during(&name, expected, module.watch(), || module.ask("run", line));
    outcome::read(&text.map_err(|error| nearest(module, &name, error))?)
}

/// Adds the name that was probably meant.
fn nearest(module: &dyn Module, name: &str, error: Error) -> Error {
    let known = module.look("experiments").unwrap_or_default();
    let blocks = text::parse(&known);
    let rows = text::table_of(&blocks, "experiment").map_or(&[][..], |table| &table.rows);
    let names: Vec<&str> = rows.iter().filter_map(|row| row.first()?.word()).collect();
    if error.kind != Kind::Refused || names.is_empty() || names.contains(&name) {
        return error;
    }
    let close = |other: &&str| (strsim::jaro_winkler(name, other) * 1000.0) as u32;
    let best = names
        .into_iter()
        .max_by_key(close)
        .filter(|other| close(other) > 800);
    match best {
        Some(best) => Error::new(
            error.kind,
            format!("experiment={name}: unknown; {best}? All of them: memlab show experiments"),
        ),
        None => Error::new(
            error.kind,
            format!("experiment={name}: unknown. All of them: memlab show experiments"),
        ),
    }
}

fn sentence(gate: &Gate) -> String {
    let was = gate
        .was
        .map_or("nothing was measured".to_owned(), |was| format!("{was} ns"));
    let sign = if gate.held { "<=" } else { ">" };
    format!("{}: {was} {sign} {} ns", gate.name, gate.max_ns)
}

fn figures(ran: &Ran) -> Table {
    let mut columns = vec!["phase".to_owned(), "min".to_owned()];
    columns.extend(ran.percentiles.iter().map(|at| format!("p{at}")));
    columns.extend(["max".to_owned(), "samples".to_owned()]);
    let rows = ran.phases.iter().map(|phase| {
        let net = |raw: Option<u64>| match raw.filter(|_| phase.samples != 0) {
            Some(raw) => ran.clock.net(raw).cell(),
            None => Cell::None,
        };
        let mut cells = vec![Cell::text(&*phase.name), net(Some(phase.min))];
        cells.extend(ran.percentiles.iter().map(|at| net(phase.percentile(*at))));
        cells.extend([net(Some(phase.max)), Cell::Number(phase.samples)]);
        cells
    });
    Table {
        rows: rows.collect(),
        columns,
    }
}

impl Face for Ran {
    fn text(&self) -> String {
        if !self.text.is_empty() {
            return self.text.clone();
        }
        let fact = |key: &str| self.facts.get(key).map(Cell::csv);
        let asked = |key: &str| self.request.get(key).map(Cell::csv);
        let size = self
            .request
            .get("size")
            .and_then(Cell::number)
            .map(text::shown);
        let mut head = vec![self.experiment.clone()];
        head.extend(size);
        head.extend(asked("direction"));
        head.extend(fact("device").map(|device| format!("on {device}")));
        let mut lines = vec![
            head.join(" "),
            format!(
                "ns per operation, net; <{0}: below its resolution of {0} ns",
                self.clock.floor()
            ),
        ];
        lines.extend(figures(self).text().lines().map(str::to_owned));
        if self.failures != 0 {
            let errnos = self
                .errnos
                .iter()
                .map(|(name, count)| format!("{count} x {name}"));
            lines.push(format!("failed: {}", errnos.collect::<Vec<_>>().join(", ")));
        }
        if self.per_sample > 1 {
            lines.push(format!(
                "batched: a sample is the mean of {} operations, which hides tails",
                self.per_sample
            ));
        }
        if self.ending != "complete" {
            lines.push(format!("ended by {}", self.ending));
        }
        let place = ["zone", "cma", "extents", "window", "attr", "bounced"];
        let place = place
            .iter()
            .filter_map(|key| Some(format!("{key} {}", fact(key)?)));
        lines.push(place.collect::<Vec<_>>().join(", "));
        lines.extend(provenance(&|key| fact(key)));
        lines.extend(
            self.gates
                .iter()
                .map(|gate| format!("gate {}", sentence(gate))),
        );
        lines.extend(self.slow.iter().flat_map(trace_of));
        lines.retain(|line| !line.is_empty());
        lines.join("\n") + "\n"
    }

    fn tables(&self) -> Vec<Table> {
        vec![figures(self)]
    }

    fn checks(&self) -> Vec<Check> {
        let phases = self.phases.iter().map(|phase| Check {
            name: format!("{} {} measured", self.experiment, phase.name),
            held: Some(phase.samples != 0 && self.failures == 0),
            because: format!("{} samples, {} failures", phase.samples, self.failures),
        });
        let gates = self.gates.iter().map(|gate| Check {
            name: format!("{} {}", self.experiment, gate.name),
            held: Some(gate.held),
            because: sentence(gate),
        });
        phases.chain(gates).collect()
    }
}

/// What the kernel did meanwhile.
fn trace_of(slow: &Slow) -> Vec<String> {
    let Slow {
        phase, ns, events, ..
    } = slow;
    let what = match events.len() {
        0 => format!(
            "; on its CPU none of these events fell into it: {}",
            EVENTS.join(", ")
        ),
        count => format!("; on its CPU the kernel traced {count} events meanwhile:"),
    };
    let mut lines = fold(&format!("slow: {phase} took {ns} ns{what}"), COLUMNS);
    let runs = alike(events);
    for (event, more) in runs.iter().take(TRACED) {
        let line = format!("  +{} us {}", event.us, event.text);
        lines.push(line.chars().take(COLUMNS).collect());
        if let Some((last, count)) = more {
            lines.push(format!(
                "    and {count} more of these until +{} us",
                last.us
            ));
        }
    }
    if runs.len() > TRACED {
        let more = runs.len() - TRACED;
        lines.push(format!("  and {more} more: --json has all, and whole"));
    }
    lines.push("traced: what is traced is slower than without".to_owned());
    lines
}

/// The first of those that follow each other and are of a kind; with the last, and how many there are
/// behind the first.
fn alike(events: &[Event]) -> Vec<(&Event, Option<(&Event, usize)>)> {
    let kind = |event: &Event| event.text.split(':').next().unwrap_or("").to_owned();
    let runs = events.chunk_by(|one, other| kind(one) == kind(other));
    let run =
        |run: &[Event]| -> Option<usize> { run.len().checked_sub(1).filter(|more| *more > 1) };
    let mut found = Vec::new();
    for all in runs {
        match (run(all), all.first(), all.last()) {
            (Some(more), Some(first), Some(last)) => found.push((first, Some((last, more)))),
            _ => found.extend(all.iter().map(|event| (event, None))),
        }
    }
    found
}

/// One line of what colours the figures, and one where they are an emulator's.
pub fn provenance(fact: &dyn Fn(&str) -> Option<String>) -> Vec<String> {
    let mut lines = Vec::new();
    if let (Some(kernel), Some(cpu)) = (fact("kernel"), fact("cpu")) {
        let cpus = fact("cpus").unwrap_or_default();
        let machine = fact("machine").unwrap_or_default();
        lines.push(format!("Linux {kernel}, {cpus} x {cpu}, {machine}"));
    }
    if fact("machine").is_some_and(|machine| machine == "tcg") {
        lines.push("EMULATED: timings are an emulator's, not hardware's".to_owned());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_of_a_kind_are_counted() {
        let event = |us, text: &str| Event {
            us,
            text: text.to_owned(),
        };
        let all = [
            event(1, "a: 1"),
            event(2, "b: 1"),
            event(3, "b: 2"),
            event(4, "b: 3"),
            event(5, "a: 2"),
            event(6, "a: 3"),
        ];
        let found: Vec<_> = alike(&all)
            .into_iter()
            .map(|(first, more)| (first.us, more.map(|(last, count)| (last.us, count))))
            .collect();
        assert_eq!(found, [(1, None), (2, Some((4, 2))), (5, None), (6, None)]);
    }

    #[test]
    fn a_gate_is_read_or_refused() {
        let limit: Limit = "map:p99.9=500".parse().unwrap();
        assert_eq!(
            (limit.phase.as_str(), limit.per_cent, limit.max_ns),
            ("map", 99.9, 500)
        );
        for bad in [
            "map",
            "map:99=5",
            "map:p101=5",
            ":p9=5",
            "map:p9=-1",
            "map:p9=",
        ] {
            assert!(bad.parse::<Limit>().is_err(), "{bad}");
        }
    }
}
