// SPDX-License-Identifier: GPL-2.0

//! Memory that the DMA API allocates for a device: coherent, as it comes and with each attribute
//! that a driver may pass; in blocks of a pool; and cached, in one piece or in several.

use super::prelude::*;
use crate::sys::{
    contig::whole_pages,
    dma::{
        coherent::{
            Attr,
            Coherent,
            Hidden, //
        },
        noncoherent::NonCoherent,
        noncontiguous::NonContiguous,
        pool::{
            Block,
            Pool, //
        },
        DeviceMemory, //
    },
    memory::PAGE_SIZE, //
};
use core::marker::PhantomData;
use kernel::ffi::c_void;

/// What memory for a device is asked for.
pub(super) struct Asked<'d> {
    dev: &'d Device<Bound>,
    pub(super) size: usize,
    direction: Direction,
    attr: Attr,
}

impl<'d> Asked<'d> {
    /// What `request` asks for, with `attr`.
    pub(super) fn of(
        request: &Request,
        device: Option<&'d Device<Bound>>,
        attr: Attr,
    ) -> Result<Self, Refusal> {
        Ok(Self {
            dev: required(request, device)?,
            size: size_of(request)?,
            direction: request.direction(),
            attr,
        })
    }
}

/// Memory that the DMA API allocates.
pub(super) trait DmaAllocation<'d>: Sized {
    /// Allocates it.
    fn allocate(asked: &Asked<'d>) -> Result<Self>;

    /// Where the CPU sees it, unless it does not, and where the device does.
    fn addresses(&self) -> (Option<*const c_void>, u64);
}

impl<'d> DmaAllocation<'d> for Coherent<'d> {
    #[inline]
    fn allocate(asked: &Asked<'d>) -> Result<Self> {
        Coherent::with(asked.dev, asked.size, asked.attr)
    }

    fn addresses(&self) -> (Option<*const c_void>, u64) {
        (Some(self.as_ptr()), self.dma())
    }
}

impl<'d> DmaAllocation<'d> for Hidden<'d> {
    #[inline]
    fn allocate(asked: &Asked<'d>) -> Result<Self> {
        Hidden::new(asked.dev, asked.size)
    }

    fn addresses(&self) -> (Option<*const c_void>, u64) {
        (None, self.dma())
    }
}

impl<'d> DmaAllocation<'d> for NonCoherent<'d, Direction> {
    #[inline]
    fn allocate(asked: &Asked<'d>) -> Result<Self> {
        NonCoherent::new(asked.dev, asked.size, asked.direction)
    }

    fn addresses(&self) -> (Option<*const c_void>, u64) {
        (Some(self.as_ptr()), self.dma())
    }
}

impl<'d> DmaAllocation<'d> for NonContiguous<'d, Direction> {
    #[inline]
    fn allocate(asked: &Asked<'d>) -> Result<Self> {
        NonContiguous::new(asked.dev, asked.size, asked.direction)
    }

    fn addresses(&self) -> (Option<*const c_void>, u64) {
        (Some(self.as_ptr()), self.dma())
    }
}

/// The placement of `size` bytes that the DMA API allocated: they are where the device reaches them.
pub(super) fn place((cpu, dma): (Option<*const c_void>, u64), size: usize) -> Placement {
    Placement {
        dma: Some(dma),
        bounced: Some(false),
        ..cpu.map_or(Placement::UNKNOWN, |cpu| placement::of_address(cpu, size))
    }
}

/// The bytes that `size` bytes at `placement` take from the machine, where that is certain: whole
/// pages at least. Where they are not a power of two a block of the buddy allocator may have been
/// kept with all that it has too much, or not; CMA gives no more than the pages.
fn taken(placement: &Placement, size: usize) -> Option<u64> {
    let pages = size.div_ceil(PAGE_SIZE);
    let certain = pages.is_power_of_two() || placement.cma == Some(true);
    certain.then_some(whole_pages(size))
}

/// The allocator of memory of the kind `M`.
pub(crate) struct DmaMemory<'d, M> {
    asked: Asked<'d>,
    kind: PhantomData<fn() -> M>,
}

