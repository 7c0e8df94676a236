// SPDX-License-Identifier: GPL-2.0

//! Devices: those that we lend to runs, and the one that we know how to drive.

#[cfg(CONFIG_PCI)]
pub(crate) mod edu;
pub(crate) mod engine;
pub(crate) mod lent;
#[cfg(CONFIG_PCI)]
pub(crate) mod pci;
pub(crate) mod platform;

#[cfg(CONFIG_KUNIT = "y")]
mod dma_tests;
#[cfg(CONFIG_KUNIT = "y")]
mod lent_tests;
#[cfg(CONFIG_KUNIT = "y")]
mod user_tests;
