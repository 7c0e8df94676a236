// SPDX-License-Identifier: GPL-2.0

//! Who dies when nothing is left: in a group of its own, so that nobody else is asked.

use super::claim::prelude::*;
use crate::{
    evidence::{group::Group, process::Seen},
    sys::child::{Child, Silent},
};

/// The chapter.
pub const CLAIMS: &[Claim] = &[
    Claim {
        id: "oom.adj",
        sentence: "oom_score_adj shifts who dies: -1000 exempts, raising it is free",
        lecture: "A2",
        needs: &[Group],
        gather: adj,
        judge: adj_judge,
        control: Control::Live("without it"),
        why:
            "It adds thousandths of all memory to the points; to lower it below what a privileged \
              writer last set needs CAP_SYS_RESOURCE (fs/proc/base.c: __set_oom_adj).",
    },
    Claim {
        id: "oom.spared",
        sentence: "init and kernel threads are spared",
        lecture: "D",
        needs: &[],
        gather: spared,
        judge: spared_judge,
        control: Control::Live("a child instead of init, with oom_score_adj 500"),
        why: "oom_unkillable_task() leaves out the global init and kernel threads \
              (mm/oom_kill.c).",
    },
];

/// Two children in a group of 48 MiB, with what each has and its adjustment, and a third one that
/// asks for too much: who of both was killed.
struct Deaths {
    scores: [i64; 2],
    killed: [bool; 2],
    kills: u64,
}

fn dead(child: &mut Child) -> bool {
    matches!(child.ask("faults"), Err(Silent::Killed(9)))
}

fn deaths(lab: &Lab, mib: [u64; 2], adjust: [i32; 2]) -> Result<Deaths, Lack> {
    let group = Group::make(lab, "oom")?;
    group.set("memory.max", 64 * MIB)?;
    // Without swap, or there would be nobody to kill. No such file where the kernel has none.
    let _ = group.set("memory.swap.max", 0);
    let page = lab.page();
    let mut children = Vec::new();
    let mut scores = [0; 2];
    for (at, mib) in mib.into_iter().enumerate() {
        let mut child = group.child()?;
        Seen::child(&lab.machine, &child).adjust(adjust[at])?;
        let area = child.ask(&format!("map {} small", mib * MIB))?;
        child.ask(&format!(
            "write {} 0 {} {page}",
            area.number("id"),
            mib * MIB
        ))?;
        scores[at] = Seen::child(&lab.machine, &child).oom_score()?;
        children.push(child);
    }
    // Small and exempt, so that somebody else has to go.
    let mut third = group.child()?;
    Seen::child(&lab.machine, &third).adjust(-1000)?;
    let area = third.ask(&format!("map {} small", 64 * MIB))?;
    for at in 0..64 {
        let line = format!("write {} {} {MIB} {page}", area.number("id"), at * MIB);
        if third.ask(&line).is_err() || group.event("oom_kill")? > 0 {
            break;
        }
    }
    lab.pause(100);
    let killed = [dead(&mut children[0]), dead(&mut children[1])];
    Ok(Deaths {
        scores,
        killed,
        kills: group.event("oom_kill")?,
    })
}

fn told(deaths: &Deaths) -> Evidence {
    Evidence::new()
        .count(
            "first_score",
            deaths.scores[0],
            "oom_score of the first child",
        )
        .count("second_score", deaths.scores[1], "oom_score of the second")
        .flag(
            "first_died",
            deaths.killed[0],
            "wait(): the first got signal 9",
        )
        .flag(
            "second_died",
            deaths.killed[1],
            "wait(): the second got signal 9",
        )
        .count("kills", deaths.kills, "memory.events: oom_kill")
}

fn died(e: &Evidence) -> Result<(bool, String), Lack> {
    let (first, second) = (e.is("first_died")?, e.is("second_died")?);
    let who = match (first, second) {
        (true, false) => "the first",
        (false, true) => "the second",
        (true, true) => "both",
        (false, false) => "neither",
    };
    let said = format!(
        "scores {} and {}: {who} of both was killed, oom_kill {}",
        e.get("first_score")?,
        e.get("second_score")?,
        e.get("kills")?
    );
    Ok((first && !second, said))
}

fn adj(lab: &Lab, side: Side) -> Gathered {
    // The second is the larger one, and exempt.
    let adjust = if side.is_control() {
        [0, 0]
    } else {
        [0, -1000]
    };
    let e = told(&deaths(lab, [8, 32], adjust)?);
    let mut child = lab.child()?;
    child.ask("become 65534")?;
    let seen = Seen::child(&lab.machine, &child);
    Ok(e.flag(
        "raised",
        seen.adjust(100).is_ok(),
        "oom_score_adj to 100, by root on a user's",
    ))
}

fn adj_judge(e: &Evidence) -> Judged {
    let (first, said) = died(e)?;
    whether(
        first && e.is("raised")?,
        format!("8 MiB, and 32 MiB at -1000: {said}"),
    )
}

fn spared(lab: &Lab, side: Side) -> Gathered {
    let child = lab.child()?;
    let init = match side {
        Side::Claim => Seen::new(&lab.machine, 1),
        Side::Control => {
            let seen = Seen::child(&lab.machine, &child);
            seen.adjust(500)?;
            seen
        }
    };
    let kernel = Seen::new(&lab.machine, 2);
    Ok(Evidence::new()
        .count("init", init.oom_score()?, "oom_score of process 1")
        .count("kthreadd", kernel.oom_score()?, "oom_score of process 2")
        .text("name", kernel.text("comm")?.trim(), "comm of process 2"))
}

fn spared_judge(e: &Evidence) -> Judged {
    let (init, kernel) = (e.get("init")?, e.get("kthreadd")?);
    if e.words("name")? != "kthreadd" {
        return lacks("process 2 as kthreadd: a container has others");
    }
    whether(
        init == 0.0 && kernel == 0.0,
        format!("oom_score {init} of process 1, {kernel} of kthreadd"),
    )
}
