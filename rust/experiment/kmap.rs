// SPDX-License-Identifier: GPL-2.0

//! `kmap()` and `vmap()`: windows that stay and that every CPU sees.

use super::{
    kmap_local::PAGES, //
    prelude::*,
};
use crate::sys::{
    alloc::{
        Flags,
        Pages, //
        KMALLOC_MAX,
    },
    kmap::{
        self,
        PageList, //
    },
    memory::PAGE_SIZE, //
};

/// The most windows that one thread holds at a time.
const HELD: u32 = 16;

pub(crate) struct Kmap {
    flags: Flags,
    size: usize,
}

impl<'d> Listed<'d> for Kmap {
    const INFO: Info = Info {
        name: "kmap",
        about: "kmap() of a page of its own and kunmap(); never more than half of the pool",
        phases: ["map", "unmap"],
        family: Family::Window,
        sizes: Range {
            min: 1,
            // CAST: A page is far smaller than 4 GiB.
            max: PAGE_SIZE as u64,
        },
        held_max: HELD,
        gfp: PAGES,
        allocates: false,
        ..Info::PLAIN
    };

    fn prepare(request: &Request, _device: Option<&'d Device<Bound>>) -> Result<Self, Refusal> {
        // With all windows taken kmap() sleeps, and nothing can wake it but another's kunmap().
        let most = kmap::pool() / 2 / u64::from(HELD);
        if most != 0 && request.threads() > most {
            let range = Range { min: 1, max: most };
            let unit = "threads (half of the windows of kmap())";
            return Err(Refusal::range(
                Parameter::Threads.name(),
                request.threads(),
                range,
                unit,
            ));
        }
        Ok(Self {
            flags: Flags::of(request.gfp()),
            size: size_of(request)?,
        })
    }
}

impl Experiment for Kmap {
    /// The page to map. A window that failed to unmap, which none does, would leave no page.
    type Idle = Option<Pages>;
    type Held<'a> = kmap::Kmap;

    fn idle(&self) -> Result<Option<Pages>> {
        Ok(Some(Pages::with(0, self.flags)?))
    }

    #[inline]
    fn acquire(&self, idle: Option<Pages>) -> Result<kmap::Kmap, (Option<Pages>, Error)> {
        match idle {
            Some(page) => Ok(kmap::Kmap::new(page)),
            None => Err((None, ENOMEM)),
        }
    }

    #[inline]
    fn release(&self, held: kmap::Kmap) -> Option<Pages> {
        held.unmap()
    }

    fn describe(&self, held: &kmap::Kmap) -> Placement {
        match held.page() {
            Some(page) => placement::of_page_at(page, held.as_ptr(), self.size),
            None => Placement::UNKNOWN,
        }
    }
}

pub(crate) struct Vmap {
    flags: Flags,
    size: usize,
}

impl<'d> Listed<'d> for Vmap {
    const INFO: Info = Info {
        name: "vmap",
        about: "vmap() of single pages and vunmap(), whose flush may come later",
        phases: ["map", "unmap"],
        family: Family::Window,
        sizes: Range {
            // CAST: A page is far smaller than 4 GiB.
            min: PAGE_SIZE as u64,
            max: KMALLOC_MAX,
        },
        held_max: 16,
        gfp: PAGES,
        allocates: false,
        ..Info::PLAIN
    };

    fn prepare(request: &Request, _device: Option<&'d Device<Bound>>) -> Result<Self, Refusal> {
        Ok(Self {
            flags: Flags::of(request.gfp()),
            size: size_of(request)?,
        })
    }
}

impl Experiment for Vmap {
    type Idle = PageList;
    type Held<'a> = kmap::Vmap;

    fn idle(&self) -> Result<PageList> {
        PageList::new(self.size.div_ceil(PAGE_SIZE), || Pages::with(0, self.flags))
    }

    #[inline]
    fn acquire(&self, idle: PageList) -> Result<kmap::Vmap, (PageList, Error)> {
        kmap::Vmap::new(idle)
    }

    #[inline]
    fn release(&self, held: kmap::Vmap) -> PageList {
        held.unmap()
    }

    fn describe(&self, held: &kmap::Vmap) -> Placement {
        placement::of_address(held.as_ptr(), self.size)
    }
}
