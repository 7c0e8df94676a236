// SPDX-License-Identifier: GPL-2.0

//! The files in /sys/kernel/debug/memlab. A write runs, a read shows. What may only be read stays
//! readable in a kernel that is locked down, and shows no address.

use super::{
    files::FILES,
    lab::Lab, //
};
use crate::sys::debugfs::Nodes;
use kernel::prelude::*;

/// What the files show.
pub(crate) fn nodes() -> Result<Nodes<Lab>> {
    Nodes::new(&Lab::new()?, FILES)
}
