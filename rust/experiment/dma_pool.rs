// SPDX-License-Identifier: GPL-2.0

//! `dma_pool_alloc()`: small coherent blocks from pages that the pool has already.

use super::{
    required,
    Experiment, //
};
use crate::{
    facts::placement,
    model::{
        placement::Placement,
        request::{
            Family,
            Info,
            Parameter,
            Range,
            Refusal,
            Request, //
        },
    },
    sys::dma::{
        pool::{
            Block,
            Pool, //
        },
        DeviceMemory, //
    },
};
use kernel::{
    device::{
        Bound,
        Device, //
    },
    prelude::*, //
};

pub(crate) struct DmaPool<'d> {
    pool: Pool<'d>,
    size: usize,
}

impl<'d> Experiment<'d> for DmaPool<'d> {
    const INFO: Info = Info {
        name: "dma-pool",
        about: "dma_pool_alloc() from a pool made for the size and dma_pool_free()",
        family: Family::Coherent,
        // Beyond a page a pool has nothing over coherent memory.
        sizes: Range {
            min: 1,
            max: 64 << 10,
        },
        parameters: &[Parameter::Mask],
        needs_device: true,
        ..Info::PLAIN
    };

    type Idle = ();
    type Held<'a>
        = Block<'a>
    where
        Self: 'a;

    fn prepare(request: &Request, device: Option<&'d Device<Bound>>) -> Result<Self, Refusal> {
        let (dev, size) = (required(request, device)?, super::size_of(request)?);
        let pool = Pool::new(dev, size)
            .map_err(|_| Refusal::no_memory(format_args!("dma-pool: no memory for the pool")))?;
        Ok(Self { pool, size })
    }

    fn idle(&self) -> Result {
        Ok(())
    }

    #[inline]
    fn acquire(&self, (): ()) -> Result<Block<'_>, ((), Error)> {
        self.pool.alloc().map_err(|error| ((), error))
    }

    #[inline]
    fn release<'a>(&'a self, held: Block<'a>) {
        drop(held);
    }

    fn describe(&self, held: &Block<'_>) -> Placement {
        Placement {
            dma: Some(held.dma()),
            bounced: Some(false),
            ..placement::of_address(held.as_ptr(), self.size)
        }
    }
}
