// SPDX-License-Identifier: GPL-2.0

//! The device that memory is for: what it can reach, and what is refused before the kernel would
//! warn of it.

use crate::{
    facts::provenance,
    model::{
        num::{
            Dec,
            Hex, //
        },
        placement::Placement,
        request::{
            Direction,
            Refusal,
            Request, //
        },
    },
    sys::{
        alloc::KMALLOC_MAX,
        lend::Lease,
        machine, //
    },
};
use kernel::{
    device::{
        Bound,
        Device, //
    },
    error::code::EBUSY, //
};

/// The device that an experiment needs.
pub(super) fn required<'d>(
    request: &Request,
    device: Option<&'d Device<Bound>>,
) -> Result<&'d Device<Bound>, Refusal> {
    device.ok_or_else(|| {
        let name = request.info().name;
        Refusal::no_device(format_args!("{name} needs a device, and none is lent"))
    })
}

/// Gives the device as many bits of address as the request says, until the lease is given back.
/// Refuses a number that the platform cannot serve.
#[inline(never)]
pub(crate) fn masked(request: &Request, lease: Lease) -> Result<Lease, Refusal> {
    let Some(bits) = request.mask() else {
        return Ok(lease);
    };
    // CAST: A mask has 64 bits at most.
    let bits = bits as u32;
    lease.masked(bits).map_err(|error| match error {
        EBUSY => Refusal::unsupported(format_args!(
            "mask={bits}: the device has memory of other users, which was allocated for its own mask"
        )),
        _ => Refusal::beyond(format_args!(
            "mask={bits}: this platform cannot serve it: it has no memory that so few bits reach"
        )),
    })
}

/// A device that memory is lent to, and how.
#[derive(Clone, Copy)]
pub(crate) struct Target<'d> {
    pub(super) dev: &'d Device<Bound>,
    pub(super) direction: Direction,
    /// The highest address that the device reaches.
    pub(super) highest: u64,
    /// Whether memory is mapped, and may be bounced by that.
    maps: bool,
    /// Whether an IOMMU gives the device addresses of its own.
    translated: bool,
    /// The largest single mapping, in bytes.
    max_mapping: u64,
    /// The longest entry of a list, in bytes.
    max_segment: u64,
}

impl<'d> Target<'d> {
    /// The device that `request` asks for. Where memory `maps`, refuses one whose mappings could
    /// only fail.
    pub(super) fn of(
        request: &Request,
        device: Option<&'d Device<Bound>>,
        maps: bool,
    ) -> Result<Self, Refusal> {
        let dev = required(request, device)?;
        let facts = provenance::device(dev);
        // Bounce buffers lie below 4 GiB, anywhere: swiotlb_map() warns of those out of reach.
        if maps && facts.swiotlb_force && facts.mask < u64::from(u32::MAX) {
            let (mask, name) = (Hex(facts.mask), request.info().name);
            return Err(Refusal::unsupported(format_args!(
                "mask={mask}: for {name} every mapping is bounced here, through memory that the device cannot reach"
            )));
        }
        Ok(Self {
            dev,
            direction: request.direction(),
            highest: facts.mask,
            maps,
            translated: translates(facts.iommu),
            max_mapping: facts.max_mapping,
            max_segment: u64::from(machine::dma(dev).max_segment),
        })
    }

    /// Refuses one mapping of `bytes` that is larger than the device may have.
    pub(super) fn check_mapping(&self, request: &Request, bytes: u64) -> Result<(), Refusal> {
        if bytes <= self.max_mapping {
            return Ok(());
        }
        let (size, max, name) = (
            Dec(request.size()),
            Dec(self.max_mapping),
            request.info().name,
        );
        Err(Refusal::beyond(format_args!(
            "size={size}: for {name} over dma_max_mapping_size() of the device, {max} bytes"
        )))
    }

    /// Refuses an entry of a list of `bytes` that is longer than the device may have.
    pub(super) fn check_entry(&self, request: &Request, bytes: u64) -> Result<(), Refusal> {
        self.check_mapping(request, bytes)?;
        if bytes <= self.max_segment {
            return Ok(());
        }
        let (entries, max) = (Dec(request.entries()), Dec(self.max_segment));
        let bytes = Dec(bytes);
        Err(Refusal::beyond(format_args!(
            "entries={entries}: of {bytes} bytes, over the device's longest segment, {max} bytes"
        )))
    }

    /// Whether the CPU writes what is mapped: a driver that fills its buffer leaves it in the
    /// caches, and a device that is not coherent with them would look cheaper without.
    pub(super) fn cpu_writes(&self) -> bool {
        self.direction != Direction::FromDevice
    }

    /// The placement of memory that the device reaches at `dma`.
    pub(super) fn place(&self, placement: Placement, dma: u64) -> Placement {
        Placement {
            dma: Some(dma),
            bounced: match self.maps {
                false => Some(false),
                // Without translation the address differs only where the bytes lie elsewhere.
                true => (!self.translated).then_some(dma != placement.phys),
            },
            ..placement
        }
    }
}

/// Whether an IOMMU domain of this type gives a device addresses of its own.
fn translates(iommu: &str) -> bool {
    !matches!(iommu, "none" | "identity")
}

/// The largest piece of contiguous memory that the page allocator gives, in bytes.
pub(super) const CONTIGUOUS_MAX: u64 = KMALLOC_MAX;

/// Refuses a buffer that with its offset does not fit into contiguous memory.
pub(super) fn check_offset(request: &Request, bytes: u64) -> Result<(), Refusal> {
    if bytes.saturating_add(request.offset()) <= CONTIGUOUS_MAX {
        return Ok(());
    }
    let (offset, bytes, max) = (Dec(request.offset()), Dec(bytes), Dec(CONTIGUOUS_MAX));
    Err(Refusal::beyond(format_args!(
        "offset={offset}: with {bytes} bytes behind it beyond contiguous memory, {max} bytes"
    )))
}
