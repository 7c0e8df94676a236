// SPDX-License-Identifier: GPL-2.0

//! What the snapshots of memory look like, on the host and in KUnit.

#[cfg_attr(not(test), kernel::macros::kunit_tests(memlab_snapshots))]
mod tests {
    use super::super::{
        expect::{
            rows,
            writes, //
        },
        *, //
    };
    use crate::model::{
        memory::{
            FreeList,
            MigrateType,
            Zone,
            ORDERS_MAX, //
        },
        text::Text,
    };

    fn normal() -> Zone {
        let mut blocks = [0; ORDERS_MAX];
        blocks[0] = 3;
        blocks[1] = 1;
        blocks[10] = 200;
        Zone {
            node: 0,
            name: Text::new("Normal"),
            start_pfn: 1 << 20,
            spanned: 262_144,
            present: 262_144,
            managed: 250_000,
            free: 204_900,
            cma: 16_384,
            free_cma: 16_000,
            watermarks: [10, 20, 30],
            boost: 0,
            index: 2,
            zones: 4,
            reserve: [0, 0, 0, 32, 0, 0],
            pcp: 95,
            pcp_high: 500,
            orders: 11,
            blocks,
        }
    }

    #[test]
    fn zones_are_in_pages() {
        let expected = "\
# in pages of 4096 bytes, but free_MiB
node zone     start_pfn    spanned    present    managed       free free_MiB      cma free_cma      min      low     high     pcp pcp_high protection
   0 Normal     1048576     262144     262144     250000     204900      800    16384    16000       10       20       30      95      500 0,0,0,32
# total: 204900 of 250000 managed pages free, 800 MiB; 16000 of them (7 %) in CMA
";
        assert!(writes(expected, |out| zones(out, &[normal()], 4096)));
        assert_eq!(rows(|out| zones(out, &[], 4096)), Some(0));
    }

    #[test]
    fn buddy_has_the_columns_of_proc_buddyinfo() {
        let expected = "\
# free blocks of 2^order pages of 4096 bytes; what they hold in pages and MiB; free CMA pages and their share of all free pages
node zone      order0  order1  order2  order3  order4  order5  order6  order7  order8  order9 order10      pages      MiB free_cma cma_pct
   0 Normal         3       1       0       0       0       0       0       0       0       0     200     204805      800    16000       7
# total: 204900 of 250000 managed pages free, 800 MiB; 16000 of them (7 %) in CMA
";
        assert!(writes(expected, |out| buddy(out, &[normal()], 4096)));
    }

    #[test]
    fn an_empty_zone_has_no_share_of_anything() {
        let empty = Zone {
            free: 0,
            free_cma: 0,
            cma: 0,
            blocks: [0; ORDERS_MAX],
            ..normal()
        };
        assert_eq!(rows(|out| buddy(out, &[empty, normal()], 4096)), Some(2));
        assert_eq!(rows(|out| zones(out, &[empty, normal()], 4096)), Some(2));
    }

    #[test]
    fn a_free_list_that_was_not_counted_to_its_end_says_so() {
        let list = FreeList {
            node: 1,
            zone: Text::new("DMA32"),
            migrate: MigrateType::Cma,
            orders: 3,
            blocks: [8192; ORDERS_MAX],
            capped: 0b001,
        };
        let expected = "
# free blocks by migration type; >N: the list was counted up to N only
type        node zone      order0  order1  order2
CMA            1 DMA32      >8192    8192    8192
";
        assert!(writes(expected, |out| free_lists(out, &[list])));
        assert_eq!(rows(|out| free_lists(out, &[list])), Some(1));
    }
}
