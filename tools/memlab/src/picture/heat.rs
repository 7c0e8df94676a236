// SPDX-License-Identifier: GPL-2.0

//! The buddy lists as a heat map, and the address space as a column: HTML, no script.

use super::escape;
use crate::{
    evidence::text::{parse, shown, table_of},
    output::{Cell, Table},
};
use std::fmt::Write;

/// One zone's free memory, by the size of its blocks.
#[derive(Debug, PartialEq)]
pub struct Zone {
    /// Node and name.
    pub name: String,
    /// Free blocks of each order.
    pub blocks: Vec<u64>,
    /// The largest order that the kernel can have for itself now; none where not even a page.
    pub largest: Option<usize>,
    /// Why no larger, where that is not the largest that there is.
    pub because: Option<String>,
}

/// The zones of the module's files `buddy` and `fragmentation`.
pub fn zones(buddy: &str, fragmentation: &str) -> Vec<Zone> {
    let (buddy, verdicts) = (parse(buddy), parse(fragmentation));
    let Some(lists) = table_of(&buddy, "node") else {
        return Vec::new();
    };
    let orders: Vec<usize> = (0..lists.columns.len())
        .filter(|at| lists.columns[*at].starts_with("order"))
        .collect();
    let cell = |table: &Table, row: &[Cell], name: &str| -> Option<Cell> {
        table.column(name).and_then(|at| row.get(at)).cloned()
    };
    let zone = |row: &Vec<Cell>| {
        let node = cell(lists, row, "node")?;
        let zone = cell(lists, row, "zone")?;
        let verdict = table_of(&verdicts, "for").and_then(|table| {
            let like = |other: &&Vec<Cell>| {
                cell(table, other, "for") == Some(Cell::text("other"))
                    && cell(table, other, "node").as_ref() == Some(&node)
                    && cell(table, other, "zone").as_ref() == Some(&zone)
            };
            let found = table.rows.iter().find(like)?;
            let because = cell(table, found, "because_of");
            Some((cell(table, found, "largest")?.number(), because))
        });
        let (largest, because) = verdict.unwrap_or((None, None));
        Some(Zone {
            name: format!("node {} {}", node.csv(), zone.csv()),
            blocks: orders
                .iter()
                .map(|at| row[*at].number().unwrap_or(0))
                .collect(),
            // CAST: an order is a small number.
            largest: largest.map(|order| order as usize),
            because: because.and_then(|cell| cell.word().map(str::to_owned)),
        })
    };
    lists.rows.iter().filter_map(zone).collect()
}

/// A heat map: a row for each zone, a column for each size of block.
pub fn map(zones: &[Zone], page_size: u64) -> String {
    let orders = zones
        .iter()
        .map(|zone| zone.blocks.len())
        .max()
        .unwrap_or(0);
    let mut html = String::from("<div class=wide><table class=heat><tr><th>free in blocks of");
    for order in 0..orders {
        let _ = write!(html, "<th>{}", shown(page_size << order));
    }
    html.push_str("</tr>");
    for zone in zones {
        let pages = |order: usize| zone.blocks.get(order).map_or(0, |blocks| blocks << order);
        let all: u64 = (0..orders).map(pages).sum();
        let _ = write!(html, "<tr><th>{}", escape(&zone.name));
        for order in 0..orders {
            let share = if all == 0 {
                0
            } else {
                pages(order) * 100 / all
            };
            let bytes = pages(order) * page_size;
            let here = zone.largest == Some(order);
            let beyond = zone.largest.is_none_or(|largest| order > largest);
            let class = if here {
                " class=largest"
            } else if beyond {
                " class=beyond"
            } else {
                ""
            };
            let _ = write!(html, "<td{class} style=\"--s:{share}%\">{}", mib(bytes));
            if here {
                html.push_str("<b>largest</b>");
            }
        }
        html.push_str("</tr>");
    }
    html + "</table></div>"
}

