// SPDX-License-Identifier: GPL-2.0

//! `record FILE`: measures, and keeps it.

use super::{run, Context, Found};
use crate::{
    error::{Error, Kind, Result},
    evidence::{
        comparison::Comparison,
        module::{self, Module},
        recording::{Recording, FORMAT, LOOKS, VERSION},
        text::shown,
    },
    output::{self, fold, progress, Cell, Check, Face, Table, COLUMNS},
};
use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

/// The size at which the curves are taken.
const CURVE_SIZE: u64 = 4096;
/// How long one of them is measured, in ms.
const CURVE_TIME: u64 = 100;

/// Measures what advise does, several times, and keeps all of it in a file
#[derive(Args, Debug)]
pub struct Arguments {
    /// Where to; - is stdout
    pub file: PathBuf,
    /// The device to measure on; it has to be lent
    #[arg(long)]
    pub device: Option<String>,
    /// How often to measure: the spread is the noise that diff allows for
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub rounds: u32,
    /// How long one round measures, in ms
    #[arg(long, default_value_t = 3000, value_parser = clap::value_parser!(u64).range(100..=3_600_000))]
    pub time: u64,
}

/// What was kept.
#[derive(Serialize, JsonSchema)]
pub struct Kept {
    /// The file.
    pub file: PathBuf,
    /// Its bytes.
    pub bytes: u64,
    /// How often everything was measured.
    pub rounds: u32,
    /// Rows of a comparison.
    pub rows: u64,
    /// How far the rounds of a row lie apart, in per cent of its median: the middle row's.
    pub noise_pct: Option<f64>,
    /// Looks that the kernel did not allow, and why.
    pub missing: Vec<String>,
}

/// Measures and writes.
pub fn record(context: &Context, arguments: &Arguments) -> Result<Found<Kept>> {
    let module = module::open(&context.machine)?;
    let (recording, missing) = measure(
        &*module,
        arguments.device.as_deref(),
        arguments.rounds,
        arguments.time,
    )?;
    let text = serde_json::to_string(&recording)
        .map_err(|error| Error::new(Kind::Version, format!("json: {error}")))?;
    let to_stdout = arguments.file == Path::new("-");
    if to_stdout {
        output::print(&text)?;
    } else {
        output::replace(&arguments.file, text.as_bytes())?;
    }
    let medians = recording.medians()?;
    Ok(Found {
        value: Kept {
            file: arguments.file.clone(),
            bytes: text.len() as u64,
            rounds: arguments.rounds,
            rows: medians.len() as u64,
            noise_pct: noise(&recording)?,
            missing,
        },
        failed: None,
        silent: to_stdout,
        held: None,
    })
}

/// All that a recording has, and what it lacks.
pub fn measure(
    module: &dyn Module,
    device: Option<&str>,
    rounds: u32,
    time: u64,
) -> Result<(Recording, Vec<String>)> {
    let (before, missing) = looks(module)?;
    let mut recording = Recording {
        format: FORMAT.to_owned(),
        version: VERSION,
        command: env!("CARGO_PKG_VERSION").to_owned(),
        taken: SystemTime::UNIX_EPOCH
            .elapsed()
            .map_or(0, |since| since.as_secs()),
        device: device.map(str::to_owned),
        rounds: Vec::new(),
        runs: Vec::new(),
        before,
        after: BTreeMap::new(),
    };
    let asked = device
        .map(|name| format!(" device={name}"))
        .unwrap_or_default();
    for round in 1..=rounds {
        let what = format!("round {round} of {rounds}");
        let line = format!("time={time}{asked}");
        // Setting up comes on top of the time that is measured.
        let expected = Duration::from_millis(time * 2);
        let text = progress::during(&what, expected, module.watch(), || {
            module.ask("compare", &line)
        })?;
        recording.rounds.push(text);
    }
    let compared = recording.comparison()?;
    for line in curves(&compared, &asked) {
        recording.runs.push(run::measure(module, &line)?);
    }
    (recording.after, _) = looks(module)?;
    Ok((recording, missing))
}

