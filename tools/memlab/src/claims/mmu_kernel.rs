// SPDX-License-Identifier: GPL-2.0

//! The kernel's half of the address space.

use super::claim::prelude::*;
use crate::evidence::{probe::Probe, system};

/// The rest of the chapter.
pub const CLAIMS: &[Claim] = &[Claim {
    id: "mmu.kernel-shared",
    sentence: "the kernel's half of the address space is the same in all processes",
    lecture: "A3",
    needs: &[Root],
    gather: shared,
    judge: shared_judge,
    control: Control::Live("an address of the user's half, in a process and its fork"),
    why: "A new table gets the kernel's entries, which lead to the same tables (arch/x86/mm/\
          pgtable.c: pgd_ctor); arm64 has a register of its own for that half (TTBR1).",
}];

fn shared(lab: &Lab, side: Side) -> Gathered {
    let page = lab.page();
    let mut child = lab.child()?;
    let area = child.ask(&format!("map {page} small"))?;
    child.ask(&format!("write {} 0 {page} {page}", area.number("id")))?;
    let address = match side {
        Side::Claim => Probe::open(lab)?.region("linear")?.start + 64 * MIB,
        Side::Control => area.number("address"),
    };
    let line = format!("walk {address} {}", system::DEVICE);
    let one = child.ask(&line)?;
    // The same program at the same addresses, with tables of its own.
    let two = child.ask(&format!("fork write {} 0 {page} {page}", area.number("id")));
    two?;
    let two = child.ask(&format!("fork {line}"))?;
    let hex = |number: u64| format!("{number:#x}");
    Ok(Evidence::new()
        .text("address", hex(address), "of both walks")
        .text(
            "top",
            hex(one.number("top")),
            "the module: where the first entry is, in the one",
        )
        .text("top_other", hex(two.number("top")), "and in the other")
        .text(
            "leads",
            hex(one.number("leads")),
            "the module: which table it leads to, in the one",
        )
        .text("leads_other", hex(two.number("leads")), "and in the other")
        .count("levels", one.number("levels"), "levels of the walk"))
}

fn shared_judge(e: &Evidence) -> Judged {
    let (one, two) = (e.words("leads")?, e.words("leads_other")?);
    if e.get("levels")? < 1.0 || one == "0x0" {
        return lacks("a walk of two levels");
    }
    let tables = match e.words("top")? == e.words("top_other")? {
        true => "one first table",
        false => "a first table each",
    };
    whether(
        one == two,
        format!(
            "{}: {tables}, whose entry leads to {one} in the one process and {two} in the other",
            e.words("address")?
        ),
    )
}
