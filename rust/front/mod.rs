// SPDX-License-Identifier: GPL-2.0

//! The doors: what comes in is checked here, once, and turned into a request.

#[cfg(CONFIG_DEBUG_FS)]
pub(crate) mod debugfs;
pub mod grammar;
pub(crate) mod lab;
pub(crate) mod misc;
#[cfg(CONFIG_DEBUG_FS)]
mod snapshots;
