// SPDX-License-Identifier: GPL-2.0

//! The calls of a session that are about buffers: checked here, carried out in `buffers/`.
//!
//! C header: [`include/uapi/linux/memlab_buffer.h`](../../include/uapi/linux/memlab_buffer.h)

use super::{
    argument::tristate,
    lab::{
        Failure,
        Turn, //
    },
};
use crate::{
    bench::limits,
    buffers::{
        self,
        describe,
        transfer,
        Kind,
        Wanted, //
    },
    devices::{
        engine::Way,
        lent, //
    },
    model::{
        num::Dec,
        request::{
            Direction,
            DEVICE_NAME_MAX, //
        },
        text::Text, //
    },
    sys::{
        abi,
        security,
        task, //
    },
};
use kernel::{
    fs::{
        file::{
            flags,
            FileDescriptorReservation, //
        },
        File, //
    },
    prelude::*,
    sync::aref::ARef, //
};

/// The directions, as the ABI counts them.
const DIRECTIONS: [Direction; 3] = [
    Direction::Bidirectional,
    Direction::ToDevice,
    Direction::FromDevice,
];

/// A buffer with the descriptor that it is going to have: the caller's only when nothing can fail
/// any more.
pub(super) struct Given {
    file: ARef<File>,
    fd: FileDescriptorReservation,
}

impl Given {
    pub(super) fn hand_over(self) {
        self.fd.fd_install(self.file);
    }
}

/// The value at place `at` of `values`, whose parameter is called `name`.
fn one_of<T: Copy>(name: &str, at: u32, values: &[T]) -> Result<T, Failure> {
    let last = values.len() - 1;
    let value = usize::try_from(at).ok().and_then(|at| values.get(at));
    value.copied().ok_or_else(|| {
        Failure::new(
            EINVAL,
            format_args!("{name}={at}: unknown, must be 0 to {last}"),
        )
    })
}

/// `MEMLAB_IOC_BUFFER_ALLOC`
pub(super) fn alloc(call: &mut abi::BufferAlloc) -> Result<Given, Failure> {
    let flags = call.flags;
    if flags & !abi::BUFFER_CLOEXEC != 0 {
        return Err(Failure::new(
            EINVAL,
            format_args!("flags={flags:#x}: unknown, only MEMLAB_BUFFER_CLOEXEC is one"),
        ));
    }
    let wanted = Wanted {
        kind: one_of("kind", call.kind, &Kind::ALL)?,
        bytes: call.bytes,
        direction: one_of("direction", call.direction, &DIRECTIONS)?,
        device: Text::new(abi::text("device", &call.device)?),
        most: limits::held_max(),
    };
    let fd = FileDescriptorReservation::get_unused_fd_flags(match flags {
        0 => 0,
        _ => flags::O_CLOEXEC,
    })?;
    let (file, bytes) = buffers::alloc(&wanted)?;
    call.bytes = bytes as u64;
    // CAST: The kernel has no descriptor that is not an `int`.
    call.fd = fd.reserved_fd() as i32;
    Ok(Given { file, fd })
}

/// What is said where a descriptor is none of a buffer.
fn no_buffer(fd: i32, error: Error) -> Failure {
    match error {
        EBADF => Failure::new(EBADF, format_args!("fd={fd}: no open descriptor")),
        EINVAL => Failure::new(EINVAL, format_args!("fd={fd}: not of a buffer of memlab's")),
        error => Failure::from(error),
    }
}

