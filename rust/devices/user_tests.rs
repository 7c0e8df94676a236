// SPDX-License-Identifier: GPL-2.0

//! What a device has for a while that is not a driver's: memory of a process that these tests have to
//! themselves, and somebody's dma-buf; and a pool of pages. On the module's own device.

#[kernel::macros::kunit_tests(memlab_user)]
mod tests {
    use crate::{
        devices::lent,
        model::{
            request::Direction,
            text::Text, //
        },
        sys::{
            abi,
            dma::{
                coherent::Coherent,
                CpuMemory, //
            },
            memory::{
                self,
                PAGE_SIZE, //
            },
            task,
            user::{
                become_process,
                huge_size,
                longest_entry,
                Process,
                UserMemory, //
            },
            walk::walk, //
        },
    };
    use kernel::{
        ffi::c_void,
        prelude::*,
        sync::atomic::{
            Atomic,
            Relaxed, //
        },
    };

    #[test]
    fn every_byte_of_a_program_is_pinned_once() {
        assert!(become_process().is_ok());
        let Ok(lease) = lent::lease(Text::EMPTY) else {
            return assert!(false);
        };
        let dev = lease.device();
        for (size, offset) in [
            (1, 0),
            (PAGE_SIZE, 1),
            (5 * PAGE_SIZE, 100),
            (1, PAGE_SIZE - 1),
        ] {
            let pages = (offset + size).div_ceil(PAGE_SIZE);
            for direction in [Direction::ToDevice, Direction::FromDevice] {
                let memory = UserMemory::new(size, offset, false);
                assert!(memory.is_ok());
                let Ok(mut memory) = memory else { return };
                assert!(memory.fill(0x5a).is_ok());
                let pinned = memory.pin(dev, longest_entry(dev), direction);
                assert!(pinned.is_ok());
                let Ok(pinned) = pinned else { return };
                assert_eq!(pinned.pages().count(), pages);
                let (_, first, ranges) = pinned.ranges();
                assert!(ranges >= 1 && first as usize <= size);
                // It is the program's again, with what it wrote.
                assert!(pinned.unpin().holds(0x5a));
            }
        }
    }

    #[test]
    fn a_pin_that_is_dropped_lets_go() {
        assert!(become_process().is_ok());
        let Ok(lease) = lent::lease(Text::EMPTY) else {
            return assert!(false);
        };
        let dev = lease.device();
        let memory = UserMemory::new(3 * PAGE_SIZE, 0, false);
        let pinned = memory.map(|memory| memory.pin(dev, longest_entry(dev), Direction::ToDevice));
        let Ok(Ok(pinned)) = pinned else {
            return assert!(false);
        };
        assert_eq!(pinned.pages().count(), 3);
        // High memory has no address to ask by.
        let addresses: [_; 3] = {
            let mut pages = pinned.pages();
            core::array::from_fn(|_| pages.next().and_then(memory::address_of))
        };
        assert!(addresses.iter().flatten().all(|at| is_pinned(*at)));
        drop(pinned);
        assert!(!addresses.iter().flatten().any(|at| is_pinned(*at)));
    }

    /// Whether the page at an address of the kernel's has the references of a pin.
    fn is_pinned(at: *const c_void) -> bool {
        const GUP_PIN_COUNTING_BIAS: i64 = 1024; // include/linux/mm_types.h
        let mut found = match KBox::init(pin_init::init_zeroed::<abi::Walk>(), GFP_KERNEL) {
            Ok(found) => found,
            Err(_) => return false,
        };
        // CAST: An address is not wider than 64 bits.
        found.address = at as usize as u64;
        walk(&mut found).is_ok() && i64::from(found.refcount) >= GUP_PIN_COUNTING_BIAS
    }

    #[test]
    fn bytes_are_copied_both_ways() {
        assert!(become_process().is_ok());
        let Ok(lease) = lent::lease(Text::EMPTY) else {
            return assert!(false);
        };
        const SIZE: usize = 3 * PAGE_SIZE + 5;
        let both = UserMemory::new(SIZE, 7, false)
            .and_then(|memory| Ok((memory, Coherent::new(lease.device(), SIZE)?)));
        assert!(both.is_ok());
        let Ok((mut memory, mut bounce)) = both else {
            return;
        };
        assert!(memory.fill(0xa5).is_ok());
        assert!(!bounce.holds(|_| 0xa5));
        assert!(memory.copy_to_device(&mut bounce).is_ok());
        assert!(bounce.holds(|_| 0xa5));
        bounce.write(|_| 0x3c);
        assert!(memory.holds(0xa5));
        assert!(memory.copy_from_device(&bounce).is_ok());
        assert!(memory.holds(0x3c) && !memory.holds(0xa5));
        // One that is too small takes nothing.
        let small = Coherent::new(lease.device(), PAGE_SIZE);
        assert!(small.is_ok_and(|mut small| memory.copy_to_device(&mut small) == Err(EINVAL)));
    }

    #[test]
    fn huge_pages_are_had_or_refused() {
        assert!(become_process().is_ok());
        let size = huge_size() as usize;
        if size == 0 {
            assert_eq!(
                UserMemory::new(1, 0, true).err(),
                Some(crate::compat::not_supported())
            );
            return;
        }
        let Ok(lease) = lent::lease(Text::EMPTY) else {
            return assert!(false);
        };
        let dev = lease.device();
        let memory = UserMemory::new(size, 0, true);
        assert!(memory.is_ok());
        let pinned = memory.map(|memory| memory.pin(dev, longest_entry(dev), Direction::ToDevice));
        let Ok(Ok(pinned)) = pinned else {
            return assert!(false);
        };
        // One piece of memory.
        let mut next = None;
        for page in pinned.pages() {
            let phys = memory::page_facts(page).phys;
            assert!(next.is_none_or(|next| next == phys));
            next = Some(phys + PAGE_SIZE as u64);
        }
    }

