// SPDX-License-Identifier: GPL-2.0

//! The clock.
//!
//! C header: [`include/linux/timekeeping.h`](srctree/include/linux/timekeeping.h)

use kernel::bindings;

/// `ktime_get()` in ns: CLOCK_MONOTONIC, safe in every context but NMI.
///
/// Taken as it is, without the checks of `kernel::time::Instant`: four of these stand around every
/// operation.
#[inline(always)]
pub(crate) fn now() -> u64 {
    // SAFETY: May be called from any context but NMI.
    // CAST: Monotonic time is not negative.
    unsafe { bindings::ktime_get() as u64 }
}
