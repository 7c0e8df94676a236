// SPDX-License-Identifier: GPL-2.0

//! Whether a mapping is cheaper than read().

use super::claim::prelude::*;
use crate::evidence::system;

/// The rest of the chapter.
pub const CLAIMS: &[Claim] = &[Claim {
    id: "cache.mmap-copy",
    sentence: "a mapping saves the copy that read() makes",
    lecture: "A4",
    needs: &[],
    gather: mmap_copy,
    judge: mmap_copy_judge,
    control: Control::Live("a mapping for each page, as if it were read once"),
    why: "read() copies from the cache (mm/filemap.c: filemap_read); a mapping has an entry made for \
          each page, by a fault for several, which pays where it is used more than once.",
}];

const SIZE: u64 = 8 * MIB;

fn mmap_copy(lab: &Lab, side: Side) -> Gathered {
    let file = lab.file("copy", SIZE)?;
    file.read()?;
    let mut child = lab.child()?;
    let window = if side.is_control() { lab.page() } else { SIZE };
    let mut least = [f64::INFINITY; 3];
    let mut sums = [0; 3];
    for _ in 0..5 {
        let path = file.word();
        let lines = [
            format!("slurp {path} {SIZE}"),
            format!("windows {path} {SIZE} {window} 1"),
            format!("windows {path} {SIZE} {window} 2"),
        ];
        for (at, line) in lines.iter().enumerate() {
            let said = child.ask(line)?;
            least[at] = least[at].min(said.number("ns") as f64 * MIB as f64 / SIZE as f64);
            sums[at] = said.number("sum");
        }
    }
    let [read, first, again] = least;
    Ok(Evidence::new()
        .number(
            "read",
            read.round(),
            "ns",
            "read() and a look at each 64th byte, per MiB",
        )
        .number(
            "first",
            first.round(),
            "ns",
            "the same looks through a new mapping, per MiB",
        )
        .number(
            "again",
            match side {
                Side::Claim => again.round(),
                // Each page has a mapping of its own: there is no second time.
                Side::Control => first.round(),
            },
            "ns",
            "the same, a second time through it",
        )
        .flag(
            "same",
            sums[0] == sums[1],
            "whether both saw the same bytes",
        )
        .flag(
            "emulated",
            system::emulated(lab),
            "cpuinfo: whether the CPU is an emulator's",
        ))
}

fn mmap_copy_judge(e: &Evidence) -> Judged {
    let (read, first, again) = (e.get("read")?, e.get("first")?, e.get("again")?);
    if !e.is("same")? {
        return lacks("a file that stays as it is");
    }
    let said =
        format!(
        "a MiB takes {read} ns by read(), {first} through a new mapping, {again} the second time{}",
        if e.is("emulated")? { ", times of an emulator" } else { "" }
    );
    match () {
        () if first < 0.9 * read => depends("cheaper from the first time on", said),
        () if again < 0.9 * read => depends("cheaper from the second time on", said),
        () => holds_not(said),
    }
}
