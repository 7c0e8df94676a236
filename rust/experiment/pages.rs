// SPDX-License-Identifier: GPL-2.0

//! Whole pages: blocks of the buddy allocator, as many as fit, or any contiguous range.

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
            Pages as Block,
            KMALLOC_MAX, //
        },
        allocators::{
            whole_pages,
            Contig,
            Exact, //
        },
        memory::PAGE_SIZE, //
    },
};
use kernel::{
    device::{
        Bound,
        Device, //
    },
    prelude::*, //
};

/// Whole pages up to the largest block.
const BLOCKS: Range = Range {
    // CAST: A page is far smaller than 4 GiB.
    min: PAGE_SIZE as u64,
    max: KMALLOC_MAX,
};

/// `alloc_pages()`, by order.
pub(crate) struct Pages {
    size: usize,
    order: u32,
    flags: Flags,
}

impl<'d> Experiment<'d> for Pages {
    const INFO: Info = Info {
        name: "pages",
        about: "alloc_pages() of the order that has room for the size, and __free_pages()",
        sizes: BLOCKS,
        held_max: 256,
        gfp: &[
            Gfp::Kernel,
            Gfp::Atomic,
            Gfp::NoWait,
            Gfp::Dma,
            Gfp::Dma32,
            Gfp::HighUser,
            Gfp::Zero,
            Gfp::Account,
        ],
        ..Info::PLAIN
    };

    type Idle = ();
    type Held<'a> = Block;

    fn prepare(request: &Request, _device: Option<&'d Device<Bound>>) -> Result<Self, Refusal> {
        let size = super::size_of(request)?;
        Ok(Self {
            size,
            order: size.div_ceil(PAGE_SIZE).next_power_of_two().ilog2(),
            flags: Flags::of(request.gfp()).without_killing(),
        })
    }

    fn idle(&self) -> Result {
        Ok(())
    }

    #[inline]
    fn acquire(&self, (): ()) -> Result<Block, ((), Error)> {
        Block::with(self.order, self.flags).map_err(|error| ((), error))
    }

    #[inline]
    fn release(&self, held: Block) {
        drop(held);
    }

    fn describe(&self, held: &Block) -> Placement {
        Placement {
            capacity: Some(held.size() as u64),
            ..placement::of_pages(held.page(), self.size)
        }
    }
}

/// `alloc_pages_exact()`.
pub(crate) struct PagesExact {
    size: usize,
    flags: Flags,
}

impl<'d> Experiment<'d> for PagesExact {
    const INFO: Info = Info {
        name: "pages-exact",
        about: "alloc_pages_exact(size), which gives back what a block has too much, and its free",
        sizes: BLOCKS,
        held_max: 64,
        // Pages of high memory have no address to be known by: it warns of GFP_HIGHUSER.
        gfp: &[
            Gfp::Kernel,
            Gfp::Atomic,
            Gfp::NoWait,
            Gfp::Dma,
            Gfp::Dma32,
            Gfp::Zero,
            Gfp::Account,
        ],
        ..Info::PLAIN
    };

    type Idle = ();
    type Held<'a> = Exact;

    fn prepare(request: &Request, _device: Option<&'d Device<Bound>>) -> Result<Self, Refusal> {
        Ok(Self {
            size: super::size_of(request)?,
            flags: Flags::of(request.gfp()).without_killing(),
        })
    }

    fn idle(&self) -> Result {
        Ok(())
    }

    #[inline]
    fn acquire(&self, (): ()) -> Result<Exact, ((), Error)> {
        Exact::new(self.size, self.flags).map_err(|error| ((), error))
    }

    #[inline]
    fn release(&self, held: Exact) {
        drop(held);
    }

    fn describe(&self, held: &Exact) -> Placement {
        Placement {
            capacity: Some(whole_pages(self.size)),
            ..placement::of_address(held.as_ptr(), self.size)
        }
    }
}

/// `alloc_contig_pages()`.
pub(crate) struct ContigPages {
    size: usize,
    pages: usize,
    flags: Flags,
}

impl<'d> Experiment<'d> for ContigPages {
    const INFO: Info = Info {
        name: "contig-pages",
        about: "alloc_contig_pages(), which moves what lies in the way, and free_contig_range()",
        sizes: Range {
            max: 16 << 20,
            ..BLOCKS
        },
        gfp: &[Gfp::Kernel, Gfp::HighUser, Gfp::Zero],
        ..Info::PLAIN
    };

    type Idle = ();
    type Held<'a> = Contig;

    fn prepare(request: &Request, _device: Option<&'d Device<Bound>>) -> Result<Self, Refusal> {
        if !cfg!(CONFIG_CONTIG_ALLOC) {
            return Err(Refusal::unsupported(format_args!(
                "contig-pages: this kernel has no CONFIG_CONTIG_ALLOC"
            )));
        }
        let size = super::size_of(request)?;
        Ok(Self {
            size,
            pages: size.div_ceil(PAGE_SIZE),
            flags: Flags::of(request.gfp()),
        })
    }

    fn idle(&self) -> Result {
        Ok(())
    }

    #[inline]
    fn acquire(&self, (): ()) -> Result<Contig, ((), Error)> {
        Contig::new(self.pages, self.flags).map_err(|error| ((), error))
    }

    #[inline]
    fn release(&self, held: Contig) {
        drop(held);
    }

    fn describe(&self, held: &Contig) -> Placement {
        Placement {
            capacity: Some(whole_pages(self.size)),
            ..placement::of_pages(held.page(), self.size)
        }
    }
}
