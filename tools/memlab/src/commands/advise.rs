// SPDX-License-Identifier: GPL-2.0

//! `advise [DEVICE]`: the answer first, on one screen.

use super::{pattern, run, why, Context, Found};
use crate::{
    error::{Error, Kind, Result},
    evidence::{
        comparison::{self, Comparison, Row},
        module,
        recording::Recording,
        text::{all_pairs, parse, value},
    },
    output::{progress, Body, Check, Face, Table},
    picture::{series, terminal},
};
use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;
use std::{path::PathBuf, time::Duration};

/// Columns of the screen that everything fits on.
const COLUMNS: usize = 80;

/// Says which way to get memory, and to get it to a device, costs least
#[derive(Args, Debug)]
pub struct Arguments {
    /// The device; it has to be lent. By default the module's own
    device: Option<String>,
    /// The whole comparison, as the module prints it
    #[arg(long)]
    all: bool,
    /// Of a recording, measuring nothing
    #[arg(long, value_name = "RECORDING", conflicts_with_all = ["pattern", "device"])]
    from: Option<PathBuf>,
    /// With a small plot of it
    #[arg(long)]
    chart: bool,
    /// For a device that is not there yet: what the buffer is for, as
    /// lifetime=transfer|kept,size=4K,direction=to-device|from-device,touch=none|all
    #[arg(long, value_name = "KEY=WORD,...")]
    pattern: Option<pattern::Pattern>,
    /// What stands behind a sentence: one of the topics that --why list names
    #[arg(long, value_name = "TOPIC")]
    why: Option<String>,
    /// How long to measure, in ms
    #[arg(long, default_value_t = 3000, value_parser = clap::value_parser!(u64).range(100..=3_600_000))]
    time: u64,
}

/// The answer, and what it rests on.
#[derive(Serialize, JsonSchema)]
pub struct Advice {
    /// The sentences.
    pub answer: Vec<String>,
    /// What stands under it: the machine, the device.
    pub on: Vec<String>,
    /// What to do next.
    pub next: Vec<String>,
    /// The figures.
    pub rows: Vec<Row>,
    #[serde(skip)]
    chart: Vec<String>,
    #[serde(skip)]
    whole: Option<String>,
}

/// Measures, or reads, and says what follows.
pub fn advise(context: &Context, arguments: &Arguments) -> Result<Found> {
    if let Some(topic) = &arguments.why {
        return why::why(topic);
    }
    if let Some(pattern) = &arguments.pattern {
        return pattern::advise(
            context,
            pattern,
            arguments.device.as_deref(),
            arguments.time,
        );
    }
    let (text, provenance, chart) = match &arguments.from {
        Some(path) => {
            let recording = Recording::read(path)?;
            let text = recording.rounds.first().cloned().unwrap_or_default();
            let provenance = recording
                .before
                .get("provenance")
                .cloned()
                .unwrap_or_default();
            let chart = if arguments.chart {
                chart(&recording)?
            } else {
                Vec::new()
            };
            (text, provenance, chart)
        }
        None => {
            let module = module::open(&context.machine)?;
            let asked = arguments
                .device
                .as_ref()
                .map(|name| format!(" device={name}"));
            let line = format!("time={}{}", arguments.time, asked.unwrap_or_default());
            let expected = Duration::from_millis(arguments.time * 2);
            let text = progress::during("comparing", expected, || module.ask("compare", &line))?;
            (text, module.look("provenance")?, Vec::new())
        }
    };
    let compared = comparison::read(&text)?;
    let facts = all_pairs(&parse(&provenance));
    let on = run::provenance(&|key| value(&facts, key).map(str::to_owned));
    Ok(Body::Advise(Box::new(Advice {
        answer: answer(&compared),
        on,
        next: next(&compared, arguments.from.as_ref()),
        rows: compared.rows,
        chart,
        whole: arguments.all.then_some(text),
    }))
    .into())
}

fn chart(recording: &Recording) -> Result<Vec<String>> {
    let direction = Some("to-device");
    let all = series::of(recording, direction)?;
    let mut lines = terminal::plot(&all);
    if !lines.is_empty() {
        lines.insert(
            0,
            "Both phases of a transfer to the device, in the median:".to_owned(),
        );
    }
    Ok(lines)
}

/// The sentences of the module's answer: what stands above its table, or, of a module that puts
/// them under it, the lines of its advice.
pub fn answer(compared: &Comparison) -> Vec<String> {
    let about_figures =
        |line: &&String| !line.starts_with("ns per operation") && !line.starts_with("EMULATED");
    let above: Vec<String> = compared
        .answer
        .iter()
        .filter(about_figures)
        .cloned()
        .collect();
    let lines = match above.iter().all(String::is_empty) {
        false => above,
        true => {
            let tells = |line: &&String| line.contains("-device: ") || line.starts_with("largest");
            let advice = (compared.notes.iter()).skip_while(|line| !line.starts_with("ADVICE"));
            let advice = advice.take_while(|line| !line.is_empty());
            advice.filter(tells).cloned().collect()
        }
    };
    let lines = lines.iter().flat_map(|line| fold(line, COLUMNS));
    let mut lines: Vec<String> = lines.collect();
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    lines
}

