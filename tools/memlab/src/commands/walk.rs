// SPDX-License-Identifier: GPL-2.0

//! `walk ADDRESS`: the way of an address through the page tables, and the page at its end.

use super::{Context, Found};
use crate::{
    error::{Error, Kind, Result},
    evidence::{
        module,
        walk::{areas, parse_address, walk as walk_to, Entry, Walk},
    },
    output::{Cell, Check, Face, Table},
};
use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;
use std::fmt::Write;

/// Shows the way of an address through the page tables, and the page at its end
#[derive(Args, Debug)]
pub struct Arguments {
    /// An address of a process, or of the kernel, in hexadecimal
    #[arg(required_unless_present = "pid")]
    address: Option<String>,
    /// The process; without an address, one address of each of its areas
    #[arg(long)]
    pid: Option<u32>,
}

/// The walks.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Walked {
    /// Whether it is one address of each area of a process.
    pub each_area: bool,
    /// Each of them.
    pub walks: Vec<Walk>,
}

/// Walks.
pub fn walk(context: &Context, arguments: &Arguments) -> Result<Found<Walked>> {
    let machine = &context.machine;
    let pid = arguments.pid;
    let module = module::open(machine)?;
    // Without a process it is one of the kernel's: those of this command are of no interest.
    let areas = pid.map_or(Ok(Vec::new()), |pid| areas(machine, pid))?;
    let wanted = match &arguments.address {
        Some(text) => vec![parse_address(text).ok_or_else(|| {
            Error::new(
                Kind::Usage,
                format!("address={text}: must be hexadecimal, as 0x7f0012345678"),
            )
        })?],
        None => areas
            .iter()
            .filter_map(|area| parse_address(&area.start))
            .collect(),
    };
    let each_area = arguments.address.is_none();
    let mut walks = Vec::new();
    for at in wanted {
        match walk_to(&*module, &areas, at, pid) {
            // Of the areas of x86_64 one, vsyscall, is in no process's half.
            Err(error) if each_area && error.kind == Kind::Refused => {}
            walked => walks.push(walked?),
        }
    }
    if each_area && walks.is_empty() {
        return Err(Error::new(
            Kind::Refused,
            format!(
                "pid={}: it has no areas: a thread of the kernel's, or it has ended",
                pid.unwrap_or(0)
            ),
        ));
    }
    Ok(Walked { each_area, walks }.into())
}

/// A size in the largest unit that it is a whole number of.
fn size(bytes: u64) -> String {
    let units = [(1 << 30, "G"), (1 << 20, "M"), (1 << 10, "K")];
    let fits = units
        .iter()
        .find(|(unit, _)| bytes % unit == 0 && bytes >= *unit);
    fits.map_or(format!("{bytes}"), |(unit, name)| {
        format!("{}{name}", bytes / unit)
    })
}

/// What an entry says, as short as `ls` says it, and then in words.
fn says(entry: &Entry) -> String {
    if entry.is("prot-none") {
        return "not for the CPU (PROT_NONE)".into();
    }
    if !entry.is("present") {
        return "empty".into();
    }
    let mut text = String::new();
    if entry.is("write") || entry.lacks.contains(&"write") {
        text.push('r');
        text.push(if entry.is("write") { 'w' } else { '-' });
        text.push(if entry.is("execute") { 'x' } else { '-' });
    }
    for word in ["user", "accessed", "dirty", "global", "contiguous"] {
        if entry.is(word) {
            if !text.is_empty() {
                text.push(' ');
            }
            text += word;
        }
    }
    text
}

impl Walk {
    /// What is there, in a sentence.
    fn sentence(&self) -> String {
        let whose = match (self.kernel, self.pid) {
            (true, _) => " of the kernel".to_owned(),
            (false, Some(pid)) => format!(" of process {pid}"),
            (false, None) => String::new(),
        };
        let phys = self.phys.as_deref().unwrap_or("?");
        let bytes = size(self.entries.last().map_or(0, |entry| entry.bytes));
        let what = match (self.found, &self.page, &self.swap) {
            ("page", Some(page), _) => {
                let kind = match page.kind {
                    "other" if self.kernel => "memory of the kernel's",
                    "other" => "memory that is nobody's page",
                    "anonymous" => "anonymous memory",
                    "file" => "a file's memory",
                    "shared" => "shared memory",
                    _ => "the shared page of zeroes",
                };
                format!(
                    "{kind} at {phys},\n  in a page of {bytes}, zone {} of node {}",
                    page.zone, page.node
                )
            }
            ("swap", _, Some(swap)) => {
                format!("in swap area {}, at page {}", swap.area, swap.offset)
            }
            ("device", ..) => format!("no memory of the kernel's, at {phys}"),
            ("nothing", ..) => "nothing: no page is mapped there".into(),
            ("migrating", ..) => "a page that is being moved right now".into(),
            ("gone", ..) => "not to be told: its table went away meanwhile".into(),
            _ => "a note of the kernel's in a page's place".into(),
        };
        format!("{}{whose} is {what}\n", self.address)
    }

