// SPDX-License-Identifier: GPL-2.0

//! How the address that a device uses becomes a place in memory.

use super::claim::prelude::*;
use crate::evidence::probe::Probe;

/// What the chapter says of devices.
pub const CLAIMS: &[Claim] = &[Claim {
    id: "mmu.device-addresses",
    sentence: "a device sees physical addresses, without an MMU of its own",
    lecture: "A1",
    needs: &[Root],
    gather: device_addresses,
    judge: device_addresses_judge,
    control: Control::Live("a device behind an IOMMU"),
    why: "kernel/dma/direct.h: phys_to_dma() is a sum; behind an IOMMU the address is one of a \
          table of the device's own (drivers/iommu/dma-iommu.c).",
}];

fn device_addresses(lab: &Lab, side: Side) -> Gathered {
    let probe = Probe::open(lab)?;
    let lent = probe.device(side.is_control())?;
    let came = probe.run(&format!(
        "dma-coherent size={} device={}",
        lab.page(),
        lent.name
    ))?;
    Ok(Evidence::new()
        .text(
            "iommu",
            lent.iommu,
            "the module: what translates for the device",
        )
        .text("phys", came.word("phys"), "the module: where the memory is")
        .text(
            "dma",
            came.word("dma"),
            "the module: what the device is told",
        ))
}

fn device_addresses_judge(e: &Evidence) -> Judged {
    let (phys, dma) = (e.words("phys")?, e.words("dma")?);
    let said = format!(
        "memory at {phys}, the device is told {dma}; IOMMU {}",
        e.words("iommu")?
    );
    match (phys == dma, e.words("iommu")?) {
        (true, _) => depends("physical addresses", said),
        (false, "none") => depends("physical addresses at a distance", said),
        (false, _) => depends("addresses of its own, by an IOMMU", said),
    }
}
