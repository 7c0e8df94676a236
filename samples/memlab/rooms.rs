// SPDX-License-Identifier: GPL-2.0

// What the samples stand on: the rooms of memlab that wrap the kernel, as they are. A driver of its
// own has them, or what the kernel crate offers of their kind, in its tree.

#[path = "../../rust/bindings.rs"]
mod bindings;
#[allow(dead_code, reason = "a sample uses some of it")]
#[path = "../../rust/compat.rs"]
mod compat;
#[allow(dead_code, reason = "a sample uses some of it")]
#[path = "../../rust/devices/mod.rs"]
mod devices;
#[allow(dead_code, unreachable_pub, reason = "a sample uses some of it")]
#[path = "../../rust/heap.rs"]
mod heap;
#[allow(dead_code, unreachable_pub, reason = "a sample uses some of it")]
#[path = "../../rust/model/mod.rs"]
mod model;
#[path = "../../rust/settings.rs"]
mod settings;
#[allow(dead_code, unused_imports, reason = "a sample uses some of it")]
#[path = "../../rust/sys/mod.rs"]
mod sys;
