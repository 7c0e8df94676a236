// SPDX-License-Identifier: GPL-2.0

//! Snapshots agree with themselves; that they agree with /proc is checked from user space.

#[kernel::macros::kunit_tests(memlab_zones)]
mod tests {
    use super::super::zones;
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
