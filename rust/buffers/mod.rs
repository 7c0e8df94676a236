// SPDX-License-Identifier: GPL-2.0

//! Memory that a program holds through a descriptor: what kinds of it there are, and how much.
//!
//! How it is given out, and taken away again, is `sys/export.rs`.

mod account;
pub(crate) mod describe;
pub(crate) mod transfer;

#[cfg(CONFIG_KUNIT = "y")]
#[path = "tests.rs"]
mod buffers_tests;

use crate::{
    devices::lent,
    model::{
        num::{
            Dec,
            Hex, //
        },
        provenance::Mapper,
        request::{
            Direction,
            Refusal,
            DEVICE_NAME_MAX, //
        },
        text::Text, //
    },
    sys::{
        cma::Source,
        dma::{
            bounce,
            coherent::Attr,
            frames::Frames, //
        },
        export::{
            Export,
            Protection, //
        },
        lend::Lease,
        machine,
        memory::PAGE_SIZE,
        tenant::Tenant, //
    },
};
use account::Charge;
use kernel::{
    fs::File,
    prelude::*,
    sync::{
        aref::ARef,
        Arc, //
    },
};

/// The kinds, as the ABI counts them.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Kind {
    Pages = 0,
    Vmalloc = 1,
    Cma = 2,
    Coherent = 3,
    WriteCombined = 4,
    NonCoherent = 5,
    NonContiguous = 6,
}

impl Kind {
    /// All of them, each at its number.
    pub(crate) const ALL: [Self; 7] = [
        Self::Pages,
        Self::Vmalloc,
        Self::Cma,
        Self::Coherent,
        Self::WriteCombined,
        Self::NonCoherent,
        Self::NonContiguous,
    ];
}

/// A buffer that is asked for.
pub(crate) struct Wanted {
    pub(crate) kind: Kind,
    pub(crate) bytes: u64,
    pub(crate) direction: Direction,
    pub(crate) device: Text<DEVICE_NAME_MAX>,
    /// Most bytes that all buffers may hold.
    pub(crate) most: u64,
}

/// What is to be known of a buffer.
struct About {
    kind: Kind,
    direction: Direction,
    device: Text<DEVICE_NAME_MAX>,
    bytes: usize,
    protection: Protection,
    _charge: Charge,
}

/// Allocates what is wanted: the file that holds it, and its bytes, which are whole pages.
#[inline(never)]
pub(crate) fn alloc(wanted: &Wanted) -> Result<(ARef<File>, usize), Refusal> {
    let bytes = size(wanted)?;
    let lease = lent::lease(wanted.device)?;
    let charge = Charge::take(bytes, wanted.most).map_err(|held| over(wanted, held))?;
    let protection = protection(wanted.kind, &lease);
    let mut about = About {
        kind: wanted.kind,
        direction: wanted.direction,
        device: Text::new(lease.device().name().to_str().unwrap_or("?")),
        bytes,
        protection,
        _charge: charge,
    };
    if matches!(wanted.kind, Kind::Coherent | Kind::WriteCombined) {
        about.direction = Direction::Bidirectional;
    }
    let tenant = tenant(wanted, lease, bytes)?;
    let given = KBox::new(about, GFP_KERNEL)
        .map_err(Error::from)
        .and_then(|about| Export::give_out(tenant, protection, about));
    match given {
        Ok(file) => Ok((file, bytes)),
        Err(ENODEV) => Err(Refusal::no_device(format_args!(
            "device={}: is just being unbound",
            wanted.device
        ))),
        Err(ENOMEM) => Err(no_memory(wanted)),
        Err(_) => Err(Refusal::unsupported(format_args!(
            "this kernel has no dma-bufs (CONFIG_DMA_SHARED_BUFFER), or its tables do not tell the pages"
        ))),
    }
}

/// The bytes as whole pages.
fn size(wanted: &Wanted) -> Result<usize, Refusal> {
    let (bytes, most) = (wanted.bytes, wanted.most);
    if bytes == 0 || bytes > most {
        let (bytes, most) = (Dec(bytes), Dec(most));
        return Err(Refusal::beyond(format_args!(
            "bytes={bytes}: out of range, 1 to {most}, which is the most that all buffers may hold"
        )));
    }
    let bytes = usize::try_from(bytes).ok();
    let bytes = bytes.and_then(|bytes| bytes.checked_next_multiple_of(PAGE_SIZE));
    bytes.ok_or_else(|| no_memory(wanted))
}

