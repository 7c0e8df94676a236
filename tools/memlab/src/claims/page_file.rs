// SPDX-License-Identifier: GPL-2.0

//! What a fault that waits for a disk costs.

use super::claim::prelude::*;
use crate::evidence::{process::Seen, system};

/// The rest of the chapter.
pub const CLAIMS: &[Claim] = &[Claim {
    id: "page.major-dear",
    sentence: "a fault that waits for the disk costs far more than one that does not",
    lecture: "A3",
    needs: &[Scratch],
    gather: major_dear,
    judge: major_dear_judge,
    control: Control::Live("the file stays in memory: no fault waits"),
    why: "A minor fault finds its page (mm/filemap.c: filemap_map_pages), a major one reads it \
              and sleeps meanwhile (VM_FAULT_MAJOR).",
}];

/// Faults that are timed, each so far from the next that none brings it in.
const FAULTS: u64 = 48;
const APART: u64 = 32; // pages

/// The middle of some figures, and the one that nine of ten are below.
fn percentiles(mut ns: Vec<f64>) -> [f64; 2] {
    ns.sort_by(f64::total_cmp);
    [ns.len() / 2, ns.len() * 9 / 10].map(|at| ns.get(at).copied().unwrap_or(0.0))
}

fn major_dear(lab: &Lab, side: Side) -> Gathered {
    let (page, size) = (lab.page(), FAULTS * APART * lab.page());
    let file = lab.file("major", size)?;
    file.read()?;
    let mut child = lab.child()?;
    let mut look = |evict: bool| -> Result<(Vec<f64>, u64), Lack> {
        if evict {
            file.evict()?;
        }
        let area = child.ask(&format!("map {size} ro file={}", file.word()))?;
        let id = area.number("id");
        child.ask(&format!("advise {id} {RANDOM}"))?;
        let seen = Seen::child(&lab.machine, &child);
        let (_, before) = seen.faults()?;
        let mut ns = Vec::new();
        for fault in 0..FAULTS {
            let line = format!("read {id} {} {page} {page}", fault * APART * page);
            ns.push(child.ask(&line)?.number("ns") as f64);
        }
        let (_, after) = seen.faults()?;
        child.ask(&format!("unmap {id}"))?;
        Ok((ns, after - before))
    };
    let (minor, _) = look(false)?;
    let (major, count) = look(side == Side::Claim)?;
    let ([minor, minor_90], [major, major_90]) = (percentiles(minor), percentiles(major));
    Ok(Evidence::new()
        .number(
            "minor",
            minor,
            "ns",
            "an access whose page is in memory, p50",
        )
        .number("minor_90", minor_90, "ns", "the same, p90")
        .number("major", major, "ns", "an access whose page is not, p50")
        .number("major_90", major_90, "ns", "the same, p90")
        .count("faults", count, "stat: major faults, of 48 accesses")
        .flag(
            "emulated",
            system::emulated(lab),
            "cpuinfo: whether the CPU is an emulator's",
        ))
}

/// As madvise() numbers it: nothing is read ahead.
const RANDOM: u32 = 1;

fn major_dear_judge(e: &Evidence) -> Judged {
    let (minor, major, faults) = (e.get("minor")?, e.get("major")?, e.get("faults")?);
    whether(
        faults > 0.0 && major > 3.0 * minor,
        format!(
            "p50 {minor} ns without the disk, {major} with it (p90 {} and {}), {faults} major \
             faults{}",
            e.get("minor_90")?,
            e.get("major_90")?,
            if e.is("emulated")? {
                ", times of an emulator"
            } else {
                ""
            }
        ),
    )
}
