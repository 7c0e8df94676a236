// SPDX-License-Identifier: GPL-2.0

//! What a device has for longer than a call lasts: memory with the lease that it borrows from.

use super::{
    dma::{
        coherent::{
            Attr,
            Coherent, //
        },
        frames::{
            Frames,
            Map,
            PageList, //
        },
        noncoherent::{
            self,
            NonCoherent, //
        },
        noncontiguous::{
            self,
            NonContiguous, //
        },
        DeviceMemory,
        Segment, //
    },
    lend::Lease,
    memory::PAGE_SIZE, //
};
use crate::model::request::Direction;
use kernel::{
    device::{
        Bound,
        Device, //
    },
    ffi::c_void,
    prelude::*,
    sync::Arc, //
};

/// The kinds of it. The device owns all of it, as far as the kernel is concerned: it is programs
/// that look at it, and say so by syncs.
enum Memory<'a> {
    Coherent(Coherent<'a>, usize),
    NonCoherent(noncoherent::Lent<'a, Direction>),
    NonContiguous(noncontiguous::Lent<'a, Direction>),
    Map(Map<'a>),
}

/// Memory that a device has, and the lease by which it stays bound as long.
///
/// # Invariants
///
/// What `memory` borrows is the device of `lease`. It is declared first, so that it is dropped
/// first, and is not taken out.
pub(crate) struct Tenant {
    memory: Memory<'static>,
    direction: Direction,
    lease: Lease,
}

impl Tenant {
    fn new(
        lease: Lease,
        direction: Direction,
        make: impl FnOnce(&'static Device<Bound>) -> Result<Memory<'static>>,
    ) -> Result<Self> {
        // SAFETY: The device is behind a reference count that the lease has a part of, and is bound
        // until that is dropped. By the type invariant the memory is dropped before.
        let dev = unsafe { &*core::ptr::from_ref(lease.device()) };
        // INVARIANT: It borrows the device of this lease.
        Ok(Self {
            memory: make(dev)?,
            direction,
            lease,
        })
    }

    /// Coherent memory.
    pub(crate) fn coherent(lease: Lease, size: usize, attr: Attr) -> Result<Self> {
        Self::new(lease, Direction::Bidirectional, |dev| {
            Ok(Memory::Coherent(Coherent::with(dev, size, attr)?, size))
        })
    }

    /// Memory from `dma_alloc_noncoherent()`.
    pub(crate) fn noncoherent(lease: Lease, size: usize, direction: Direction) -> Result<Self> {
        Self::new(lease, direction, |dev| {
            let memory = NonCoherent::new(dev, size, direction)?;
            Ok(Memory::NonCoherent(memory.for_device()))
        })
    }

    /// Memory from `dma_alloc_noncontiguous()`.
    pub(crate) fn noncontiguous(lease: Lease, size: usize, direction: Direction) -> Result<Self> {
        Self::new(lease, direction, |dev| {
            let memory = NonContiguous::new(dev, size, direction)?;
            Ok(Memory::NonContiguous(memory.for_device()))
        })
    }

    /// A map of somebody's pages.
    pub(crate) fn map(lease: Lease, frames: Arc<Frames>, direction: Direction) -> Result<Self> {
        Self::new(lease, direction, |dev| {
            Ok(Memory::Map(Map::new(dev, frames, direction)?))
        })
    }

    /// The lease.
    pub(crate) fn lease(&self) -> &Lease {
        &self.lease
    }

    /// The pages that stay when the device goes: those of a map.
    pub(crate) fn frames(&self) -> Option<&Arc<Frames>> {
        match &self.memory {
            Memory::Map(map) => Some(map.frames()),
            _ => None,
        }
    }

    /// The kernel's address of the first byte; null where it has none.
    pub(crate) fn address(&self) -> *const c_void {
        match &self.memory {
            Memory::Coherent(memory, _) => memory.as_ptr(),
            Memory::NonCoherent(memory) => memory.as_ptr(),
            Memory::NonContiguous(memory) => memory.as_ptr(),
            Memory::Map(map) => map.frames().address(),
        }
    }

    /// Its pages, found out by the kernel's address.
    pub(super) fn list(&self) -> Result<PageList> {
        PageList::behind(self.address(), self.size().div_ceil(PAGE_SIZE))
    }

    fn size(&self) -> usize {
        match &self.memory {
            Memory::Coherent(_, size) => *size,
            Memory::NonCoherent(memory) => memory.segment().size(),
            Memory::NonContiguous(memory) => memory.segment().size(),
            Memory::Map(map) => map.frames().list().count() * PAGE_SIZE,
        }
    }

    /// How many ranges the device sees.
    pub(crate) fn ranges(&self) -> u32 {
        match &self.memory {
            Memory::Map(map) => map.ranges(),
            _ => 1,
        }
    }

    /// What the device sees from byte `at` on, as far as its addresses go on there.
    pub(crate) fn at(&self, at: usize) -> Option<Segment<'_>> {
        let all = match &self.memory {
            Memory::Coherent(memory, _) => memory.segment(),
            Memory::NonCoherent(memory) => memory.segment(),
            Memory::NonContiguous(memory) => memory.segment(),
            Memory::Map(map) => return map.at(at),
        };
        all.part(at, usize::MAX)
    }

    /// Syncs it one way, for the CPU or for the device again. `EINVAL` for a way that it does not
    /// have.
    pub(crate) fn sync(&self, for_cpu: bool, way: Direction) -> Result {
        if self.direction != Direction::Bidirectional && self.direction != way {
            return Err(EINVAL);
        }
        match &self.memory {
            Memory::Coherent(..) => (),
            Memory::NonCoherent(memory) => memory.sync(for_cpu, way),
            Memory::NonContiguous(memory) => memory.sync(for_cpu, way),
            Memory::Map(map) => map.sync(for_cpu, way)?,
        }
        Ok(())
    }
}
