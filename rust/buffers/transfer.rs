// SPDX-License-Identifier: GPL-2.0

//! The device carries bytes to or from a buffer that was allocated for it.

use crate::{
    compat,
    devices::{
        engine::Way,
        lent, //
    },
    sys::{
        export::Export,
        tenant::Tenant, //
    },
};
use kernel::prelude::*;

/// Carries `bytes` bytes of the buffer behind `fd`, from `offset` on, to or from the device's own
/// ones at `device_offset`. Nothing is synced.
///
/// `ERANGE` where the buffer ends before, `ENODEV` where the device was unbound, `EOPNOTSUPP` for one
/// that moves no bytes, and what [`Engine::carry`] says.
///
/// [`Engine::carry`]: crate::devices::engine::Engine::carry
#[inline(never)]
pub(crate) fn transfer(fd: i32, way: Way, offset: u64, bytes: u64, device_offset: u64) -> Result {
    let number = |value: u64| usize::try_from(value).map_err(|_| ERANGE);
    let (offset, bytes, to) = (number(offset)?, number(bytes)?, number(device_offset)?);
    let end = offset.checked_add(bytes).ok_or(ERANGE)?;
    let export = Export::behind(fd)?;
    let about = export.about::<super::About>().ok_or(EINVAL)?;
    if bytes == 0 || end > about.bytes {
        return Err(ERANGE);
    }
    export.with(|tenant| carry(tenant, way, offset..end, to))?
}

fn carry(tenant: &Tenant, way: Way, part: core::ops::Range<usize>, to: usize) -> Result {
    let engine = lent::engine(tenant.lease().device()).ok_or_else(compat::not_supported)?;
    // A run that was stopped has left it halted. No run is on now.
    engine.resume();
    let mut at = part.start;
    while at < part.end {
        let segment = tenant.at(at).ok_or(ERANGE)?;
        let piece = segment.part(0, part.end - at).ok_or(ERANGE)?;
        let inside = to.checked_add(at - part.start).ok_or(EINVAL)?;
        engine.carry(way, piece, inside)?;
        at += piece.size();
    }
    Ok(())
}
