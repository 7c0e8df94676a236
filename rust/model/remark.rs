// SPDX-License-Identifier: GPL-2.0

//! What an experiment has to say beyond figures and a placement.

use super::{
    cma::Finding,
    memory::Shortage, //
};

/// Found out after the run, by asking once more. All bits zero says nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u32)]
pub enum Remark {
    /// Nothing.
    #[default]
    None = 0,
    /// `kvmalloc()`: up to which size it is physically contiguous now.
    Fallback {
        /// The largest power of two that came from the slab or the buddy allocator, in bytes; 0 for
        /// none.
        linear: u64,
        /// The largest that was tried.
        tried: u64,
    } = 1,
    /// What the CMA area says.
    Cma(Finding) = 2,
    /// What the pool of bounce buffers says where maps failed.
    Bounce(BouncePool) = 3,
    /// Memory is free, but not for the kernel itself.
    Shortage(Shortage) = 4,
}

/// The pool of bounce buffers of a device, in slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BouncePool {
    /// How many there are.
    pub slots: u64,
    /// Bytes of each.
    pub slot_bytes: u64,
    /// How many were in use after the run, where the kernel counts them.
    pub used: u64,
    /// The most that ever were; 0 in a kernel that does not count them.
    pub most: u64,
    /// How many one map took, in a row.
    pub asked: u64,
}
