// SPDX-License-Identifier: GPL-2.0

//! Free memory in small pieces: each block that can be had is split, one page of so many is kept, the
//! rest goes back. The pageblocks that were taken for it become unmovable ones, and may stay so.

use super::{
    no_memory,
    share_of,
    usable,
    Blocks,
    Holder,
    Level, //
};
use crate::{
    model::{
        request::Refusal,
        scenario::{
            End,
            LOW,
            MIN, //
        },
    },
    sys::{
        relief::Hoard,
        task, //
    },
};

pub(super) fn make(
    order: u32,
    share: u64,
    stopped: &dyn Fn() -> bool,
) -> Result<(u64, End, Holder), Refusal> {
    let cap = share_of(share, usable)?;
    let hoard = Hoard::new((), cap, Level::at(LOW)).map_err(|_| no_memory())?;
    let (mut taken, mut end) = (0, End::Exhausted);
    'zones: for mut blocks in Blocks::all() {
        loop {
            if stopped() {
                end = End::Stopped;
                break 'zones;
            }
            // The block counts against the cap too while it is whole.
            let room = cap.saturating_sub(taken);
            if room < 1 << order {
                end = End::Cap;
                break 'zones;
            }
            let Some(block) = blocks.next(room.min(blocks.above(MIN)), order) else {
                break;
            };
            for (number, page) in block.split().enumerate() {
                // The others go back, to where they cannot merge.
                if number % (1 << order) == 0 {
                    taken += u64::from(hoard.add(page).is_ok());
                }
            }
            task::cond_resched();
        }
    }
    Ok((taken, end, Holder::Pages(hoard)))
}
