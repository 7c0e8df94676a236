// SPDX-License-Identifier: GPL-2.0

//! How much a run may ask for: by the module's parameters, and by what this machine has.

use crate::{
    model::request::Limits,
    module_parameters,
    sys, //
};
use core::borrow::Borrow;

/// The largest batch is 2 to this.
pub(super) const BATCH_SHIFT_MAX: u32 = 8;

/// A module parameter's value, which a kernel hands out as it is or behind a reference.
fn parameter<T: Copy>(value: impl Borrow<T>) -> T {
    *value.borrow()
}

/// The ranges that hold on this machine.
pub(crate) fn limits() -> Limits {
    Limits {
        iterations: parameter::<u64>(module_parameters::max_iterations.value()).max(1),
        time: parameter::<u64>(module_parameters::max_time.value()).max(1),
        threads: match parameter::<u32>(module_parameters::max_threads.value()) {
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

/// Most bytes that all threads of a run may hold at a time.
pub(super) fn held_max() -> u64 {
    (sys::machine::available() >> 2).min(parameter::<u64>(module_parameters::max_memory.value()))
}
