// SPDX-License-Identifier: GPL-2.0

//! `kmap_local_page()`: a short-lived window onto a page, of high memory where there is any.

use super::Experiment;
use crate::{
    facts::placement,
    model::{
        placement::Placement,
        request::{
            Family,
            Gfp,
            Info,
            Range,
            Refusal,
            Request, //
        },
    },
    sys::{
        alloc::{
            Flags,
            Pages, //
        },
        kmap,
        memory::PAGE_SIZE, //
    },
};
use kernel::{
    device::{
        Bound,
        Device, //
    },
    prelude::*, //
};

pub(crate) struct KmapLocal {
    page: Pages,
    size: usize,
}

/// Where the page that is mapped comes from: high memory where there is any, or low.
pub(super) const PAGES: &[Gfp] = &[Gfp::HighUser, Gfp::Kernel];

/// Half of what a task has (`KM_MAX_IDX` in include/linux/highmem-internal.h).
const NESTED: u32 = 8;

/// The page to map.
fn page_of(request: &Request) -> Result<Pages, Refusal> {
    let name = request.info().name;
    Pages::with(0, Flags::of(request.gfp()))
        .map_err(|_| Refusal::no_memory(format_args!("{name}: no page to map")))
}

impl<'d> Experiment<'d> for KmapLocal {
    const INFO: Info = Info {
        name: "kmap-local",
        about: "kmap_local_page() of one page and kunmap_local(); batch=8 nests as deep",
        phases: ["map", "unmap"],
        family: Family::Window,
        headline: true,
        sizes: Range {
            min: 1,
            // CAST: A page is far smaller than 4 GiB.
            max: PAGE_SIZE as u64,
        },
        held_max: NESTED,
        gfp: PAGES,
        allocates: false,
        may_sleep: false,
        ..Info::PLAIN
    };

    type Idle = ();
    type Held<'a> = kmap::KmapLocal<'a>;

    fn prepare(request: &Request, _device: Option<&'d Device<Bound>>) -> Result<Self, Refusal> {
        Ok(Self {
            page: page_of(request)?,
            size: super::size_of(request)?,
        })
    }

    fn idle(&self) -> Result {
        Ok(())
    }

    #[inline]
    fn acquire(&self, (): ()) -> Result<kmap::KmapLocal<'_>, ((), Error)> {
        Ok(kmap::KmapLocal::new(&self.page))
    }

    #[inline]
    fn release<'a>(&'a self, held: kmap::KmapLocal<'a>) {
        drop(held);
    }

    fn describe(&self, held: &kmap::KmapLocal<'_>) -> Placement {
        placement::of_page_at(self.page.page(), held.as_ptr(), self.size)
    }
}

pub(crate) struct KmapForced {
    page: Pages,
    size: usize,
}

impl<'d> Experiment<'d> for KmapForced {
    const INFO: Info = Info {
        name: "kmap-forced",
        about: "kmap-local through the map even of a low page (CONFIG_DEBUG_KMAP_LOCAL_FORCE_MAP)",
        phases: ["map", "unmap"],
        family: Family::Window,
        sizes: Range {
            min: 1,
            // CAST: A page is far smaller than 4 GiB.
            max: PAGE_SIZE as u64,
        },
        held_max: NESTED,
        gfp: PAGES,
        allocates: false,
        may_sleep: false,
        ..Info::PLAIN
    };

    type Idle = ();
    type Held<'a> = kmap::KmapForced<'a>;

    fn prepare(request: &Request, _device: Option<&'d Device<Bound>>) -> Result<Self, Refusal> {
        if !kmap::is_forced() {
            return Err(Refusal::unsupported(format_args!(
                "kmap-forced: this kernel has no CONFIG_DEBUG_KMAP_LOCAL_FORCE_MAP"
            )));
        }
        Ok(Self {
            page: page_of(request)?,
            size: super::size_of(request)?,
        })
    }

    fn idle(&self) -> Result {
        Ok(())
    }

    #[inline]
    fn acquire(&self, (): ()) -> Result<kmap::KmapForced<'_>, ((), Error)> {
        kmap::KmapForced::new(&self.page).map_err(|error| ((), error))
    }

    #[inline]
    fn release<'a>(&'a self, held: kmap::KmapForced<'a>) {
        drop(held);
    }

    fn describe(&self, held: &kmap::KmapForced<'_>) -> Placement {
        placement::of_page_at(self.page.page(), held.as_ptr(), self.size)
    }
}
