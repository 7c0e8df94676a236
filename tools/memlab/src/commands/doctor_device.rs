// SPDX-License-Identifier: GPL-2.0

//! `doctor DEVICE`: what is odd about a device, lent or not.

use super::finding::{
    finding, Finding,
    Verdict::{Fine, Odd, Unknown},
};
use crate::{
    evidence::{
        device::{self, Device},
        kernel, text, Machine,
    },
    sys::door::Device as Described,
};

/// How many bits an address has.
fn bits(last: u64) -> u64 {
    u64::from(u64::BITS - last.leading_zeros())
}

/// What is odd about a device; `said` is what the kernel itself says of it, through the module.
pub fn findings(machine: &Machine, device: &Device, said: Option<&Described>) -> Vec<Finding> {
    let mut found = of_sysfs(machine, device, said);
    found.extend(said.into_iter().flat_map(of_kernel));
    found
}

/// What sysfs does not show.
fn of_kernel(said: &Described) -> Vec<Finding> {
    const ANY: u64 = u64::MAX;
    let mut found = Vec::new();
    let limit = bits(said.bus_limit);
    if said.bus_limit != 0 && said.bus_limit < said.required_mask {
        found.push(finding(
            "bus limit",
            Odd,
            format!("its bridges let {limit} bits through, whatever its mask"),
        ));
    }
    if said.coherent == 0 {
        found.push(finding("coherence", Odd, "not coherent with the CPU's caches: each map cleans or invalidates them, and coherent memory is uncached"));
    }
    if said.max_mapping != ANY {
        found.push(finding(
            "largest map",
            Odd,
            format!("{} bytes in one mapping at most", said.max_mapping),
        ));
    }
    if said.swiotlb == 2 {
        found.push(finding("bounce", Odd, "forced: every map is copied"));
    }
    if said.cache_align > 1 {
        found.push(finding("alignment", Fine, format!("a streaming buffer begins and ends at a multiple of {} bytes, or shares a cache line", said.cache_align)));
    }
    found.push(match said.mapper {
        1 => finding("mapped by", Fine, "dma-direct"),
        2 => finding("mapped by", Fine, "an IOMMU"),
        3 => finding("mapped by", Odd, "operations of its own (dma_map_ops)"),
        _ => finding("mapped by", Unknown, "the module does not know"),
    });
    found
}

fn of_sysfs(machine: &Machine, device: &Device, said: Option<&Described>) -> Vec<Finding> {
    let mut found = Vec::new();
    let driver = device.driver(machine);
    if driver.is_none() {
        found.push(finding(
            "driver",
            Odd,
            "none: masks are the bus's default until one sets them",
        ));
    }
    let domain = device.domain(machine);
    let translated = domain.as_deref().is_some_and(|kind| kind != "identity");
    let set = said.map(|said| bits(said.mask)).filter(|bits| *bits != 0);
    let mask = set.or_else(|| device.number(machine, "dma_mask_bits"));
    let needed = match said {
        Some(said) => Some(bits(said.required_mask)),
        None => kernel::last_byte(machine).map(bits),
    };
    found.push(match (mask, needed) {
        (None, _) => finding("mask", Unknown, "its bus does not show it in sysfs"),
        (Some(mask), _) if translated => finding(
            "mask",
            Fine,
            format!("{mask} bits, of the IOMMU's addresses"),
        ),
        (Some(mask), None) => finding(
            "mask",
            Unknown,
            format!("{mask} bits; /proc/iomem does not show how far memory reaches"),
        ),
        (Some(mask), Some(needed)) if mask >= needed => finding(
            "mask",
            Fine,
            format!("{mask} bits reach all memory, which needs {needed}"),
        ),
        (Some(mask), Some(needed)) => finding(
            "mask",
            Odd,
            format!(
                "{mask} bits, and memory needs {needed}: what lies above {} is bounced{}",
                text::shown(1 << mask),
                if mask == 32 {
                    "; 32 is what a driver has that sets no mask"
                } else {
                    ""
                }
            ),
        ),
    });
    if let (Some(mask), Some(coherent)) = (mask, device.number(machine, "consistent_dma_mask_bits"))
    {
        if mask != coherent {
            found.push(finding(
                "coherent mask",
                Odd,
                format!(
                    "{coherent} bits, streaming {mask}: dma_set_mask() sets one of them, dma_set_mask_and_coherent() both"
                ),
            ));
        }
    }
    found.push(match domain {
        None => finding(
            "IOMMU",
            Fine,
            "none stands before it: a map is direct, or bounced",
        ),
        Some(kind) => finding(
            "IOMMU",
            Fine,
            match kind.as_str() {
                "DMA-FQ" => {
                    "lazy (DMA-FQ): an unmapped buffer stays in reach for some ms".to_owned()
                }
                "DMA" => "strict (DMA): each unmap waits for the IOMMU".to_owned(),
                "identity" => "passthrough (identity): addresses are physical".to_owned(),
                other => format!("domain {other}"),
            },
        ),
    });
    let shared = device.shared_with(machine);
    if !shared.is_empty() {
        found.push(finding(
            "IOMMU group",
            Odd,
            format!(
                "shared with {}: they see each other's maps, and it cannot be lent alone",
                shared.join(", ")
            ),
        ));
    }
    let forced = kernel::option(machine, "swiotlb").is_some_and(|word| word.contains("force"));
    if said.is_none() && forced && !translated {
        found.push(finding("bounce", Odd, "swiotlb=force: every map is copied"));
    }
    if let Some(features) = device
        .asked
        .as_ref()
        .and_then(|name| device::virtio_features(machine, name))
    {
        // VIRTIO_F_ACCESS_PLATFORM is feature 33.
        let asks = features.as_bytes().get(33) == Some(&b'1');
        found.push(match asks {
            true => finding(
                "virtio",
                Fine,
                "uses the DMA API (VIRTIO_F_ACCESS_PLATFORM)",
            ),
            false => finding(
                "virtio",
                Odd,
                "does not use the DMA API: physical addresses go to the host",
            ),
        });
    }
    if device.look(machine, "enable").as_deref() == Some("0") {
        found.push(finding(
            "enable",
            Odd,
            "not enabled: it answers to nothing until a driver enables it",
        ));
    }
    if let Some(state) = device
        .look(machine, "power_state")
        .filter(|state| state.starts_with("D3"))
    {
        found.push(finding(
            "power",
            Odd,
            format!("asleep ({state}): the first transfer wakes it"),
        ));
    }
    if kernel::nodes(machine) > 1 && device.look(machine, "numa_node").as_deref() == Some("-1") {
        found.push(finding(
            "node",
            Odd,
            "its firmware does not say which node it is near",
        ));
    }
    found
}
