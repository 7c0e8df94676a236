// SPDX-License-Identifier: GPL-2.0

//! `kmalloc()`: from the slab, and above its largest cache straight from the buddy allocator.

use super::Experiment;
use crate::{
    facts::placement,
    model::{
        placement::Placement,
        request::{
            Gfp,
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
    flags: alloc::Flags,
}

impl<'d> Experiment<'d> for Kmalloc {
    const INFO: Info = Info {
        name: "kmalloc",
        about: "kmalloc(size) and kfree()",
        headline: true,
        sizes: Range {
            min: 1,
            max: alloc::KMALLOC_MAX,
        },
        held_max: 256,
        // The slab has no caches of high memory, nor below 4 GiB: it warns of such flags.
        gfp: &[
            Gfp::Kernel,
            Gfp::Atomic,
            Gfp::NoWait,
            Gfp::Dma,
            Gfp::Zero,
            Gfp::Account,
        ],
        ..Info::PLAIN
    };

    type Idle = ();
    type Held<'a> = alloc::Kmalloc;

    fn prepare(request: &Request, _device: Option<&'d Device<Bound>>) -> Result<Self, Refusal> {
        Ok(Self {
            size: super::size_of(request)?,
            flags: alloc::Flags::of(request.gfp()).without_killing(),
        })
    }

    fn idle(&self) -> Result {
        Ok(())
    }

    #[inline]
    fn acquire(&self, (): ()) -> Result<alloc::Kmalloc, ((), Error)> {
        alloc::Kmalloc::with(self.size, self.flags).map_err(|error| ((), error))
    }

    #[inline]
    fn release(&self, held: alloc::Kmalloc) {
        drop(held);
    }

    fn describe(&self, held: &alloc::Kmalloc) -> Placement {
        Placement {
            capacity: Some(held.capacity()),
            ..placement::of_address(held.as_ptr(), self.size)
        }
    }
}
