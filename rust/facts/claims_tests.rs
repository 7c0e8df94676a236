// SPDX-License-Identifier: GPL-2.0

//! What textbooks say of the kernel's memory, asserted on the kernel that the module is loaded into.

#[kernel::macros::kunit_tests(memlab_claims)]
mod tests {
    use super::super::{
        of_address,
        of_page_at,
        of_pages,
        window, //
    };
    use crate::{
        model::{
            placement::Window,
            request::Gfp, //
        },
        sys::{
            alloc::{
                Flags,
                Kmalloc,
                Kvmalloc,
                Pages,
                KMALLOC_MAX,
                MAX_ORDER, //
            },
            contig::{
                Contig,
                Exact, //
            },
            kmap::{
                self,
                Kmap,
                KmapForced,
                KmapLocal,
                PageList,
                Vmap, //
            },
            memory::PAGE_SIZE,
            slab::{
                Cache,
                Room, //
            },
            task, //
        },
    };
    use kernel::{
        ffi::c_void,
        new_mutex,
        prelude::*,
        sync::atomic::{
            Atomic,
            Relaxed, //
        },
        time::{
            delay::fsleep,
            Delta, //
        },
    };
    use pin_init::stack_pin_init;

    /// A page that the pool of `kmap()` does not show: what it showed stays until all of its windows
    /// have been used, and a local map takes that one then.
    fn unseen() -> Option<Pages> {
        let mut seen = KVec::new();
        for _ in 0..=kmap::pool() {
            let page = Pages::with(0, flags(Gfp::HighUser)).ok()?;
            if window(KmapLocal::new(&page).ok()?.as_ptr()) != Window::Pkmap {
                return Some(page);
            }
            seen.push(page, GFP_KERNEL).ok()?;
        }
        None
    }

    fn flags(gfp: Gfp) -> Flags {
        Flags::of(gfp)
    }

    #[test]
    fn kmalloc_is_one_extent_up_to_its_maximum() {
        let mut size = 1;
        while size as u64 <= KMALLOC_MAX {
            let memory = Kmalloc::with(size, flags(Gfp::Kernel));
            assert!(memory.is_ok());
            if let Ok(memory) = memory {
                let placement = of_address(memory.as_ptr(), size);
                assert_eq!(placement.window, Window::Linear);
                assert_eq!(placement.extents, 1);
                assert!(memory.capacity() >= size as u64);
            }
            size *= 2;
        }
        assert!(Kmalloc::with(size, flags(Gfp::Kernel)).is_err());
    }

    #[test]
    fn a_size_between_two_blocks_wastes_the_rest() {
        let size = 5 * PAGE_SIZE;
        let memory = Kmalloc::with(size, flags(Gfp::Kernel));
        let taken = memory.map(|memory| memory.capacity());
        assert_eq!(taken.ok(), Some(8 * PAGE_SIZE as u64));
        let exact = Exact::new(size, flags(Gfp::Kernel));
        assert!(exact.is_ok_and(|exact| of_address(exact.as_ptr(), size).extents == 1));
    }

    #[test]
    fn kvmalloc_falls_back_at_the_latest_above_the_largest_block() {
        let window_at = |size| {
            let memory = Kvmalloc::new(size, flags(Gfp::Kernel)).ok()?;
            Some(window(memory.as_ptr()))
        };
        assert_eq!(window_at(64), Some(Window::Linear));
        assert_eq!(window_at(PAGE_SIZE), Some(Window::Linear));
        // CAST: The largest block fits into the address space.
        assert_eq!(window_at(KMALLOC_MAX as usize + 1), Some(Window::Vmalloc));
    }

    #[test]
    fn a_block_is_contiguous_and_aligned_to_its_size() {
        for order in 0..=MAX_ORDER {
            let block = Pages::with(order, flags(Gfp::Kernel));
            assert!(block.is_ok());
            if let Ok(block) = block {
                let placement = of_pages(block.page(), block.size());
                assert_eq!(placement.extents, 1);
                assert_eq!(placement.phys % block.size() as u64, 0);
            }
        }
    }

