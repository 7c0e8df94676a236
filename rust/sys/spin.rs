// SPDX-License-Identifier: GPL-2.0

//! A loop of a known number of instructions.

use crate::bindings as lab;

/// Executes `count` instructions, rounded up to even, besides a few to get there.
#[inline(always)]
pub(crate) fn instructions(count: usize) {
    let rounds = count.div_ceil(2);
    if rounds > 0 {
        // SAFETY: Any number but 0 is counted down; nothing but a register is changed.
        unsafe { lab::memlab_arch_spin(rounds) };
    }
}
