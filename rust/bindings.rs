// SPDX-License-Identifier: GPL-2.0

//! bindgen's output for what the kernel crate does not bind.

#![allow(
    dead_code,
    missing_docs,
    non_camel_case_types,
    non_snake_case,
    non_upper_case_globals,
    unreachable_pub,
    clippy::all,
    clippy::undocumented_unsafe_blocks,
    clippy::ptr_as_ptr,
    clippy::ref_as_ptr,
    clippy::missing_safety_doc,
    clippy::cast_lossless,
    unsafe_op_in_unsafe_fn,
    improper_ctypes
)]

use kernel::{
    bindings::{
        device,
        file,
        gfp_t,
        kmem_cache,
        page,
        platform_device,
        scatterlist,
        sg_table, //
    },
    ffi, //
};
use pin_init::MaybeZeroable;

include!(concat!(env!("MEMLAB_OBJ"), "/rust/bindings_generated.rs"));