    fn tree(&self) -> String {
        let mut text = self.sentence();
        if let Some(area) = &self.area {
            let name = if area.name.is_empty() {
                "anonymous"
            } else {
                &area.name
            };
            let _ = writeln!(
                text,
                "  in {}-{} {} {name}",
                area.start,
                area.end.trim_start_matches("0x"),
                area.permissions
            );
        }
        text.push('\n');
        for (depth, entry) in self.entries.iter().enumerate() {
            let branch = match depth {
                0 => String::new(),
                depth => format!("{}\u{2514}\u{2500} ", "   ".repeat(depth - 1)),
            };
            let name = format!("{}[{}]", entry.table, entry.index);
            let line = format!("{branch}{name:<9} {:<18} {}", entry.entry, says(entry));
            let _ = writeln!(text, "{}", line.trim_end());
            if let Some(hardware) = &entry.hardware {
                let _ = writeln!(text, "{}the CPU reads {hardware}", "   ".repeat(depth + 1));
            }
        }
        if let (Some(page), Some(last)) = (&self.page, self.entries.last()) {
            let depth = "   ".repeat(self.entries.len() - 1);
            let to = last.leads_to.as_deref().unwrap_or("?");
            let attr = last.attr.unwrap_or("reached as is not known");
            let _ = writeln!(
                text,
                "{depth}\u{2514}\u{2500} {to}, {}, {attr}",
                size(last.bytes)
            );
            let mut facts = format!(
                "{} order {}, references {}, mapped {}",
                page.kind, page.order, page.refcount, page.mapcount
            );
            if let Some(generation) = page.generation {
                let _ = write!(facts, ", generation {generation}");
            }
            if page.cma == Some(true) {
                facts += ", CMA";
            }
            let _ = writeln!(text, "{depth}   {facts}");
            if !page.flags.is_empty() {
                let _ = writeln!(text, "{depth}   {}", page.flags.join(" "));
            }
        }
        text
    }

    /// The first word for a page: its kind, or what there is instead.
    fn kind(&self) -> &'static str {
        self.page.as_ref().map_or(self.found, |page| page.kind)
    }

    /// What the last entry says, of what every entry on the way allows.
    fn effective(&self) -> String {
        let mut text = self.entries.last().map_or_else(String::new, says);
        for (at, letter, word) in [(1, "w", "write"), (2, "x", "execute")] {
            let forbids = |entry: &Entry| entry.lacks.contains(&word);
            if text.get(at..=at) == Some(letter) && self.entries.iter().any(forbids) {
                text.replace_range(at..=at, "-");
            }
        }
        text
    }
}

impl Face for Walked {
    fn text(&self) -> String {
        if !self.each_area {
            return self.walks.iter().map(Walk::tree).collect();
        }
        let mut table = Table::new(["address", "area", "page", "of", "at", "entry", "name"]);
        for walk in &self.walks {
            let area = walk.area.as_ref();
            let name = area.map_or("", |area| &area.name);
            let name = name.rsplit('/').next().unwrap_or(name);
            table.push([
                Cell::text(walk.address.trim_start_matches("0x")),
                Cell::text(area.map_or("-", |area| &area.permissions)),
                Cell::text(walk.kind()),
                Cell::text(size(walk.entries.last().map_or(0, |entry| entry.bytes))),
                Cell::text(walk.phys.as_deref().unwrap_or("-")),
                Cell::text(walk.effective()),
                Cell::text(name),
            ]);
        }
        let there = self.walks.iter().filter(|walk| walk.page.is_some()).count();
        format!(
            "of {} areas, {there} have a page at their first address\n\n{}",
            self.walks.len(),
            table.text()
        )
    }

    fn tables(&self) -> Vec<Table> {
        let mut table = Table::new([
            "address", "table", "level", "index", "at", "entry", "says", "leads_to", "found",
        ]);
        for walk in &self.walks {
            for entry in &walk.entries {
                table.push([
                    Cell::text(&*walk.address),
                    Cell::text(entry.table),
                    Cell::Number(entry.level.into()),
                    Cell::Number(entry.index.into()),
                    Cell::text(&*entry.at),
                    Cell::text(&*entry.entry),
                    Cell::text(entry.says.join(" ")),
                    entry.leads_to.clone().into(),
                    Cell::text(walk.found),
                ]);
            }
        }
        vec![table]
    }

    fn checks(&self) -> Vec<Check> {
        let check = |walk: &Walk| Check {
            name: format!("walk {}", walk.address),
            held: Some(true),
            because: walk.kind().to_owned(),
        };
        self.walks.iter().map(check).collect()
    }
}

#[cfg(test)]
#[path = "walk_tests.rs"]
mod tests;