fn over(wanted: &Wanted, held: usize) -> Refusal {
    let (bytes, held, most) = (Dec(wanted.bytes), Dec(held as u64), Dec(wanted.most));
    Refusal::no_memory(format_args!(
        "bytes={bytes}: buffers hold {held} already, and may hold {most} in all"
    ))
}

fn no_memory(wanted: &Wanted) -> Refusal {
    let bytes = Dec(wanted.bytes);
    Refusal::no_memory(format_args!("bytes={bytes}: there is no such memory now"))
}

/// How programs map it: as the kernel does by `dma_pgprot()`, which is not for modules.
fn protection(kind: Kind, lease: &Lease) -> Protection {
    match kind {
        Kind::Coherent if !machine::dma(lease.device()).coherent => Protection::Coherent,
        Kind::WriteCombined if !machine::dma(lease.device()).coherent => Protection::WriteCombined,
        _ => Protection::Cached,
    }
}

/// The memory, which the device has.
#[inline(never)]
fn tenant(wanted: &Wanted, lease: Lease, bytes: usize) -> Result<Tenant, Refusal> {
    let direction = wanted.direction;
    let longest = machine::dma(lease.device()).max_segment;
    if wanted.kind == Kind::NonContiguous && bytes as u64 > u64::from(longest) {
        let bytes = Dec(bytes as u64);
        return Err(Refusal::beyond(format_args!(
            "bytes={bytes}: over the device's longest segment, {longest} bytes, and noncontiguous memory \
             may be one"
        )));
    }
    let made = match wanted.kind {
        Kind::Coherent => Tenant::coherent(lease, bytes, Attr::None),
        Kind::WriteCombined => Tenant::coherent(lease, bytes, Attr::WriteCombine),
        Kind::NonCoherent => Tenant::noncoherent(lease, bytes, direction),
        Kind::NonContiguous => Tenant::noncontiguous(lease, bytes, direction),
        Kind::Pages | Kind::Vmalloc | Kind::Cma => return mapped(wanted, lease, bytes / PAGE_SIZE),
    };
    made.map_err(|_| no_memory(wanted))
}

/// Memory of the buffer's own, mapped for the device. Refuses what the kernel would warn of.
fn mapped(wanted: &Wanted, lease: Lease, count: usize) -> Result<Tenant, Refusal> {
    let facts = machine::dma(lease.device());
    let direct = facts.mapper == Mapper::Direct;
    let reached = bounce::pool(lease.device()).is_some_and(|(_, end)| end <= facts.highest);
    let mask = Hex(facts.mask);
    if direct && facts.swiotlb_force && !reached {
        return Err(Refusal::unsupported(format_args!(
            "mask={mask}: every mapping is bounced here, through memory that the device cannot reach"
        )));
    }
    let highest = (direct && facts.limited && !facts.bounces).then_some(facts.highest);
    let frames = match wanted.kind {
        Kind::Vmalloc => Frames::vmalloc(count),
        Kind::Cma => match lease.source() {
            Source::Area(area) => Frames::cma(area, count),
            _ => {
                return Err(Refusal::unsupported(format_args!(
                    "kind={}: the device has no CMA area, or it is not known which",
                    Kind::Cma as u32
                )))
            }
        },
        _ => Frames::pages(count, highest),
    };
    let frames = frames.map_err(|_| no_memory(wanted))?;
    if !frames.within(highest) {
        return Err(Refusal::no_memory(format_args!(
            "mask={mask}: what was got lies above it, and nothing bounces it here"
        )));
    }
    let bytes = Dec(wanted.bytes);
    Arc::new(frames, GFP_KERNEL)
        .map_err(Error::from)
        .and_then(|frames| Tenant::map(lease, frames, wanted.direction))
        .map_err(|_| {
            Refusal::no_memory(format_args!(
                "bytes={bytes}: could not be mapped for the device: no bounce buffer or address for it"
            ))
        })
}
