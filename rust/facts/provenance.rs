// SPDX-License-Identifier: GPL-2.0

//! What colours every result on this machine.

use crate::{
    model::{
        provenance::{
            Device,
            Machine,
            Provenance, //
        },
        text::Text, //
    },
    settings,
    sys::{
        self,
        lend::Look,
        machine::Dma, //
    },
};
use core::fmt::Write;
use kernel::device::{
    self,
    Bound, //
};

/// Debug options that slow what is measured, with whether this kernel has them.
const DISTORTING: [(&str, bool); 11] = [
    ("DMA_API_DEBUG", cfg!(CONFIG_DMA_API_DEBUG)),
    ("PROVE_LOCKING", cfg!(CONFIG_PROVE_LOCKING)),
    ("KASAN", cfg!(CONFIG_KASAN)),
    ("KCSAN", cfg!(CONFIG_KCSAN)),
    ("SLUB_DEBUG_ON", cfg!(CONFIG_SLUB_DEBUG_ON)),
    ("DEBUG_PAGEALLOC", cfg!(CONFIG_DEBUG_PAGEALLOC)),
    ("DEBUG_VM", cfg!(CONFIG_DEBUG_VM)),
    ("DEBUG_OBJECTS", cfg!(CONFIG_DEBUG_OBJECTS)),
    ("DEBUG_ATOMIC_SLEEP", cfg!(CONFIG_DEBUG_ATOMIC_SLEEP)),
    ("DEBUG_KMEMLEAK", cfg!(CONFIG_DEBUG_KMEMLEAK)),
    (
        "DEBUG_KMAP_LOCAL_FORCE_MAP",
        cfg!(CONFIG_DEBUG_KMAP_LOCAL_FORCE_MAP),
    ),
];

#[inline(never)]
fn distorting(raw: &sys::machine::Machine) -> Text<160> {
    let switches = [
        ("init_on_alloc", raw.init_on_alloc),
        ("init_on_free", raw.init_on_free),
        ("page_poison", raw.page_poisoning),
    ];
    let mut text = Text::<160>::EMPTY;
    for (name, on) in DISTORTING.into_iter().chain(switches) {
        if on {
            let comma = if text == Text::EMPTY { "" } else { "," };
            // What does not fit is cut; writing never fails.
            let _ = write!(text, "{comma}{name}");
        }
    }
    text
}

/// What holds for the whole machine.
pub(crate) fn machine() -> Provenance {
    let raw = sys::machine::machine();
    let end = raw.hypervisor.iter().position(|byte| *byte == 0);
    let signature = raw.hypervisor.get(..end.unwrap_or(0)).unwrap_or(&[]);
    let signature = core::str::from_utf8(signature).unwrap_or("?");
    let (machine, hypervisor) = match signature {
        "" if raw.virtual_board => (Machine::Unknown, "qemu-virt"),
        "" => (Machine::Native, ""),
        "TCGTCGTCGTCG" => (Machine::Tcg, signature),
        _ => (Machine::Hypervisor, signature),
    };
    Provenance {
        release: Text::new(raw.release),
        version: Text::new(raw.version),
        arch: Text::new(raw.arch),
        module: settings::get().version,
        cpu: if raw.cpu.is_empty() {
            Text::format(format_args!("id {:#010x}", raw.cpu_id))
        } else {
            Text::new(raw.cpu.trim())
        },
        cpus: raw.cpus,
        nodes: raw.nodes,
        // CAST: A page is far smaller than 4 GiB.
        page_size: sys::memory::PAGE_SIZE as u32,
        clocksource: raw.clocksource,
        machine,
        hypervisor: Text::new(hypervisor),
        preemption: raw.preemption,
        distorting: distorting(&raw),
    }
}

/// What holds for a device under test.
pub(crate) fn device(dev: &device::Device<Bound>) -> Device {
    described(dev, &sys::machine::dma(dev))
}

/// What holds for a device that is only looked at.
pub(crate) fn seen(look: &Look) -> Device {
    described(look.device(), &look.dma())
}

fn described(dev: &device::Device, dma: &Dma) -> Device {
    Device {
        name: Text::new(dev.name().to_str().unwrap_or("?")),
        bus: Text::new(dma.bus),
        coherent: dma.coherent,
        mask: dma.mask,
        coherent_mask: dma.coherent_mask,
        iommu: dma.iommu,
        swiotlb_force: dma.swiotlb_force,
        max_mapping: dma.max_mapping,
    }
}
