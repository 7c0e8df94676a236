// SPDX-License-Identifier: GPL-2.0

//! The module's own trace event.
//!
//! C header: [`memlab_event.h`](../helpers/memlab_event.h)

use crate::bindings as lab;

/// Says that a phase of an operation took `ns`, with `above` as the limit.
pub(crate) fn above(experiment: &str, release: bool, ns: u64, above: u64) {
    let length = u32::try_from(experiment.len()).unwrap_or(0);
    // SAFETY: The name has so many bytes and is copied; a tracepoint may be called in any context.
    unsafe { lab::memlab_event_above(experiment.as_ptr().cast(), length, release, ns, above) };
}
