// SPDX-License-Identifier: GPL-2.0

//! Memory that a device can reach.
//!
//! C header: [`include/linux/dma-mapping.h`](srctree/include/linux/dma-mapping.h)
//!
//! Who owns memory is its type. A [`Buffer`](buffer::Buffer) is the CPU's; mapping takes it and
//! gives a [`Mapped`](buffer::Mapped), through which the CPU has no way to the bytes; unmapping
//! takes that and gives the buffer back. In between a [`OnCpu`](buffer::OnCpu) is a mapping whose
//! bytes are the CPU's for a while. So the CPU's touching what the device owns, and unmapping
//! twice, do not compile. Everything borrows a bound device, so that none can outlive the binding:
//! forgetting a value leaks it, with the memory behind it, and does nothing worse.

pub(crate) mod bounce;
pub(crate) mod buffer;
pub(crate) mod coherent;
pub(crate) mod frames;
pub(crate) mod import;
pub(crate) mod iova;
pub(crate) mod noncoherent;
pub(crate) mod noncontiguous;
pub(crate) mod page_pool;
pub(crate) mod pool;
pub(crate) mod sg;

pub(crate) use coherent::Coherent;

use crate::{
    bindings as lab,
    model::request::Direction as Chosen, //
};
use core::ptr::NonNull;
use kernel::{
    bindings::dma_data_direction,
    device::{
        Bound,
        Device, //
    },
    dma::{
        DataDirection,
        DmaAddress, //
    },
};

mod sealed {
    pub(crate) trait Sealed {}
}

/// Who moves the bytes. Never nobody: the kernel stops with a `BUG_ON()` at `DMA_NONE`.
///
/// Known when the driver is written, it is one of [`ToDevice`], [`FromDevice`] and
/// [`Bidirectional`], which take no room; known only at run time, it is [`Chosen`].
pub(crate) trait Direction: sealed::Sealed + Copy {
    /// As the kernel crate has it.
    fn data(self) -> DataDirection;

    /// As `enum dma_data_direction` has it.
    #[inline]
    fn raw(self) -> dma_data_direction {
        self.data().into()
    }

    /// The same as the helpers take it.
    #[inline]
    fn number(self) -> u32 {
        // CAST: Its representation.
        self.data() as u32
    }
}

/// A direction in which the CPU has something to say. Where it is known only at run time, whoever
/// chose it sees to that.
pub(crate) trait CpuWrites: Direction {}

macro_rules! directions {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy)]
        #[allow(dead_code, reason = "for drivers; memlab itself is told at run time")]
        pub(crate) struct $name;

        impl sealed::Sealed for $name {}

        impl Direction for $name {
            #[inline]
            fn data(self) -> DataDirection {
                DataDirection::$name
            }
        }
    )*};
}

directions! {
    /// The device reads what the CPU has written.
    ToDevice;
    /// The device writes what the CPU will read.
    FromDevice;
    /// Both.
    Bidirectional;
}

impl CpuWrites for ToDevice {}
impl CpuWrites for Bidirectional {}

impl CpuWrites for Chosen {}

impl sealed::Sealed for Chosen {}

impl Direction for Chosen {
    #[inline]
    fn data(self) -> DataDirection {
        match self {
            Chosen::Bidirectional => DataDirection::Bidirectional,
            Chosen::ToDevice => DataDirection::ToDevice,
            Chosen::FromDevice => DataDirection::FromDevice,
        }
    }
}

/// A device's address, which has 32 bits in some kernels.
#[inline]
#[allow(
    clippy::useless_conversion,
    reason = "in this kernel it may have 64 bits"
)]
fn address(dma: DmaAddress) -> u64 {
    u64::from(dma)
}

/// Memory that the CPU owns and sees at an address.
///
/// # Safety
///
/// Behind the address are as many bytes, initialised, which the CPU may read and write while the
/// value is borrowed.
pub(crate) unsafe trait CpuMemory {
    /// The address, and how many bytes there are.
    fn cpu(&self) -> (NonNull<u8>, usize);

