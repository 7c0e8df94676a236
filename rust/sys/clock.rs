// SPDX-License-Identifier: GPL-2.0

//! The clock.
//!
//! C header: [`include/linux/timekeeping.h`](srctree/include/linux/timekeeping.h)

use kernel::bindings;

/// `ktime_get()` in ns: CLOCK_MONOTONIC, safe in every context but NMI.
///
/// It is also the cheapest that is monotonic. In Debian's 7.3 for x86_64 on its TSC, a call takes 41
/// instructions, `ktime_get_mono_fast_ns()` 44 and may step back when time is adjusted,
/// `ktime_get_raw_fast_ns()` 44, `local_clock()` 72 and differs between CPUs where the TSC is not
/// stable. A cycle counter would be cheaper still, and is not in ns, nor everywhere.
///
/// Taken as it is, without the checks of `kernel::time::Instant`: several stand around every
/// operation.
#[inline(always)]
pub(crate) fn now() -> u64 {
    // SAFETY: May be called from any context but NMI.
    // CAST: Monotonic time is not negative.
    unsafe { bindings::ktime_get() as u64 }
}
