// SPDX-License-Identifier: GPL-2.0

//! The CPU's own loads and stores, word by word, none of them left out or put together.

use super::dma::CpuMemory;
use core::{
    hint::black_box,
    ops::Range,
    ptr::NonNull, //
};

const WORD: usize = size_of::<usize>();

/// Where within `size` bytes from `at` on there are whole words.
fn words(at: NonNull<u8>, size: usize) -> Range<usize> {
    let start = at.align_offset(WORD).min(size);
    start..start + (size - start) / WORD * WORD
}

/// Writes every byte of `memory`, in words as far as they go.
#[inline]
pub(crate) fn write(memory: &mut impl CpuMemory, byte: u8) {
    let (at, size) = memory.cpu();
    let word = usize::from_ne_bytes([byte; WORD]);
    let words = words(at, size);
    for n in words.clone().step_by(WORD) {
        // SAFETY: By the trait's requirement; `words` are those within `size` bytes, aligned.
        unsafe { at.add(n).cast::<usize>().write_volatile(word) };
    }
    for n in (0..words.start).chain(words.end..size) {
        // SAFETY: By the trait's requirement.
        unsafe { at.add(n).write_volatile(byte) };
    }
}

/// Reads every byte of `memory`, in words as far as they go.
#[inline]
pub(crate) fn read(memory: &impl CpuMemory) {
    let (at, size) = memory.cpu();
    let words = words(at, size);
    let mut all = 0usize;
    for n in words.clone().step_by(WORD) {
        // SAFETY: By the trait's requirement; `words` are those within `size` bytes, aligned.
        all ^= unsafe { at.add(n).cast::<usize>().read_volatile() };
    }
    for n in (0..words.start).chain(words.end..size) {
        // SAFETY: By the trait's requirement.
        all ^= usize::from(unsafe { at.add(n).read_volatile() });
    }
    black_box(all);
}
