// SPDX-License-Identifier: GPL-2.0

//! `vmalloc()`: pages as they come, made contiguous in virtual space only.

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
    sys::{
        alloc::{
            Flags,
            Vmalloc as Memory, //
        },
        allocators::whole_pages, //
    },
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
    flags: Flags,
}

/// The flags that vmalloc() takes without a warning (`GFP_VMALLOC_SUPPORTED`) and that a caller who
/// may sleep has a use for.
const GFP: &[Gfp] = &[Gfp::Kernel, Gfp::Zero, Gfp::Account];

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
        gfp: GFP,
        ..Info::PLAIN
    };

    type Idle = ();
    type Held<'a> = Memory;

    fn prepare(request: &Request, _device: Option<&'d Device<Bound>>) -> Result<Self, Refusal> {
        Ok(Self {
            size: super::size_of(request)?,
            flags: Flags::of(request.gfp()),
        })
    }

    fn idle(&self) -> Result {
        Ok(())
    }

    #[inline]
    fn acquire(&self, (): ()) -> Result<Memory, ((), Error)> {
        Memory::with(self.size, self.flags).map_err(|error| ((), error))
    }

    #[inline]
    fn release(&self, held: Memory) {
        drop(held);
    }

    fn describe(&self, held: &Memory) -> Placement {
        Placement {
            capacity: Some(whole_pages(self.size)),
            ..placement::of_address(held.as_ptr(), self.size)
        }
    }
}

pub(crate) struct VmallocHuge {
    size: usize,
    flags: Flags,
}

impl<'d> Experiment<'d> for VmallocHuge {
    const INFO: Info = Info {
        name: "vmalloc-huge",
        about: "vmalloc_huge(size) and vfree(): of 2 MiB pages where the architecture has them",
        sizes: Range {
            min: 1,
            max: 16 << 20,
        },
        held_max: 64,
        gfp: GFP,
        ..Info::PLAIN
    };

    type Idle = ();
    type Held<'a> = Memory;

    fn prepare(request: &Request, _device: Option<&'d Device<Bound>>) -> Result<Self, Refusal> {
        Ok(Self {
            size: super::size_of(request)?,
            flags: Flags::of(request.gfp()),
        })
    }

    fn idle(&self) -> Result {
        Ok(())
    }

    #[inline]
    fn acquire(&self, (): ()) -> Result<Memory, ((), Error)> {
        Memory::huge(self.size, self.flags).map_err(|error| ((), error))
    }

    #[inline]
    fn release(&self, held: Memory) {
        drop(held);
    }

    fn describe(&self, held: &Memory) -> Placement {
        Placement {
            capacity: Some(whole_pages(self.size)),
            ..placement::of_address(held.as_ptr(), self.size)
        }
    }
}