    #[test]
    fn a_thread_of_the_kernels_is_none_of_a_process() {
        let found = Atomic::new(0u32);
        let first = task::nth_cpu(0, None).unwrap_or(0);
        let work = |_| {
            let without = UserMemory::new(1, 0, false).err() == Some(ESRCH);
            found.fetch_add(u32::from(without), Relaxed);
        };
        assert!(task::run_pinned(&[first], &work, task::TICK_MS, |_| ()).is_ok());
        assert_eq!(found.load(Relaxed), 1);
        // Unless it works on the memory of one.
        assert!(become_process().is_ok());
        let process = Process::current();
        assert!(process.is_some());
        let Some(process) = process else { return };
        let work = |_| {
            let mut made = false;
            let worked = process.within(&mut || {
                made = UserMemory::new(PAGE_SIZE, 0, false).is_ok_and(|memory| memory.holds(0));
                Ok(())
            });
            found.fetch_add(u32::from(made && worked.is_ok()), Relaxed);
        };
        assert!(task::run_pinned(&[first], &work, task::TICK_MS, |_| ()).is_ok());
        assert_eq!(found.load(Relaxed), 2);
        // Who has that very memory just works.
        let mut made = false;
        let worked = process.within(&mut || {
            made = UserMemory::new(PAGE_SIZE, 0, false).is_ok_and(|memory| memory.holds(0));
            Ok(())
        });
        assert!(made && worked.is_ok());
    }
}

#[kernel::macros::kunit_tests(memlab_page_pool)]
mod pools {
    use crate::{
        devices::lent,
        model::{
            request::Direction,
            text::Text, //
        },
        sys::{
            dma::page_pool::{
                BottomHalvesOff,
                PagePool, //
            },
            memory, //
        },
    };

    #[test]
    fn a_page_that_comes_back_is_the_next_one() {
        for synced in [false, true] {
            let Ok(lease) = lent::lease(Text::EMPTY) else {
                return assert!(false);
            };
            let made = PagePool::new(lease.device(), 4096, Direction::FromDevice, synced);
            if made.as_ref().err() == Some(&crate::compat::not_supported()) {
                return;
            }
            assert!(made.is_ok());
            let Ok(pool) = made else { return };
            // A pool sleeps when it goes, which is for when they are on again.
            let last = pool.clone();
            let off = BottomHalvesOff::new();
            let (Ok(one), Ok(other)) = (PagePool::take(pool.clone()), PagePool::take(pool)) else {
                return assert!(false);
            };
            let place = memory::page_facts(one.page()).phys;
            assert!(place != memory::page_facts(other.page()).phys);
            let pool = one.recycle();
            let again = PagePool::take(pool);
            assert!(again.is_ok_and(|again| memory::page_facts(again.page()).phys == place));
            drop(other);
            drop(off);
            drop(last);
        }
    }
}

#[kernel::macros::kunit_tests(memlab_import)]
mod imports {
    use crate::{
        devices::lent,
        model::{
            request::Direction,
            text::Text, //
        },
        sys::{
            dma::{
                coherent::Attr,
                frames::Frames,
                import::{
                    DmaBuf,
                    Imported, //
                },
            },
            export::Export,
            memory::PAGE_SIZE,
            tenant::Tenant, //
        },
    };
    use kernel::{
        prelude::*,
        sync::Arc, //
    };

    const COUNT: usize = 5;

    /// A dma-buf of memory of its own, or of the device's.
    fn made(own: bool) -> Result<DmaBuf> {
        let lease = lent::lease(Text::EMPTY).map_err(|_| ENODEV)?;
        let tenant = match own {
            true => {
                let frames = Arc::new(Frames::pages(COUNT, None)?, GFP_KERNEL)?;
                Tenant::map(lease, frames, Direction::Bidirectional)?
            }
            false => Tenant::coherent(lease, COUNT * PAGE_SIZE, Attr::None)?,
        };
        Export::imported(tenant)
    }

    #[test]
    fn a_device_sees_every_byte_of_somebodys_buffer_once() {
        let buffer = made(true);
        assert!(buffer.is_ok());
        let (Ok(buffer), Ok(lease)) = (buffer, lent::lease(Text::EMPTY)) else {
            return;
        };
        // CAST: A few pages.
        assert_eq!(buffer.size(), (COUNT * PAGE_SIZE) as u64);
        for direction in [Direction::ToDevice, Direction::FromDevice] {
            let held = Imported::new(&buffer, lease.device(), direction);
            assert!(held.is_ok());
            let Ok(held) = held else { return };
            let mut at = 0;
            while let Some(segment) = held.at(at) {
                assert_eq!(segment.goes_to_device(), direction == Direction::ToDevice);
                at += segment.size() as u64;
            }
            assert_eq!(at, buffer.size());
            assert!(buffer.begin(direction).is_ok());
            assert!(buffer.end(direction).is_ok());
        }
    }

    #[test]
    fn the_devices_memory_is_for_nobody_else() {
        let buffer = made(false);
        assert!(buffer.is_ok());
        let (Ok(buffer), Ok(lease)) = (buffer, lent::lease(Text::EMPTY)) else {
            return;
        };
        let held = Imported::new(&buffer, lease.device(), Direction::ToDevice);
        assert_eq!(held.err(), Some(crate::compat::not_supported()));
    }

    #[test]
    fn what_is_no_dma_buf_is_refused() {
        assert_eq!(DmaBuf::behind(-1).err(), Some(EBADF));
    }
}
