// SPDX-License-Identifier: GPL-2.0

//! Whole pages: blocks of the buddy allocator, as many as fit, or any contiguous range.

use super::prelude::*;
use crate::sys::{
    alloc::{
        Pages as Block, //
        KMALLOC_MAX,
        SCATTERED_MAX,
    },
    contig::{
        whole_pages,
        Contig,
        Exact, //
    },
    memory::PAGE_SIZE, //
};

/// Whole pages up to the largest block.
// CAST: A page is far smaller than 4 GiB.
const BLOCKS: Range = Range::new(PAGE_SIZE as u64, KMALLOC_MAX);

/// `alloc_pages()`, by order.
pub(crate) struct Pages {
    asked: Asked,
    order: u32,
}

impl<'d> Listed<'d> for Pages {
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

    fn prepare(request: &Request, _device: Option<&'d Device<Bound>>) -> Result<Self, Refusal> {
        let asked = Asked::of(request)?;
        let pages = asked.size.div_ceil(PAGE_SIZE);
        Ok(Self {
            asked,
            order: pages.next_power_of_two().ilog2(),
        })
    }
}

impl Allocator for Pages {
    type Memory<'a> = Block;

    #[inline]
    fn allocate(&self) -> Result<Block> {
        Block::with(self.order, self.asked.flags)
    }

    fn describe(&self, memory: &Block) -> Placement {
        Placement {
            capacity: Some(memory.size() as u64),
            ..placement::of_pages(memory.page(), self.asked.size)
        }
    }
}

/// `alloc_pages_exact()`.
pub(crate) struct PagesExact(Asked);

impl<'d> Listed<'d> for PagesExact {
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

    fn prepare(request: &Request, _device: Option<&'d Device<Bound>>) -> Result<Self, Refusal> {
        Ok(Self(Asked::of(request)?))
    }
}

impl Allocator for PagesExact {
    type Memory<'a> = Exact;

    #[inline]
    fn allocate(&self) -> Result<Exact> {
        Exact::new(self.0.size, self.0.flags)
    }

    fn describe(&self, memory: &Exact) -> Placement {
        Placement {
            capacity: Some(whole_pages(self.0.size)),
            ..placement::of_address(memory.as_ptr(), self.0.size)
        }
    }
}

/// `alloc_contig_pages()`.
pub(crate) struct ContigPages {
    asked: Asked,
    pages: usize,
}

impl<'d> Listed<'d> for ContigPages {
    const INFO: Info = Info {
        name: "contig-pages",
        about: "alloc_contig_pages(), which moves what lies in the way, and free_contig_range()",
        sizes: Range::new(BLOCKS.min, SCATTERED_MAX),
        gfp: &[Gfp::Kernel, Gfp::HighUser, Gfp::Zero],
        ..Info::PLAIN
    };

    fn prepare(request: &Request, _device: Option<&'d Device<Bound>>) -> Result<Self, Refusal> {
        if !cfg!(CONFIG_CONTIG_ALLOC) {
            return Err(Refusal::unsupported(format_args!(
                "contig-pages: this kernel has no CONFIG_CONTIG_ALLOC"
            )));
        }
        // alloc_contig_range() itself sees to it that nobody is killed for what it moves.
        let asked = Asked::of(request)?;
        let pages = asked.size.div_ceil(PAGE_SIZE);
        Ok(Self { asked, pages })
    }
}

impl Allocator for ContigPages {
    type Memory<'a> = Contig;

    #[inline]
    fn allocate(&self) -> Result<Contig> {
        Contig::new(self.pages, self.asked.flags)
    }

    fn describe(&self, memory: &Contig) -> Placement {
        Placement {
            capacity: Some(whole_pages(self.asked.size)),
            ..placement::of_pages(memory.page(), self.asked.size)
        }
    }
}
