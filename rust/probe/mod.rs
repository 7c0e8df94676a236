// SPDX-License-Identifier: GPL-2.0

//! What can be had, found out by taking it and giving it back: unlike a look it may move others'
//! pages, or wait for the kernel to make room.

pub(crate) mod area;
pub(crate) mod cma;
pub(crate) mod coherent;
pub(crate) mod layout;
