// SPDX-License-Identifier: GPL-2.0

//! The plain values that every floor speaks: what is asked, what came back, what memory looks like.
//!
//! No kernel calls, no locks, no printing: this room uses `core` alone, so that the host compiles
//! and tests the very same files that run in the kernel.

pub mod break_even;
pub mod calibration;
pub mod classes;
pub mod clock_step;
pub mod cma;
pub mod compare_request;
pub mod comparison;
pub mod cost;
pub mod delta;
pub mod fragmentation;
pub mod histogram;
pub mod info;
pub mod layout;
pub mod memory;
pub mod num;
pub mod outcome;
pub mod parameter;
pub mod placement;
pub mod progress;
pub mod provenance;
pub mod refusal;
pub mod remark;
pub mod request;
pub mod scenario;
pub mod text;
pub mod totals;
pub mod words;