/// `MEMLAB_IOC_BUFFER_DESCRIBE`. Who was handed the open file is not thereby one who may see
/// addresses. Apart, for the frame of the call.
#[inline(never)]
pub(super) fn describe(call: &mut abi::BufferFacts) -> Result<(), Failure> {
    let fd = call.fd;
    let said = describe::describe(fd).map_err(|error| no_buffer(fd, error))?;
    let place = &said.placement;
    let there = place.extents != 0;
    let shown = task::may_administer() && !security::addresses_locked();
    let address = |address: Option<u64>| address.filter(|_| shown).unwrap_or(abi::NO_ADDRESS);
    call.kind = said.kind as u32;
    abi::put(&mut call.device, said.device.as_str());
    call.bytes = said.bytes as u64;
    call.phys = address(Some(place.phys).filter(|_| there));
    call.dma = address(place.dma);
    call.largest_extent = place.largest_extent;
    // CAST: There are three, of which the ABI has the order.
    call.direction = said.direction as u32;
    call.lent = tristate(Some(said.lent));
    call.extents = place.extents;
    call.segments = said.segments;
    call.window = place.window as u32;
    call.kernel_attr = place.attr as u32;
    call.user_attr = said.user_attr as u32;
    call.node = place.node;
    call.cma = tristate(place.cma);
    call.bounced = tristate(place.bounced);
    abi::put(&mut call.zone, place.zone.as_str());
    Ok(())
}

/// What is said where somebody's dma-buf could not be carried for a device that was named.
fn not_imported(fd: i32, device: &str, error: Error) -> Failure {
    let errno = error.to_errno();
    match error {
        EBADF => Failure::new(EBADF, format_args!("fd={fd}: no open descriptor")),
        EBUSY => Failure::new(
            EBUSY,
            format_args!("fd={fd}: somebody's work on it is not done in 100 ms"),
        ),
        error => Failure::new(
            error,
            format_args!(
                "fd={fd} device={device}: errno {errno}: not a dma-buf, its exporter does not let the \
                 device have it, or the bytes are not within it and the device's own memory"
            ),
        ),
    }
}

/// `MEMLAB_IOC_BUFFER_TRANSFER`
pub(super) fn transfer(call: &mut abi::BufferTransfer) -> Result<(), Failure> {
    let (fd, way) = (call.fd, call.way);
    let way = match one_of("way", way, &DIRECTIONS)? {
        Direction::ToDevice => Way::In,
        Direction::FromDevice => Way::Out,
        Direction::Bidirectional => {
            return Err(Failure::new(
                EINVAL,
                format_args!("way={way}: must be to the device or from it"),
            ))
        }
    };
    let (offset, bytes, inside) = (call.offset, call.bytes, call.device_offset);
    let device: Text<DEVICE_NAME_MAX> = Text::new(abi::text("device", &call.device)?);
    let _turn = Turn::take("transfer")?;
    let carried = match device.as_str() {
        "" => transfer::transfer(fd, way, offset, bytes, inside),
        _ => {
            let lease = lent::lease(device)?;
            let carried = transfer::import(&lease, fd, way, offset, bytes, inside);
            return carried.map_err(|error| not_imported(fd, device.as_str(), error));
        }
    };
    let (offset, bytes, inside) = (Dec(offset), Dec(bytes), Dec(inside));
    carried.map_err(|error| match error {
        ERANGE => Failure::new(
            ERANGE,
            format_args!("offset={offset} bytes={bytes}: not within the buffer"),
        ),
        EINVAL => Failure::new(
            EINVAL,
            format_args!(
                "fd={fd} bytes={bytes} device_offset={inside}: not a buffer of memlab's, not mapped \
                 that way, or not within the device's own memory"
            ),
        ),
        ENODEV => Failure::new(
            ENODEV,
            format_args!("fd={fd}: the device was unbound from memlab, and has the buffer no more"),
        ),
        EFAULT => Failure::new(
            EFAULT,
            format_args!("fd={fd}: lies above what the device reaches"),
        ),
        error if error == crate::compat::not_supported() => Failure::new(
            error,
            format_args!(
                "fd={fd}: its device does not move bytes for us (lend QEMU's edu), or may not have it, or this \
                 kernel has no dma-bufs"
            ),
        ),
        error => no_buffer(fd, error),
    })
}