/// What a newcomer has to know of it, zone by zone.
pub fn sentences(zones: &[Zone], page_size: u64) -> Vec<String> {
    zones
        .iter()
        .map(|zone| {
            let most = zone.blocks.len().saturating_sub(1);
            match (zone.largest, &zone.because) {
                (Some(order), _) if order >= most => format!(
                    "{}: every size up to the largest, {}, can be had",
                    zone.name,
                    shown(page_size << order)
                ),
                (Some(order), because) => format!(
                    "{}: the largest block to be had is {}, for lack of {}",
                    zone.name,
                    shown(page_size << order),
                    match because.as_deref() {
                        Some("fragmentation") => "free memory in one piece (fragmentation)",
                        _ => "free memory",
                    }
                ),
                (None, _) => format!("{}: not even a page can be had", zone.name),
            }
        })
        .collect()
}

fn mib(bytes: u64) -> String {
    match bytes {
        0 => String::new(),
        bytes if bytes < 1 << 20 => format!("{}K", bytes >> 10),
        bytes => format!("{}M", bytes >> 20),
    }
}

/// The kernel's address space, the highest first: a block is taller by a step for each factor of 4.
pub fn layout(text: &str) -> String {
    let blocks = parse(text);
    let Some(table) = table_of(&blocks, "start") else {
        return String::new();
    };
    let mut html = String::from("<div class=layout>");
    for row in &table.rows {
        let of = |name: &str| table.column(name).and_then(|at| row.get(at)).map(Cell::csv);
        let (region, size) = (
            of("region").unwrap_or_default(),
            of("size").unwrap_or_default(),
        );
        let steps = of("log2").map_or(1, |bar| bar.len()).clamp(1, 30);
        let gap = region.is_empty();
        let class = if gap { "gap" } else { "region" };
        let name = if gap { "nothing".to_owned() } else { region };
        let holds = of("holds").filter(|holds| !holds.is_empty());
        let holds = holds.map(|holds| format!(" <i>{}</i>", escape(&holds.replace(',', ", "))));
        let _ = write!(
            html,
            "<div class={class} style=\"--n:{steps}\"><code>{}</code><span><b>{}</b> {}{} \
             <small>{}</small></span></div>",
            escape(&of("start").unwrap_or_default()),
            escape(&name),
            escape(&size),
            holds.unwrap_or_default(),
            escape(&of("meaning").unwrap_or_default()),
        );
    }
    html + "</div>"
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUDDY: &str = "node zone order0 order1 order2 pages MiB\n0 Normal 8 2 1 16 0\n";
    const VERDICT: &str = "for node zone largest bytes fails_from index because_of\n\
        movable 0 Normal 2 16K - - -\nother 0 Normal 1 8K 2 0.9 fragmentation\n";

    #[test]
    fn the_largest_block_is_marked_and_what_is_beyond_it() {
        let zones = zones(BUDDY, VERDICT);
        assert_eq!(zones[0].blocks, [8, 2, 1]);
        assert_eq!(
            (zones[0].largest, zones[0].because.as_deref()),
            (Some(1), Some("fragmentation"))
        );
        let html = map(&zones, 4096);
        assert!(
            html.contains("<td class=largest style=\"--s:25%\">16K<b>largest</b>"),
            "{html}"
        );
        assert!(html.contains("<td class=beyond"), "{html}");
        let said = sentences(&zones, 4096);
        assert!(
            said[0].contains("is 8K, for lack of free memory in one piece"),
            "{said:?}"
        );
    }

    #[test]
    fn a_gap_is_no_region() {
        let text = "start end size region log2 holds meaning\n\
                    0x20 0x30 16M vmalloc ### stack,vmalloc pages from anywhere\n\
                    0x10 0x20 16M - ## - -\n";
        let html = layout(text);
        assert!(
            html.contains("<b>vmalloc</b> 16M <i>stack, vmalloc</i>"),
            "{html}"
        );
        assert!(html.contains("class=gap"), "{html}");
        assert_eq!(layout("nothing"), "");
    }
}
