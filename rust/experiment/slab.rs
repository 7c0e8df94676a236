// SPDX-License-Identifier: GPL-2.0

//! `kmem_cache_alloc()`: objects of one size from a cache of their own, singly and in bulk.

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
        alloc::Flags,
        allocators::{
            Bulk,
            Cache,
            Object,
            BULK, //
        },
    },
};
use kernel::{
    device::{
        Bound,
        Device, //
    },
    prelude::*, //
};

/// A cache of objects of the size that was asked for.
struct Objects {
    cache: Cache,
    size: usize,
    flags: Flags,
}

impl Objects {
    fn new(request: &Request) -> Result<Self, Refusal> {
        let size = super::size_of(request)?;
        let name = request.info().name;
        let cache = Cache::new(size)
            .map_err(|_| Refusal::no_memory(format_args!("{name}: no memory for a cache")))?;
        Ok(Self {
            cache,
            size,
            flags: Flags::of(request.gfp()).without_killing(),
        })
    }
}

const SIZES: Range = Range {
    min: 8,
    max: 64 << 10,
};

const GFP: &[Gfp] = &[
    Gfp::Kernel,
    Gfp::Atomic,
    Gfp::NoWait,
    Gfp::Zero,
    Gfp::Account,
];

/// One object at a time.
pub(crate) struct Slab(Objects);

impl<'d> Experiment<'d> for Slab {
    const INFO: Info = Info {
        name: "slab",
        about: "kmem_cache_alloc() from a cache of its own and kmem_cache_free()",
        sizes: SIZES,
        held_max: 256,
        gfp: GFP,
        ..Info::PLAIN
    };

    type Idle = ();
    type Held<'a> = Object<'a>;

    fn prepare(request: &Request, _device: Option<&'d Device<Bound>>) -> Result<Self, Refusal> {
        Ok(Self(Objects::new(request)?))
    }

    fn idle(&self) -> Result {
        Ok(())
    }

    #[inline]
    fn acquire(&self, (): ()) -> Result<Object<'_>, ((), Error)> {
        let found = self.0.cache.alloc(self.0.flags);
        found.map_err(|error| ((), error))
    }

    #[inline]
    fn release<'a>(&'a self, held: Object<'a>) {
        drop(held);
    }

    fn describe(&self, held: &Object<'_>) -> Placement {
        Placement {
            capacity: Some(held.capacity()),
            ..placement::of_address(held.as_ptr(), self.0.size)
        }
    }
}

/// Sixteen in one call.
pub(crate) struct SlabBulk(Objects);

impl<'d> Experiment<'d> for SlabBulk {
    const INFO: Info = Info {
        name: "slab-bulk",
        about: "16 objects at once by kmem_cache_alloc_bulk() and kmem_cache_free_bulk()",
        sizes: SIZES,
        held_max: 16,
        // CAST: A small constant.
        buffers: BULK as u64,
        gfp: GFP,
        ..Info::PLAIN
    };

    type Idle = ();
    type Held<'a> = Bulk<'a>;

    fn prepare(request: &Request, _device: Option<&'d Device<Bound>>) -> Result<Self, Refusal> {
        Ok(Self(Objects::new(request)?))
    }

    fn idle(&self) -> Result {
        Ok(())
    }

    #[inline]
    fn acquire(&self, (): ()) -> Result<Bulk<'_>, ((), Error)> {
        let found = self.0.cache.alloc_bulk(self.0.flags);
        found.map_err(|error| ((), error))
    }

    #[inline]
    fn release<'a>(&'a self, held: Bulk<'a>) {
        drop(held);
    }

    fn describe(&self, held: &Bulk<'_>) -> Placement {
        Placement {
            capacity: None,
            ..placement::of_address(held.as_ptr(), self.0.size)
        }
    }
}