/// The calls in their order, of what was the cheapest for most sizes that were measured.
fn next(compared: &Comparison, from: Option<&PathBuf>) -> Vec<String> {
    let mut lines = Vec::new();
    if !compared.answer.iter().any(|line| line.starts_with("Next")) {
        if let Some(way) = cheapest(&compared.rows) {
            lines.push(format!("Next: {}", pattern::calls(&way)));
        }
    }
    let from = from.map_or("--all".to_owned(), |path| {
        format!("--from {} --all", path.display())
    });
    lines.push(format!("All figures: memlab advise {from}"));
    if !from.starts_with("--from") {
        lines.push("Keep it: memlab record FILE   a picture of that: memlab plot FILE".to_owned());
    }
    lines.iter().flat_map(|line| fold(line, COLUMNS)).collect()
}

/// The way to get bytes to a device that costs least at most sizes.
fn cheapest(rows: &[Row]) -> Option<String> {
    let of = |size: u64| {
        let mut costs: Vec<(u64, &str)> = Vec::new();
        let there = |row: &&Row| row.size == size && row.direction.as_deref() == Some("to-device");
        for row in rows.iter().filter(there) {
            let cost = row.figure("p50")?.most();
            match costs.iter_mut().find(|(_, name)| *name == row.experiment) {
                Some((sum, _)) => *sum += cost,
                None => costs.push((cost, &row.experiment)),
            }
        }
        costs.into_iter().min().map(|(_, name)| name)
    };
    let mut sizes: Vec<u64> = rows.iter().map(|row| row.size).collect();
    sizes.sort_unstable();
    sizes.dedup();
    let mut wins: Vec<(usize, &str)> = Vec::new();
    for name in sizes.into_iter().filter_map(of) {
        match wins.iter_mut().find(|(_, other)| *other == name) {
            Some((count, _)) => *count += 1,
            None => wins.push((1, name)),
        }
    }
    wins.into_iter()
        .max_by_key(|(count, _)| *count)
        .map(|(_, name)| name.to_owned())
}

/// A line in pieces of at most so many columns; what follows the first is set in by two.
pub fn fold(line: &str, columns: usize) -> Vec<String> {
    if line.chars().count() <= columns {
        return vec![line.to_owned()];
    }
    let indent = line.len() - line.trim_start().len();
    let mut lines = Vec::new();
    let mut current = " ".repeat(indent);
    for word in line.split_whitespace() {
        let room = current.chars().count() + 1 + word.chars().count() <= columns;
        if !current.trim().is_empty() && !room {
            lines.push(std::mem::replace(&mut current, " ".repeat(indent + 2)));
        }
        if !current.trim().is_empty() {
            current.push(' ');
        }
        current.push_str(word);
    }
    lines.push(current);
    lines
}

impl Face for Advice {
    fn text(&self) -> String {
        if let Some(whole) = &self.whole {
            return whole.clone();
        }
        let parts = [&self.on, &self.answer, &self.chart, &self.next];
        let parts = parts.iter().filter(|lines| !lines.is_empty());
        parts
            .map(|lines| lines.join("\n"))
            .collect::<Vec<_>>()
            .join("\n\n")
            + "\n"
    }

    fn tables(&self) -> Vec<Table> {
        vec![comparison::table(&self.rows)]
    }

    fn checks(&self) -> Vec<Check> {
        let check = |row: &Row| Check {
            name: row.name(),
            held: Some(row.samples != 0 && row.failures == 0),
            because: format!("{} samples, {} failures", row.samples, row.failures),
        };
        self.rows.iter().map(check).collect()
    }
}

/// An error for a word that is none of several.
pub fn unknown(what: &str, word: &str, all: &[&str]) -> Error {
    Error::new(
        Kind::Usage,
        format!("{what}={word}: unknown, must be one of {}", all.join(", ")),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_is_folded_between_words() {
        assert_eq!(fold("ab cd ef", 5), ["ab cd", "  ef"]);
        assert_eq!(fold("  ab cd", 5), ["  ab", "    cd"]);
        assert_eq!(fold("ab", 5), ["ab"]);
        assert_eq!(fold("", 5), [""]);
        assert_eq!(fold("abcdefgh", 5), ["abcdefgh"]);
    }

    #[test]
    fn the_answer_is_what_the_module_says_first() {
        let text = |head: &str, foot: &str| {
            format!("{head}experiment size direction phase min p50 p90 p99 p99.9 max samples failures\n\
                     a 64 to-device map 1 2 3 4 5 6 7 0\n{foot}")
        };
        let head = text(
            "# ns per operation, net\n# EMULATED: x\n# map\n",
            "# ADVICE\n# old\n",
        );
        assert_eq!(answer(&comparison::read(&head).unwrap()), ["map"]);
        let foot = text(
            "# ns per operation, net\n",
            "#\n# ADVICE\n# old\n#\n# on Linux\n",
        );
        assert_eq!(answer(&comparison::read(&foot).unwrap()), ["ADVICE", "old"]);
    }
}
