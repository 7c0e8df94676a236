// SPDX-License-Identifier: GPL-2.0

//! Where a value lives that is too large to be handed on: a kernel stack is 8 KiB on ARM. What the
//! host compiles has a file of its own with the same names.

use kernel::prelude::*;

/// Owns a value on the heap.
pub type Boxed<T> = KBox<T>;

/// Moves a value there; `None` without memory.
pub fn boxed<T>(value: T) -> Option<Boxed<T>> {
    KBox::new(value, GFP_KERNEL | __GFP_NOWARN).ok()
}
