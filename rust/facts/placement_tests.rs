// SPDX-License-Identifier: GPL-2.0

//! Where each kind of memory really is, on the kernel that the module is loaded into.

#[kernel::macros::kunit_tests(memlab_placement)]
mod tests {
    use super::super::{
        of_address,
        of_page_at,
        of_pages,
        of_scattered, //
    };
    use crate::{
        devices::lent,
        facts::memory,
        model::{
            memory::Zone,
            placement::{
                Attr,
                Placement,
                Window, //
            },
            text::Text,
        },
        sys::{
            alloc::{
                Kmalloc,
                Pages,
                Vmalloc, //
            },
            cma,
            dma::{
                buffer::{
                    Buffer,
                    Reach, //
                },
                coherent::{
                    Attr as Asked,
                    Coherent, //
                },
                sg::Scatter,
                DeviceMemory,
                ToDevice, //
            },
            kmap::KmapLocal,
            machine,
            memory::PAGE_SIZE, //
        },
    };
    use kernel::page::PAGE_SHIFT;

    #[test]
    fn kmalloc_is_linear_and_one_extent() {
        for size in [1, 64, PAGE_SIZE, 16 * PAGE_SIZE, 1 << 20] {
            let memory = Kmalloc::new(size);
            assert!(memory.is_ok());
            if let Ok(memory) = memory {
                let placement = of_address(memory.as_ptr(), size);
                assert_eq!(placement.window, Window::Linear);
                assert_eq!(placement.attr, Attr::Cached);
                assert_eq!(placement.extents, 1);
                assert_eq!(placement.largest_extent, size as u64);
                assert_eq!(placement.phys % 8, memory.as_ptr() as u64 % 8);
            }
        }
    }

    #[test]
    fn vmalloc_is_in_its_window_and_all_there() {
        let memory = Vmalloc::new(64 * PAGE_SIZE);
        assert!(memory.is_ok());
        if let Ok(memory) = memory {
            let placement = of_address(memory.as_ptr(), 64 * PAGE_SIZE);
            assert_eq!(placement.window, Window::Vmalloc);
            assert_eq!(placement.attr, Attr::Cached);
            assert!(placement.extents >= 1);
            assert!(placement.extents <= 64);
            let all = placement.largest_extent * u64::from(placement.extents);
            assert!(all >= 64 * PAGE_SIZE as u64);
        }
    }

    #[test]
    fn a_range_that_is_not_mapped_has_no_placement() {
        let placement = of_address(core::ptr::null(), PAGE_SIZE);
        assert_eq!(placement.window, Window::None);
        assert_eq!(placement.attr, Attr::Unknown);
        assert_eq!(placement.extents, 0);
    }

    #[test]
    fn a_high_page_is_seen_through_the_fixmap() {
        let page = Pages::highmem();
        assert!(page.is_ok());
        if let Ok(page) = page {
            let map = KmapLocal::new(&page);
            assert!(map.is_ok());
            let Ok(map) = map else {
                return;
            };
            let placement = of_page_at(page.page(), map.as_ptr(), PAGE_SIZE);
            let high = placement.zone.as_str() == "HighMem";
            assert_eq!(high, cfg!(CONFIG_HIGHMEM));
            // Without high memory kmap_local_page() is page_address(), whatever
            // DEBUG_KMAP_LOCAL_FORCE_MAP says (include/linux/highmem-internal.h).
            // A page that kmap() showed keeps its window there for a while, and is seen through that.
            match high {
                true => assert!(matches!(placement.window, Window::Fixmap | Window::Pkmap)),
                false => assert_eq!(placement.window, Window::Linear),
            }
        }
    }

    #[test]
    fn cma_gives_contiguous_pages_of_its_own_pageblocks() {
        let lease = lent::lease(Text::EMPTY);
        let source = lease.as_ref().map(|lease| cma::Source::of(lease.device()));
        // The testing kernels are booted with an area.
        assert!(matches!(source, Ok(cma::Source::Area(_))));
        if let Ok(cma::Source::Area(area)) = source {
            let memory = cma::Allocation::new(area, 16, 0);
            assert!(memory.is_ok());
            if let Ok(memory) = memory {
                let placement = of_pages(memory.page(), 16 * PAGE_SIZE);
                assert_eq!(placement.cma, Some(true));
                assert_eq!(placement.extents, 1);
            }
        }
        let elsewhere = Kmalloc::new(64);
        let cma = elsewhere
            .ok()
            .and_then(|memory| of_address(memory.as_ptr(), 64).cma);
        // The kernel never puts its own unmovable memory into a CMA pageblock.
        assert_eq!(cma, Some(false));
    }

    #[test]
    fn coherent_memory_is_contiguous_for_the_device() {
        let lease = lent::lease(Text::EMPTY);
        assert!(lease.is_ok());
        if let Ok(lease) = lease {
            let coherent = machine::dma(lease.device()).coherent;
            for size in [64, PAGE_SIZE, 16 * PAGE_SIZE] {
                let memory = Coherent::new(lease.device(), size);
                assert!(memory.is_ok());
                if let Ok(memory) = memory {
                    let placement = of_address(memory.as_ptr(), size);
                    assert_eq!(placement.extents, 1);
                    assert_eq!(placement.phys, memory.dma());
                    // Memory of a device that is not coherent is mapped anew, uncached; high memory
                    // has no address of its own and is mapped anew for any device.
                    if coherent && placement.zone.as_str() != "HighMem" {
                        assert_eq!(placement.window, Window::Linear);
                    }
                }
            }
        }
    }