/// The looks, and which of them the kernel does not allow: one in lockdown shows no addresses.
fn looks(module: &dyn Module) -> Result<(BTreeMap<String, String>, Vec<String>)> {
    let (mut found, mut missing) = (BTreeMap::new(), Vec::new());
    for file in LOOKS {
        match module.look(file) {
            Ok(text) => {
                found.insert(file.to_owned(), text);
            }
            Err(error) if error.kind == Kind::Denied => missing.push(error.message),
            Err(error) => return Err(error),
        }
    }
    Ok((found, missing))
}

/// A line for each way that was compared at the size of the curves, for one direction; `device` is
/// for those that have to do with one, the others refuse it.
fn curves(compared: &Comparison, device: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for row in &compared.rows {
        let direction = row.direction.as_deref();
        if row.size != CURVE_SIZE || row.samples == 0 || direction == Some("from-device") {
            continue;
        }
        let direction = direction
            .map(|word| format!(" direction={word}"))
            .unwrap_or_default();
        let size = shown(row.size);
        let name = &row.experiment;
        let device = match name.starts_with("dma-") {
            true => device,
            false => "",
        };
        let line = format!("{name} size={size} time={CURVE_TIME}{direction} mode=op{device}");
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines
}

/// The middle row's spread in per cent of its median; `None` for one round, which has none.
pub fn noise(recording: &Recording) -> Result<Option<f64>> {
    if recording.rounds.len() < 2 {
        return Ok(None);
    }
    let medians = recording.medians()?;
    let shares = medians
        .iter()
        .filter(|row| row.floor.is_none() && row.ns != 0);
    let mut shares: Vec<f64> = shares
        .map(|row| row.spread() as f64 * 100.0 / row.ns as f64)
        .collect();
    shares.sort_by(f64::total_cmp);
    // To a tenth: more digits would be noise of the noise.
    Ok(shares
        .get(shares.len() / 2)
        .map(|share| (share * 10.0).round() / 10.0))
}

impl Face for Kept {
    fn text(&self) -> String {
        let noise = match self.noise_pct {
            Some(noise) => format!("the rounds of the middle row lie {noise} % apart"),
            None => "one round says nothing of the noise".to_owned(),
        };
        let file = self.file.display();
        let missing: String = self
            .missing
            .iter()
            .flat_map(|why| fold(&format!("not kept: {why}"), COLUMNS))
            .map(|line| line + "\n")
            .collect();
        format!(
            "kept in {file}: {} rows in {} rounds, {noise}\n{missing}\
             a page of it: memlab plot {file}   against another: memlab diff {file} OTHER\n",
            self.rows, self.rounds
        )
    }

    fn tables(&self) -> Vec<Table> {
        let mut table = Table::new(["file", "bytes", "rounds", "rows", "noise_pct"]);
        table.push([
            Cell::text(self.file.display().to_string()),
            Cell::Number(self.bytes),
            Cell::Number(self.rounds.into()),
            Cell::Number(self.rows),
            self.noise_pct.map_or(Cell::None, Cell::Real),
        ]);
        vec![table]
    }

    fn checks(&self) -> Vec<Check> {
        vec![Check {
            name: "record".into(),
            held: Some(self.rows != 0),
            because: format!("{} rows in {} rounds", self.rows, self.rounds),
        }]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::comparison;

    #[test]
    fn a_device_is_named_to_the_ways_that_have_one() {
        let compared = comparison::read(
            "experiment size direction phase min p50 p90 p99 p99.9 max samples failures\n\
             kmalloc 4K - alloc 1 2 3 4 5 6 100 0\n\
             dma-single 4K to-device map 1 2 3 4 5 6 100 0\n\
             dma-single 4K from-device map 1 2 3 4 5 6 100 0\n",
        )
        .unwrap();
        assert_eq!(
            curves(&compared, " device=0000:00:01.0"),
            [
                "kmalloc size=4K time=100 mode=op",
                "dma-single size=4K time=100 direction=to-device mode=op device=0000:00:01.0"
            ]
        );
    }
}
