// SPDX-License-Identifier: GPL-2.0

//! Somebody's dma-buf for this device: what attaching and mapping it costs, and what a sync of it.

use super::prelude::*;
use crate::sys::dma::import::{
    DmaBuf,
    Imported, //
};
use core::ops::Deref;
use kernel::sync::Arc;

const DMABUF: Info = Info {
    sizes: Range::new(1, 1 << 40),
    held_max: 1,
    // It is somebody's, and takes nothing.
    buffers: 0,
    parameters: &[Parameter::Fd, Parameter::Mask],
    may_sleep: true,
    ..Info::STREAMING
};

/// The dma-buf, and what it is for.
struct Asked<'d> {
    target: Target<'d>,
    buffer: Arc<DmaBuf>,
}

impl<'d> Asked<'d> {
    /// What `request` asks for. Refuses a descriptor that is of no dma-buf, and a size that is not the
    /// buffer's: it is mapped as a whole.
    fn of(request: &Request, device: Option<&'d Device<Bound>>) -> Result<Self, Refusal> {
        let target = Target::of(request, device, true)?;
        let name = request.info().name;
        // CAST: A descriptor has 31 bits.
        let Some(fd) = request.fd().map(|fd| fd as i32) else {
            return Err(Refusal::invalid(format_args!(
                "fd: {name} needs the descriptor of a dma-buf, as fd=N, and size=BYTES of it"
            )));
        };
        let buffer = DmaBuf::behind(fd).map_err(|error| match error {
            EBADF => Refusal::invalid(format_args!("fd={fd}: no open descriptor")),
            EINVAL => Refusal::invalid(format_args!("fd={fd}: not of a dma-buf")),
            EBUSY => Refusal::unsupported(format_args!(
                "fd={fd}: somebody's work on it is not done in 100 ms (its fences are not signalled)"
            )),
            _ => Refusal::unsupported(format_args!(
                "fd={fd}: this kernel has no dma-bufs (CONFIG_DMA_SHARED_BUFFER)"
            )),
        })?;
        let (size, has) = (Dec(request.size()), Dec(buffer.size()));
        if request.size() != buffer.size() {
            return Err(Refusal::beyond(format_args!(
                "size={size}: the dma-buf behind fd={fd} has {has} bytes, and is mapped as a whole"
            )));
        }
        let buffer = Arc::new(buffer, GFP_KERNEL)
            .map_err(|_| Refusal::no_memory(format_args!("{name}: no memory at all")))?;
        Ok(Self { target, buffer })
    }

    #[inline]
    fn import(&self) -> Result<Imported<'d, &DmaBuf>> {
        Imported::new(&*self.buffer, self.target.dev, self.target.direction)
    }
}

/// An importer may not look at the pages of what it has imported: only what its device sees is known.
fn place<B: Deref<Target = DmaBuf>>(held: &Imported<'_, B>) -> Placement {
    Placement {
        dma: held.at(0).map(|segment| segment.dma()),
        ..Placement::UNKNOWN
    }
}

/// Attaching, mapping, and back.
pub(crate) struct DmaBufImport<'d>(Asked<'d>);

impl<'d> Listed<'d> for DmaBufImport<'d> {
    const INFO: Info = Info {
        name: "dmabuf-import",
        about:
            "dma_buf_attach() of somebody's dma-buf and dma_buf_map_attachment(); unmap and detach",
        phases: ["attach+map", "unmap+detach"],
        family: Family::Importing,
        ..DMABUF
    };

    fn prepare(request: &Request, device: Option<&'d Device<Bound>>) -> Result<Self, Refusal> {
        Asked::of(request, device).map(Self)
    }
}

impl<'d> Experiment for DmaBufImport<'d> {
    type Idle = ();
    type Held<'a>
        = Imported<'d, &'a DmaBuf>
    where
        Self: 'a;

    fn idle(&self) -> Result {
        Ok(())
    }

    #[inline]
    fn acquire(&self, (): ()) -> Result<Imported<'d, &DmaBuf>, ((), Error)> {
        self.0.import().map_err(|error| ((), error))
    }

    #[inline]
    fn release<'a>(&'a self, held: Imported<'d, &'a DmaBuf>) {
        drop(held);
    }

    fn describe(&self, held: &Imported<'d, &DmaBuf>) -> Placement {
        place(held)
    }
}

/// What begins an access by the CPU and what ends it, while the device has the buffer.
pub(crate) struct DmaBufSync<'d>(Asked<'d>);

impl<'d> Listed<'d> for DmaBufSync<'d> {
    const INFO: Info = Info {
        name: "dmabuf-sync",
        about: "dma_buf_begin_cpu_access() of somebody's dma-buf that is mapped for the device, and ..._end_...",
        phases: ["for-cpu", "for-device"],
        family: Family::Importing,
        ..DMABUF
    };

    fn prepare(request: &Request, device: Option<&'d Device<Bound>>) -> Result<Self, Refusal> {
        let asked = Asked::of(request, device)?;
        let refused = asked.import().err();
        match refused {
            None => Ok(Self(asked)),
            Some(error) => {
                let (errno, fd) = (error.to_errno(), request.fd().unwrap_or(0) as u32);
                Err(Refusal::unsupported(format_args!(
                    "fd={fd}: its exporter does not let this device have it: errno {errno}"
                )))
            }
        }
    }
}

/// What the device has, and whether the last access could not be ended.
pub(crate) struct Kept<'d> {
    held: Imported<'d, Arc<DmaBuf>>,
    failed: bool,
}

impl<'d> Experiment for DmaBufSync<'d> {
    type Idle = Kept<'d>;
    type Held<'a>
        = Kept<'d>
    where
        Self: 'a;

    fn idle(&self) -> Result<Kept<'d>> {
        let buffer = self.0.buffer.clone();
        Ok(Kept {
            held: Imported::new(buffer, self.0.target.dev, self.0.target.direction)?,
            failed: false,
        })
    }

    #[inline]
    fn acquire(&self, idle: Kept<'d>) -> Result<Kept<'d>, (Kept<'d>, Error)> {
        match self.0.buffer.begin(self.0.target.direction) {
            Ok(()) => Ok(idle),
            Err(error) => Err((idle, error)),
        }
    }

    #[inline]
    fn release(&self, mut held: Kept<'d>) -> Kept<'d> {
        held.failed = self.0.buffer.end(self.0.target.direction).is_err();
        held
    }

    fn check(&self, idle: &mut Kept<'d>) -> Result {
        match core::mem::take(&mut idle.failed) {
            true => Err(EIO),
            false => Ok(()),
        }
    }

    fn describe(&self, held: &Kept<'d>) -> Placement {
        place(&held.held)
    }
}
