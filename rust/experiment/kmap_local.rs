// SPDX-License-Identifier: GPL-2.0

//! `kmap_local_page()`: a short-lived window onto a page, of high memory where there is any.

use super::Experiment;
use crate::{
    facts::placement,
    model::{
        placement::Placement,
        request::{
            Family,
            Info,
            Range,
            Refusal,
            Request, //
        },
    },
    sys::{
        alloc::Pages,
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

impl<'d> Experiment<'d> for KmapLocal {
    const INFO: Info = Info {
        name: "kmap-local",
        about: "kmap_local_page() of one page and kunmap_local()",
        phases: ["map", "unmap"],
        family: Family::Window,
        headline: true,
        sizes: Range {
            min: 1,
            // CAST: A page is far smaller than 4 GiB.
            max: PAGE_SIZE as u64,
        },
        // Half of what a task has (KM_MAX_IDX in include/linux/highmem-internal.h).
        held_max: 8,
        allocates: false,
        may_sleep: false,
        ..Info::PLAIN
    };

    type Idle = ();
    type Held<'a> = kmap::KmapLocal<'a>;

    fn prepare(request: &Request, _device: Option<&'d Device<Bound>>) -> Result<Self, Refusal> {
        let page = Pages::highmem()
            .map_err(|_| Refusal::no_memory(format_args!("kmap-local: no page to map")))?;
        Ok(Self {
            page,
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
