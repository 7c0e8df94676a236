// SPDX-License-Identifier: GPL-2.0

//! The way of an address through the page tables, in words, and the areas of a process.

use super::{module::Module, Machine};
use crate::{
    error::{Error, Kind, Result},
    sys::door,
};
use schemars::JsonSchema;
use serde::Serialize;

/// One entry on the way.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Entry {
    /// The kernel's name of the table.
    pub table: &'static str,
    /// 5 to 1.
    pub level: u32,
    /// Which entry of the table.
    pub index: u32,
    /// For how many bytes of addresses such an entry is.
    pub bytes: u64,
    /// Where the entry is.
    pub at: String,
    /// As the kernel keeps it.
    pub entry: String,
    /// As the CPU reads it, where that is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hardware: Option<String>,
    /// What it says.
    pub says: Vec<&'static str>,
    /// What it could say and does not.
    pub lacks: Vec<&'static str>,
    /// How the CPU reaches the memory, of the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attr: Option<&'static str>,
    /// Where it leads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leads_to: Option<String>,
}

impl Entry {
    fn of(level: &door::Level, table: &'static str) -> Self {
        let named = |wanted: u32| {
            let bits = BITS.iter().enumerate();
            bits.filter(move |(bit, _)| wanted & (1 << bit) != 0)
                .map(|(_, name)| *name)
                .collect()
        };
        Self {
            table,
            level: level.level,
            index: level.index,
            bytes: 1 << level.shift.min(63),
            at: hex(level.at),
            entry: hex(level.entry),
            hardware: (level.hardware != level.entry).then(|| hex(level.hardware)),
            says: named(level.bits),
            lacks: named(level.known & !level.bits),
            attr: attr(level.attr),
            leads_to: address(level.phys).map(hex),
        }
    }

    /// Whether it says something.
    pub fn is(&self, word: &str) -> bool {
        self.says.contains(&word)
    }
}

/// What the page at the end is.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Page {
    /// Whose it is: anonymous, file, shared, zero, or other.
    pub kind: &'static str,
    /// The flags of /proc/kpageflags.
    pub flags: Vec<&'static str>,
    /// References to the folio.
    pub refcount: u32,
    /// Page tables that map the page.
    pub mapcount: u32,
    /// Of the folio: 2 to the power of this pages.
    pub order: u32,
    /// The zone.
    pub zone: String,
    /// The memory node.
    pub node: u32,
    /// The generation in the multi-generational LRU, modulo what that keeps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generation: Option<u32>,
    /// Whether it is of a CMA area.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cma: Option<bool>,
}

/// A page that is not in memory.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Swap {
    /// Which swap area, by its number.
    pub area: u32,
    /// Where in it, in pages.
    pub offset: u64,
}

/// An area of a process's addresses, as /proc/PID/maps has it.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Area {
    /// The first address.
    pub start: String,
    /// The first one behind it.
    pub end: String,
    /// As "rw-p".
    pub permissions: String,
    /// The file, or what it is for; empty for anonymous memory.
    pub name: String,
}

impl Area {
    fn parse(line: &str) -> Option<Self> {
        let (range, rest) = line.split_once(' ')?;
        let (start, end) = range.split_once('-')?;
        let mut words = rest.splitn(5, ' ');
        let permissions = words.next()?;
        let name = words.nth(3).unwrap_or("").trim_start();
        Some(Self {
            start: format!("0x{start}"),
            end: format!("0x{end}"),
            permissions: permissions.into(),
            name: name.into(),
        })
    }

    fn has(&self, address: u64) -> bool {
        let range = parse_address(&self.start).zip(parse_address(&self.end));
        range.is_some_and(|(start, end)| (start..end).contains(&address))
    }
}

/// One walk.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Walk {
    /// The address.
    pub address: String,
    /// The process, where it is another one's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// Whether it is one of the kernel's.
    pub kernel: bool,
    /// The area that it is in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub area: Option<Area>,
    /// From the top table down.
    pub entries: Vec<Entry>,
    /// What is at the end: nothing, page, device, swap, migrating, other, or gone.
    pub found: &'static str,
    /// Where the byte is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phys: Option<String>,
    /// The page, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<Page>,
    /// Where it is, if not in memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub swap: Option<Swap>,
}

/// `enum memlab_entry`, from bit 0 on.
const BITS: [&str; 10] = [
    "present",
    "write",
    "user",
    "execute",
    "accessed",
    "dirty",
    "global",
    "leaf",
    "prot-none",
    "contiguous",
];
/// `enum memlab_attr`
const ATTRS: [Option<&str>; 5] = [
    None,
    Some("cached"),
    Some("uncached"),
    Some("write-combined"),
    Some("device"),
];
/// How the CPU reaches memory, by the number of `enum memlab_attr`.
pub fn attr(number: u32) -> Option<&'static str> {
    ATTRS.get(number as usize).copied().flatten()
}

