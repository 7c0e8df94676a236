// SPDX-License-Identifier: GPL-2.0

//! What colours every result.

use super::table::{
    header,
    prose,
    row,
    Bytes,
    Column, //
};
use crate::model::{
    num::Hex,
    provenance::{
        Device,
        Machine,
        Provenance, //
    },
    text::Text, //
};
use core::fmt::{
    self,
    Display,
    Write, //
};

/// The machine, and the device under test where there is one.
pub fn provenance(
    out: &mut dyn Write,
    provenance: &Provenance,
    device: Option<&Device>,
) -> fmt::Result {
    let p = provenance;
    if let Some(label) = label(p) {
        writeln!(out, "# {label}")?;
    }
    writeln!(out, "kernel        {}", p.release)?;
    writeln!(out, "version       {}", p.version)?;
    writeln!(out, "arch          {}", p.arch)?;
    writeln!(out, "module        {}", p.module)?;
    writeln!(out, "cpu           {}", known(&p.cpu))?;
    writeln!(out, "cpus          {}", p.cpus)?;
    writeln!(out, "nodes         {}", p.nodes)?;
    writeln!(out, "page_size     {}", p.page_size)?;
    writeln!(out, "clocksource   {}", p.clocksource)?;
    writeln!(out, "machine       {}", machine(p.machine))?;
    writeln!(out, "hypervisor    {}", known(&p.hypervisor))?;
    writeln!(out, "preemption    {}", p.preemption)?;
    writeln!(out, "distorting    {}", known(&p.distorting))?;
    match device {
        Some(device) => self::device(out, device),
        None => Ok(()),
    }
}

const DEVICES: &[Column] = &[
    ("device", -16),
    ("bus", -8),
    ("coherent", 8),
    ("dma_mask", 18),
    ("coherent_mask", 18),
    ("iommu", 8),
    ("swiotlb_force", 13),
    ("max_mapping", 11),
];

/// The devices that can be under test; the first is the default.
pub fn devices(out: &mut dyn Write, devices: impl Iterator<Item = Device>) -> fmt::Result {
    writeln!(
        out,
        "# lent now, the default first; driver_override lends another PCI or platform device"
    )?;
    header(out, DEVICES)?;
    for d in devices {
        row(
            out,
            DEVICES,
            &[
                &d.name,
                &d.bus,
                &yes(d.coherent),
                &Hex(d.mask),
                &Hex(d.coherent_mask),
                &d.iommu,
                &yes(d.swiotlb_force),
                &mapping(d.max_mapping),
            ],
        )?;
    }
    Ok(())
}

/// The kernel says "any size" with the highest value of its size type, which is 32 bits on ARM.
fn mapping(max: u64) -> Text<16> {
    match max {
        max if max == u64::MAX || max == u64::from(u32::MAX) => Text::new("unlimited"),
        max => Text::format(format_args!("{}", Bytes(max))),
    }
}

fn device(out: &mut dyn Write, device: &Device) -> fmt::Result {
    writeln!(out, "device        {}", device.name)?;
    writeln!(out, "bus           {}", device.bus)?;
    writeln!(out, "coherent      {}", yes(device.coherent))?;
    writeln!(out, "dma_mask      {}", Hex(device.mask))?;
    writeln!(out, "coherent_mask {}", Hex(device.coherent_mask))?;
    writeln!(out, "iommu         {}", device.iommu)?;
    writeln!(out, "swiotlb_force {}", yes(device.swiotlb_force))?;
    writeln!(out, "max_mapping   {}", mapping(device.max_mapping))
}

/// The line that goes on top of figures which are not hardware's.
pub(super) fn label(provenance: &Provenance) -> Option<&'static str> {
    match provenance.machine {
        Machine::Tcg => Some("EMULATED: timings are an emulator's, not hardware's"),
        Machine::Unknown => Some("PERHAPS EMULATED: the virtual machine does not say"),
        Machine::Native | Machine::Hypervisor => None,
    }
}

/// What is missing from the costs of memory in figures which are not hardware's.
pub(super) fn without_caches(provenance: &Provenance) -> Option<&'static str> {
    label(provenance).map(|_| {
        "an emulator models no caches: attr is what the page tables say, not what it costs"
    })
}

/// What a report rests on: a sentence for the machine, and one for the device if there is one.
pub(super) fn ran_on(
    out: &mut dyn Write,
    provenance: &Provenance,
    device: Option<&Device>,
) -> fmt::Result {
    let p = provenance;
    prose(
        out,
        format_args!(
            "# on Linux {} {}, {} x {}, {}, clocksource {}, preemption {}, distorting: {}",
            p.release,
            p.arch,
            p.cpus,
            known(&p.cpu),
            machine(p.machine),
            p.clocksource,
            p.preemption,
            known(&p.distorting),
        ),
    )?;
    let Some(d) = device else {
        return Ok(());
    };
    prose(
        out,
        format_args!(
            "# for {} ({}): {}, {}, IOMMU {}{}",
            d.name,
            d.bus,
            match d.coherent {
                true => "cache-coherent",
                false => "not cache-coherent",
            },
            Masks(d),
            d.iommu,
            match d.swiotlb_force {
                true => ", every map bounced",
                false => "",
            },
        ),
    )
}

/// What the device reaches, in bits where that says all.
struct Masks<'a>(&'a Device);

impl Display for Masks<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(Device {
            mask,
            coherent_mask,
            ..
        }) = self;
        match mask & mask.wrapping_add(1) {
            0 => write!(f, "DMA mask of {} bits", mask.count_ones())?,
            _ => write!(f, "DMA mask {}", Hex(*mask))?,
        }
        if mask != coherent_mask {
            write!(f, ", {} for coherent memory", Hex(*coherent_mask))?;
        }
        Ok(())
    }
}

fn machine(machine: Machine) -> &'static str {
    match machine {
        Machine::Native => "native",
        Machine::Hypervisor => "hypervisor",
        Machine::Tcg => "tcg",
        Machine::Unknown => "unknown",
    }
}

pub(super) fn yes(value: bool) -> &'static str {
    match value {
        true => "yes",
        false => "no",
    }
}

fn known<const N: usize>(text: &Text<N>) -> &str {
    match text.as_str() {
        "" => "-",
        text => text,
    }
}
