// SPDX-License-Identifier: GPL-2.0

//! Who dies when nothing is left: in a group of its own, so that nobody else is asked.

use super::claim::prelude::*;
use crate::{
    evidence::{
        group::Group,
        log::{self, Log},
        process::Seen,
        system,
    },
    sys::child::{Child, Silent},
};

/// The chapter.
pub const CLAIMS: &[Claim] = &[
    Claim {
        id: "oom.score",
        sentence: "the largest dies first",
        lecture: "A2, D",
        needs: &[Group],
        gather: score,
        judge: score_judge,
        control: Control::Live("the sizes are swapped"),
        why: "oom_badness() adds up RSS, swap and page tables (mm/oom_kill.c).",
    },
    Claim {
        id: "oom.log",
        sentence: "the log names who was killed, with its adjustment, and for which limit",
        lecture: "A2, D",
        needs: &[Group, Root],
        gather: told_by_log,
        judge: log_judge,
        control: Control::Live("killed by cgroup.kill"),
        why: "mm/oom_kill.c: dump_oom_victim() and __oom_kill_process().",
    },
    Claim {
        id: "oom.overcommit",
        sentence: "overcommit_memory 0, 1, 2: refused where obvious, never, or above the limit",
        lecture: "A2",
        needs: &[System],
        gather: overcommit,
        judge: overcommit_judge,
        control: Control::Live("all three with overcommit_memory 1"),
        why: "mm/util.c: __vm_enough_memory(); what is given may be killed for later.",
    },
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
        id: "oom.background",
        sentence: "what runs in the background goes before what is in front (Android)",
        lecture: "A2",
        needs: &[Group],
        gather: background,
        judge: background_judge,
        control: Control::Live("both are in front"),
        why:
            "A launcher gives background processes an oom_score_adj up to 1000, so that they have \
              more points than what is larger and in use (mm/oom_kill.c: oom_badness).",
    },
    Claim {
        id: "oom.panic",
        sentence: "panic_on_oom has the machine panic instead of killing",
        lecture: "A2",
        needs: &[],
        gather: panic,
        judge: panic_judge,
        control: Control::Supposed("panic_on_oom 0", || {
            Evidence::new()
                .text(
                    "last",
                    "Out of memory: Killed process 77 (memlab)",
                    "supposed",
                )
                .count("panics", 0, "supposed")
        }),
        why:
            "mm/oom_kill.c: check_panic_on_oom(). The machine is gone then: make test has a guest \
              do it, and reads its console.",
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
/// asks for too much: who of both was killed first. The other one may follow, where what the first
/// one had is not back before it is asked for again.
struct Deaths {
    scores: [i64; 2],
    killed: [bool; 2],
    kills: u64,
}

/// The process that a line of the kernel's log says is killed.
fn victim(line: &str) -> Option<u32> {
    let (_, rest) = line.split_once("Killed process ")?;
    rest.split(' ').next()?.parse().ok()
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
    let mut log = Log::from_now(lab)?;
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
    let first = log.lines()?.iter().find_map(|line| victim(line));
    let killed = |child: &Child| first == Some(child.pid());
    Ok(Deaths {
        scores,
        killed: [killed(&children[0]), killed(&children[1])],
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
            "log: whom the first Killed process names",
        )
        .flag(
            "second_died",
            deaths.killed[1],
            "log: whom the first Killed process names",
        )
        .count("kills", deaths.kills, "memory.events: oom_kill")
}

fn died(e: &Evidence) -> Result<(bool, String), Lack> {
    let (first, second) = (e.is("first_died")?, e.is("second_died")?);
    let who = match (first, second) {
        (true, _) => "the first",
        (_, true) => "the second",
        _ => "neither",
    };
    let said = format!(
        "scores {} and {}: {who} of both was killed before the other, oom_kill {}",
        e.get("first_score")?,
        e.get("second_score")?,
        e.get("kills")?
    );
    Ok((first, said))
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

fn background(lab: &Lab, side: Side) -> Gathered {
    // The second is the larger one. A thousandth is one of the limit here.
    let adjust = if side.is_control() { [0, 0] } else { [900, 0] };
    let e = told(&deaths(lab, [8, 32], adjust)?);
    Ok(e.count("adjust", adjust[0], "oom_score_adj of the first"))
}

fn background_judge(e: &Evidence) -> Judged {
    let (first, said) = died(e)?;
    whether(
        first,
        format!("8 MiB at {}, 32 MiB at 0: {said}", e.get("adjust")?),
    )
}

fn panic(lab: &Lab, _: Side) -> Gathered {
    // What the machine said last time, where it keeps that over a panic.
    let Some(last) = log::last_words(lab) else {
        return lacks("a machine that may be lost (make test GUESTS=panics)");
    };
    let panics = last.contains("Kernel panic");
    Ok(Evidence::new()
        .text("last", last, "pstore: what the machine said last")
        .flag("panics", panics, "whether that is a panic"))
}

fn panic_judge(e: &Evidence) -> Judged {
    let last = e.words("last")?;
    if e.is("panics")? && !last.contains("panic_on_oom") {
        return lacks(
            "a machine whose last panic was for lack of memory (make test GUESTS=panics)",
        );
    }
    whether(
        e.is("panics")? && last.contains("panic_on_oom"),
        format!("{} panic: {last}", e.get("panics")?),
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

fn score(lab: &Lab, side: Side) -> Gathered {
    let mib = if side.is_control() { [8, 32] } else { [32, 8] };
    let e = told(&deaths(lab, mib, [0, 0])?);
    Ok(e.number("first", mib[0], "MiB", "written by the first")
        .number("second", mib[1], "MiB", "written by the second"))
}

fn score_judge(e: &Evidence) -> Judged {
    let (first, said) = died(e)?;
    whether(
        first,
        format!("{} and {} MiB: {said}", e.get("first")?, e.get("second")?),
    )
}

fn told_by_log(lab: &Lab, side: Side) -> Gathered {
    let group = Group::make(lab, "log")?;
    group.set("memory.max", 32 * MIB)?;
    // No such file where the kernel has no swap.
    let _ = group.set("memory.swap.max", 0);
    let mut child = group.child()?;
    Seen::child(&lab.machine, &child).adjust(123)?;
    let mut log = Log::from_now(lab)?;
    match side {
        Side::Claim => {
            let area = child.ask(&format!("map {} small", 64 * MIB))?;
            child.tell(&format!(
                "write {} 0 {} {}",
                area.number("id"),
                64 * MIB,
                lab.page()
            ))?;
        }
        Side::Control => group.set("cgroup.kill", 1)?,
    }
    let killed = matches!(child.hear(), Err(Silent::Killed(9)));
    lab.pause(100);
    let lines = log.lines()?;
    let head = format!("Killed process {} ", child.pid());
    let victim = lines.iter().find(|line| line.contains(&head));
    let after = |line: Option<&String>, key: &str| {
        let found = line.and_then(|line| line.split_once(key));
        let word = found.and_then(|(_, rest)| rest.split([',', ' ']).next());
        word.unwrap_or("-").to_owned()
    };
    let constraint = lines
        .iter()
        .find(|line| line.contains("oom-kill:constraint="));
    Ok(Evidence::new()
        .flag("killed", killed, "wait(): it got signal 9")
        .count("lines", lines.len(), "log: lines meanwhile")
        .flag(
            "named",
            victim.is_some(),
            "log: Killed process, with its number",
        )
        .text(
            "adjust",
            after(victim, "oom_score_adj:"),
            "that line: it was set to 123",
        )
        .text(
            "constraint",
            after(constraint, "constraint="),
            "log: oom-kill",
        ))
}

fn log_judge(e: &Evidence) -> Judged {
    let (adjust, constraint) = (e.words("adjust")?, e.words("constraint")?);
    if !e.is("killed")? {
        return lacks("a child that is killed");
    }
    whether(
        e.is("named")? && adjust == "123" && constraint == "CONSTRAINT_MEMCG",
        format!(
            "{} lines: victim {}, oom_score_adj {adjust}, {constraint}",
            e.get("lines")?,
            if e.is("named")? { "named" } else { "not named" },
        ),
    )
}

fn overcommit(lab: &Lab, side: Side) -> Gathered {
    let of = |key: &str| system::meminfo(lab, key);
    let (total, swap) = (of("MemTotal")?, of("SwapTotal")?);
    let mut e = Evidence::new().kib("total", total, "meminfo: MemTotal");
    let modes = [
        ("0", "part_0", "twice_0"),
        ("1", "part_1", "twice_1"),
        ("2", "part_2", "twice_2"),
    ];
    for (mode, part, twice) in modes {
        let mut child = lab.child()?;
        let _held = lab.set(
            system::OVERCOMMIT,
            if side.is_control() { "1" } else { mode },
        )?;
        let mut given = |kib: u64| child.ask(&format!("malloc {} 1", kib * KIB)).is_ok();
        e = e
            .flag(
                part,
                given(total * 3 / 4 + swap),
                "malloc() of 3/4 of memory, and swap",
            )
            .flag(
                twice,
                given(2 * total + swap),
                "malloc() of twice the memory, and swap",
            );
    }
    Ok(e.kib(
        "limit",
        of("CommitLimit")?,
        "meminfo: CommitLimit, of mode 2",
    ))
}

fn overcommit_judge(e: &Evidence) -> Judged {
    let (mut so, mut said) = (true, Vec::new());
    for (name, expected) in [
        ("part_0", true),
        ("twice_0", false),
        ("part_1", true),
        ("twice_1", true),
        ("part_2", false),
        ("twice_2", false),
    ] {
        let given = e.is(name)?;
        so &= given == expected;
        said.push(format!(
            "{name} {}",
            if given { "given" } else { "refused" }
        ));
    }
    whether(so, said.join(", "))
}
