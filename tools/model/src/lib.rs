// SPDX-License-Identifier: GPL-2.0

//! The module's pure rooms, from the very files that run in the kernel.

#[path = "../../../rust/front/grammar.rs"]
pub mod grammar;
pub mod heap;
#[path = "../../../rust/model/mod.rs"]
pub mod model;
#[path = "../../../rust/report/mod.rs"]
pub mod report;
