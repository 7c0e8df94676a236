// SPDX-License-Identifier: GPL-2.0

//! What may be asked.

use super::table::{
    header,
    row,
    Bytes,
    Column,
    Maybe, //
};
use crate::model::{
    compare_request::{
        CompareRequest,
        COMPARE_SIZES_MAX, //
    },
    num::Dec,
    parameter::Row,
    request::{
        Info,
        Limits,
        Parameter,
        Values,
        DEVICE_NAME_MAX, //
    },
    text::Text, //
};
use core::fmt::{
    self,
    Display,
    Write, //
};

const EXPERIMENTS: &[Column] = &[
    ("experiment", -22),
    ("phases", -18),
    ("min_size", 8),
    ("max_size", 8),
    ("unit", -12),
    ("sleeps", 6),
    ("parameters", -1),
];

/// One line for each experiment: its phases, its sizes and their unit, what it takes.
pub fn experiments(out: &mut dyn Write, catalogue: &[&'static Info]) -> fmt::Result {
    header(out, EXPERIMENTS)?;
    for info in catalogue {
        row(
            out,
            EXPERIMENTS,
            &[
                &info.name,
                &Phases(info),
                &Bytes(info.sizes.min),
                &Bytes(info.sizes.max),
                &info.unit,
                &super::provenance::yes(info.may_sleep),
                &Parameters(info),
            ],
        )?;
    }
    Ok(())
}

struct Phases(&'static Info);

impl Display for Phases {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [acquire, release] = self.0.phases;
        let text = Text::<32>::format(format_args!("{acquire},{release}"));
        text.fmt(f)
    }
}

struct Parameters(&'static Info);

impl Display for Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut comma = "";
        for parameter in Parameter::ALL.iter().filter(|p| self.0.takes(**p)) {
            write!(f, "{comma}{}", parameter.name())?;
            if let Values::Words(words, _) = parameter.row().values {
                choices(f, words, |place| self.0.takes_word(*parameter, place))?;
            }
            comma = ",";
        }
        if self.0.needs_device {
            f.write_str(",device")?;
        }
        Ok(())
    }
}

/// `=WORD|WORD` where some words are taken, nothing where all are.
fn choices(f: &mut fmt::Formatter<'_>, words: &[&str], taken: impl Fn(u64) -> bool) -> fmt::Result {
    let some = || (0..).zip(words).filter(|(place, _)| taken(*place));
    if some().count() == words.len() {
        return Ok(());
    }
    let mut before = '=';
    for (_, word) in some() {
        write!(f, "{before}{word}")?;
        before = '|';
    }
    Ok(())
}

const PARAMETERS: &[Column] = &[
    ("parameter", -10),
    ("default", 13),
    ("min", 8),
    ("max", 10),
    ("meaning", -1),
];

/// The grammar, the experiments, and the parameters with their ranges and defaults.
pub fn help(out: &mut dyn Write, catalogue: &[&'static Info], limits: &Limits) -> fmt::Result {
    writeln!(
        out,
        "# Write to run:     NAME key=value ...                  e.g. dma-coherent size=64K"
    )?;
    writeln!(
        out,
        "# Write to compare: [experiments=all|A,B,...] [device=NAME] [size=A,B,...] [time=MS] [direction=all|D,...] [touch=yes]"
    )?;
    writeln!(
        out,
        "#                   or nothing, for what driver authors choose between"
    )?;
    writeln!(out, "# Then read the file. A write runs, a read shows.")?;
    writeln!(
        out,
        "# Read for the state of memory: zones buddy watermarks fragmentation cma layout meminfo events"
    )?;
    writeln!(
        out,
        "# Write to scenario: a state of memory to run them under; read it for what there is to write"
    )?;
    writeln!(out)?;
    writeln!(out, "# Experiments:")?;
    for info in catalogue {
        writeln!(out, "{:<22} {}", info.name, info.about)?;
    }
    writeln!(out)?;

    writeln!(
        out,
        "# Parameters of run; what is in bytes may end in K, M or G:"
    )?;
    header(out, PARAMETERS)?;
    // The ranges but that of sizes are the same for all.
    let any = catalogue.first().copied().unwrap_or(&Info::PLAIN);
    for &parameter in Parameter::ALL {
        let row = parameter.row();
        match row.values {
            Values::Numbers(..) => number(out, parameter, any, limits)?,
            Values::Words(names, _) => words(out, row, names)?,
        }
    }
    writeln!(
        out,
        "{:<10} {:>13} {:>8} {:>10} device under test, up to {DEVICE_NAME_MAX} bytes; the module's own by default",
        "device", "-", "-", "-"
    )?;
    writeln!(out)?;

    let default = CompareRequest::new(limits);
    let times = CompareRequest::times(limits);
    write!(out, "# compare: up to {COMPARE_SIZES_MAX} sizes, ")?;
    write!(
        out,
        "{} to {}, default ",
        Bytes(CompareRequest::SIZES.min),
        Bytes(CompareRequest::SIZES.max)
    )?;
    let mut comma = "";
    for size in default.sizes() {
        write!(out, "{comma}{}", Bytes(*size))?;
        comma = ",";
    }
    writeln!(
        out,
        "; time of all runs {} to {} ms, default {}",
        Dec(times.min),
        Dec(times.max),
        Dec(default.time())
    )
}

/// A parameter that takes a number.
fn number(out: &mut dyn Write, parameter: Parameter, any: &Info, limits: &Limits) -> fmt::Result {
    let range = any.range(parameter, limits);
    let default = Maybe(any.default(parameter, limits).map(Dec));
    let sizes = parameter == Parameter::Size;
    let [min, max] = [range.min, range.max].map(|bound| Maybe((!sizes).then_some(Dec(bound))));
    let Row { name, about, .. } = parameter.row();
    row(out, PARAMETERS, &[name, &default, &min, &max, about])
}

/// A parameter that takes one of a few words, the first of them by default.
fn words(out: &mut dyn Write, row: &Row, names: &[&str]) -> fmt::Result {
    let Row { name, about, .. } = row;
    let default = names.first().unwrap_or(&"-");
    write!(
        out,
        "{name:<10} {default:>13} {:>8} {:>10} {about}: one of",
        "-", "-"
    )?;
    for word in names {
        write!(out, " {word}")?;
    }
    writeln!(out)
}
