// SPDX-License-Identifier: GPL-2.0

//! The bounce buffer's use, from debugfs.

use super::{kernel, Machine};
use std::fmt::Write;

/// Bytes of a slot (IO_TLB_SHIFT).
const SLOT: u64 = 2048;

/// The text of the look, in the form of the module's own files.
pub fn report(machine: &Machine) -> String {
    let mut text = String::new();
    let number = |name: &str| {
        machine
            .look(&format!("/sys/kernel/debug/swiotlb/{name}"))?
            .trim()
            .parse::<u64>()
            .ok()
    };
    match number("io_tlb_nslabs") {
        None => text += "# no bounce buffer, or debugfs is not mounted\n",
        Some(slots) => {
            let used = number("io_tlb_used");
            let most = number("io_tlb_used_hiwater");
            let kib = |slots: Option<u64>| {
                slots.map_or("-".to_owned(), |slots| ((slots * SLOT) >> 10).to_string())
            };
            let _ = writeln!(text, "size_kib      {}", kib(Some(slots)));
            let _ = writeln!(text, "used_kib      {}", kib(used));
            let _ = writeln!(text, "most_kib      {}", kib(most));
            text += "# one mapping has 256 KiB of it at most\n";
        }
    }
    let option = kernel::option(machine, "swiotlb").filter(|word| !word.is_empty());
    let _ = writeln!(text, "option        {}", option.as_deref().unwrap_or("-"));
    text
}
