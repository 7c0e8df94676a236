// SPDX-License-Identifier: GPL-2.0

//! Memory that is short: single pages are held until as little is free as a watermark says. It stays
//! so: kswapd, which would like to have more, is given what is missing to that mark, and no more; or
//! nothing, so that it is left with what it can reclaim from others.

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
            HIGH, //
        },
    },
    settings,
    sys::{
        relief::Hoard,
        task, //
    },
};
use kernel::prelude::*;

/// Down to watermark number `mark`, of which kswapd is given what is missing.
pub(super) fn make(
    mark: usize,
    share: u64,
    stopped: &dyn Fn() -> bool,
) -> Result<(u64, End, Holder), Refusal> {
    allowed("pressure")?;
    take(Some(mark), share, Level::at(mark), stopped)
}

/// Down to watermark number `mark`, or until not even what may use the reserves gets a page.
pub(super) fn hold(
    mark: Option<usize>,
    share: u64,
    stopped: &dyn Fn() -> bool,
) -> Result<(u64, End, Holder), Refusal> {
    allowed("hold")?;
    take(mark, share, Level::for_who_waits(), stopped)
}

/// All that the kernel can have above the watermark high, for as short a time as something takes that
/// is to come from elsewhere. Who needs it meanwhile is given it.
pub(super) fn all_others(stopped: &dyn Fn() -> bool) -> Result<impl Sized, Refusal> {
    let (_, _, holder) = take(Some(HIGH), 100, Level::at(HIGH), stopped)?;
    Ok(holder)
}

pub(super) fn allowed(name: &str) -> Result<(), Refusal> {
    match settings::get().allow_pressure {
        true => Ok(()),
        false => Err(Refusal::invalid(format_args!(
            "{name}: makes the whole machine short of memory; load the module with allow_pressure=1"
        ))),
    }
}

fn take(
    mark: Option<usize>,
    share: u64,
    level: Level,
    stopped: &dyn Fn() -> bool,
) -> Result<(u64, End, Holder), Refusal> {
    let cap = share_of(share, usable)?;
    let hoard = Hoard::new((), cap, level).map_err(|_| no_memory())?;
    let (mut taken, mut end) = (0, End::Mark);
    'zones: for mut blocks in Blocks::all() {
        loop {
            let missing = cap.saturating_sub(taken);
            let surplus = mark.map_or(u64::MAX, |mark| blocks.above(mark));
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
                // Where no mark was asked for it is the end that was.
                if mark.is_some() {
                    end = End::Exhausted;
                }
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
