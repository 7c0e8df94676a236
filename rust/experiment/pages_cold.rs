// SPDX-License-Identifier: GPL-2.0

//! One page when the CPU has none at hand: what lies behind the per-CPU lists.
//!
//! Compare with `pages size=4K`, which finds its page on a list that the last free filled.

use super::{
    Experiment,
    Row, //
};
use crate::{
    facts::placement,
    model::{
        placement::Placement,
        request::{
            Info,
            Range,
            Refusal,
            Request, //
        },
    },
    sys::{
        alloc::{
            Flags,
            Pages, //
        },
        contig::{
            at_hand_is_empty,
            drain_at_hand, //
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

/// The most pages that are taken and kept: with the one that is measured 16 MiB.
const TAKEN_MAX: usize = (16 << 20) / PAGE_SIZE - 1;

pub(crate) struct PagesCold {
    flags: Flags,
}

/// What was taken from this CPU's list.
pub(crate) struct Taken {
    pages: KVVec<Pages>,
    /// Whether the list was seen empty then.
    emptied: bool,
}

impl PagesCold {
    /// Takes pages until this CPU's list, that of the zone of the last one, is empty.
    ///
    /// One that is found empty is left so: another page would fill it.
    fn empty(&self, taken: &mut KVVec<Pages>) -> bool {
        while !taken.last().is_some_and(at_hand_is_empty) {
            let Ok(page) = Pages::with(0, self.flags) else {
                return false;
            };
            if taken.push_within_capacity(page).is_err() {
                return false;
            }
        }
        true
    }
}

impl<'d> Row<'d> for PagesCold {
    const INFO: Info = Info {
        name: "pages-cold",
        about: "one page by alloc_pages() with this CPU's list emptied before each",
        sizes: Range {
            // CAST: A page is far smaller than 4 GiB.
            min: PAGE_SIZE as u64,
            max: PAGE_SIZE as u64,
        },
        held_max: 1,
        // CAST: A few thousand.
        buffers: TAKEN_MAX as u64 + 1,
        ..Info::PLAIN
    };

    type Experiment = Self;

    fn prepare(request: &Request, _device: Option<&'d Device<Bound>>) -> Result<Self, Refusal> {
        Ok(Self {
            flags: Flags::of(request.gfp()),
        })
    }
}

impl Experiment for PagesCold {
    type Idle = Taken;
    type Held<'a> = (Taken, Pages);

    fn idle(&self) -> Result<Taken> {
        Ok(Taken {
            pages: KVVec::with_capacity(TAKEN_MAX, GFP_KERNEL)?,
            emptied: false,
        })
    }

    /// What was taken is kept from operation to operation: given back it would fill the list again,
    /// and make it longer each time. When there is no room for more it is given back past the list.
    fn touch(&self, idle: &mut Taken) {
        if !self.empty(&mut idle.pages) {
            idle.pages.clear();
            drain_at_hand(self.flags);
            self.empty(&mut idle.pages);
        }
        // The kernel fills a list with twice as many pages each time, until one is freed.
        drop(idle.pages.pop());
        idle.emptied = self.empty(&mut idle.pages);
    }

    #[inline]
    fn acquire(&self, idle: Taken) -> Result<(Taken, Pages), (Taken, Error)> {
        match Pages::with(0, self.flags) {
            Ok(page) => Ok((idle, page)),
            Err(error) => Err((idle, error)),
        }
    }

    #[inline]
    fn release(&self, (idle, page): (Taken, Pages)) -> Taken {
        drop(page);
        idle
    }

    /// A page that came from the list is no sample of what lies behind it.
    #[inline]
    fn check(&self, idle: &mut Taken) -> Result {
        if idle.emptied {
            Ok(())
        } else {
            Err(EAGAIN)
        }
    }

    fn describe(&self, (_, page): &(Taken, Pages)) -> Placement {
        Placement {
            capacity: Some(page.size() as u64),
            ..placement::of_pages(page.page(), PAGE_SIZE)
        }
    }

    fn settle(&self, idle: &mut Taken) -> bool {
        idle.pages.clear();
        drain_at_hand(self.flags)
    }
}
