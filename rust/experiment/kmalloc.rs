// SPDX-License-Identifier: GPL-2.0

//! `kmalloc()`: from the slab, and above its largest cache straight from the buddy allocator.

use super::Experiment;
use crate::{
    facts::placement,
    model::{
        placement::Placement,
        request::{
            Info,
            Range,
            Refusal,
            Request, //
        },
    },
    sys::alloc, //
};
use kernel::{
    device::{
        Bound,
        Device, //
    },
    prelude::*, //
};

pub(crate) struct Kmalloc {
    size: usize,
}

impl<'d> Experiment<'d> for Kmalloc {
    const INFO: Info = Info {
        name: "kmalloc",
        about: "kmalloc(size, GFP_KERNEL) and kfree()",
        headline: true,
        // KMALLOC_MAX_SIZE (include/linux/slab.h) with 4 KiB pages.
        sizes: Range {
            min: 1,
            max: 4 << 20,
        },
        held_max: 256,
        ..Info::PLAIN
    };

    type Idle = ();
    type Held<'a> = alloc::Kmalloc;

    fn prepare(request: &Request, _device: Option<&'d Device<Bound>>) -> Result<Self, Refusal> {
        Ok(Self {
            size: super::size_of(request)?,
        })
    }

    fn idle(&self) -> Result {
        Ok(())
    }

    #[inline]
    fn acquire(&self, (): ()) -> Result<alloc::Kmalloc, ((), Error)> {
        alloc::Kmalloc::new(self.size).map_err(|error| ((), error))
    }

    #[inline]
    fn release(&self, held: alloc::Kmalloc) {
        drop(held);
    }

    fn describe(&self, held: &alloc::Kmalloc) -> Placement {
        placement::of_address(held.as_ptr(), self.size)
    }
}
