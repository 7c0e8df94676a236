// SPDX-License-Identifier: GPL-2.0

//! `kmem_cache_alloc()`: objects of one size from a cache of their own, singly and in bulk.

use super::{
    allocating::{
        Allocating,
        Allocator,
        Asked, //
    },
    Experiment,
    Row, //
};
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
    sys::slab::{
        Bulk,
        Cache,
        Object,
        Room,
        BULK, //
    },
};
use kernel::{
    device::{
        Bound,
        Device, //
    },
    prelude::*, //
};

/// A cache of objects of the size that is asked for.
struct Objects {
    cache: Cache,
    asked: Asked,
}

impl Objects {
    fn new(request: &Request) -> Result<Self, Refusal> {
        let (asked, name) = (Asked::of(request)?, request.info().name);
        let cache = Cache::new(asked.size)
            .map_err(|_| Refusal::no_memory(format_args!("{name}: no memory for a cache")))?;
        Ok(Self { cache, asked })
    }
}

const SIZES: Range = Range::new(8, 64 << 10);

const GFP: &[Gfp] = &[
    Gfp::Kernel,
    Gfp::Atomic,
    Gfp::NoWait,
    Gfp::Zero,
    Gfp::Account,
];

/// One object at a time.
pub(crate) struct Slab(Objects);

impl<'d> Row<'d> for Slab {
    const INFO: Info = Info {
        name: "slab",
        about: "kmem_cache_alloc() from a cache of its own and kmem_cache_free()",
        sizes: SIZES,
        packs: true,
        held_max: 256,
        gfp: GFP,
        ..Info::PLAIN
    };

    type Experiment = Allocating<Self>;

    fn prepare(
        request: &Request,
        _device: Option<&'d Device<Bound>>,
    ) -> Result<Allocating<Self>, Refusal> {
        Ok(Allocating(Self(Objects::new(request)?)))
    }
}

impl Allocator for Slab {
    type Memory<'a> = Object<'a>;

    #[inline]
    fn allocate(&self) -> Result<Object<'_>> {
        self.0.cache.alloc(self.0.asked.flags)
    }

    fn describe(&self, memory: &Object<'_>) -> Placement {
        Placement {
            capacity: Some(memory.capacity()),
            ..placement::of_address(memory.as_ptr(), self.0.asked.size)
        }
    }
}

/// Sixteen in one call.
pub(crate) struct SlabBulk(Objects);

impl<'d> Row<'d> for SlabBulk {
    const INFO: Info = Info {
        name: "slab-bulk",
        about: "16 objects at once by kmem_cache_alloc_bulk() and kmem_cache_free_bulk()",
        sizes: SIZES,
        packs: true,
        held_max: 16,
        // CAST: A small constant.
        buffers: BULK as u64,
        gfp: GFP,
        ..Info::PLAIN
    };

    type Experiment = Self;

    fn prepare(request: &Request, _device: Option<&'d Device<Bound>>) -> Result<Self, Refusal> {
        Ok(Self(Objects::new(request)?))
    }
}

impl Experiment for SlabBulk {
    type Idle = Room;
    type Held<'a> = Bulk<'a>;

    fn idle(&self) -> Result<Room> {
        Room::new()
    }

    #[inline]
    fn acquire(&self, idle: Room) -> Result<Bulk<'_>, (Room, Error)> {
        self.0.cache.alloc_bulk(self.0.asked.flags, idle)
    }

    #[inline]
    fn release<'a>(&'a self, held: Bulk<'a>) -> Room {
        held.free()
    }

    fn describe(&self, held: &Bulk<'_>) -> Placement {
        Placement {
            capacity: None,
            ..placement::of_address(held.as_ptr(), self.0.asked.size)
        }
    }
}
