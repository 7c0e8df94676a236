// SPDX-License-Identifier: GPL-2.0

//! What a network driver pays for a page that it receives into: it comes from a pool of pages that
//! stay mapped, and goes back there.

use super::prelude::*;
use crate::sys::dma::page_pool::{
    PagePool,
    Pooled, //
};
use kernel::sync::Arc;

const POOLED: Info = Info {
    phases: ["alloc", "recycle"],
    family: Family::Pooled,
    sizes: Range::new(1, 64 << 10),
    directions: &[Direction::FromDevice, Direction::Bidirectional],
    parameters: &[Parameter::Mask],
    ..Info::STREAMING
};

/// A pool for each thread, whose pages are synced if `SYNCED`.
pub(crate) struct Recycled<'d, const SYNCED: bool> {
    target: Target<'d>,
    size: usize,
}

impl<'d, const SYNCED: bool> Listed<'d> for Recycled<'d, SYNCED> {
    const INFO: Info = match SYNCED {
        false => Info {
            name: "page-pool",
            about: "page_pool_dev_alloc_pages() from a thread's pool of mapped pages and page_pool_put_page() back",
            ..POOLED
        },
        true => Info {
            name: "page-pool-sync",
            about: "page_pool_dev_alloc_pages() and back, with size bytes synced for the CPU and, once back, for the device",
            ..POOLED
        },
    };

    fn prepare(request: &Request, device: Option<&'d Device<Bound>>) -> Result<Self, Refusal> {
        let target = Target::of(request, device, true)?;
        let size = size_of(request)?;
        target.check_mapping(request, request.size())?;
        match PagePool::new(target.dev, size, target.direction, SYNCED) {
            Ok(_) => Ok(Self { target, size }),
            Err(error) if error == crate::compat::not_supported() => {
                let name = request.info().name;
                Err(Refusal::unsupported(format_args!(
                    "{name}: this kernel has no pools of pages (CONFIG_PAGE_POOL)"
                )))
            }
            Err(_) => {
                let size = Dec(request.size());
                Err(Refusal::no_memory(format_args!(
                    "size={size}: no memory for a pool now"
                )))
            }
        }
    }
}

impl<'d, const SYNCED: bool> Experiment for Recycled<'d, SYNCED> {
    const IN_SOFTIRQ: bool = true;

    type Idle = Arc<PagePool<'d>>;
    type Held<'a>
        = Pooled<'d>
    where
        Self: 'a;

    fn idle(&self) -> Result<Arc<PagePool<'d>>> {
        PagePool::new(self.target.dev, self.size, self.target.direction, SYNCED)
    }

    fn another(&self, idle: &Arc<PagePool<'d>>) -> Result<Arc<PagePool<'d>>> {
        Ok(idle.clone())
    }

    #[inline]
    fn acquire(&self, idle: Self::Idle) -> Result<Pooled<'d>, (Self::Idle, Error)> {
        PagePool::take(idle).map_err(|idle| (idle, ENOMEM))
    }

    #[inline]
    fn release(&self, held: Pooled<'d>) -> Self::Idle {
        held.recycle()
    }

    fn describe(&self, held: &Pooled<'d>) -> Placement {
        let place = placement::of_pages(held.page(), self.size);
        self.target.place(place, held.dma())
    }
}