/// `enum memlab_found`
const FOUND: [&str; 7] = [
    "nothing",
    "page",
    "device",
    "swap",
    "migrating",
    "other",
    "gone",
];
/// `enum memlab_kind`
const KINDS: [&str; 5] = ["other", "anonymous", "file", "shared", "zero"];
/// linux/kernel-page-flags.h, from bit 0 on.
const FLAGS: [&str; 27] = [
    "locked",
    "error",
    "referenced",
    "uptodate",
    "dirty",
    "lru",
    "active",
    "slab",
    "writeback",
    "reclaim",
    "buddy",
    "mmap",
    "anon",
    "swapcache",
    "swapbacked",
    "compound-head",
    "compound-tail",
    "huge",
    "unevictable",
    "hwpoison",
    "nopage",
    "ksm",
    "thp",
    "offline",
    "zero-page",
    "idle",
    "pgtable",
];
/// The tables by their level; the top one is the pgd, whatever its level.
const TABLES: [&str; 6] = ["", "pte", "pmd", "pud", "p4d", "pgd"];

fn hex(value: u64) -> String {
    format!("{value:#x}")
}

fn address(value: u64) -> Option<u64> {
    (value != u64::MAX).then_some(value)
}

fn word(words: &[&'static str], index: u32) -> &'static str {
    words.get(index as usize).copied().unwrap_or("unknown")
}

/// An address as the kernel prints it: hexadecimal, with or without 0x.
pub fn parse_address(text: &str) -> Option<u64> {
    u64::from_str_radix(text.strip_prefix("0x").unwrap_or(text), 16).ok()
}

/// The areas of a process.
pub fn areas(machine: &Machine, pid: u32) -> Result<Vec<Area>> {
    let text = machine.look(&format!("/proc/{pid}/maps"));
    let text = text.ok_or_else(|| {
        Error::new(
            Kind::Refused,
            format!("pid={pid}: no such process, or its areas are not for this user"),
        )
    })?;
    Ok(text.lines().filter_map(Area::parse).collect())
}

/// Walks to an address of a process, or of the kernel.
pub fn walk(module: &dyn Module, areas: &[Area], at: u64, pid: Option<u32>) -> Result<Walk> {
    let raw = module.walk(at, pid.unwrap_or(0))?;
    Ok(of(&raw, areas, pid))
}

fn of(raw: &door::Walk, areas: &[Area], pid: Option<u32>) -> Walk {
    let levels = raw.level.iter().take(raw.levels as usize);
    let name = |(number, level)| -> Entry {
        let level: &door::Level = level;
        let table = match number {
            0 => "pgd",
            _ => word(&TABLES, level.level),
        };
        Entry::of(level, table)
    };
    let found = word(&FOUND, raw.found);
    Walk {
        address: hex(raw.address),
        pid,
        kernel: raw.kernel == 1,
        area: areas.iter().find(|area| area.has(raw.address)).cloned(),
        entries: levels.enumerate().map(name).collect(),
        found,
        phys: address(raw.phys).map(hex),
        page: (found == "page").then(|| Page {
            kind: word(&KINDS, raw.kind),
            flags: FLAGS
                .iter()
                .enumerate()
                .filter(|(bit, _)| raw.page_flags & (1 << bit) != 0)
                .map(|(_, name)| *name)
                .collect(),
            refcount: raw.refcount,
            mapcount: raw.mapcount,
            order: raw.order,
            zone: raw.zone(),
            node: raw.node,
            generation: (raw.generation != u32::MAX).then_some(raw.generation),
            cma: (raw.cma < 2).then_some(raw.cma == 1),
        }),
        swap: (found == "swap").then_some(Swap {
            area: raw.swap_type,
            offset: raw.swap_offset,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_area_is_a_line_of_maps() {
        let area = Area::parse(
            "55d0c0a4e000-55d0c0a50000 r-xp 00001000 fe:01 1234                       /usr/bin/a b",
        )
        .unwrap();
        assert_eq!(area.permissions, "r-xp");
        assert_eq!(area.name, "/usr/bin/a b");
        assert!(area.has(0x55d0_c0a4_e000) && !area.has(0x55d0_c0a5_0000));
        let area = Area::parse("7f00-7f10 rw-p 00000000 00:00 0 ").unwrap();
        assert_eq!(area.name, "");
        assert!(Area::parse("nothing").is_none());
    }

    #[test]
    fn an_address_is_hexadecimal() {
        assert_eq!(parse_address("0x7f00"), Some(0x7f00));
        assert_eq!(parse_address("7f00"), Some(0x7f00));
        assert_eq!(parse_address("x"), None);
    }
}
