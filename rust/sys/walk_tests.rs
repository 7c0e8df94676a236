// SPDX-License-Identifier: GPL-2.0

//! The page tables' way to memory of the kernel's, of which other parts of the kernel say where it is.

#[kernel::macros::kunit_tests(memlab_walk)]
mod tests {
    use crate::{
        bindings as lab,
        model::request::Gfp,
        sys::{
            abi,
            alloc::{
                Flags,
                Pages,
                Vmalloc, //
            },
            memory::{
                self,
                PAGE_SIZE, //
            },
            walk::{
                last_of_user,
                walk, //
            },
        },
    };
    use kernel::{
        ffi::c_void,
        prelude::*, //
    };

    fn walked(address: u64, pid: u32) -> Result<KBox<abi::Walk>> {
        let mut found = KBox::init(pin_init::init_zeroed::<abi::Walk>(), GFP_KERNEL)?;
        found.address = address;
        found.pid = pid;
        walk(&mut found)?;
        Ok(found)
    }

    fn of(address: *const c_void) -> Option<KBox<abi::Walk>> {
        // CAST: An address is not wider than 64 bits.
        let found = walked(address as usize as u64, 0);
        assert!(found.is_ok());
        let found = found.ok()?;
        assert_eq!(found.kernel, abi::YES);
        assert_eq!(found.found, lab::memlab_found_MEMLAB_FOUND_PAGE);
        Some(found)
    }

    /// The entries that were passed, the last of them a leaf.
    fn entries(found: &abi::Walk) -> &[lab::memlab_level] {
        let count = usize::try_from(found.levels).unwrap_or(0);
        found.level.get(..count).unwrap_or(&[])
    }

    fn has(entry: &lab::memlab_level, bit: u32) -> bool {
        assert!(entry.known & bit != 0);
        entry.bits & bit != 0
    }

    /// What holds on the way to any address of the kernel's.
    fn check_the_way(found: &abi::Walk) {
        let all = entries(found);
        assert!(all.len() >= 2);
        for (number, entry) in all.iter().enumerate() {
            let last = number + 1 == all.len();
            assert!(has(entry, lab::memlab_entry_MEMLAB_ENTRY_PRESENT));
            assert_eq!(has(entry, lab::memlab_entry_MEMLAB_ENTRY_LEAF), last);
            if let Some(next) = all.get(number + 1) {
                assert_eq!(entry.level, next.level + 1);
                assert!(entry.shift > next.shift);
                // A table lies where the entry above says, but for what the kernel keeps in front of it.
                assert_eq!(next.at >> 12, entry.phys >> 12);
                // The index is what these bits of the address say.
                let bits = entry.shift - next.shift;
                let index = (found.address >> next.shift) & ((1 << bits) - 1);
                assert_eq!(u64::from(next.index) & ((1 << bits) - 1), index);
            }
        }
        if let Some(leaf) = all.last() {
            let within = found.address & ((1 << leaf.shift) - 1);
            assert_eq!(found.phys, leaf.phys + within);
            assert_eq!(leaf.phys & ((1 << leaf.shift) - 1), 0);
            assert_eq!(leaf.attr, lab::memlab_attr_MEMLAB_ATTR_CACHED);
        }
    }

    /// Whether all levels allow what a bit says; where a level has no such bit, it does not forbid it.
    fn allowed(found: &abi::Walk, bit: u32) -> bool {
        let forbids = |entry: &lab::memlab_level| entry.known & bit != 0 && entry.bits & bit == 0;
        !entries(found).iter().any(forbids)
    }

    #[test]
    fn a_page_is_where_its_address_says() {
        let pages = Pages::with(2, Flags::of(Gfp::Kernel));
        assert!(pages.is_ok());
        let Some(pages) = pages.ok() else { return };
        let facts = memory::page_facts(pages.page());
        let Some(address) = memory::address_of(pages.page()) else {
            return;
        };
        let Some(found) = of(address) else { return };
        check_the_way(&found);
        assert_eq!(found.phys, facts.phys);
        assert_eq!(found.node, facts.node);
        assert_eq!(found.refcount, 1);
        assert_eq!(found.mapcount, 0);
        assert!(allowed(&found, lab::memlab_entry_MEMLAB_ENTRY_WRITE));
        assert_eq!(found.kind, lab::memlab_kind_MEMLAB_KIND_OTHER);
    }

    #[test]
    fn each_page_of_vmalloc_is_found_through_the_last_table() {
        let size = 4 * PAGE_SIZE;
        let memory = Vmalloc::new(size);
        assert!(memory.is_ok());
        let Some(memory) = memory.ok() else { return };
        for page in (0..size).step_by(PAGE_SIZE) {
            let address = memory.as_ptr().wrapping_byte_add(page + 8);
            let Some(found) = of(address) else { return };
            check_the_way(&found);
            let facts = memory::page_of(address).map(memory::page_facts);
            assert_eq!(facts.map(|facts| facts.phys + 8), Some(found.phys));
            assert!(allowed(&found, lab::memlab_entry_MEMLAB_ENTRY_WRITE));
        }
    }

    #[test]
    fn code_may_be_executed_and_not_written() {
        // CAST: To the address of the function.
        let address = walk as fn(&mut abi::Walk) -> Result as *const c_void;
        let Some(found) = of(address) else { return };
        check_the_way(&found);
        assert!(allowed(&found, lab::memlab_entry_MEMLAB_ENTRY_EXECUTE));
        assert_eq!(
            allowed(&found, lab::memlab_entry_MEMLAB_ENTRY_WRITE),
            cfg!(not(CONFIG_STRICT_MODULE_RWX))
        );
    }

    #[test]
    fn what_is_nobodys_is_refused() {
        // The tests run in a thread that has no memory of its own.
        assert_eq!(walked(PAGE_SIZE as u64, 0).err(), Some(ESRCH));
        assert_eq!(walked(PAGE_SIZE as u64, u32::MAX).err(), Some(ESRCH));
        assert_eq!(
            walked(u64::from(u32::MAX) << 8, 0).err(),
            match cfg!(CONFIG_64BIT) {
                true => Some(ESRCH),
                false => Some(ERANGE),
            }
        );
        assert_eq!(
            walked(last_of_user() + 1, 0).err(),
            match cfg!(CONFIG_64BIT) {
                true => Some(ERANGE),
                // There the kernel's half follows at once.
                false => None,
            }
        );
        let page = Pages::new(0);
        assert!(page.is_ok());
        let address = page.ok().and_then(|page| memory::address_of(page.page()));
        if let Some(address) = address {
            // CAST: An address is not wider than 64 bits.
            assert_eq!(walked(address as usize as u64, 1).err(), Some(EINVAL));
        }
    }
}
