// SPDX-License-Identifier: GPL-2.0

//! `vmalloc()`: pages as they come, made contiguous in virtual space only.

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

pub(crate) struct Vmalloc {
    size: usize,
}

impl<'d> Experiment<'d> for Vmalloc {
    const INFO: Info = Info {
        name: "vmalloc",
        about: "vmalloc(size) and vfree()",
        headline: true,
        sizes: Range {
            min: 1,
            max: 16 << 20,
        },
        held_max: 64,
        ..Info::PLAIN
    };

    type Idle = ();
    type Held<'a> = alloc::Vmalloc;

    fn prepare(request: &Request, _device: Option<&'d Device<Bound>>) -> Result<Self, Refusal> {
        Ok(Self {
            size: super::size_of(request)?,
        })
    }

    fn idle(&self) -> Result {
        Ok(())
    }

    #[inline]
    fn acquire(&self, (): ()) -> Result<alloc::Vmalloc, ((), Error)> {
        alloc::Vmalloc::new(self.size).map_err(|error| ((), error))
    }

    #[inline]
    fn release(&self, held: alloc::Vmalloc) {
        drop(held);
    }

    fn describe(&self, held: &alloc::Vmalloc) -> Placement {
        placement::of_address(held.as_ptr(), self.size)
    }
}
