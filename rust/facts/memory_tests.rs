// SPDX-License-Identifier: GPL-2.0

//! Snapshots agree with themselves; that they agree with /proc is checked from user space.

#[kernel::macros::kunit_tests(memlab_zones)]
mod tests {
    use super::super::{
        free_lists,
        zones, //
    };
    use crate::model::memory::Zone;

    #[test]
    fn every_zone_adds_up() {
        let zones = zones();
        assert!(zones.is_ok());
        for zone in zones.iter().flatten() {
            assert!(zone.present <= zone.spanned);
            assert!(zone.managed <= zone.present);
            assert!(zone.free_cma <= zone.cma);
            assert!(zone.buddy_pages() <= zone.managed);
            assert!(zone.orders >= 1);
            let [min, low, high] = zone.watermarks;
            assert!(min <= low);
            assert!(low <= high);
        }
    }

    #[test]
    fn free_lists_come_to_what_the_zone_has() {
        let zones = zones();
        assert!(zones.is_ok());
        let Ok(zones) = zones else {
            return;
        };
        let lists = free_lists(&zones);
        assert!(lists.is_ok());
        for zone in &zones {
            let mine = lists.iter().flatten();
            let mine = mine.filter(|list| (list.node, list.zone) == (zone.node, zone.name));
            let blocks = mine.flat_map(|list| (0u32..).zip(list.counts()));
            let pages: u64 = blocks.map(|(order, (blocks, _))| blocks << order).sum();
            // Taken one after the other, while others allocate and free.
            assert!(pages.abs_diff(zone.free) <= zone.managed / 4 + 4096);
        }
    }

    #[test]
    fn zones_come_by_node_and_do_not_repeat() {
        let zones = zones();
        assert!(zones.as_ref().is_ok_and(|zones| !zones.is_empty()));
        let mut last: Option<&Zone> = None;
        for zone in zones.iter().flatten() {
            if let Some(last) = last {
                assert!(last.node <= zone.node);
                assert!((last.node, last.start_pfn) != (zone.node, zone.start_pfn));
            }
            last = Some(zone);
        }
    }
}
