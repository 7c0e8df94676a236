// SPDX-License-Identifier: GPL-2.0

//! The device that memory is for: what it can reach, and what is refused before the kernel would
//! warn of it.

use crate::{
    facts::provenance,
    model::{
        num::{
            self,
            Dec,
            Hex, //
        },
        placement::Placement,
        provenance::{
            self as known,
            Mapper, //
        },
        remark::{
            BouncePool,
            Remark, //
        },
        request::{
            Buffers,
            Direction,
            Refusal,
            Request, //
        },
    },
    sys::{
        alloc::KMALLOC_MAX,
        dma::{
            bounce,
            buffer::Reach, //
        },
        lend::Lease,
        machine, //
    },
};
use kernel::{
    device::{
        Bound,
        Device, //
    },
    error::code::{
        EBUSY,
        ENOMEM, //
    },
    prelude::Result, //
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
    /// Where memory lies that its driver allocates for it.
    pub(super) own: Reach,
    /// Where memory lies that its driver is handed, and whether that is only how it is tried first.
    handed: (Reach, bool),
    /// Whether memory is mapped, and may be bounced by that.
    maps: bool,
    /// Whether it is, always or where it lies out of reach.
    bounces: bool,
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
        let direct = facts.mapper == Mapper::Direct;
        let own = Reach::Within(match facts.mapper {
            // What translates gives any memory an address that the device reaches.
            Mapper::Direct | Mapper::Iommu => facts.highest,
            Mapper::Ops => facts.mask,
        });
        // swiotlb_map() warns of bounce buffers that the device does not reach.
        let reached = |(_, end): (BouncePool, u64)| end <= facts.highest;
        let bounced = bounce::pool(dev).is_some_and(reached);
        if maps && direct && facts.swiotlb_force && !bounced {
            let (mask, name) = (Hex(facts.mask), request.info().name);
            return Err(Refusal::unsupported(format_args!(
                "mask={mask}: for {name} every mapping is bounced here, through memory that the device cannot reach"
            )));
        }
        Ok(Self {
            dev,
            direction: request.direction(),
            own,
            handed: handed(request, &facts)?,
            maps,
            bounces: maps && direct && (facts.swiotlb_force || facts.bounces),
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

    /// Makes memory where a driver has it that is handed it, or where the request says.
    pub(super) fn handed<T>(&self, make: impl Fn(Reach) -> Result<T>) -> Result<T> {
        let (reach, tried) = self.handed;
        match make(reach) {
            Err(ENOMEM) if tried => make(self.own),
            made => made,
        }
    }

    /// What the pool of bounce buffers says when maps of `bytes` have failed.
    pub(super) fn full(&self, bytes: u64) -> Remark {
        match bounce::pool(self.dev).filter(|_| self.bounces) {
            Some((pool, _)) => Remark::Bounce(BouncePool {
                asked: num::div(bytes.saturating_add(pool.slot_bytes - 1), pool.slot_bytes)
                    .unwrap_or(0),
                ..pool
            }),
            None => Remark::None,
        }
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
                // The address may have an offset, or a bit for memory that is encrypted, or be an
                // IOMMU's: only what lies behind it tells whether the bytes are elsewhere.
                true => bounce::behind(self.dev, dma).map(|phys| phys != placement.phys),
            },
            ..placement
        }
    }
}

/// Where memory lies that the driver of the device with these `facts` is handed.
fn handed(request: &Request, facts: &known::Device) -> Result<(Reach, bool), Refusal> {
    let (beyond, own) = (Reach::Beyond(facts.highest), Reach::Within(facts.highest));
    match request.buffers() {
        Buffers::Auto if facts.bounces => Ok((beyond, true)),
        Buffers::Anywhere if facts.bounces => Ok((beyond, false)),
        Buffers::Anywhere if facts.limited => {
            let (mask, name) = (Hex(facts.mask), request.info().name);
            Err(Refusal::unsupported(format_args!(
                "buffers=anywhere: for {name} nothing that the device reaches could bounce memory above its mask, {mask}"
            )))
        }
        // Without a mapper that tells, memory is taken where it can be had without one.
        Buffers::Auto | Buffers::Reachable if facts.mapper == Mapper::Ops => {
            Ok((Reach::Within(facts.mask), false))
        }
        Buffers::Auto | Buffers::Anywhere | Buffers::Reachable => Ok((own, false)),
    }
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
