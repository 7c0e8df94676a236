// SPDX-License-Identifier: GPL-2.0

//! `kmap_local_page()`: a short-lived window onto a page, of high memory where there is any.

use super::prelude::*;
use crate::sys::{
    alloc::{
        Flags,
        Pages, //
    },
    kmap::{
        self,
        KmapForced,
        KmapLocal, //
    },
    memory::PAGE_SIZE, //
};

/// Where the page that is mapped comes from: high memory where there is any, or low.
pub(super) const PAGES: &[Gfp] = &[Gfp::HighUser, Gfp::Kernel];

/// Half of what a task has (`KM_MAX_IDX` in include/linux/highmem-internal.h).
const NESTED: u32 = 8;

/// Mapping a page that stays, by the map or, if `FORCED`, by the map even where it need not be.
pub(crate) struct LocalMap<const FORCED: bool> {
    page: Pages,
    size: usize,
}

impl<'d, const FORCED: bool> Listed<'d> for LocalMap<FORCED>
where
    Self: Allocator,
{
    const INFO: Info = Info {
        name: if FORCED { "kmap-forced" } else { "kmap-local" },
        about: if FORCED {
            "kmap_local_page() through the map even of a low page (CONFIG_DEBUG_KMAP_LOCAL_FORCE_MAP)"
        } else {
            "kmap_local_page() of one page and kunmap_local(); batch=8 nests as deep"
        },
        phases: ["map", "unmap"],
        family: Family::Window,
        headline: !FORCED,
        // CAST: A page is far smaller than 4 GiB.
        sizes: Range::new(1, PAGE_SIZE as u64),
        held_max: NESTED,
        nests: true,
        gfp: PAGES,
        allocates: false,
        may_sleep: false,
        ..Info::PLAIN
    };

    fn prepare(request: &Request, _device: Option<&'d Device<Bound>>) -> Result<Self, Refusal> {
        let name = request.info().name;
        if FORCED && !kmap::is_forced() {
            return Err(Refusal::unsupported(format_args!(
                "{name}: this kernel has no CONFIG_DEBUG_KMAP_LOCAL_FORCE_MAP"
            )));
        }
        let page = Pages::with(0, Flags::of(request.gfp()))
            .map_err(|_| Refusal::no_memory(format_args!("{name}: no page to map")))?;
        let size = size_of(request)?;
        Ok(Self { page, size })
    }
}

impl Allocator for LocalMap<false> {
    type Memory<'a> = KmapLocal<'a>;

    #[inline]
    fn allocate(&self) -> Result<KmapLocal<'_>> {
        KmapLocal::new(&self.page)
    }

    fn describe(&self, map: &KmapLocal<'_>) -> Placement {
        placement::of_page_at(self.page.page(), map.as_ptr(), self.size)
    }
}

impl Allocator for LocalMap<true> {
    type Memory<'a> = KmapForced<'a>;

    #[inline]
    fn allocate(&self) -> Result<KmapForced<'_>> {
        KmapForced::new(&self.page)
    }

    fn describe(&self, map: &KmapForced<'_>) -> Placement {
        placement::of_page_at(self.page.page(), map.as_ptr(), self.size)
    }
}
