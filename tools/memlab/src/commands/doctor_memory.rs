// SPDX-License-Identifier: GPL-2.0

//! `doctor`: what memory there really is, for whom, and who has what is lent.

use super::finding::{
    finding, Finding,
    Verdict::{Fine, Odd, Unknown},
};
use crate::evidence::{
    area::{self, Area, Holders},
    kernel,
    module::Module,
    vmalloc,
    zone::{self, Zone},
    Machine,
};

/// A window of which no piece is left that is larger than this is short.
const HOLE: u64 = 128 << 20;
/// What the kernel can have, with what reclaim of the page cache would give it, is little where it is
/// less than this part of what is available to processes.
const LITTLE: u64 = 8;

/// What is odd about memory; what only the module knows is said where it is there.
pub fn findings(machine: &Machine, module: Option<&dyn Module>) -> Vec<Finding> {
    let mut found = Vec::new();
    found.extend(zone::of(machine).and_then(|zones| available(machine, &zones)));
    found.extend(waits(machine));
    let layout = module.and_then(|module| module.look("layout").ok());
    if let Some((all, used, hole)) = layout.and_then(|layout| vmalloc::window(machine, &layout)) {
        found.push(window(
            all,
            used,
            hole,
            kernel::meminfo(machine, "LowTotal"),
        ));
    }
    let areas = area::areas(machine);
    if !areas.is_empty() {
        let kib = rustix::param::page_size() as u64 >> 10;
        found.push(lent(&areas, area::holders(machine), kib));
    }
    found
}

/// In a unit of which there are ten at least.
fn in_units(kib: u64) -> String {
    let units = [(30, "TiB"), (20, "GiB"), (10, "MiB")];
    let found = units.into_iter().find(|(shift, _)| kib >> shift >= 10);
    let (shift, unit) = found.unwrap_or((0, "KiB"));
    format!("{} {unit}", kib >> shift)
}

/// What the kernel can have, in pages: without reclaim, and without waiting at all, for which the
/// watermark min is three eighths of itself (`__zone_watermark_ok()`).
fn kernels(zones: &[Zone]) -> (u64, u64) {
    let left = |zone: &Zone, mark: u64| {
        let taken = [
            zone.pages("nr_free_cma"),
            zone.pages("nr_free_highatomic"),
            mark,
            zone.kept,
        ];
        taken
            .into_iter()
            .fold(zone.pages("free"), u64::saturating_sub)
    };
    let low = || zones.iter().filter(|zone| zone.is_low());
    let min = |zone: &Zone| zone.pages("min");
    // What fragmentation has raised the mark by is not kept from single pages.
    let reserve = |zone: &Zone| {
        let half = min(zone).saturating_sub(zone.pages("boost")).div_ceil(2);
        half - half / 4
    };
    (
        low().map(|zone| left(zone, min(zone))).sum(),
        low().map(|zone| left(zone, reserve(zone))).sum(),
    )
}

/// The least of the page cache that the kernel would have from reclaim, in pages: what CMA areas lend out
/// may all be the cache's, and is none of the kernel's when it comes back.
fn cached(zones: &[Zone], lent_out: u64) -> u64 {
    let files = ["nr_zone_active_file", "nr_zone_inactive_file"];
    let low = zones.iter().filter(|zone| zone.is_low());
    let all: u64 = low
        .flat_map(|zone| files.map(|name| zone.pages(name)))
        .sum();
    all.saturating_sub(lent_out)
}

fn available(machine: &Machine, zones: &[Zone]) -> Option<Finding> {
    let kib = rustix::param::page_size() as u64 >> 10;
    let field = |name: &str| kernel::meminfo(machine, name);
    let (usable, atomic) = kernels(zones);
    let (usable, atomic) = (usable * kib, atomic * kib);
    let (free, all) = (field("MemFree")?, field("MemAvailable")?);
    let cma = field("CmaFree").unwrap_or(0);
    let lent = match cma {
        0 => String::new(),
        cma => format!(
            "; {} of what is free lie in CMA areas, for what can be moved and for drivers",
            in_units(cma)
        ),
    };
    let lent_out = field("CmaTotal").unwrap_or(0).saturating_sub(cma);
    let little = usable + cached(zones, lent_out / kib) * kib < all / LITTLE;
    Some(finding(
        "memory",
        if little { Odd } else { Fine },
        format!(
            "processes can have {} (MemAvailable; {} are free now), the kernel itself {} without reclaim, and what may not wait {}{lent}",
            in_units(all),
            in_units(free),
            in_units(usable),
            in_units(atomic)
        ),
    ))
}

/// Whether something waits for memory: what is available on paper is no help to it.
fn waits(machine: &Machine) -> Option<Finding> {
    let (ten, minutes) = kernel::waits(machine)?;
    Some(finding(
        "waits",
        if ten >= 1.0 || minutes >= 1.0 {
            Odd
        } else {
            Fine
        },
        format!(
            "for memory something waited {ten} % of the last 10 s, {minutes} % of the last 5 min"
        ),
    ))
}

