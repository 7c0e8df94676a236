// SPDX-License-Identifier: GPL-2.0

//! `view`: each kind of memory for a device, as a program sees it that has it mapped.

use super::{Context, Found};
use crate::{
    error::{Error, Kind, Result},
    evidence::{
        module, text,
        view::{device, view as look, Figure, Missing, Size, View, Whose, KINDS, ORDINARY},
    },
    output::{fold, Cell, Check, Face, Table, COLUMNS},
};
use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;
use std::{fmt::Write, time::Duration};

/// Shows each kind of memory for a device as a program sees it that has it mapped
#[derive(Args, Debug)]
pub struct Arguments {
    /// The device; the one that is lent first by default
    #[arg(long)]
    device: Option<String>,
    /// How much of each kind, as 64K or 1M
    #[arg(long, default_value = "64K")]
    bytes: String,
    /// For how long each figure is taken, in ms
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    time: u64,
    /// Only these kinds, beside ordinary memory
    #[arg(value_parser = KINDS)]
    kinds: Vec<String>,
}

/// What was seen.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Viewed {
    /// For which device.
    pub device: Whose,
    /// Of each mapping.
    pub bytes: u64,
    /// Each kind, ordinary memory first.
    pub views: Vec<View>,
    /// Kinds that there are none of.
    pub missing: Vec<Missing>,
}

/// Looks.
pub fn view(context: &Context, arguments: &Arguments) -> Result<Found<Viewed>> {
    let bytes = text::bytes(&arguments.bytes).filter(|bytes| (4096..=16 << 20).contains(bytes));
    let bytes = bytes.ok_or_else(|| {
        let given = &arguments.bytes;
        Error::new(
            Kind::Usage,
            format!("bytes={given}: out of range, 4K to 16M"),
        )
    })?;
    let page = rustix::param::page_size();
    let module = module::open(&context.machine)?;
    let device = device(&*module, arguments.device.as_deref())?;
    let size = Size {
        // CAST: 16 MiB at most.
        bytes: (bytes as usize).next_multiple_of(page),
        page,
        time: Duration::from_millis(arguments.time),
    };
    let kinds = &arguments.kinds;
    let wanted = |kind: &str| kinds.is_empty() || kinds.iter().any(|other| other == kind);
    let (views, missing) = look(&*module, &device, size, wanted)?;
    let viewed = Viewed {
        device,
        bytes: size.bytes as u64,
        views,
        missing,
    };
    Ok(viewed.into())
}

/// Words with commas between them.
fn listed<'a>(words: impl Iterator<Item = &'a str>) -> String {
    words.collect::<Vec<_>>().join(", ")
}

impl Viewed {
    /// What a device has: all but ordinary memory.
    fn buffers(&self) -> impl Iterator<Item = &View> + Clone {
        self.views.iter().filter(|view| view.kind != ORDINARY)
    }

    /// Which kinds are one to a program: by what its page tables say.
    fn kinds(&self) -> String {
        let mut attrs: Vec<&str> = Vec::new();
        for view in self.buffers() {
            let attr = view.attr.unwrap_or("not known");
            if !attrs.contains(&attr) {
                attrs.push(attr);
            }
        }
        match attrs.as_slice() {
            [] => "No kind of memory could be had.".to_owned(),
            [one] => format!("One kind of memory to a program here: {one}, by its page tables."),
            several => {
                let each = several.iter().map(|attr| {
                    let like = |view: &&View| view.attr.unwrap_or("not known") == *attr;
                    let kinds = self.buffers().filter(like).map(|view| view.kind);
                    format!("{attr}: {}", listed(kinds))
                });
                let count = several.len();
                let each = each.collect::<Vec<_>>().join("; ");
                format!("{count} kinds of memory to a program, by its page tables: {each}.")
            }
        }
    }

    /// Which need a sync.
    fn syncs(&self) -> String {
        let which = |needs| {
            let like = self.buffers().filter(move |view| view.needs_sync == needs);
            listed(like.map(|view| view.kind))
        };
        let mut text = match which(Some(true)).as_str() {
            "" => "No kind is known to need a sync.".to_owned(),
            kinds => {
                let mut all = self.buffers().filter(|view| view.needs_sync == Some(true));
                let because = all.next().map_or("", |view| view.because);
                format!("A sync is needed for {kinds}: {because}.")
            }
        };
        let unknown = which(None);
        if !unknown.is_empty() {
            let _ = write!(
                text,
                " Not told for {unknown}: an IOMMU hides where the bytes are."
            );
        }
        text
    }
}

/// Lines of a screen.
fn folded(text: &str) -> String {
    fold(text, COLUMNS).join("\n") + "\n"
}

