// SPDX-License-Identifier: GPL-2.0

//! What colours every result on this machine.

use crate::{
    model::{
        provenance::{
            Device,
            Provenance,
            Signs,
            DISTORTING_MAX, //
        },
        text::Text, //
    },
    settings,
    sys::{
        self,
        lend::Look,
        machine::{
            Debug,
            Dma, //
        },
    },
};
use core::fmt::{
    self,
    Write, //
};
use kernel::device::{
    self,
    Bound, //
};

/// What slows what is measured as soon as it is built in, with whether it is.
const BUILT_IN: [(&str, bool); 7] = [
    ("KASAN", cfg!(CONFIG_KASAN)),
    ("KCSAN", cfg!(CONFIG_KCSAN)),
    ("DEBUG_VM", cfg!(CONFIG_DEBUG_VM)),
    ("DEBUG_OBJECTS", cfg!(CONFIG_DEBUG_OBJECTS)),
    ("DEBUG_ATOMIC_SLEEP", cfg!(CONFIG_DEBUG_ATOMIC_SLEEP)),
    (
        "DEBUG_KMEMLEAK",
        cfg!(CONFIG_DEBUG_KMEMLEAK) && !cfg!(CONFIG_DEBUG_KMEMLEAK_DEFAULT_OFF),
    ),
    (
        "DEBUG_KMAP_LOCAL_FORCE_MAP",
        cfg!(CONFIG_DEBUG_KMAP_LOCAL_FORCE_MAP),
    ),
];

#[inline(never)]
fn distorting(on: &Debug) -> Text<DISTORTING_MAX> {
    let switches = [
        ("DMA_API_DEBUG", on.dma_debug),
        ("PROVE_LOCKING", on.locks),
        ("slab_debug", on.slab_debug),
        ("page_owner", on.page_owner),
        ("DEBUG_PAGEALLOC", on.page_alloc),
        ("page_poison", on.page_poisoning),
        ("init_on_alloc", on.init_on_alloc),
        ("init_on_free", on.init_on_free),
        ("mem_profiling", on.profiling),
        ("memory-encryption", on.encryption),
        ("confidential-guest", on.confidential),
        ("function-tracing", on.traced),
    ];
    let mut text = Text::EMPTY;
    for (name, on) in BUILT_IN.into_iter().chain(switches) {
        if on {
            add(&mut text, format_args!("{name}"));
        }
    }
    if on.kfence_ms != 0 {
        add(&mut text, format_args!("kfence={}ms", on.kfence_ms));
    }
    if let Some(name) = sys::machine::tracepoint(on) {
        add(&mut text, format_args!("tracepoint:{name}"));
    }
    text
}

/// Another one of a list. What does not fit is cut.
fn add(text: &mut Text<DISTORTING_MAX>, one: fmt::Arguments<'_>) {
    let comma = if *text == Text::EMPTY { "" } else { "," };
    // Writing to a text never fails.
    let _ = write!(text, "{comma}{one}");
}

/// What stands before the zero in an array of C's; empty where there is none.
fn string(bytes: &[u8]) -> &str {
    let end = bytes.iter().position(|byte| *byte == 0);
    let bytes = bytes.get(..end.unwrap_or(0)).unwrap_or(&[]);
    core::str::from_utf8(bytes).unwrap_or("?")
}

/// What holds for the whole machine.
pub(crate) fn machine() -> Provenance {
    let raw = sys::machine::machine();
    let on = sys::machine::debug();
    let signature = string(&raw.hypervisor);
    let signs = Signs {
        signature,
        product: raw.product,
        virtual_board: raw.virtual_board,
        emulated: raw.emulated,
        cpu_id: raw.cpu_id,
    };
    let (machine, hypervisor) = signs.machine();
    Provenance {
        release: Text::new(raw.release),
        version: Text::new(raw.version),
        arch: Text::new(raw.arch),
        module: settings::get().version,
        cpu: match (raw.cpu.trim(), raw.cpu_id) {
            ("", id) => Text::format(format_args!("id {id:#010x}")),
            (name, 0) => Text::new(name),
            (name, id) => Text::format(format_args!("{name}, id {id:#010x}")),
        },
        cpus: raw.cpus,
        nodes: raw.nodes,
        // CAST: A page is far smaller than 4 GiB.
        page_size: sys::memory::PAGE_SIZE as u32,
        clocksource: match string(&on.clocksource) {
            "" => Text::new("unknown"),
            name => Text::new(name),
        },
        machine,
        hypervisor: Text::new(hypervisor),
        preemption: raw.preemption,
        distorting: distorting(&on),
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
        mapper: dma.mapper,
        highest: dma.highest,
        limited: dma.limited,
        bounces: dma.bounces,
        iommu: dma.iommu,
        swiotlb_force: dma.swiotlb_force,
        max_mapping: dma.max_mapping,
    }
}

#[cfg(CONFIG_KUNIT = "y")]
#[path = "provenance_tests.rs"]
mod provenance_tests;
