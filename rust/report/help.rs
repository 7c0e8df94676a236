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
    num::Dec,
    request::{
        CompareRequest,
        Direction,
        Gfp,
        Info,
        Limits,
        Mode,
        Number,
        Request,
        COMPARE_SIZES_MAX,
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
        for number in Number::ALL.into_iter().filter(|n| self.0.takes(*n)) {
            write!(f, "{},", number.name())?;
        }
        f.write_str("mode")?;
        choices(f, "gfp", &Gfp::ALL, self.0.gfp)?;
        choices(f, "direction", &Direction::ALL, self.0.directions)?;
        if self.0.needs_device {
            f.write_str(",device")?;
        }
        Ok(())
    }
}

/// `,KEY` where all words are taken, `,KEY=WORD|WORD` where some are, nothing where none is.
fn choices<T: PartialEq, const N: usize>(
    f: &mut fmt::Formatter<'_>,
    key: &str,
    all: &[(&'static str, T); N],
    taken: &[T],
) -> fmt::Result {
    if taken.is_empty() {
        return Ok(());
    }
    write!(f, ",{key}")?;
    if taken.len() == N {
        return Ok(());
    }
    let mut before = '=';
    for (word, _) in all.iter().filter(|(_, value)| taken.contains(value)) {
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
        "# Write to compare: [experiments=all|A,B,...] [device=NAME] [size=A,B,...] [time=MS] [direction=all|D,...]"
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

    writeln!(out, "# Parameters of run; sizes may end in K, M or G:")?;
    header(out, PARAMETERS)?;
    for number in Number::ALL {
        // The ranges but that of sizes are the same for all.
        let Some(info) = catalogue.first() else {
            break;
        };
        let range = limits.range(number, info);
        let default = Maybe(Request::within(info, limits).get(number).map(Dec));
        let sizes = number == Number::Size;
        let [min, max] = [range.min, range.max].map(|bound| Maybe((!sizes).then_some(Dec(bound))));
        let meaning = meaning(number);
        row(
            out,
            PARAMETERS,
            &[&number.name(), &default, &min, &max, &meaning],
        )?;
    }
    words(
        out,
        "gfp",
        &Gfp::ALL,
        "flags of the allocation; the first that an experiment takes by default",
    )?;
    words(
        out,
        "direction",
        &Direction::ALL,
        "of the DMA; to-device for transfer-*",
    )?;
    words(
        out,
        "mode",
        &Mode::ALL,
        "what a pair of clock reads is around",
    )?;
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
        Dec(default.time)
    )
}

fn meaning(number: Number) -> &'static str {
    match number {
        Number::Size => {
            "of one operation; unit and range are the experiment's own: see experiments"
        }
        Number::Iterations => "operations measured, per thread, in whole batches",
        Number::Warmup => "operations before the measured ones, per thread",
        Number::Time => "ms after which the run ends",
        Number::Threads => "threads at the same time",
        Number::Node => "memory node to run on; the scheduler's choice by default",
        Number::Batch => {
            "operations between two clock reads, a power of two that fits; 0 lets memlab choose"
        }
        Number::Offset => "where in its first page a buffer begins",
        Number::Entries => "of a scatter list; 0 for one per page, up to 1024",
        Number::Mask => "bits of address that the device is to have; its own by default",
        Number::Sync => "bytes that are synced, from offset on; 0 for all",
        Number::Align => "log2 of the pages that an allocation is aligned to",
    }
}

/// A parameter that takes one of a few words, the first of them by default.
fn words<T>(
    out: &mut dyn Write,
    name: &str,
    all: &[(&'static str, T)],
    meaning: &str,
) -> fmt::Result {
    let default = all.first().map_or("-", |(word, _)| *word);
    write!(
        out,
        "{name:<10} {default:>13} {:>8} {:>10} {meaning}: one of",
        "-", "-"
    )?;
    for (word, _) in all {
        write!(out, " {word}")?;
    }
    writeln!(out)
}
