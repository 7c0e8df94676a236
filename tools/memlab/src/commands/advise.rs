// SPDX-License-Identifier: GPL-2.0

//! `advise [DEVICE]`: the answer first, on one screen.

use super::{lend, pattern, show::Shown, why, Context, Found};
use crate::{
    error::{Error, Result},
    evidence::{
        comparison::{self, Comparison, Row},
        module,
        recording::Recording,
    },
    output::{fold, progress, Check, Face, Table, COLUMNS},
    picture::{series, terminal},
};
use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;
use std::{path::PathBuf, time::Duration};

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
    /// What else to ask, as the module's file compare takes it: experiments=a,b size=4K touch=yes
    #[arg(long, value_name = "LINE", conflicts_with_all = ["pattern", "from"])]
    ask: Option<String>,
    /// What stands behind a sentence: one of the topics that --why list names
    #[arg(long, value_name = "TOPIC")]
    why: Option<String>,
    /// Lend the device for the time of the measurement, and give it back
    #[arg(long, requires = "device")]
    lend: bool,
    /// How long to measure, in ms
    #[arg(long, default_value_t = 3000, value_parser = clap::value_parser!(u64).range(100..=3_600_000))]
    time: u64,
}

/// The answer, and what it rests on.
#[derive(Serialize, JsonSchema)]
pub struct Advice {
    /// The sentences.
    pub answer: Vec<String>,
    /// What to do next.
    pub next: Vec<String>,
    /// The figures.
    pub rows: Vec<Row>,
    #[serde(skip)]
    percentiles: Vec<f64>,
    #[serde(skip)]
    chart: Vec<String>,
    #[serde(skip)]
    whole: Option<String>,
}

/// What was asked for.
pub enum Advised {
    /// The answer.
    Measured(Advice),
    /// The one for a device that is not there yet.
    Pattern(pattern::Answer),
    /// What stands behind a sentence.
    Why(Shown),
}

/// Measures, or reads, and says what follows.
pub fn advise(context: &Context, arguments: &Arguments) -> Result<Found<Advised>> {
    let lent = match (&arguments.device, arguments.lend) {
        (Some(name), true) => Some(lend::take(&context.machine, name)?),
        _ => None,
    };
    // Under another name it is found, not measured.
    let device = lent
        .as_ref()
        .map(|loan| &loan.device)
        .or(arguments.device.as_ref());
    let found = measured(context, arguments, device);
    if let Some(loan) = &lent {
        // A driver that does not come back is worse than a measurement that failed.
        lend::restore(&context.machine, loan)?;
    }
    Ok(found?.into())
}

fn measured(context: &Context, arguments: &Arguments, device: Option<&String>) -> Result<Advised> {
    if let Some(topic) = &arguments.why {
        return why::why(topic).map(Advised::Why);
    }
    if let Some(pattern) = &arguments.pattern {
        let device = device.map(String::as_str);
        return pattern::advise(context, pattern, device, arguments.time).map(Advised::Pattern);
    }
    let (text, chart) = match &arguments.from {
        Some(path) => {
            let recording = Recording::read(path)?;
            let text = recording.rounds.first().cloned().unwrap_or_default();
            let chart = if arguments.chart {
                chart(&recording)?
            } else {
                Vec::new()
            };
            (text, chart)
        }
        None => {
            let module = module::open(&context.machine)?;
            let asked = device.map(|name| format!(" device={name}"));
            let mut line = format!("time={}{}", arguments.time, asked.unwrap_or_default());
            if let Some(more) = &arguments.ask {
                line = format!("{line} {more}");
            }
            let expected = Duration::from_millis(arguments.time * 2);
            let text = progress::during("comparing", expected, module.watch(), || {
                module.ask("compare", &line)
            })?;
            (text, Vec::new())
        }
    };
    let compared = comparison::read(&text)?;
    Ok(Advised::Measured(Advice {
        answer: compared.sentences(COLUMNS),
        next: next(&compared, arguments.from.as_ref()),
        percentiles: chosen(&context.percentiles)?,
        rows: compared.rows,
        chart,
        whole: arguments.all.then_some(text),
    }))
}

/// The percentiles to show, if a comparison has them.
fn chosen(asked: &[f64]) -> Result<Vec<f64>> {
    for per_cent in asked {
        let name = format!("p{per_cent}");
        if !comparison::FIGURES.contains(&name.as_str()) {
            let all: Vec<&str> = comparison::FIGURES
                .into_iter()
                .filter(|name| name.starts_with('p'))
                .collect();
            return Err(Error::unknown("percentiles", &name, &all));
        }
    }
    Ok(asked.to_vec())
}

fn chart(recording: &Recording) -> Result<Vec<String>> {
    let direction = Some("to-device");
    let mut lines = terminal::plot(&series::of(recording, direction)?);
    if !lines.is_empty() {
        lines.insert(
            0,
            "What a transfer to the device costs, by its size:".to_owned(),
        );
    }
    Ok(lines)
}

/// The calls in their order, of what was the cheapest for most sizes that were measured.
fn next(compared: &Comparison, from: Option<&PathBuf>) -> Vec<String> {
    let mut lines = Vec::new();
    if !compared.answer.iter().any(|line| line.starts_with("Next")) {
        if let Some(way) = cheapest(compared) {
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

/// The way to get bytes to a device that is the first in most of the module's rankings.
fn cheapest(compared: &Comparison) -> Option<String> {
    let ranks = compared.ranks();
    let mut wins: Vec<(usize, &str)> = Vec::new();
    let mut last = None;
    for rank in ranks
        .iter()
        .filter(|rank| rank.direction.as_deref() == Some("to-device"))
    {
        // A ranking begins with its cheapest.
        if last.replace(rank.size) == Some(rank.size) {
            continue;
        }
        match wins.iter_mut().find(|(_, other)| *other == rank.experiment) {
            Some((count, _)) => *count += 1,
            None => wins.push((1, &rank.experiment)),
        }
    }
    let most = wins.into_iter().max_by_key(|(count, _)| *count);
    most.map(|(_, name)| name.to_owned())
}

impl Face for Advice {
    fn text(&self) -> String {
        match &self.whole {
            Some(whole) if self.percentiles.is_empty() => return whole.clone(),
            Some(_) => return comparison::table(&self.rows, &self.percentiles).text(),
            None => {}
        }
        let below = [self.chart.clone(), self.next.clone()].concat();
        let parts = [&self.answer, &below];
        let parts = parts.iter().filter(|lines| !lines.is_empty());
        parts
            .map(|lines| lines.join("\n"))
            .collect::<Vec<_>>()
            .join(if self.chart.is_empty() { "\n\n" } else { "\n" })
            + "\n"
    }

    fn tables(&self) -> Vec<Table> {
        vec![comparison::table(&self.rows, &self.percentiles)]
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
