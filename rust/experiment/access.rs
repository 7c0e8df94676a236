// SPDX-License-Identifier: GPL-2.0

//! What the CPU's own writing and reading of a buffer costs, by the kind of buffer.

use super::{
    dma_memory::{
        place,
        Asked,
        DmaAllocation, //
    },
    prelude::*,
    target::CONTIGUOUS_MAX, //
};
use crate::sys::{
    access,
    dma::{
        buffer::Buffer,
        coherent::{
            Attr,
            Coherent, //
        },
        noncoherent::NonCoherent,
        CpuMemory, //
    },
};
use core::marker::PhantomData;

const ACCESS: Info = Info {
    phases: ["write", "read"],
    family: Family::Access,
    sizes: Range::new(1, CONTIGUOUS_MAX),
    needs_device: true,
    may_sleep: false,
    allocates: false,
    ..Info::PLAIN
};

/// Where a buffer of so many bytes comes from.
pub(crate) trait Source: Sync {
    type Memory: CpuMemory;

    /// Makes a buffer.
    fn make(&self) -> Result<Self::Memory>;

    /// Where it is.
    fn place(&self, memory: &Self::Memory) -> Placement;
}

/// Writing and reading what comes from `S`.
pub(crate) struct Access<S>(S);

impl<S: Source> Experiment for Access<S> {
    type Idle = S::Memory;
    type Held<'a>
        = S::Memory
    where
        Self: 'a;

    fn idle(&self) -> Result<S::Memory> {
        self.0.make()
    }

    #[inline]
    fn acquire(&self, mut idle: S::Memory) -> Result<S::Memory, (S::Memory, Error)> {
        access::write(&mut idle, 0x5a);
        Ok(idle)
    }

    #[inline]
    fn release(&self, held: S::Memory) -> S::Memory {
        access::read(&held);
        held
    }

    fn describe(&self, held: &S::Memory) -> Placement {
        self.0.place(held)
    }
}

/// Ordinary memory.
pub(crate) struct AccessCached {
    size: usize,
}

impl<'d> Row<'d> for AccessCached {
    const INFO: Info = Info {
        name: "access-cached",
        about: "the CPU writes and reads every byte of ordinary memory, word by word",
        needs_device: false,
        ..ACCESS
    };

    type Experiment = Access<Self>;

    fn prepare(
        request: &Request,
        _device: Option<&'d Device<Bound>>,
    ) -> Result<Access<Self>, Refusal> {
        let size = size_of(request)?;
        Ok(Access(Self { size }))
    }
}

impl Source for AccessCached {
    type Memory = Buffer;

    fn make(&self) -> Result<Buffer> {
        Buffer::new(self.size)
    }

    fn place(&self, memory: &Buffer) -> Placement {
        placement::of_address(memory.as_ptr(), self.size)
    }
}

/// Memory of the kind `M` that the DMA API allocates.
pub(crate) struct OfDevice<'d, M> {
    asked: Asked<'d>,
    kind: PhantomData<fn() -> M>,
}

impl<'d, M: DmaAllocation<'d> + CpuMemory> Source for OfDevice<'d, M> {
    type Memory = M;

    fn make(&self) -> Result<M> {
        M::allocate(&self.asked)
    }

    fn place(&self, memory: &M) -> Placement {
        place(memory.addresses(), self.asked.size)
    }
}

macro_rules! rows {
    ($($row:ident: $memory:ty, $attr:ident, $name:literal, $about:literal;)*) => {$(
        pub(crate) struct $row;

        impl<'d> Row<'d> for $row {
            const INFO: Info = Info {
                name: $name,
                about: $about,
                ..ACCESS
            };

            type Experiment = Access<OfDevice<'d, $memory>>;

            fn prepare(
                request: &Request,
                device: Option<&'d Device<Bound>>,
            ) -> Result<Self::Experiment, Refusal> {
                Ok(Access(OfDevice {
                    asked: Asked::of(request, device, Attr::$attr)?,
                    kind: PhantomData,
                }))
            }
        }
    )*};
}

rows! {
    AccessCoherent: Coherent<'d>, None, "access-coherent",
        "the CPU writes and reads every byte of dma_alloc_coherent()'s memory, word by word";
    AccessWriteCombine: Coherent<'d>, WriteCombine, "access-wc",
        "the CPU writes and reads every byte of dma_alloc_wc()'s memory, word by word";
    AccessNonCoherent: NonCoherent<'d, Direction>, None, "access-noncoherent",
        "the CPU writes and reads every byte of dma_alloc_noncoherent()'s memory, word by word";
}
