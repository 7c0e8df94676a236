// SPDX-License-Identifier: GPL-2.0

//! What is, without changing it: zones, the placement of an address, the machine and its devices.

pub(crate) mod layout;
pub(crate) mod memory;
pub(crate) mod placement;
pub(crate) mod provenance;
pub(crate) mod totals;
