// SPDX-License-Identifier: GPL-2.0

//! How much a run may ask for: by the module's parameters, and by what this machine has.

use crate::{
    model::request::Limits,
    settings,
    sys, //
};

/// The largest batch is 2 to this.
pub(super) const BATCH_SHIFT_MAX: u32 = 8;

/// The ranges that hold on this machine.
pub(crate) fn limits() -> Limits {
    let settings = settings::get();
    Limits {
        iterations: settings.max_iterations.max(1),
        time: settings.max_time.max(1),
        threads: match settings.max_threads {
            0 => u64::from(sys::machine::cpus()).saturating_mul(4),
            threads => u64::from(threads),
        },
        node: u64::from(sys::memory::last_node()),
        batch: 1 << BATCH_SHIFT_MAX,
        // CAST: Both are small.
        page: sys::memory::PAGE_SIZE as u64,
        order: u64::from(sys::alloc::MAX_ORDER),
    }
}

/// Most bytes that all threads of a run may hold at a time, and as much again all buffers.
pub(crate) fn held_max() -> u64 {
    (sys::machine::available() >> 2).min(settings::get().max_memory)
}
