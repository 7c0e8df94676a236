// SPDX-License-Identifier: GPL-2.0

//! The kernel's address space, drawn.

use super::table::{
    header,
    row,
    Column, //
};
use crate::model::{
    layout::{
        Region,
        Sample, //
    },
    num::{
        Dec,
        Hex, //
    },
    text::Text, //
};
use core::fmt::{
    self,
    Display,
    Write, //
};

const LAYOUT: &[Column] = &[
    ("start", 18),
    ("end", 18),
    ("size", 6),
    ("region", -14),
    ("log2", -18),
    ("holds", -24),
    ("meaning", -1),
];

/// The regions, the highest first, with what lies between them and what each sample fell into.
pub fn layout(out: &mut dyn Write, regions: &[Region], samples: &[Sample]) -> fmt::Result {
    writeln!(
        out,
        "# the highest address first, - is a gap; one # for each factor of 4 above 4 KiB"
    )?;
    writeln!(
        out,
        "# holds: where one allocation of each kind was when the module was loaded"
    )?;
    header(out, LAYOUT)?;
    let mut below: Option<u64> = None;
    for region in regions {
        let gap = below.map(|below| Region {
            name: "-",
            start: region.end,
            end: below,
        });
        if let Some(gap) = gap.filter(|gap| gap.size() > 0) {
            line(out, &gap, &[])?;
        }
        line(out, region, samples)?;
        below = Some(region.start);
    }
    let outside = |sample: &&Sample| {
        let holds = |addr: u64| regions.iter().any(|region| region.holds(addr));
        !sample.addr.is_some_and(holds)
    };
    for sample in samples.iter().filter(outside) {
        match sample.addr {
            Some(addr) => writeln!(out, "# {}: at {}, in none", sample.kind, Hex(addr))?,
            None => writeln!(out, "# {}: no memory for it", sample.kind)?,
        }
    }
    Ok(())
}

fn line(out: &mut dyn Write, region: &Region, samples: &[Sample]) -> fmt::Result {
    row(
        out,
        LAYOUT,
        &[
            &Hex(region.start),
            &Hex(region.end),
            &size(region.size()),
            &region.name,
            &bar(region.size()),
            &Holds(region, samples),
            &meaning(region.name),
        ],
    )
}

/// At least two digits of the largest unit, rounded down.
fn size(bytes: u64) -> Text<24> {
    let units = [(50, "P"), (40, "T"), (30, "G"), (20, "M"), (10, "K")];
    let large = units.into_iter().find(|(shift, _)| bytes >> shift >= 10);
    let (shift, unit) = large.unwrap_or((0, ""));
    Text::format(format_args!("{}{unit}", Dec(bytes >> shift)))
}

fn bar(bytes: u64) -> &'static str {
    let bar = "##########################";
    let length = (bytes.max(1).ilog2().saturating_sub(12) / 2).max(1);
    bar.get(..length as usize).unwrap_or(bar)
}

/// The kinds of samples that a region holds, as one field.
struct Holds<'a>(&'a Region, &'a [Sample]);

impl Display for Holds<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Text::<96>::EMPTY;
        let inside = |sample: &&Sample| sample.addr.is_some_and(|addr| self.0.holds(addr));
        for sample in self.1.iter().filter(inside) {
            let comma = if text == Text::EMPTY { "" } else { "," };
            text = Text::format(format_args!("{text}{comma}{}", sample.kind));
        }
        match text == Text::EMPTY {
            true => f.pad("-"),
            false => f.pad(text.as_str()),
        }
    }
}

fn meaning(region: &str) -> &'static str {
    match region {
        "user" => "the process's own",
        "linear" => "all low memory, always mapped, at a fixed distance from its physical address",
        "vmalloc" => "pages from anywhere, made to follow each other; remapped and I/O memory; on arm64 the kernel",
        "fixmap" => "fixed slots; kmap_local() of high memory, per CPU",
        "modules" => "code and data of modules, in reach of the kernel's own",
        "kernel" => "the kernel's image",
        "pkmap" => "kmap() of high memory, one pool for all",
        "vmemmap" => "struct page of every page",
        "ldt" => "a process's own segments, where page tables are isolated",
        "cpu_entry_area" => "what each CPU needs on its way into the kernel",
        "espfix" => "stacks for the way back to 16-bit segments",
        "efi" => "the firmware's services",
        _ => "-",
    }
}
