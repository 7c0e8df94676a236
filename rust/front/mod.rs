// SPDX-License-Identifier: GPL-2.0

//! The doors: what comes in is checked here, once, and turned into a request.

mod argument;
mod buffers;
#[cfg(CONFIG_DEBUG_FS)]
pub(crate) mod debugfs;
mod files;
pub mod grammar;
pub(crate) mod lab;
mod session;
mod snapshots;