    #[test]
    fn contiguous_pages_are_so_beyond_the_largest_block_too() {
        let pages = 3 << (MAX_ORDER - 1);
        let range = Contig::new(pages, flags(Gfp::Kernel));
        assert!(range.is_ok());
        if let Ok(range) = range {
            let placement = of_pages(range.page(), pages * PAGE_SIZE);
            assert_eq!(placement.extents, 1);
        }
    }

    #[test]
    fn objects_of_a_cache_are_told_apart_and_go_in_bulk() {
        let cache = Cache::new(200);
        assert!(cache.is_ok());
        if let Ok(cache) = &cache {
            let two = [cache.alloc(flags(Gfp::Zero)), cache.alloc(flags(Gfp::Zero))];
            if let [Ok(one), Ok(other)] = &two {
                let distance = (one.as_ptr() as usize).abs_diff(other.as_ptr() as usize);
                assert!(distance >= 200);
                assert!(one.capacity() >= 200);
            }
            assert!(two.iter().all(|object| object.is_ok()));
            let room = Room::new();
            assert!(room.is_ok());
            let bulk = room.map(|room| cache.alloc_bulk(flags(Gfp::Kernel), room));
            assert!(matches!(bulk, Ok(Ok(bulk)) if window(bulk.as_ptr()) == Window::Linear));
        }
    }

    #[test]
    fn a_high_page_is_kmapped_into_the_pool_and_a_low_one_is_not() {
        let high = cfg!(CONFIG_HIGHMEM);
        assert_eq!(kmap::pool().min(1), u64::from(high));
        let expected = if high { Window::Pkmap } else { Window::Linear };
        for (gfp, expected) in [(Gfp::HighUser, expected), (Gfp::Kernel, Window::Linear)] {
            let page = Pages::with(0, flags(gfp));
            assert!(page.is_ok());
            let Ok(page) = page else {
                continue;
            };
            let phys = of_pages(page.page(), PAGE_SIZE).phys;
            let map = Kmap::new(page);
            assert_eq!(window(map.as_ptr()), expected);
            let placement = map
                .page()
                .map(|page| of_page_at(page, map.as_ptr(), PAGE_SIZE));
            assert_eq!(placement.map(|placement| placement.phys), Some(phys));
            assert!(map.unmap().is_some());
        }
    }

    /// Maps more pages than there are windows, in a thread that therefore sleeps now and then, while
    /// another one lets go of one each time that the first has not come further. Says how often.
    fn overfill(pool: usize) -> Result<usize> {
        stack_pin_init!(let held = new_mutex!(KVec::<Kmap>::with_capacity(pool, GFP_KERNEL)?));
        let (mapped, released) = (Atomic::new(0usize), Atomic::new(0usize));
        let wanted = pool + 4;
        let work = |index: usize| {
            let mut last = usize::MAX;
            while mapped.load(Relaxed) < wanted {
                if index == 0 {
                    if let Ok(page) = Pages::with(0, flags(Gfp::HighUser)) {
                        let map = Kmap::new(page);
                        // Where the list is full one of it goes, as if it had been let go of.
                        let _ = held.lock().push_within_capacity(map);
                    }
                    mapped.fetch_add(1, Relaxed);
                    continue;
                }
                fsleep(Delta::from_millis(20));
                let now = mapped.load(Relaxed);
                if now == last {
                    drop(held.lock().pop());
                    released.fetch_add(1, Relaxed);
                }
                last = now;
            }
        };
        let cpus = [0, 1].map(|n| task::nth_cpu(n, None).unwrap_or(0));
        task::run_pinned(&cpus, &work, task::TICK_MS, |_| {})?;
        Ok(released.load(Relaxed))
    }

    #[test]
    fn a_full_pool_waits_for_who_lets_go() {
        // CAST: A few hundred.
        let pool = kmap::pool() as usize;
        if pool != 0 {
            let released = overfill(pool);
            assert!(released.is_ok_and(|released| released >= 1 && released <= pool));
        }
    }

