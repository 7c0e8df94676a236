// SPDX-License-Identifier: GPL-2.0

//! /proc/zoneinfo: the zones, what each has and what it keeps back.

use super::{lab::Lab, look::Look, Machine};
use std::collections::BTreeMap;

/// A zone of a node that has pages.
#[derive(Clone, Debug, PartialEq)]
pub struct Zone {
    /// Its node.
    pub node: String,
    /// Its name.
    pub name: String,
    /// What it keeps from requests that may take a higher zone, in pages, added up.
    pub protection: u64,
    /// What it keeps from requests that may take the highest, in pages.
    pub kept: u64,
    numbers: BTreeMap<String, u64>,
}

impl Zone {
    /// A number of it, in pages; 0 where there is none.
    pub fn pages(&self, key: &str) -> u64 {
        self.numbers.get(key).copied().unwrap_or(0)
    }

    /// Whether the kernel may use all of it for itself.
    pub fn is_low(&self) -> bool {
        !["HighMem", "Movable", "Device"].contains(&self.name.as_str())
    }

    /// The first frame behind it.
    pub fn end(&self) -> u64 {
        self.pages("start_pfn") + self.pages("spanned")
    }
}

/// The zones that have pages.
pub fn zones(lab: &Lab) -> Look<Vec<Zone>> {
    Ok(parse(&lab.text("/proc/zoneinfo")?))
}

/// Those of a machine; none where it does not show them.
pub fn of(machine: &Machine) -> Option<Vec<Zone>> {
    Some(parse(&machine.look("/proc/zoneinfo")?))
}

/// A number of all zones together.
pub fn sum(zones: &[Zone], key: &str) -> u64 {
    zones.iter().map(|zone| zone.pages(key)).sum()
}

/// The largest order that there may be.
pub const ORDERS: usize = 20;

/// The free blocks of a zone by their order, of the first node that has it.
pub fn free_lists(lab: &Lab, zone: &str) -> Look<Vec<u64>> {
    let text = lab.text("/proc/buddyinfo")?;
    let found = lists(&text).find(|(name, _)| name == zone);
    found
        .map(|(_, counts)| counts)
        .ok_or_else(|| format!("a zone {zone} in /proc/buddyinfo"))
}

/// The lines of buddyinfo: a zone and its counts.
fn lists(text: &str) -> impl Iterator<Item = (String, Vec<u64>)> + '_ {
    text.lines().filter_map(|line| {
        let (_, rest) = line.split_once(", zone")?;
        let mut words = rest.split_whitespace();
        let name = words.next()?.to_owned();
        Some((name, words.filter_map(|word| word.parse().ok()).collect()))
    })
}

/// The zones that have pages, of the file's text.
pub fn parse(text: &str) -> Vec<Zone> {
    let mut zones: Vec<Zone> = Vec::new();
    for line in text.lines() {
        if let Some((node, name)) = line.split_once(", zone ") {
            zones.push(Zone {
                node: node.trim_start_matches("Node ").to_owned(),
                name: name.trim().to_owned(),
                protection: 0,
                kept: 0,
                numbers: BTreeMap::new(),
            });
            continue;
        }
        let Some(zone) = zones.last_mut() else {
            continue;
        };
        let line = line.trim();
        if let Some(list) = line.strip_prefix("protection:") {
            let numbers = list.split(|c: char| !c.is_ascii_digit());
            let numbers: Vec<u64> = numbers.filter_map(|word| word.parse().ok()).collect();
            zone.protection = numbers.iter().sum();
            zone.kept = numbers.into_iter().max().unwrap_or(0);
            continue;
        }
        let line = line.strip_prefix("pages ").unwrap_or(line);
        let Some((key, value)) = line.split_once(char::is_whitespace) else {
            continue;
        };
        // Each CPU's lists have a `high:` of their own, which stands behind the zone's.
        if let Ok(value) = value.trim().parse() {
            zone.numbers
                .entry(key.trim_end_matches(':').to_owned())
                .or_insert(value);
        }
    }
    zones.retain(|zone| zone.pages("present") != 0);
    zones
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_zone_and_its_counts() {
        let text = "Node 0, zone      DMA      0      1      2 \nNode 0, zone   Normal  7 1 1 3\n";
        let found: Vec<_> = lists(text).collect();
        assert_eq!(found[0], ("DMA".into(), vec![0, 1, 2]));
        assert_eq!(found[1], ("Normal".into(), vec![7, 1, 1, 3]));
    }

    #[test]
    fn a_zone_without_pages_is_none_and_a_list_of_a_cpu_is_not_the_zones() {
        let text = "Node 0, zone      DMA\n  pages free     3840\n        min      67\n        \
                    high     99\n        spanned  4095\n        present  3998\n        managed  \
                    3840\n        protection: (0, 10, 20)\n  pagesets\n    cpu: 0\n              \
                    count:    7\n              high:     500\n  start_pfn:           1\n\
                    Node 0, zone   Normal\n  pages free     0\n        present  0\n";
        let zones = parse(text);
        assert_eq!(zones.len(), 1);
        let zone = &zones[0];
        assert_eq!((zone.name.as_str(), zone.protection), ("DMA", 30));
        assert_eq!(zone.kept, 20);
        assert_eq!((zone.pages("free"), zone.pages("high")), (3840, 99));
        assert_eq!(zone.end(), 4096);
        assert!(zone.is_low());
    }
}
