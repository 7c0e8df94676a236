// SPDX-License-Identifier: GPL-2.0

//! A loop of a known number of instructions.

/// Executes `count` instructions, rounded up to even, besides a few to get there.
#[inline(always)]
pub(crate) fn instructions(count: usize) {
    let rounds = count.div_ceil(2);
    if rounds == 0 {
        return;
    }
    #[cfg(target_arch = "x86_64")]
    // SAFETY: Counts a register down.
    unsafe {
        core::arch::asm!(
            "2:",
            "dec {rounds}",
            "jnz 2b",
            rounds = inout(reg) rounds => _,
            options(nomem, nostack),
        )
    };
    #[cfg(target_arch = "arm")]
    // SAFETY: Counts a register down.
    unsafe {
        core::arch::asm!(
            "2:",
            "subs {rounds}, {rounds}, #1",
            "bne 2b",
            rounds = inout(reg) rounds => _,
            options(nomem, nostack),
        )
    };
    #[cfg(target_arch = "aarch64")]
    // SAFETY: Counts a register down.
    unsafe {
        core::arch::asm!(
            "2:",
            "subs {rounds}, {rounds}, #1",
            "b.ne 2b",
            rounds = inout(reg) rounds => _,
            options(nomem, nostack),
        )
    };
    #[cfg(not(any(target_arch = "x86_64", target_arch = "arm", target_arch = "aarch64")))]
    for round in 0..rounds {
        // Two instructions or a few more: the verdict of `calibrate` only compares lengths.
        core::hint::black_box(round);
    }
}
