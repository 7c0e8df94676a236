// SPDX-License-Identifier: GPL-2.0

//! What rust/heap.rs is in the kernel.

/// Owns a value on the heap.
pub type Boxed<T> = Box<T>;

/// Moves a value there; never `None` here.
pub fn boxed<T>(value: T) -> Option<Boxed<T>> {
    Some(Box::new(value))
}
