// SPDX-License-Identifier: GPL-2.0

//! A device that moves bytes for us.

use crate::sys::dma::Segment;
use kernel::prelude::*;

/// Which way the bytes go.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// From memory to the device.
    In,
    /// From the device to memory.
    Out,
}

/// The engine of a device that is lent. It has some bytes of its own.
pub(crate) trait Engine: Send + Sync {
    /// Carries the bytes of `segment` to the engine's own bytes from `offset` on, or from there.
    /// Returns when the engine has said that it is done.
    ///
    /// Where a transfer is not waited for, because it takes too long or was halted, the device has
    /// lost its way to memory before this returns. Errors: `EINVAL` for a way that the memory was
    /// not mapped for, a size or an offset beyond the engine's own bytes or another device's memory,
    /// `EFAULT` for an address beyond its reach, `EBUSY` if it hangs in an earlier transfer,
    /// `ECANCELED` if it was halted, `ETIMEDOUT`.
    fn carry(&self, way: Way, segment: Segment<'_>, offset: usize) -> Result;

    /// What is under way, and whatever comes until [`Engine::resume`], ends with `ECANCELED`.
    fn halt(&self);

    /// Takes transfers again.
    fn resume(&self);
}