impl<'d, M: DmaAllocation<'d>> Allocator for DmaMemory<'d, M> {
    type Memory<'a>
        = M
    where
        Self: 'a;

    #[inline]
    fn allocate(&self) -> Result<M> {
        M::allocate(&self.asked)
    }

    fn describe(&self, memory: &M) -> Placement {
        let placement = place(memory.addresses(), self.asked.size);
        Placement {
            capacity: taken(&placement, self.asked.size),
            ..placement
        }
    }
}

const COHERENT: Info = Info {
    family: Family::Coherent,
    // As much as CMA may have; what a run may hold is less.
    sizes: Range::new(1, 1 << 30),
    parameters: &[Parameter::Mask],
    needs_device: true,
    ..Info::PLAIN
};

const CACHED: Info = Info {
    directions: Info::STREAMING.directions,
    ..COHERENT
};

macro_rules! rows {
    ($($row:ident: $memory:ty, $attr:ident, $info:expr;)*) => {$(
        pub(crate) struct $row;

        impl<'d> Row<'d> for $row {
            const INFO: Info = $info;

            type Experiment = Allocating<DmaMemory<'d, $memory>>;

            fn prepare(
                request: &Request,
                device: Option<&'d Device<Bound>>,
            ) -> Result<Self::Experiment, Refusal> {
                Ok(Allocating(DmaMemory {
                    asked: Asked::of(request, device, Attr::$attr)?,
                    kind: PhantomData,
                }))
            }
        }
    )*};
}

rows! {
    DmaCoherent: Coherent<'d>, None, Info {
        name: "dma-coherent",
        about: "dma_alloc_coherent() and dma_free_coherent()",
        headline: true,
        ..COHERENT
    };
    DmaWriteCombine: Coherent<'d>, WriteCombine, Info {
        name: "dma-wc",
        about: "dma_alloc_wc() and dma_free_wc()",
        ..COHERENT
    };
    DmaContiguous: Coherent<'d>, Contiguous, Info {
        name: "dma-contiguous",
        about: "dma_alloc_attrs(DMA_ATTR_FORCE_CONTIGUOUS): in one piece behind an IOMMU too",
        ..COHERENT
    };
    DmaSinglePages: Coherent<'d>, SinglePages, Info {
        name: "dma-single-pages",
        about: "dma_alloc_attrs(DMA_ATTR_ALLOC_SINGLE_PAGES): page by page behind an IOMMU",
        ..COHERENT
    };
    DmaNoMapping: Hidden<'d>, None, Info {
        name: "dma-no-mapping",
        about: "dma_alloc_attrs(DMA_ATTR_NO_KERNEL_MAPPING): memory that only the device sees",
        ..COHERENT
    };
    DmaNonCoherent: NonCoherent<'d, Direction>, None, Info {
        name: "dma-noncoherent",
        about: "dma_alloc_noncoherent() and dma_free_noncoherent()",
        ..CACHED
    };
    DmaNonContiguous: NonContiguous<'d, Direction>, None, Info {
        name: "dma-noncontiguous",
        about: "dma_alloc_noncontiguous() with dma_vmap_noncontiguous(), and both back",
        ..CACHED
    };
}

/// `dma_pool_alloc()`: small coherent blocks from pages that the pool has already.
pub(crate) struct DmaPool<'d> {
    pool: Pool<'d>,
    size: usize,
}

impl<'d> Listed<'d> for DmaPool<'d> {
    const INFO: Info = Info {
        name: "dma-pool",
        about: "dma_pool_alloc() from a pool made for the size and dma_pool_free()",
        // Beyond a page a pool has nothing over coherent memory.
        sizes: Range::new(1, 64 << 10),
        packs: true,
        ..COHERENT
    };

    fn prepare(request: &Request, device: Option<&'d Device<Bound>>) -> Result<Self, Refusal> {
        let (dev, size) = (required(request, device)?, size_of(request)?);
        let pool = Pool::new(dev, size)
            .map_err(|_| Refusal::no_memory(format_args!("dma-pool: no memory for the pool")))?;
        Ok(Self { pool, size })
    }
}

impl<'d> Allocator for DmaPool<'d> {
    type Memory<'a>
        = Block<'a>
    where
        Self: 'a;

    #[inline]
    fn allocate(&self) -> Result<Block<'_>> {
        self.pool.alloc()
    }

    fn describe(&self, block: &Block<'_>) -> Placement {
        place((Some(block.as_ptr()), block.dma()), self.size)
    }
}
