// SPDX-License-Identifier: GPL-2.0

//! Memory that is short: single pages are held until as little is free as a watermark says. It stays
//! so: kswapd, which would like to have more, is given what is missing to that mark, and no more.

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
        scenario::End, //
    },
    settings,
    sys::{
        relief::Hoard,
        task, //
    },
};
use kernel::prelude::*;

pub(super) fn make(
    mark: usize,
    share: u64,
    stopped: &dyn Fn() -> bool,
) -> Result<(u64, End, Holder), Refusal> {
    if !settings::get().allow_pressure {
        return Err(Refusal::invalid(format_args!(
            "pressure: makes the whole machine short of memory; load the module with allow_pressure=1"
        )));
    }
    let cap = share_of(share, usable)?;
    let hoard = Hoard::new((), cap, Level::at(mark)).map_err(|_| no_memory())?;
    let (mut taken, mut end) = (0, End::Mark);
    'zones: for mut blocks in Blocks::all() {
        loop {
            let missing = cap.saturating_sub(taken);
            let surplus = blocks.above(mark);
            if stopped() {
                end = End::Stopped;
                break 'zones;
            }
            if surplus == 0 {
                break;
            }
            if missing == 0 {
                end = End::Cap;
                break 'zones;
            }
            let Some(block) = blocks.next(surplus.min(missing), 0) else {
                end = End::Exhausted;
                break;
            };
            for page in block.split() {
                // There is room up to the cap.
                taken += u64::from(hoard.add(page).is_ok());
            }
            task::cond_resched();
        }
    }
    Ok((taken, end, Holder::Pages(hoard)))
}
