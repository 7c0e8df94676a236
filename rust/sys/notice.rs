// SPDX-License-Identifier: GPL-2.0

//! What is on, for everybody to look at and to wait for.
//!
//! C header: [`include/linux/wait.h`](srctree/include/linux/wait.h)

use super::register::Register;
use crate::{
    bindings as lab,
    model::progress::Progress, //
};
use kernel::{
    error::to_result,
    prelude::*, //
};

static NOTICE: Register<Progress> = Register::new(|| Progress::NONE);

/// What it says now.
pub(crate) fn look() -> Progress {
    *NOTICE.lock()
}

/// Changes it, and wakes who waits for that.
pub(crate) fn change(change: impl FnOnce(&mut Progress)) {
    let mut notice = NOTICE.lock();
    change(&mut notice);
    notice.serial += 1;
    drop(notice);
    // SAFETY: May be called in any context.
    unsafe { lab::memlab_changed() };
}

/// What it says when it has another serial than `seen`, or in `ms` milliseconds. `EINTR` or the
/// like on a signal.
pub(crate) fn wait(seen: u64, ms: u32) -> Result<Progress> {
    // SAFETY: Reads a counter.
    let count = unsafe { lab::memlab_change_count() };
    // In this order: what changes after the look changes the count too.
    let now = look();
    if now.serial != seen || ms == 0 {
        return Ok(now);
    }
    // SAFETY: Called from an ioctl, which may sleep.
    to_result(unsafe { lab::memlab_wait_change(count, ms) })?;
    Ok(look())
}
