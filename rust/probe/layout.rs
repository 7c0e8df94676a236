// SPDX-License-Identifier: GPL-2.0

//! Where one allocation of each kind falls in the kernel's address space.

use crate::{
    model::layout::{
        Sample,
        SAMPLES, //
    },
    sys::{
        self,
        alloc::{
            Kmalloc,
            Pages,
            Vmalloc, //
        },
        kmap::KmapLocal,
        memory::PAGE_SIZE, //
    },
};
use kernel::{
    bindings,
    ffi::c_void, //
};

static STATIC: u8 = 0;

// CAST: A pointer is not wider than 64 bits.
fn at(addr: *const c_void) -> Option<u64> {
    Some(addr as usize as u64)
}

/// One allocation of each kind, made and given back.
pub(crate) fn samples() -> [Sample; SAMPLES] {
    let kmalloc = Kmalloc::new(64).ok();
    let vmalloc = Vmalloc::new(PAGE_SIZE).ok();
    let page = Pages::new(0).ok();
    let high = Pages::highmem().ok();
    let local = high.as_ref().and_then(|page| KmapLocal::new(page).ok());
    let stack = 0u8;
    let linear = page.as_ref();
    let linear = linear.and_then(|page| sys::memory::address_of(page.page()));
    [
        ("kmalloc", kmalloc.as_ref().and_then(|k| at(k.as_ptr()))),
        ("alloc_pages", linear.and_then(at)),
        ("vmalloc", vmalloc.as_ref().and_then(|v| at(v.as_ptr()))),
        ("kmap_local", local.as_ref().and_then(|l| at(l.as_ptr()))),
        (
            "struct_page",
            page.as_ref().and_then(|p| at(p.page().as_ptr())),
        ),
        ("stack", at((&raw const stack).cast())),
        ("module_data", at((&raw const STATIC).cast())),
        ("module_code", at(samples as *const c_void)),
        ("kernel_code", at(bindings::kfree as *const c_void)),
    ]
    .map(|(kind, addr)| Sample { kind, addr })
}
