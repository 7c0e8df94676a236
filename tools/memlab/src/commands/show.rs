// SPDX-License-Identifier: GPL-2.0

//! `show WHAT`: a look that changes nothing.

use super::{Context, Found};
use crate::{
    error::Result,
    evidence::{
        module, swiotlb,
        text::{parse, Block},
        vmalloc,
    },
    output::{Cell, Check, Face, Table},
};
use clap::{Args, ValueEnum};
use schemars::JsonSchema;
use serde::Serialize;

/// What can be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum What {
    /// The zones of each node: size, free, watermarks
    Zones,
    /// The free blocks by order and by migration type
    Buddy,
    /// How large a block can be had, and why no larger
    Fragmentation,
    /// How far free memory is from each watermark
    Watermarks,
    /// The CMA areas
    Cma,
    /// The kernel's address space
    Layout,
    /// What MemAvailable is made of
    Meminfo,
    /// Counters of allocation, reclaim, compaction and CMA
    Events,
    /// The devices that are lent
    Devices,
    /// What can be measured
    Experiments,
    /// Kernel, CPU, clock: what colours every figure
    Provenance,
    /// The bounce buffer, as debugfs has it
    Swiotlb,
    /// Who uses the vmalloc and the module area, and their largest hole
    Vmalloc,
}

impl What {
    /// The module's file, or the name of what is worked out of the kernel's.
    fn file(self) -> &'static str {
        match self {
            Self::Zones => "zones",
            Self::Buddy => "buddy",
            Self::Fragmentation => "fragmentation",
            Self::Watermarks => "watermarks",
            Self::Cma => "cma",
            Self::Layout => "layout",
            Self::Meminfo => "meminfo",
            Self::Events => "events",
            Self::Devices => "device",
            Self::Experiments => "experiments",
            Self::Provenance => "provenance",
            Self::Swiotlb => "swiotlb",
            Self::Vmalloc => "vmalloc",
        }
    }
}

/// Looks at one thing and changes nothing
#[derive(Args, Debug)]
pub struct Arguments {
    /// What to look at
    what: What,
}

/// What a look showed.
#[derive(Serialize, JsonSchema)]
pub struct Shown {
    /// What was looked at.
    pub what: String,
    /// Its lists.
    pub values: Vec<(String, Cell)>,
    /// Its tables.
    pub tables: Vec<Table>,
    /// What else it says.
    pub notes: Vec<String>,
    #[serde(skip)]
    text: String,
}

impl Shown {
    /// From a text of the module's form.
    pub fn read(what: &str, text: String) -> Self {
        let (mut values, mut tables, mut notes) = (Vec::new(), Vec::new(), Vec::new());
        for block in parse(&text) {
            match block {
                Block::Notes(lines) => notes.extend(lines),
                Block::Pairs(pairs) => {
                    values.extend(
                        pairs
                            .into_iter()
                            .map(|(key, value)| (key, Cell::parse(&value))),
                    );
                }
                Block::Table(table) => tables.push(table),
            }
        }
        Self {
            what: what.to_owned(),
            values,
            tables,
            notes,
            text,
        }
    }

    /// Sentences alone.
    pub fn of_notes(what: &str, notes: Vec<String>) -> Self {
        Self {
            what: what.to_owned(),
            values: Vec::new(),
            tables: Vec::new(),
            text: notes.join("\n") + "\n",
            notes,
        }
    }
}

impl Face for Shown {
    fn text(&self) -> String {
        self.text.clone()
    }

    fn tables(&self) -> Vec<Table> {
        let mut list = Table::new(["key", "value"]);
        for (key, value) in &self.values {
            list.push([Cell::text(&**key), value.clone()]);
        }
        let lists = (!list.rows.is_empty()).then_some(list);
        lists
            .into_iter()
            .chain(self.tables.iter().cloned())
            .collect()
    }

    fn checks(&self) -> Vec<Check> {
        vec![Check {
            name: format!("show {}", self.what),
            held: Some(true),
            because: String::new(),
        }]
    }
}

/// Looks.
pub fn show(context: &Context, arguments: &Arguments) -> Result<Found<Shown>> {
    let file = arguments.what.file();
    let machine = &context.machine;
    let text = match arguments.what {
        What::Swiotlb => swiotlb::report(machine),
        What::Vmalloc => {
            // Without the module the regions stay unknown, and the rest is there.
            let layout = module::open(machine).and_then(|module| module.look("layout"));
            vmalloc::report(machine, layout.ok().as_deref())?
        }
        _ => module::open(machine)?.look(file)?,
    };
    let name = arguments.what.to_possible_value();
    let name = name.map_or(file.to_owned(), |value| value.get_name().to_owned());
    Ok(Shown::read(&name, text).into())
}