    #[test]
    fn local_maps_nest_in_the_fixmap() {
        let page = unseen();
        assert!(page.is_some());
        if let Some(page) = &page {
            let maps = [(); 8].map(|()| KmapLocal::new(page));
            let address = |map: &Result<KmapLocal<'_>>| map.as_ref().map(KmapLocal::as_ptr).ok();
            for (index, map) in maps.iter().enumerate() {
                let before = maps.iter().take(index);
                let again = before
                    .filter(|other| address(other) == address(map))
                    .count();
                assert!(map.is_ok());
                let Some(map) = address(map) else {
                    continue;
                };
                // Without high memory it is the page's own address each time.
                let (again_expected, window_expected) = match cfg!(CONFIG_HIGHMEM) {
                    true => (0, Window::Fixmap),
                    false => (index, Window::Linear),
                };
                assert_eq!(again, again_expected);
                assert_eq!(window(map), window_expected);
            }
            // The newest goes first.
            for map in maps.into_iter().rev() {
                drop(map);
            }
        }
    }

    #[test]
    fn a_forced_map_goes_through_the_fixmap_even_where_it_need_not() {
        let page = Pages::with(0, flags(Gfp::HighUser));
        assert!(page.is_ok());
        if let Ok(page) = &page {
            let map = KmapForced::new(page);
            assert_eq!(map.is_ok(), kmap::is_forced());
            if let Ok(map) = map {
                let placement = of_page_at(page.page(), map.as_ptr(), PAGE_SIZE);
                assert_eq!(placement.window, Window::Fixmap);
            }
        }
    }

    #[test]
    fn a_local_map_that_is_not_the_newest_leaves_the_newest_alone() {
        /// Drops one while `newer` is there, and makes another.
        fn misuse<M>(map: impl Fn() -> Result<M>, at: impl Fn(&M) -> *const c_void) {
            if let (Ok(older), Ok(newer)) = (map(), map()) {
                drop(older);
                let another = map();
                assert!(another
                    .as_ref()
                    .is_ok_and(|another| at(another) != at(&newer)));
                drop(another);
                drop(newer);
            }
        }
        let page = unseen();
        assert!(page.is_some());
        if let Some(page) = &page {
            if cfg!(CONFIG_HIGHMEM) {
                misuse(|| KmapLocal::new(page), KmapLocal::as_ptr);
            }
            misuse(|| KmapForced::new(page), KmapForced::as_ptr);
        }
    }

    #[test]
    fn a_thread_has_no_more_local_maps_than_leave_room_for_interrupts() {
        let page = unseen();
        assert!(page.is_some());
        if let Some(page) = page.as_ref().filter(|_| cfg!(CONFIG_HIGHMEM)) {
            let mut maps = KVec::new();
            while let Ok(map) = KmapLocal::new(page) {
                assert!(maps.len() < 32);
                if maps.len() == 32 || maps.push(map, GFP_KERNEL).is_err() {
                    break;
                }
            }
            while let Some(map) = maps.pop() {
                drop(map);
            }
            assert!(KmapLocal::new(page).is_ok());
        }
    }

    #[test]
    fn vmap_joins_pages_in_their_order() {
        for gfp in [Gfp::HighUser, Gfp::Kernel] {
            let pages = PageList::new(4, || Pages::with(0, flags(gfp)));
            assert!(pages.is_ok());
            let Ok(pages) = pages else {
                continue;
            };
            let map = Vmap::new(pages).map_err(|(_, error)| error);
            assert!(map.is_ok());
            if let Ok(map) = map {
                let placement = of_address(map.as_ptr(), 4 * PAGE_SIZE);
                assert_eq!(placement.window, Window::Vmalloc);
                let all = placement.largest_extent * u64::from(placement.extents);
                assert!(all >= 4 * PAGE_SIZE as u64);
                drop(map.unmap());
            }
        }
    }
}
