// SPDX-License-Identifier: GPL-2.0

//! The areas of vmalloc and of modules: what is used, by whom, and the largest hole.

use super::{
    text::{parse, shown, table_of},
    Machine,
};
use crate::{error::Result, output::Cell};
use std::{collections::BTreeMap, fmt::Write};

/// A region of the kernel's addresses.
#[derive(Clone, Debug, PartialEq)]
pub struct Region {
    name: String,
    start: u64,
    end: u64,
}

/// The regions of the module's file `layout` that vmalloc areas lie in.
pub fn regions(layout: &str) -> Vec<Region> {
    let blocks = parse(layout);
    let Some(table) = table_of(&blocks, "start") else {
        return Vec::new();
    };
    let of = |row: &[Cell], name: &str| table.column(name).and_then(|at| row.get(at)).cloned();
    let address =
        |cell: Option<Cell>| u64::from_str_radix(cell?.word()?.strip_prefix("0x")?, 16).ok();
    let region = |row: &Vec<Cell>| {
        Some(Region {
            name: of(row, "region")?
                .word()
                .filter(|name| ["vmalloc", "modules"].contains(name))?
                .into(),
            start: address(of(row, "start"))?,
            end: address(of(row, "end"))?,
        })
    };
    table.rows.iter().filter_map(region).collect()
}

impl Region {
    /// How many areas lie in it, their bytes, and the largest hole between them; they are sorted.
    fn use_of(&self, areas: &[(u64, u64, &str, u64)]) -> (usize, u64, u64) {
        let inside = || {
            let within = |start: u64| (self.start..self.end).contains(&start);
            areas.iter().filter(move |area| within(area.0))
        };
        let used = inside().map(|area| area.3).sum();
        let (mut last, mut hole) = (self.start, 0);
        for (start, end, ..) in inside() {
            hole = hole.max(start.saturating_sub(last));
            last = last.max(*end);
        }
        (
            inside().count(),
            used,
            hole.max(self.end.saturating_sub(last)),
        )
    }
}

/// The window of vmalloc: its bytes, those that are used, and the largest hole; `None` where addresses
/// are hidden, or the module is not there to say where it lies.
pub fn window(machine: &Machine, layout: &str) -> Option<(u64, u64, u64)> {
    let info = machine.look("/proc/vmallocinfo")?;
    let mut areas: Vec<(u64, u64, &str, u64)> = info.lines().filter_map(area).collect();
    areas.sort_unstable();
    let hidden = |area: &(u64, u64, &str, u64)| area.1.checked_sub(area.0) != Some(area.3);
    if areas.iter().any(hidden) {
        return None;
    }
    let found = regions(layout)
        .into_iter()
        .find(|region| region.name == "vmalloc")?;
    let (_, used, hole) = found.use_of(&areas);
    Some((found.end - found.start, used, hole))
}

/// The text of the look, in the form of the module's own files.
pub fn report(machine: &Machine, layout: Option<&str>) -> Result<String> {
    Ok(render(
        &machine.read("/proc/vmallocinfo")?,
        &layout.map(regions).unwrap_or_default(),
    ))
}

fn render(info: &str, regions: &[Region]) -> String {
    let mut areas: Vec<(u64, u64, &str, u64)> = info.lines().filter_map(area).collect();
    areas.sort_unstable();
    let mut text = String::new();
    // An address that is hidden is the same in each line and says nothing of the one after it.
    let hidden = areas
        .iter()
        .any(|(start, end, _, bytes)| end.checked_sub(*start) != Some(*bytes));
    if hidden {
        text +=
            "# addresses are hidden, so that holes cannot be seen: sysctl kernel.kptr_restrict=1\n";
    } else if regions.is_empty() {
        text += "# the regions are unknown without the module, and with them the largest hole\n";
    } else {
        text += "region   areas     used    share  largest_hole\n";
        for region in regions {
            let (count, used, hole) = region.use_of(&areas);
            let all = (region.end - region.start).max(1);
            let share = u128::from(used) * 1000 / u128::from(all);
            let _ = writeln!(
                text,
                "{:<8} {:>5} {:>8} {:>6}.{} {:>13}",
                region.name,
                count,
                round(used),
                share / 10,
                share % 10,
                round(hole)
            );
        }
        text += "# share in per cent; a new area needs a hole of its size and a guard page\n";
    }
    let mut users: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for (_, _, user, bytes) in &areas {
        let entry = users.entry(user).or_default();
        entry.0 += 1;
        entry.1 += bytes;
    }
    let mut users: Vec<_> = users.into_iter().collect();
    users.sort_by_key(|(_, (_, bytes))| std::cmp::Reverse(*bytes));
    let width = users
        .iter()
        .take(MOST)
        .map(|(user, _)| user.len())
        .max()
        .unwrap_or(4)
        .max(4);
    let _ = writeln!(text, "\n{:<width$} {:>6} {:>12}", "user", "areas", "bytes");
    for (user, (count, bytes)) in users.iter().take(MOST) {
        let _ = writeln!(text, "{user:<width$} {count:>6} {bytes:>12}");
    }
    if let Some(rest) = users.len().checked_sub(MOST).filter(|rest| *rest != 0) {
        let _ = writeln!(text, "# and {rest} more, smaller ones");
    }
    text
}

/// Users that are shown.
const MOST: usize = 15;

/// Start, end, who asked, bytes.
fn area(line: &str) -> Option<(u64, u64, &str, u64)> {
    let mut words = line.split_whitespace();
    let (start, end) = words.next()?.split_once('-')?;
    let hex = |word: &str| u64::from_str_radix(word.strip_prefix("0x")?, 16).ok();
    let bytes = words.next()?.parse().ok()?;
    let user = words.next().unwrap_or("unknown");
    let user = user.split(['+', '/']).next().unwrap_or(user);
    Some((hex(start)?, hex(end)?, user, bytes))
}

/// Bytes in whole units.
fn round(bytes: u64) -> String {
    let units = [(40, "T"), (30, "G"), (20, "M"), (10, "K")];
    match units.into_iter().find(|(shift, _)| bytes >> shift >= 10) {
        Some((shift, unit)) => format!("{}{unit}", bytes >> shift),
        None => shown(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_hole_is_between_two_areas_or_at_an_end() {
        let region = Region {
            name: "vmalloc".into(),
            start: 0x10_0000,
            end: 0x20_0000,
        };
        let info = "0x0000000000100000-0x0000000000102000    8192 kernel_clone+0xda/0x4a0 pages=1 vmalloc\n\
                    0x0000000000150000-0x0000000000154000   16384 pcpu_create_chunk+0x1/0x2 vmalloc\n\
                    0x0000000000154000-0x0000000000158000   16384 pcpu_create_chunk+0x7/0x2 vmalloc\n";
        let text = render(info, &[region]);
        assert!(
            text.contains("vmalloc      3      40K      3.9          672K"),
            "{text}"
        );
        assert!(
            text.contains("pcpu_create_chunk      2        32768"),
            "{text}"
        );
    }

    #[test]
    fn hidden_addresses_are_said_to_be() {
        let info = "0x000000005a62cefb-0x0000000077d3b3dc   20480 irq_init+0x111/0x1b0 vmap\n";
        let text = render(info, &[]);
        assert!(text.starts_with("# addresses are hidden"), "{text}");
        assert!(text.contains("irq_init      1        20480"), "{text}");
    }
}
