// SPDX-License-Identifier: GPL-2.0

//! The bounce buffer's use, from debugfs.

use super::{kernel, Machine};
use std::fmt::Write;

/// Bytes of a slot (IO_TLB_SHIFT).
const SLOT: u64 = 2048;

/// The pool, in KiB.
pub struct Pool {
    /// All of it.
    pub size: u64,
    /// What is taken now, where the kernel shows it.
    pub used: Option<u64>,
    /// The most that was taken at once since boot; the kernel counts it with `track_hiwater` only.
    pub most: Option<u64>,
}

/// The pool; none where there is none, or debugfs is not mounted.
pub fn pool(machine: &Machine) -> Option<Pool> {
    let kib = |name: &str| {
        let text = machine.look(&format!("/sys/kernel/debug/swiotlb/{name}"))?;
        Some((text.trim().parse::<u64>().ok()? * SLOT) >> 10)
    };
    let option = kernel::option(machine, "swiotlb").unwrap_or_default();
    let counts = option.split(',').any(|word| word == "track_hiwater");
    Some(Pool {
        size: kib("io_tlb_nslabs")?,
        used: kib("io_tlb_used"),
        most: counts.then(|| kib("io_tlb_used_hiwater")).flatten(),
    })
}

/// The text of the look, in the form of the module's own files.
pub fn report(machine: &Machine) -> String {
    let mut text = String::new();
    match pool(machine) {
        None => text += "# no bounce buffer, or debugfs is not mounted\n",
        Some(pool) => {
            let shown = |kib: Option<u64>| kib.map_or("-".to_owned(), |kib| kib.to_string());
            let _ = writeln!(text, "size_kib      {}", pool.size);
            let _ = writeln!(text, "used_kib      {}", shown(pool.used));
            let _ = writeln!(text, "most_kib      {}", shown(pool.most));
            text += "# one mapping has 256 KiB of it at most\n";
        }
    }
    let option = kernel::option(machine, "swiotlb").filter(|word| !word.is_empty());
    let _ = writeln!(text, "option        {}", option.as_deref().unwrap_or("-"));
    text
}
