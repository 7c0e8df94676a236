// SPDX-License-Identifier: GPL-2.0

//! `advise --why TOPIC`: what stands behind a sentence of the advice.

use super::show::Shown;
use crate::{
    error::{Error, Result},
    output::fold,
};

/// A topic, what is to be known of it, and the command that shows it on this machine.
const TOPICS: [(&str, &str, &str); 8] = [
    (
        "bounce",
        "A device whose mask does not reach a buffer, or a guest that shares only some of its \
         memory, gets its bytes through a bounce buffer below its mask: a map to the device copies \
         them in, an unmap from the device copies them back. The cost then grows with the size, \
         and the pool may be full. A buffer that is allocated below the mask (dma_alloc_*, or \
         GFP_DMA32) is not bounced.",
        "memlab run dma-single size=4K device=NAME: the line bounced; memlab doctor NAME",
    ),
    (
        "iommu",
        "Behind an IOMMU a map takes an address of the device's own and enters it into page \
         tables; an unmap has to make the IOMMU forget it. strict waits for that at each unmap; \
         lazy (DMA-FQ) gathers them, so that a device may reach the buffer for a few ms longer. \
         A mapping that is kept pays neither.",
        "memlab show devices: the column iommu; memlab advise NAME",
    ),
    (
        "coherent",
        "Coherent memory needs no sync: CPU and device see each other's writes. Getting it is \
         dear, so it is allocated once. Where a device's DMA does not go through the caches it is \
         uncached, and the CPU's own reads of it are the dearest thing there is.",
        "memlab run access-coherent size=4K device=NAME, beside access-cached",
    ),
    (
        "copy",
        "Below some size moving the bytes costs less than telling the IOMMU of them: copy into a \
         buffer that stays mapped. That size is the break-even; it is another one on each machine \
         and for each direction.",
        "memlab advise NAME: the lines that say from which size on which is cheaper",
    ),
    (
        "sync",
        "A buffer that stays mapped is handed over by a sync before and after each transfer. On a \
         device that is coherent with the caches and not bounced it costs next to nothing.",
        "memlab run dma-sync size=4K device=NAME",
    ),
    (
        "cma",
        "Large pieces in one come from the CMA area, which the kernel lends to movable pages \
         meanwhile. cma_alloc() moves them away; it fails where the area is full, where what is \
         left is in pieces, or where a page cannot be moved now.",
        "memlab show cma; memlab run cma size=16M iterations=1: cause",
    ),
    (
        "contiguous",
        "kmalloc() and alloc_pages() take one block of a power of two of pages. After some days \
         of use large ones are rare, however much is free. kvmalloc() falls back to pages from \
         anywhere, which a device sees as one only behind an IOMMU.",
        "memlab show fragmentation; memlab scenario fragment order=4, and compare again",
    ),
    (
        "noise",
        "A figure is told apart from another only where their rounds lie apart by more than they \
         do among each other, and by more than a tenth. <F is below what the clock can resolve. \
         An emulator's nanoseconds are not hardware's; its ratios within one run mean something.",
        "memlab record A; memlab record B; memlab diff A B: nothing moved",
    ),
];

/// Explains.
pub fn why(topic: &str) -> Result<Shown> {
    let names: Vec<&str> = TOPICS.iter().map(|(name, _, _)| *name).collect();
    let mut lines = Vec::new();
    if topic == "list" {
        lines.extend(fold(&format!("topics: {}", names.join(", ")), 80));
    } else {
        let found = TOPICS.iter().find(|(name, _, _)| *name == topic);
        let (_, text, look) = found.ok_or_else(|| Error::unknown("why", topic, &names))?;
        lines.extend(
            fold(text, 80)
                .iter()
                .map(|line| line.trim_start().to_owned()),
        );
        lines.extend(fold(&format!("Look: {look}"), 80));
    }
    Ok(Shown::of_notes(topic, lines))
}
