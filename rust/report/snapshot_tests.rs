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
        layout::{
            Region,
            Sample, //
        },
        memory::{
            FreeList,
            MigrateType,
            Reach,
            Shortage,
            Stand,
            Zone,
            ORDERS_MAX, //
        },
        text::Text,
        totals::{
            Area,
            Event,
            MemInfo, //
        },
    };

    fn normal() -> Zone {
        let mut blocks = [0; ORDERS_MAX];
        blocks[0] = 3;
        blocks[1] = 1;
        blocks[10] = 200;
        Zone {
            node: 0,
            name: Text::new("Normal"),
            reach: Reach::Kernel,
            start_pfn: 1 << 20,
            spanned: 262_144,
            present: 262_144,
            managed: 250_000,
            free: 204_900,
            cma: 16_384,
            free_cma: 16_000,
            free_highatomic: 0,
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

    #[test]
    fn watermarks_say_where_free_stands() {
        let zones = [
            Zone {
                free: 30,
                free_cma: 0,
                ..normal()
            },
            Zone {
                free: 31,
                free_cma: 11,
                ..normal()
            },
            Zone {
                free: 10,
                free_cma: 3,
                ..normal()
            },
            Zone {
                free: 9,
                free_cma: 9,
                boost: 4,
                ..normal()
            },
        ];
        let expected = "\
# in pages; min, low and high include boost, which fragmentation raises for a while
# free stands above high: kswapd sleeps; high: it works on if it was woken; low: it is woken;
# min: callers reclaim themselves. CMA pages count for movable allocations only
node zone        managed       free      min      low     high    boost  above_min movable_at other_at   protection
   0 Normal       250000         30       10       20       30        0         20 below_high below_high 0,0,0,32
   0 Normal       250000         31       10       20       30        0         21 above_high below_low  0,0,0,32
   0 Normal       250000         10       10       20       30        0          0 below_min  below_min  0,0,0,32
   0 Normal       250000          9       10       20       30        4          - below_min  below_min  0,0,0,32
# protection: pages that the zone keeps, beside min, from an allocation that could have come
# from the node's zone of that number (lowmem_reserve), in the order of /proc/zoneinfo
";
        assert!(writes(expected, |out| watermarks(out, &zones)));
    }

    #[test]
    fn fragmentation_has_a_verdict_for_each_zone_and_use() {
        // The first list was too long to be counted: the zone knows how many blocks there are.
        let lists = [(MigrateType::Movable, 0, 1), (MigrateType::Cma, 1, 5)];
        let lists = lists.map(|(migrate, at, count)| {
            let mut blocks = [0; ORDERS_MAX];
            blocks[at] = count;
            FreeList {
                node: 0,
                zone: Text::new("Normal"),
                migrate,
                orders: 3,
                blocks,
                capped: u32::from(at == 0),
            }
        });
        let mut blocks = [0; ORDERS_MAX];
        blocks[..2].fill(5);
        let zone = Zone {
            orders: 3,
            blocks,
            watermarks: [4, 5, 6],
            ..normal()
        };
        let expected = "\
# unusable: share of the free pages that lies in smaller blocks; extfrag: why a request would
# fail: 0 lack of memory, 1 fragmentation, -1 it would not
index    node zone      order0  order1  order2
unusable    0 Normal     0.000   0.333   1.000
extfrag     0 Normal    -1.000  -1.000   0.525

# the largest order to be had now, without reclaim or compaction, above the watermark min
for     node zone     largest    bytes fails_from  index because_of
movable    0 Normal         1       8K          2  0.525 fragmentation
other      0 Normal         0       4K          1  0.300 memory
# other: kernel memory, which may not have CMA's pages. because of fragmentation: enough is free,
# compaction helps; of memory: too little is free above min, reclaim helps. The kernel compacts
# rather than reclaims where the index is above vm.extfrag_threshold, 0.500 by default
";
        assert!(writes(expected, |out| fragmentation(
            out,
            &[zone],
            &lists,
            4096
        )));
    }

    #[test]
    fn what_lies_in_cma_explains_a_shortage() {
        let lent = Zone {
            free: 110_000,
            free_cma: 90_000,
            ..normal()
        };
        let zones = [lent];
        // 20,000 but for the watermark.
        assert_eq!(Shortage::of(&zones, 19_990), None);
        let found = Shortage::of(&zones, 19_991);
        assert!(found.is_some_and(|found| found.usable == 19_990 && found.cma == 90_000));
        let scarce = Zone {
            free: 20_000,
            free_cma: 0,
            ..normal()
        };
        assert_eq!(Shortage::of(&[scarce], 200_000), None);
    }

    #[test]
    fn meminfo_shows_the_sum_term_by_term() {
        let info = MemInfo {
            total: 100_000,
            high: 0,
            high_free: 0,
            reserve: 500,
            low: 100,
            free: 4_000,
            active_file: 600,
            inactive_file: 400,
            slab_reclaimable: 50,
            misc_reclaimable: 11,
            available: 4_431,
            slab_unreclaimable: 1,
            anon: 2,
            shmem: 3,
            page_tables: 4,
            free_cma: 5,
        };
        let expected = "\
# what si_mem_available() adds up, in kB
sign term                       kB meaning
+    free                    16000 on the buddy lists
-    reserve                  2000 high watermarks and lowmem_reserve of all zones
+    page_cache               4000 active and inactive file pages
-    cache_kept                400 half of them, at most the low watermarks
+    reclaimable               244 slabs and others that can be shrunk
-    reclaimable_kept          120 half of them, at most the low watermarks
=    MemAvailable            17724 without swapping
# the kernel's own right after: 17724 kB; the low watermarks of all zones: 400 kB

# usable by the kernel now, without reclaim: free - CMA - kept for atomic - min - kept from
# others (lowmem_reserve); CMA areas and Movable are lent to what can be moved away only
node zone        free_kB     cma_kB atomic_kB   min_kB  kept_kB  usable_kB
   0 Normal       819600      64000         0       40        0     755560
   0 Movable      819600      64000         0       40        0          -
# usable by the kernel: 755560 kB of 1639200 kB free in all zones

use                        kB
MemTotal               400000
MemFree                 16000
HighTotal                   0
HighFree                    0
Active(file)             2400
Inactive(file)           1600
AnonPages                   8
Shmem                      12
SReclaimable              200
SUnreclaim                  4
PageTables                 16
CmaFree                    20
";
        // Its own, and one that the kernel can have nothing of.
        let zones = [
            normal(),
            Zone {
                name: Text::new("Movable"),
                reach: Reach::Movable,
                index: 3,
                ..normal()
            },
        ];
        assert!(writes(expected, |out| meminfo(out, &info, &zones, 4096)));
    }

    #[test]
    fn movable_memory_has_no_verdict_for_the_kernel() {
        let movable = Zone {
            name: Text::new("Movable"),
            reach: Reach::Movable,
            ..normal()
        };
        let mut text = Text::<4096>::EMPTY;
        assert!(fragmentation(&mut text, &[movable], &[], 4096).is_ok());
        let other =
            "other      0 Movable        -        -          -      - not-for-kernel-memory\n";
        assert!(text.as_str().contains(other));
    }

    #[test]
    fn movable_memory_has_no_mark_for_the_kernel() {
        let movable = Zone {
            name: Text::new("Movable"),
            reach: Reach::Movable,
            ..normal()
        };
        let mut text = Text::<1024>::EMPTY;
        assert!(watermarks(&mut text, &[movable]).is_ok());
        assert!(text.as_str().contains(" above_high -          "));
        let only = "\n# Movable: only for what can be moved away, not for kernel memory\n";
        assert!(text.as_str().contains(only));
        let stand = |reach| Stand {
            reach,
            free: 500,
            free_cma: 100,
            free_highatomic: 40,
            watermarks: [10, 20, 30],
            boost: 0,
            kept: 5,
        };
        assert_eq!(stand(Reach::Kernel).usable(), 360);
        assert_eq!(stand(Reach::Mapped).usable(), 360);
        assert_eq!(stand(Reach::Movable).usable(), 0);
        assert_eq!(stand(Reach::Movable).above(0), 0);
    }

    #[test]
    fn events_have_their_time() {
        let one = Event {
            name: "pgfault",
            total: 1 << 40,
        };
        let expected = "\
# since boot, names of /proc/vmstat; pgpgin and pgpgout in KiB
# CLOCK_MONOTONIC 5000000000 ns
event                                   total
pgfault                         1099511627776
";
        assert!(writes(expected, |out| events(out, 5_000_000_000, &[one])));
        assert_eq!(rows(|out| events(out, 1, &[])), Some(0));
    }

    #[test]
    fn an_area_keeps_its_size_to_itself() {
        let area = Area {
            name: "reserved",
            devices: 2,
        };
        let expected = "\
# in pages; a zone's areas together, and how many of its pages they are
node zone            cma   free_cma free_pct of_zone_pct
   0 Normal        16384      16000       97           6

# areas that coherent memory of the lent devices came from when they were lent: the one
# that the kernel asks first; how much they hold is private to it: see its debugfs cma/
area                     devices    pages     free
reserved                       2  unknown  unknown
";
        assert!(writes(expected, |out| cma(out, &[normal()], &[area])));
    }

    #[test]
    fn the_layout_has_gaps_and_says_what_fell_where() {
        let region = |name, start, end| Region { name, start, end };
        let regions = [
            region("vmalloc", 0xf080_0000, 0xff80_0000),
            region("linear", 0xc000_0000, 0xf000_0000),
            region("user", 0, 0xc000_0000),
        ];
        let sample = |kind, addr| Sample { kind, addr };
        let samples = [
            sample("kmalloc", Some(0xc123_4560)),
            sample("alloc_pages", Some(0xefff_ffff)),
            sample("vmalloc", Some(0xf080_0000)),
            sample("stack", Some(0xf000_0000)),
            sample("kmap_local", None),
        ];
        let expected = "\
# the highest address first, - is a gap; one # for each factor of 4 above 4 KiB
# holds: where one allocation of each kind was when the module was loaded
             start                end   size region         log2               holds                    meaning
        0xf0800000         0xff800000   240M vmalloc        #######            vmalloc                  pages from anywhere, made to follow each other; remapped and I/O memory; on arm64 the kernel
        0xf0000000         0xf0800000  8192K -              #####              -                        -
        0xc0000000         0xf0000000   768M linear         ########           kmalloc,alloc_pages      all low memory, always mapped, at a fixed distance from its physical address
               0x0         0xc0000000  3072M user           #########          -                        the process's own
# stack: at 0xf0000000, in none
# kmap_local: no memory for it
";
        assert!(writes(expected, |out| layout(out, &regions, &samples)));
    }
}