fn window(all: u64, used: u64, hole: u64, low_kib: Option<u64>) -> Finding {
    let what = format!(
        "the window is {}, {} used, the largest hole {}",
        in_units(all >> 10),
        in_units(used >> 10),
        in_units(hole >> 10)
    );
    match (hole < HOLE, low_kib) {
        (false, _) => finding("vmalloc", Fine, what),
        (true, Some(low)) => finding(
            "vmalloc",
            Odd,
            format!("{what}: vmalloc=SIZE on the kernel's command line makes it larger, and low memory, of which there are {}, as much smaller", in_units(low)),
        ),
        (true, None) => finding("vmalloc", Odd, what),
    }
}

/// Who has the pages of the areas.
fn lent(areas: &[Area], holders: Result<Holders, String>, kib: u64) -> Finding {
    let names: Vec<&str> = areas.iter().map(|area| area.name.as_str()).collect();
    let sum = |of: fn(&Area) -> u64| areas.iter().map(of).sum::<u64>() * kib;
    let (all, left) = (sum(|area| area.pages), sum(|area| area.left));
    let drivers = all.saturating_sub(left);
    let what = format!(
        "of {} drivers have allocated {} of {}",
        names.join(", "),
        in_units(drivers),
        in_units(all)
    );
    match holders {
        Err(why) => finding(
            "CMA pages",
            Unknown,
            format!("{what}; what the others are cannot be seen: {why}"),
        ),
        Ok(holders) => {
            let others = [
                "anonymous",
                "page cache",
                "shared memory and tmpfs",
                "locked in memory",
                "the kernel's",
            ];
            let kinds = others.iter().filter_map(|kind| {
                let pages = holders
                    .kinds
                    .get(kind)
                    .copied()
                    .filter(|pages| *pages != 0)?;
                Some(format!("{} {kind}", in_units(pages * kib)))
            });
            let kinds: Vec<String> = kinds.collect();
            let most = holders.processes.iter().take(3);
            let most: Vec<String> = most
                .map(|(who, pages)| format!("{who} {}", in_units(pages * kib)))
                .collect();
            let mut words = match kinds.is_empty() {
                true => format!("{what}, nothing is lent"),
                false => format!("{what}; lent are {}", kinds.join(", ")),
            };
            if !most.is_empty() {
                words += &format!("; mapped by {}", most.join(", "));
            }
            // An allocation of the kernel's own in an area is never moved.
            let stuck = |kind: &str| holders.kinds.get(kind).copied().unwrap_or(0) != 0;
            let verdict = if stuck("locked in memory") || stuck("the kernel's") {
                Odd
            } else {
                Fine
            };
            finding("CMA pages", verdict, words)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    const ZONES: &str =
        "Node 0, zone    DMA32\n  pages free     1000\n        min      80\n        present  \
                         2000\n        protection: (0, 0, 100, 100)\n      nr_free_cma  300\n";

    #[test]
    fn what_may_not_wait_goes_down_to_three_eighths_of_min() {
        let zones = zone::parse(ZONES);
        assert_eq!(
            kernels(&zones),
            (1000 - 300 - 80 - 100, 1000 - 300 - 30 - 100)
        );
    }

    #[test]
    fn the_cache_of_the_kernels_zones_is_the_kernels_but_for_what_areas_lend() {
        let low = format!("{ZONES}      nr_zone_inactive_file 200\n      nr_zone_active_file 50\n");
        let high = ZONES.replace("   DMA32", "HighMem") + "      nr_zone_active_file 1000\n";
        let zones = zone::parse(&(low + &high));
        assert_eq!(zones.len(), 2);
        assert_eq!(cached(&zones, 0), 250);
        assert_eq!(cached(&zones, 100), 150);
        assert_eq!(cached(&zones, 300), 0);
    }

    #[test]
    fn a_window_without_a_large_hole_is_short() {
        let said = window(240 << 20, 200 << 20, 30 << 20, Some(700 << 10));
        assert_eq!(said.verdict, Odd);
        assert!(
            said.because.contains("largest hole 30 MiB: vmalloc=SIZE"),
            "{}",
            said.because
        );
        assert_eq!(window(1 << 40, 0, 1 << 40, None).verdict, Fine);
    }

    #[test]
    fn who_has_an_area_is_named() {
        let areas = [Area {
            name: "reserved".into(),
            pages: 8192,
            left: 8000,
        }];
        let holders = Holders {
            kinds: BTreeMap::from([("page cache", 512), ("free", 1000), ("anonymous", 3000)]),
            processes: vec![("7 (sh)".into(), 2900)],
        };
        let said = lent(&areas, Ok(holders.clone()), 4);
        assert_eq!(
            said.because,
            "of reserved drivers have allocated 768 KiB of 32 MiB; lent are 11 MiB anonymous, 2048 KiB page cache; mapped by 7 (sh) 11 MiB"
        );
        assert_eq!(said.verdict, Fine);
        let mut kinds = holders.kinds;
        kinds.insert("locked in memory", 1);
        let stuck = Holders {
            kinds,
            processes: Vec::new(),
        };
        assert_eq!(lent(&areas, Ok(stuck), 4).verdict, Odd);
        assert_eq!(lent(&areas, Err("x".into()), 4).verdict, Unknown);
    }
}
