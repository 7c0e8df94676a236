// SPDX-License-Identifier: GPL-2.0

//! The only room that may say `unsafe`: a thin safe wrapper per kernel API family, with owned types
//! that release on drop. No policy.

pub(crate) mod abi;
pub(crate) mod access;
pub(crate) mod alloc;
pub(crate) mod cache;
pub(crate) mod clock;
pub(crate) mod cma;
pub(crate) mod contig;
#[cfg(CONFIG_DEBUG_FS)]
pub(crate) mod debugfs;
pub(crate) mod device;
pub(crate) mod dma;
pub(crate) mod event;
pub(crate) mod export;
pub(crate) mod file;
pub(crate) mod hotplug;
pub(crate) mod kmap;
pub(crate) mod lend;
pub(crate) mod machine;
pub(crate) mod memory;
pub(crate) mod misc;
pub(crate) mod notice;
#[cfg(CONFIG_PCI)]
pub(crate) mod pci;
pub(crate) mod register;
pub(crate) mod relief;
pub(crate) mod security;
pub(crate) mod slab;
pub(crate) mod spin;
pub(crate) mod suspend;
pub(crate) mod task;
pub(crate) mod tenant;
pub(crate) mod totals;
pub(crate) mod trace;
pub(crate) mod user;
pub(crate) mod walk;
pub(crate) mod zeroed;

use kernel::{
    bindings,
    types::Opaque, //
};

extern "C" {
    /// What the loader knows this module by; modpost makes it.
    static __this_module: Opaque<u8>;
}

/// The owner of every file of ours: who holds one open pins the module.
const THIS_MODULE: *mut bindings::module = (&raw const __this_module).cast_mut().cast();