    /// Where coherent memory of the module's own device is while that has `bits` of address.
    fn coherent(bits: u32, asked: Asked) -> Option<(Placement, u64)> {
        let lease = lent::lease(Text::EMPTY).ok()?.masked(bits).ok()?;
        let memory = Coherent::with(lease.device(), 4 * PAGE_SIZE, asked).ok()?;
        let placement = of_address(memory.as_ptr(), 4 * PAGE_SIZE);
        Some((placement, memory.dma()))
    }

    /// Whether the module's own device sees what is in the CPU's caches.
    fn coherent_device() -> bool {
        lent::lease(Text::EMPTY).is_ok_and(|lease| machine::dma(lease.device()).coherent)
    }

    /// Where memory begins above 16 MiB, as on the boards of ARM, there is none for 24 bits.
    fn some_for_24_bits() -> bool {
        let reached = |zone: &Zone| zone.start_pfn << PAGE_SHIFT < 1 << 24;
        memory::zones().is_ok_and(|zones| zones.iter().any(reached))
    }

    #[test]
    fn coherent_memory_is_within_24_bits_or_refused() {
        assert_eq!(coherent(24, Asked::None).is_some(), some_for_24_bits());
        if let Some((placement, dma)) = coherent(24, Asked::None) {
            assert_eq!(placement.zone.as_str(), "DMA");
            assert_eq!(placement.extents, 1);
            assert!(dma.saturating_add(4 * PAGE_SIZE as u64) <= 1 << 24);
        }
    }

    #[test]
    fn coherent_memory_is_within_32_bits() {
        let found = coherent(32, Asked::None);
        assert!(found.is_some());
        if let Some((placement, dma)) = found {
            assert!(dma.saturating_add(4 * PAGE_SIZE as u64) <= 1 << 32);
            if cfg!(CONFIG_ZONE_DMA32) {
                let low = ["DMA", "DMA32"].contains(&placement.zone.as_str());
                assert!(low || placement.cma == Some(true));
            }
        }
    }

    #[test]
    fn coherent_memory_is_cached_or_remapped_by_the_platform() {
        for asked in [Asked::None, Asked::WriteCombine] {
            let found = coherent(64, asked);
            assert!(found.is_some());
            if let Some((placement, _)) = found {
                let high = placement.zone.as_str() == "HighMem";
                let (attr, window) = match coherent_device() {
                    // Without a cache in the way an attribute for write-combining is left aside.
                    true if high => (Attr::Cached, Window::Vmalloc),
                    true => (Attr::Cached, Window::Linear),
                    // What has a permanent address is changed where it is, or mapped anew.
                    false if !high && cfg!(not(CONFIG_DMA_DIRECT_REMAP)) => {
                        (Attr::Uncached, Window::Linear)
                    }
                    false => (Attr::Uncached, Window::Vmalloc),
                };
                assert_eq!(placement.attr, attr);
                assert_eq!(placement.window, window);
                assert_eq!(placement.extents, 1);
            }
        }
    }

    #[test]
    fn a_device_has_its_own_masks_back() {
        let masks = || {
            let look = lent::look(Text::EMPTY).ok()?;
            Some((look.dma().mask, look.dma().coherent_mask))
        };
        let masked = |bits| lent::lease(Text::EMPTY).ok()?.masked(bits).ok();
        let before = masks();
        assert!(before.is_some());
        let narrow = masked(33);
        assert!(narrow.is_some());
        assert_eq!(masks(), Some(((1 << 33) - 1, (1 << 33) - 1)));
        drop(narrow);
        assert_eq!(masks(), before);
        // One that is refused changes nothing.
        assert!(masked(12).is_none());
        assert_eq!(masks(), before);
    }

    #[test]
    fn a_streaming_buffer_lies_below_what_the_device_reaches() {
        for bits in [24, 32] {
            let highest = (1u64 << bits) - 1;
            let buffer = Buffer::within(100, 100, Reach::Within(highest));
            if bits == 24 {
                assert_eq!(buffer.is_ok(), cfg!(CONFIG_ZONE_DMA) && some_for_24_bits());
            }
            if let Ok(buffer) = buffer {
                let placement = of_address(buffer.as_ptr(), buffer.size());
                assert!(placement.phys + 100 <= highest);
                assert_eq!(placement.phys % PAGE_SIZE as u64, 100);
            }
        }
    }

    #[test]
    fn the_pieces_of_a_list_do_not_touch() {
        for (size, extents) in [(1, 1), (16 * PAGE_SIZE, 16), (33 * PAGE_SIZE, 33)] {
            let list = Scatter::whole(PAGE_SIZE, size, 0, Reach::ANY);
            assert!(list.is_ok());
            if let Ok(list) = list {
                assert_eq!(of_scattered(list.pieces()).extents, extents);
                assert_eq!(list.size(), size);
            }
        }
    }

    #[test]
    fn a_mapped_buffer_goes_out_and_comes_back() {
        let lease = lent::lease(Text::EMPTY);
        let buffer = Buffer::new(PAGE_SIZE);
        assert!(lease.is_ok());
        assert!(buffer.is_ok());
        if let (Ok(lease), Ok(mut buffer)) = (lease, buffer) {
            buffer.bytes_mut().fill(0xa5);
            let mapped = buffer.map(lease.device(), ToDevice);
            assert!(mapped.is_ok());
            if let Ok(mapped) = mapped {
                let placement = of_address(mapped.as_ptr(), PAGE_SIZE);
                assert_eq!(mapped.dma(), placement.phys);
                let mut back = mapped.unmap();
                assert!(back.bytes_mut().iter().all(|byte| *byte == 0xa5));
            }
        }
    }
}
