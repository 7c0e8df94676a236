// SPDX-License-Identifier: GPL-2.0

//! The device carries bytes to or from a buffer that was allocated for it.

use crate::{
    compat,
    devices::{
        engine::Way,
        lent, //
    },
    model::request::Direction,
    sys::{
        dma::{
            import::{
                DmaBuf,
                Imported, //
            },
            Segment, //
        },
        export::Export,
        lend::Lease, //
    },
};
use core::ops::Range;
use kernel::{
    device::{
        Bound,
        Device, //
    },
    prelude::*, //
};

/// Carries `bytes` bytes of the buffer behind `fd`, from `offset` on, to or from the device's own
/// ones at `device_offset`. Nothing is synced.
///
/// `ERANGE` where the buffer ends before, `ENODEV` where the device was unbound, `EOPNOTSUPP` for one
/// that moves no bytes, and what [`Engine::carry`] says.
///
/// [`Engine::carry`]: crate::devices::engine::Engine::carry
#[inline(never)]
pub(crate) fn transfer(fd: i32, way: Way, offset: u64, bytes: u64, device_offset: u64) -> Result {
    let export = Export::behind(fd)?;
    let about = export.about::<super::About>().ok_or(EINVAL)?;
    let (part, to) = within(about.bytes as u64, offset, bytes, device_offset)?;
    export.with(|tenant| {
        let dev = tenant.lease().device();
        carry(dev, |at| tenant.at(at), way, part, to)
    })?
}

/// The same of anybody's dma-buf, which the device of `lease` has meanwhile: what its exporter refuses
/// it with, too.
#[inline(never)]
pub(crate) fn import(
    lease: &Lease,
    fd: i32,
    way: Way,
    offset: u64,
    bytes: u64,
    device_offset: u64,
) -> Result {
    let buffer = DmaBuf::behind(fd)?;
    let (part, to) = within(buffer.size(), offset, bytes, device_offset)?;
    let direction = match way {
        Way::In => Direction::ToDevice,
        Way::Out => Direction::FromDevice,
    };
    let held = Imported::new(&buffer, lease.device(), direction)?;
    carry(lease.device(), |at| held.at(at as u64), way, part, to)
}

/// The part of a buffer of `size` bytes, and where it goes; `ERANGE` where the buffer ends before.
fn within(size: u64, offset: u64, bytes: u64, inside: u64) -> Result<(Range<usize>, usize)> {
    let number = |value: u64| usize::try_from(value).map_err(|_| ERANGE);
    let end = offset.checked_add(bytes).ok_or(ERANGE)?;
    if bytes == 0 || end > size {
        return Err(ERANGE);
    }
    Ok((number(offset)?..number(end)?, number(inside)?))
}

fn carry<'a>(
    dev: &Device<Bound>,
    segment_at: impl Fn(usize) -> Option<Segment<'a>>,
    way: Way,
    part: Range<usize>,
    to: usize,
) -> Result {
    let engine = lent::engine(dev).ok_or_else(compat::not_supported)?;
    // A run that was stopped has left it halted. No run is on now.
    engine.resume();
    let mut at = part.start;
    while at < part.end {
        let segment = segment_at(at).ok_or(ERANGE)?;
        let piece = segment.part(0, part.end - at).ok_or(ERANGE)?;
        let inside = to.checked_add(at - part.start).ok_or(EINVAL)?;
        engine.carry(way, piece, inside)?;
        at += piece.size();
    }
    Ok(())
}
