// SPDX-License-Identifier: GPL-2.0

//! What the CPU's own writing and reading of a buffer costs, by the kind of buffer.

use super::{
    required,
    target::CONTIGUOUS_MAX,
    Experiment, //
};
use crate::{
    facts::placement,
    model::{
        placement::Placement,
        request::{
            Direction,
            Family,
            Info,
            Range,
            Refusal,
            Request, //
        },
    },
    sys::{
        access,
        dma::{
            buffer::Buffer,
            coherent::{
                self,
                Attr, //
            },
            noncoherent,
            CpuMemory,
            DeviceMemory, //
        },
    },
};
use core::marker::PhantomData;
use kernel::{
    device::{
        Bound,
        Device, //
    },
    ffi::c_void,
    prelude::*, //
};

const ACCESS: Info = Info {
    phases: ["write", "read"],
    family: Family::Access,
    sizes: Range {
        min: 1,
        max: CONTIGUOUS_MAX,
    },
    needs_device: true,
    may_sleep: false,
    allocates: false,
    ..Info::PLAIN
};

/// A kind of buffer, and its row.
pub(crate) trait Kind<'d> {
    const INFO: Info;
    type Memory: CpuMemory;

    /// A buffer of `size` bytes. `dev` is there where the row says that it needs one.
    fn get(dev: Option<&'d Device<Bound>>, size: usize) -> Result<Self::Memory>;

    /// Where the CPU and the device see it.
    fn place(memory: &Self::Memory) -> (*const c_void, Option<u64>);
}

pub(crate) struct Cached;

impl<'d> Kind<'d> for Cached {
    const INFO: Info = Info {
        name: "access-cached",
        about: "the CPU writes and reads ordinary memory, every byte, word by word",
        needs_device: false,
        ..ACCESS
    };
    type Memory = Buffer;

    fn get(_dev: Option<&'d Device<Bound>>, size: usize) -> Result<Buffer> {
        Buffer::new(size)
    }

    fn place(memory: &Buffer) -> (*const c_void, Option<u64>) {
        (memory.as_ptr(), None)
    }
}

macro_rules! coherent {
    ($($kind:ident: $attr:ident, $name:literal, $about:literal;)*) => {$(
        pub(crate) struct $kind;

        impl<'d> Kind<'d> for $kind {
            const INFO: Info = Info {
                name: $name,
                about: $about,
                ..ACCESS
            };
            type Memory = coherent::Coherent<'d>;

            fn get(dev: Option<&'d Device<Bound>>, size: usize) -> Result<Self::Memory> {
                coherent::Coherent::with(dev.ok_or(ENODEV)?, size, Attr::$attr)
            }

            fn place(memory: &Self::Memory) -> (*const c_void, Option<u64>) {
                (memory.as_ptr(), Some(memory.dma()))
            }
        }
    )*};
}

coherent! {
    Coherent: None, "access-coherent", "the same with dma_alloc_coherent()'s memory";
    WriteCombine: WriteCombine, "access-wc", "the same with dma_alloc_wc()'s memory";
}

pub(crate) struct NonCoherent;

impl<'d> Kind<'d> for NonCoherent {
    const INFO: Info = Info {
        name: "access-noncoherent",
        about: "the same with dma_alloc_noncoherent()'s memory",
        ..ACCESS
    };
    type Memory = noncoherent::NonCoherent<'d, Direction>;

    fn get(dev: Option<&'d Device<Bound>>, size: usize) -> Result<Self::Memory> {
        noncoherent::NonCoherent::new(dev.ok_or(ENODEV)?, size, Direction::Bidirectional)
    }

    fn place(memory: &Self::Memory) -> (*const c_void, Option<u64>) {
        (memory.as_ptr(), Some(memory.dma()))
    }
}

pub(crate) struct Access<'d, K> {
    dev: Option<&'d Device<Bound>>,
    size: usize,
    kind: PhantomData<K>,
}

impl<'d, K: Kind<'d> + Sync> Experiment<'d> for Access<'d, K> {
    const INFO: Info = K::INFO;

    type Idle = K::Memory;
    type Held<'a>
        = K::Memory
    where
        Self: 'a;

    fn prepare(request: &Request, device: Option<&'d Device<Bound>>) -> Result<Self, Refusal> {
        Ok(Self {
            dev: match K::INFO.needs_device {
                true => Some(required(request, device)?),
                false => None,
            },
            size: super::size_of(request)?,
            kind: PhantomData,
        })
    }

    fn idle(&self) -> Result<K::Memory> {
        K::get(self.dev, self.size)
    }

    #[inline]
    fn acquire(&self, mut idle: K::Memory) -> Result<K::Memory, (K::Memory, Error)> {
        access::write(&mut idle, 0x5a);
        Ok(idle)
    }

    #[inline]
    fn release(&self, held: K::Memory) -> K::Memory {
        access::read(&held);
        held
    }

    fn describe(&self, held: &K::Memory) -> Placement {
        let (addr, dma) = K::place(held);
        Placement {
            dma,
            bounced: dma.map(|_| false),
            ..placement::of_address(addr, self.size)
        }
    }
}
