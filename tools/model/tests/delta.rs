// SPDX-License-Identifier: GPL-2.0

//! What one operation changed, on machines with more zones than most and on those that change.

use memlab_model::model::{
    delta::{Delta, ZoneChange},
    memory::{Reach, Zone, ORDERS_MAX},
    text::Text,
};

fn zone(node: u32, index: usize, free: u64) -> Zone {
    let name = ["DMA", "DMA32", "Normal"][index];
    Zone {
        node,
        name: Text::new(name),
        reach: Reach::Kernel,
        start_pfn: 0,
        spanned: 1 << 20,
        present: 1 << 20,
        managed: 1 << 20,
        free,
        cma: 0,
        free_cma: 0,
        free_highatomic: 0,
        watermarks: [10, 20, 30],
        boost: 0,
        index,
        zones: 3,
        reserve: [0; 6],
        pcp: 0,
        pcp_high: 0,
        orders: 11,
        blocks: [0; ORDERS_MAX],
    }
}

fn shown(zone: &ZoneChange) -> (u32, &str, i64) {
    (zone.node, zone.zone.as_str(), zone.free[0])
}

/// Memory comes before what was there, in a zone that had none: paired by their position, each zone
/// would have changed by what lies between it and its neighbour.
#[test]
fn a_zone_that_comes_or_goes_is_nobodys_change() {
    let (low, high) = (zone(0, 1, 5_000), zone(1, 2, 90_000));
    let taken = zone(1, 2, 89_999);
    let came = zone(0, 2, 30_000);
    let mut delta = Delta::NONE;
    delta.add_zones(0, &[low, high], &[low, came, taken]);
    assert!(delta.zones().map(shown).eq([(1, "Normal", -1)]));
    let mut delta = Delta::NONE;
    delta.add_zones(0, &[low, came, high], &[came, taken]);
    assert!(delta.zones().map(shown).eq([(1, "Normal", -1)]));
}

#[test]
fn zones_without_room_are_counted_as_left_out() {
    let all = |free| (0..9).map(move |at: usize| zone(at as u32 / 3, at % 3, free));
    let (before, after): (Vec<_>, Vec<_>) = (all(1000).collect(), all(990).collect());
    let mut delta = Delta::NONE;
    delta.add_zones(0, &before, &after);
    assert_eq!((delta.zones().count(), delta.left_out), (6, [3, 0]));
    // In the next step there is no more room than before, and what has a place keeps it.
    delta.add_zones(1, &after, &before);
    assert_eq!((delta.zones().count(), delta.left_out), (6, [6, 0]));
    assert!(delta
        .zones()
        .all(|zone| (zone.free[0], zone.free[1]) == (-10, 10)));
}
