// SPDX-License-Identifier: GPL-2.0

//! What lectures on Linux memory say, each sentence as an experiment: one file for each chapter.

pub mod claim;
pub mod course;
#[cfg(test)]
mod tests;

mod buddy;
mod cache;
mod cache_copy;
mod cgroup;
mod cma;
mod dirty;
mod dma;
mod leak;
mod libc;
mod mmu;
mod mmu_device;
mod mmu_kernel;
mod oom;
mod page;
mod page_file;
mod pagemap;
mod reclaim;
mod reclaim_recent;
mod slab;
mod swap;
mod tool;
mod vma;
mod vmalloc;
mod zone;

use self::claim::{Claim, Control, Evidence, Finding, Lack, Need, Side, Verdict};
use crate::evidence::{group, lab::Lab};
use schemars::JsonSchema;
use serde::Serialize;

/// The chapters that are built, in the order of the course.
pub const CHAPTERS: &[&[Claim]] = &[
    mmu::CLAIMS,
    mmu_device::CLAIMS,
    mmu_kernel::CLAIMS,
    zone::CLAIMS,
    buddy::CLAIMS,
    cma::CLAIMS,
    slab::CLAIMS,
    vmalloc::CLAIMS,
    page::CLAIMS,
    page_file::CLAIMS,
    oom::CLAIMS,
    vma::CLAIMS,
    leak::CLAIMS,
    cache::CLAIMS,
    cache_copy::CLAIMS,
    swap::CLAIMS,
    reclaim::CLAIMS,
    reclaim_recent::CLAIMS,
    dma::CLAIMS,
    cgroup::CLAIMS,
    dirty::CLAIMS,
    tool::CLAIMS,
    libc::CLAIMS,
    pagemap::CLAIMS,
];

/// Every claim that is built.
pub fn all() -> impl Iterator<Item = &'static Claim> {
    CHAPTERS.iter().flat_map(|chapter| chapter.iter())
}

/// What a claim's control came to.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Controlled {
    /// What it is of.
    pub what: &'static str,
    /// Whether it was looked at here and now, or is supposed: made up, and seen nowhere.
    pub live: bool,
    /// Its verdict.
    pub finding: Finding,
    /// What was seen.
    pub evidence: Evidence,
    /// Whether it came out otherwise; none where one of both was not shown.
    pub differs: Option<bool>,
}

/// A claim with what was seen, and what follows from it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Shown {
    /// Chapter and name.
    pub id: &'static str,
    /// What the lectures say.
    pub sentence: &'static str,
    /// Which of them.
    pub lecture: &'static str,
    /// What follows.
    pub finding: Finding,
    /// What was seen.
    pub evidence: Evidence,
    /// What must come out otherwise.
    pub control: Controlled,
    /// Why it is so.
    pub why: &'static str,
    /// How long it took, in ms.
    pub ms: u64,
}

/// What a claim needs and this machine has not.
fn lack(lab: &Lab, needs: &[Need]) -> Option<String> {
    needs.iter().find_map(|need| match need {
        Need::Root => (!lab.is_root()).then(|| "root".to_owned()),
        Need::Group => group::missing(lab),
        Need::Scratch => lab.no_disk(),
        Need::System => (!lab.system)
            .then(|| "--system".to_owned())
            .or_else(|| (!lab.is_root()).then(|| "root".to_owned())),
        Need::Smp => (lab.cpus() < 2).then(|| "a second CPU".to_owned()),
    })
}

fn look(lab: &Lab, claim: &Claim, side: Side) -> (Evidence, Finding) {
    let not_shown = |Lack(what): Lack| Finding {
        verdict: Verdict::NotShown,
        branch: "",
        because: format!("needs {what}"),
    };
    if let Some(what) = lack(lab, claim.needs) {
        return (Evidence::new(), not_shown(Lack(what)));
    }
    match (claim.gather)(lab, side) {
        Ok(evidence) => {
            let finding = (claim.judge)(&evidence).unwrap_or_else(not_shown);
            (evidence, finding)
        }
        Err(what) => (Evidence::new(), not_shown(what)),
    }
}

/// Looks at a claim and at its control.
pub fn show(lab: &Lab, claim: &'static Claim) -> Shown {
    let began = std::time::Instant::now();
    let (evidence, finding) = look(lab, claim, Side::Claim);
    let shown = finding.verdict != Verdict::NotShown;
    let (seen, judged, live) = match claim.control {
        Control::Live(_) if shown => {
            let (seen, judged) = look(lab, claim, Side::Control);
            (seen, judged, true)
        }
        Control::Live(_) => (Evidence::new(), finding.clone(), true),
        Control::Supposed(_, evidence) => {
            let evidence = evidence();
            let judged = (claim.judge)(&evidence).unwrap_or_else(|Lack(what)| Finding {
                verdict: Verdict::NotShown,
                branch: "",
                because: format!("needs {what}"),
            });
            (evidence, judged, false)
        }
    };
    let both = shown && judged.verdict != Verdict::NotShown;
    let same = (judged.verdict, judged.branch) == (finding.verdict, finding.branch);
    Shown {
        id: claim.id,
        sentence: claim.sentence,
        lecture: claim.lecture,
        control: Controlled {
            what: claim.control.words(),
            live,
            finding: judged,
            evidence: seen,
            differs: both.then_some(!same),
        },
        finding,
        evidence,
        why: claim.why,
        ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
    }
}