    /// Sets each byte to what `byte` gives for its place. One by one, and none left out: a device may
    /// be looking.
    fn write(&mut self, byte: impl Fn(usize) -> u8) {
        let (start, size) = self.cpu();
        for at in 0..size {
            // SAFETY: As the implementer promises there are so many bytes, and `self` is borrowed.
            unsafe { start.add(at).write_volatile(byte(at)) };
        }
    }

    /// Whether each byte is what `byte` gives for its place. A device may have written them.
    fn holds(&self, byte: impl Fn(usize) -> u8) -> bool {
        let (start, size) = self.cpu();
        // SAFETY: As the implementer promises there are so many bytes, and `self` is borrowed.
        (0..size).all(|at| unsafe { start.add(at).read_volatile() } == byte(at))
    }

    /// Copies `from` to the beginning, as much of it as there is room for.
    #[inline]
    fn copy_from(&mut self, from: &[u8]) {
        let (to, size) = self.cpu();
        let count = from.len().min(size);
        // SAFETY: As the implementer promises there are so many bytes, and what is borrowed elsewhere
        // does not overlap them. They are written by C, as a device may be looking.
        unsafe { lab::memlab_copy(to.as_ptr().cast(), from.as_ptr().cast(), count) };
    }

    /// Copies the beginning to `to`, as much of it as there is.
    #[inline]
    fn copy_to(&self, to: &mut [u8]) {
        let (from, size) = self.cpu();
        let count = to.len().min(size);
        // SAFETY: As the implementer promises there are so many bytes, and what is borrowed elsewhere
        // does not overlap them. They are read by C, as a device may be writing.
        unsafe { lab::memlab_copy(to.as_mut_ptr().cast(), from.as_ptr().cast(), count) };
    }
}

/// A range of one device's addresses with the memory behind it: what a driver tells its device.
///
/// It borrows what owns the memory, so that it is neither unmapped nor freed before the borrow ends.
///
/// # Invariants
///
/// For `'a`, `dev` may have the `size` bytes at `dma` in `direction`.
#[derive(Clone, Copy)]
pub(crate) struct Segment<'a> {
    dev: &'a Device<Bound>,
    dma: u64,
    size: usize,
    direction: DataDirection,
}

#[cfg_attr(
    not(CONFIG_PCI),
    allow(dead_code, reason = "the devices that move bytes are PCI's")
)]
impl<'a> Segment<'a> {
    /// Whose addresses they are.
    pub(crate) fn device(&self) -> &'a Device<Bound> {
        self.dev
    }

    /// The first address.
    pub(crate) fn dma(&self) -> u64 {
        self.dma
    }

    /// How many bytes there are.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// `bytes` of it from `offset` on, or as many as there are; `None` where it ends before.
    pub(crate) fn part(self, offset: usize, bytes: usize) -> Option<Self> {
        let left = self.size.checked_sub(offset).filter(|left| *left != 0)?;
        // INVARIANT: A part of what the device may have.
        Some(Self {
            // CAST: No wider than 64 bits.
            dma: self.dma + offset as u64,
            size: bytes.min(left),
            ..self
        })
    }

    /// Whether the device may read it.
    pub(crate) fn goes_to_device(&self) -> bool {
        self.direction != DataDirection::FromDevice
    }

    /// Whether the device may write it.
    pub(crate) fn comes_from_device(&self) -> bool {
        self.direction != DataDirection::ToDevice
    }
}

/// Memory that a device may have as long as the value is borrowed.
pub(crate) trait DeviceMemory {
    /// All of it; of a list that has more than one entry, the first.
    fn segment(&self) -> Segment<'_>;

    /// The device's address of the first byte.
    fn dma(&self) -> u64 {
        self.segment().dma()
    }
}