/// A figure in as many digits as it is worth.
fn figure(figure: &Figure) -> Cell {
    match figure.rounds {
        0 => Cell::None,
        // CAST: No figure here is below zero or near the end of the numbers.
        _ => Cell::Number(figure.median.round() as u64),
    }
}

fn yes(value: Option<bool>) -> &'static str {
    match value {
        Some(true) => "yes",
        Some(false) => "no",
        None => "-",
    }
}

/// The figures of a view, with their names.
fn figures(view: &View) -> [(&'static str, &'static str, &Figure); 9] {
    [
        ("fault", "ns", &view.fault_ns),
        ("write_word", "MB/s", &view.write.word),
        ("write_line", "MB/s", &view.write.line),
        ("write_memcpy", "MB/s", &view.write.memcpy),
        ("read_word", "MB/s", &view.read.word),
        ("read_line", "MB/s", &view.read.line),
        ("read_memcpy", "MB/s", &view.read.memcpy),
        ("latency", "ns", &view.latency_ns),
        ("sync", "ns", &view.sync_ns),
    ]
}

impl Face for Viewed {
    fn text(&self) -> String {
        let coherent = match self.device.coherent {
            Some(true) => "cache-coherent",
            Some(false) => "not cache-coherent",
            None => "not told whether cache-coherent",
        };
        let mut text = folded(&format!("{} {}", self.kinds(), self.syncs()));
        let size = text::shown(self.bytes);
        let of = format!("{size} of each for {} ({coherent})", self.device.name);
        let _ = writeln!(text, "\n{of}");
        if self.device.machine == "tcg" {
            text += &folded(
                "EMULATED: QEMU models no caches and no write buffers. What the tables say is \
                 true, MB/s and ns are an emulator's: an uncached read costs here what a cached \
                 one does.",
            );
        }
        let mut is = Table::new(["kind", "program", "kernel", "zone", "extents", "sync"]);
        let mut does = Table::new([
            "kind", "w:word", "w:64", "w:cpy", "r:word", "r:64", "r:cpy", "read", "fault", "sync",
        ]);
        for view in &self.views {
            is.push([
                Cell::text(view.kind),
                Cell::text(view.attr.unwrap_or("-")),
                Cell::text(view.kernel_attr.unwrap_or("-")),
                Cell::text(&*view.zone),
                match view.extents {
                    0 => Cell::None,
                    extents => Cell::Number(extents.into()),
                },
                Cell::text(yes(view.needs_sync)),
            ]);
            does.push([
                Cell::text(view.kind),
                figure(&view.write.word),
                figure(&view.write.line),
                figure(&view.write.memcpy),
                figure(&view.read.word),
                figure(&view.read.line),
                figure(&view.read.memcpy),
                figure(&view.latency_ns),
                figure(&view.fault_ns),
                figure(&view.sync_ns),
            ]);
        }
        let _ = write!(text, "\n{}\n", is.text());
        text += "MB/s written and read by word, by 64 bytes, by memcpy; ns for a read that waits\n\
                 for the one before it, the first touch of a page, a sync to and fro: medians\n";
        text += &does.text();
        for Missing { kind, why } in &self.missing {
            text.push('\n');
            text += &folded(&format!("{kind}: {why}"));
        }
        text
    }

    fn tables(&self) -> Vec<Table> {
        let mut table = Table::new([
            "kind", "program", "kernel", "sync", "figure", "unit", "median", "low", "high",
            "rounds",
        ]);
        for view in &self.views {
            for (name, unit, figure) in figures(view) {
                table.push([
                    Cell::text(view.kind),
                    Cell::text(view.attr.unwrap_or("-")),
                    Cell::text(view.kernel_attr.unwrap_or("-")),
                    Cell::text(yes(view.needs_sync)),
                    Cell::text(name),
                    Cell::text(unit),
                    Cell::Real(figure.median),
                    Cell::Real(figure.low),
                    Cell::Real(figure.high),
                    Cell::Number(figure.rounds as u64),
                ]);
            }
        }
        vec![table]
    }

    fn checks(&self) -> Vec<Check> {
        // What one of them has in the caches the other would not see.
        let check = |view: &View| Check {
            name: format!("{}: program and kernel reach it alike", view.kind),
            held: (view.attr.zip(view.kernel_attr)).map(|(program, kernel)| program == kernel),
            because: format!(
                "program {}, kernel {}",
                view.attr.unwrap_or("-"),
                view.kernel_attr.unwrap_or("-")
            ),
        };
        let missing = self.missing.iter().map(|missing| Check {
            name: missing.kind.to_owned(),
            held: None,
            because: missing.why.clone(),
        });
        self.buffers().map(check).chain(missing).collect()
    }
}

#[cfg(test)]
#[path = "view_tests.rs"]
mod tests;
