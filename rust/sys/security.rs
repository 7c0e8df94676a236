// SPDX-License-Identifier: GPL-2.0

//! What a kernel that is locked down keeps to itself.
//!
//! C header: [`include/linux/security.h`](srctree/include/linux/security.h)

use crate::bindings as lab;

/// Whether this kernel shows its memory's addresses to nobody: it is locked down for
/// confidentiality. Once it is, it stays so.
pub(crate) fn addresses_locked() -> bool {
    // SAFETY: The function asks the security modules, which keep what they need themselves; callers
    // are in process context, where these may take their locks.
    unsafe { lab::memlab_addresses_locked() }
}
