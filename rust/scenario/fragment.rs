// SPDX-License-Identifier: GPL-2.0

//! Free memory in small pieces: each block that can be had is split, its first page is kept, the
//! rest goes back. The pageblocks that were taken for it become unmovable ones, and may stay so.

use super::{
    all_usable,
    hoard::Hoard,
    no_memory,
    share_of,
    Holder, //
};
use crate::{
    model::{
        request::{
            Gfp,
            Refusal, //
        },
        scenario::End, //
    },
    sys::{
        alloc::{
            Flags,
            Pages, //
        },
        allocators::drain_at_hand,
        relief::Relieve,
        task, //
    },
};
use kernel::{
    prelude::*,
    sync::Arc, //
};

/// How often the lists of pages that the CPUs have at hand are emptied at the end.
const EMPTYING: u32 = 4;

pub(super) struct Fragment {
    hoard: Arc<Hoard>,
}

impl Fragment {
    pub(super) fn pages(&self) -> u64 {
        self.hoard.len() as u64
    }
}

impl Drop for Fragment {
    fn drop(&mut self) {
        while self.hoard.release(64) != 0 {
            task::cond_resched();
        }
    }
}

pub(super) fn make(
    order: u32,
    share: u64,
    stopped: &dyn Fn() -> bool,
) -> Result<(u64, End, Holder), Refusal> {
    let cap = share_of(share, all_usable)?;
    let room = usize::try_from(cap).map_err(|_| no_memory())?;
    let hoard = Hoard::new(room).map_err(|_| no_memory())?;
    let fragment = Fragment { hoard };
    let flags = Flags::of(Gfp::Kernel);
    let mut emptied = 0;
    let end = loop {
        if stopped() {
            break End::Stopped;
        }
        // The block counts against the cap too while it is whole.
        let held = fragment.pages();
        if held.saturating_add(1 << order) > cap {
            break End::Cap;
        }
        // Without reclaim or compaction, which would undo it.
        let Ok(block) = Pages::spare(order) else {
            // What the CPUs have at hand would come back as large blocks later.
            if emptied < EMPTYING && drain_at_hand(flags) {
                emptied += 1;
                continue;
            }
            break End::Exhausted;
        };
        // There is room up to the cap.
        if fragment.hoard.add(block.keep_first()).is_err() {
            break End::Cap;
        }
        task::cond_resched();
    };
    Ok((cap, end, Holder::Fragment(fragment)))
}
