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
        allocators::{
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

/// The most pages that are taken to empty a list: with the one that is measured 16 MiB.
const AT_HAND_MAX: usize = 4095;

pub(crate) struct PagesCold {
    flags: Flags,
}

/// What was taken from this CPU's list.
pub(crate) struct Taken(KVVec<Pages>);

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
        buffers: AT_HAND_MAX as u64 + 1,
        ..Info::PLAIN
    };

    type Experiment = Self;

    fn prepare(request: &Request, _device: Option<&'d Device<Bound>>) -> Result<Self, Refusal> {
        Ok(Self {
            flags: Flags::of(request.gfp()).without_killing(),
        })
    }
}

impl Experiment for PagesCold {
    type Idle = Taken;
    type Held<'a> = (Taken, Pages);

    fn idle(&self) -> Result<Taken> {
        Ok(Taken(KVVec::with_capacity(AT_HAND_MAX, GFP_KERNEL)?))
    }

    fn touch(&self, idle: &mut Taken) {
        idle.0.clear();
        while let Ok(page) = Pages::with(0, self.flags) {
            let empty = at_hand_is_empty(&page);
            let full = idle.0.push_within_capacity(page).is_err();
            if empty || full {
                break;
            }
        }
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

    fn describe(&self, (_, page): &(Taken, Pages)) -> Placement {
        Placement {
            capacity: Some(page.size() as u64),
            ..placement::of_pages(page.page(), PAGE_SIZE)
        }
    }

    fn settle(&self, idle: &mut Taken) -> bool {
        idle.0.clear();
        drain_at_hand(self.flags)
    }
}
