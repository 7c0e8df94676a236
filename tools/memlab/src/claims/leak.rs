// SPDX-License-Identifier: GPL-2.0

//! Memory that nobody gives back.

use super::claim::prelude::*;
use crate::evidence::{
    outside::{self, Tool},
    process::Seen,
    system,
};

/// The chapter.
pub const CLAIMS: &[Claim] = &[
    Claim {
        id: "leak.uss",
        sentence: "a process that leaks grows in USS, step by step",
        lecture: "A3",
        needs: &[],
        gather: uss,
        judge: uss_judge,
        control: Control::Live(
            "each object is freed before the next, as a cache that has levelled off",
        ),
        why: "What nobody else maps is the process's own (fs/proc/task_mmu.c: smaps_rollup, \
              Private_Clean and Private_Dirty); shared pages would hide it in RSS.",
    },
    Claim {
        id: "leak.tools",
        sentence: "valgrind, and the leak sanitizer, name the line whose memory nobody frees",
        lecture: "A3",
        needs: &[],
        gather: tools,
        judge: tools_judge,
        control: Control::Live("the sample as it is mended"),
        why: "Both put their own malloc() before the C library's and remember who called it; what \
              no pointer leads to at the end is lost. valgrind runs the program in an emulator.",
    },
    Claim {
        id: "leak.order",
        sentence: "what leaks is found in order: meminfo twice, USS, then slab and vmalloc",
        lecture: "A3",
        needs: &[Root],
        gather: order,
        judge: order_judge,
        control: Control::Live("nothing leaks"),
        why: "Each kind of memory is counted at one place: AnonPages and a process's USS, Shmem, \
              Slab (slabinfo), VmallocUsed (vmallocinfo); fs/proc/meminfo.c.",
    },
];

/// Where the sample is, that leaks by the line, built for each tool.
const SAMPLE: &str = "leak";

fn tools(lab: &Lab, side: Side) -> Gathered {
    let word = if side.is_control() {
        "mended"
    } else {
        "leaking"
    };
    let valgrind = outside::leak(lab, Tool::Valgrind, SAMPLE, word)?;
    let sanitizer = outside::leak(lab, Tool::Sanitizer, SAMPLE, word)?;
    let plain = outside::leak(lab, Tool::None, SAMPLE, word)?;
    Ok(Evidence::new()
        .text(
            "valgrind",
            valgrind.line,
            "valgrind: the line of the sample that it names",
        )
        .number(
            "valgrind_lost",
            valgrind.bytes,
            "B",
            "valgrind: definitely lost",
        )
        .text(
            "sanitizer",
            sanitizer.line,
            "LeakSanitizer: the line that it names",
        )
        .number(
            "sanitizer_lost",
            sanitizer.bytes,
            "B",
            "LeakSanitizer: direct leak",
        )
        .number(
            "slower",
            valgrind.ms / plain.ms.max(1.0),
            "times",
            "as long under valgrind as without",
        ))
}

fn tools_judge(e: &Evidence) -> Judged {
    let (one, other) = (e.words("valgrind")?, e.words("sanitizer")?);
    let (lost, other_lost) = (e.get("valgrind_lost")?, e.get("sanitizer_lost")?);
    // Both take any word for a pointer that looks like one: an old one on the stack hides a block.
    let alike = (lost - other_lost).abs() <= lost / 4.0;
    whether(
        lost > 0.0 && alike && one == other && one != "-",
        format!(
            "valgrind: {lost} bytes lost at {one}; sanitizer: {other_lost} at {other}; {:.0} times \
             slower under valgrind",
            e.get("slower")?
        ),
    )
}

/// What may leak, and the field of meminfo that shows it.
const KINDS: [(&str, &str); 4] = [
    ("process", "AnonPages"),
    ("shared", "Shmem"),
    ("slab", "SUnreclaim"),
    ("vmalloc", "VmallocUsed"),
];
const LEAKED: u64 = 8 * MIB;

/// Has a child leak one kind of memory, or nothing; which field grew most, and the child's USS.
fn which(lab: &Lab, kind: Option<&str>) -> Result<(String, i64, i64), Lack> {
    let mut child = lab.child()?;
    let seen = Seen::child(&lab.machine, &child);
    // Counts of a CPU are folded into the sum each second.
    lab.pause(1200);
    let look = || -> Result<Vec<i64>, Lack> {
        let each = KINDS.iter().map(|(_, key)| system::meminfo(lab, key));
        let all: Result<Vec<u64>, String> = each.collect();
        Ok(all?.into_iter().map(|kib| kib as i64).collect())
    };
    let (before, own) = (look()?, seen.uss()? as i64);
    match kind {
        Some("process") => {
            child.ask(&format!("malloc {LEAKED} 1 dirty"))?;
        }
        Some("shared") => {
            let id = child.ask(&format!("shared make {LEAKED}"))?.number("id");
            // At once, so that it ends with the child however this one ends: it stays until then.
            child.ask(&format!("shared remove {id}"))?;
        }
        // Both ends of a pipe are files, and its buffers are one more object.
        Some("slab") => {
            for _ in 0..8 {
                child.ask("fork pipes 450")?;
            }
        }
        Some(_) => {
            child.ask(&format!("table {LEAKED}"))?;
        }
        None => {}
    }
    lab.pause(1200);
    let after = look();
    let uss = seen.uss()? as i64 - own;
    let grew = after?
        .into_iter()
        .zip(before)
        .map(|(after, before)| after - before);
    let most = grew.zip(KINDS).max_by_key(|(grew, _)| *grew);
    let (grew, (name, _)) = most.unwrap_or((0, KINDS[0]));
    // What grew by less than a quarter is noise.
    match grew * 1024 > LEAKED as i64 / 4 {
        true => Ok((name.to_owned(), grew, uss)),
        false => Ok(("-".to_owned(), grew, uss)),
    }
}

fn order(lab: &Lab, side: Side) -> Gathered {
    let mut e = Evidence::new();
    let mut right = 0;
    let names = ["said_process", "said_shared", "said_slab", "said_vmalloc"];
    for ((kind, key), name) in KINDS.into_iter().zip(names) {
        let (said, grew, uss) = which(lab, (side == Side::Claim).then_some(kind))?;
        let own = ["process", "shared"].contains(&kind);
        // What a process maps and nobody else does shows in its USS, the other kinds do not.
        right += u64::from(said == kind && (uss * 1024 > LEAKED as i64 / 2) == own);
        e = e.text(
            name,
            format!("{said}: {grew} KiB, USS {uss} KiB"),
            match key {
                "AnonPages" => "meminfo twice: what grew most as a process's memory leaked",
                "Shmem" => "the same, as a segment of System V was left",
                "SUnreclaim" => "the same, as pipes stayed open",
                _ => "the same, as a map of BPF stayed",
            },
        );
    }
    Ok(e.count("right", right, "of four kinds, told apart"))
}

fn order_judge(e: &Evidence) -> Judged {
    let right = e.get("right")?;
    whether(
        right == 4.0,
        format!("{right} of 4 leaks told apart by where they show"),
    )
}

const STEPS: usize = 20;
const STEP: u64 = 64 * KIB;

/// The slope of a line through values at 0, 1, 2, ..., and its standard error.
fn slope(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let (mid, mean) = ((count - 1.0) / 2.0, values.iter().sum::<f64>() / count);
    let each = || {
        values
            .iter()
            .enumerate()
            .map(|(at, value)| (at as f64 - mid, value - mean))
    };
    let spread: f64 = each().map(|(x, _)| x * x).sum();
    let slope = each().map(|(x, y)| x * y).sum::<f64>() / spread;
    let rest: f64 = each().map(|(x, y)| (y - slope * x).powi(2)).sum();
    (slope, (rest / (count - 2.0) / spread).sqrt())
}

fn uss(lab: &Lab, side: Side) -> Gathered {
    let mut child = lab.child()?;
    let seen = Seen::child(&lab.machine, &child);
    let (mut values, mut course) = (Vec::new(), Vec::new());
    let began = std::time::Instant::now();
    // The first one is before it has levelled off, and is left out.
    for step in 0..=STEPS {
        let object = child.ask(&format!("malloc {STEP} 1 dirty"))?;
        if side.is_control() {
            child.ask(&format!("free {}", object.number("id")))?;
        }
        if step > 0 {
            let uss = seen.uss()? as f64;
            values.push(uss);
            course.push((began.elapsed().as_secs_f64() * 1e3, uss));
        }
    }
    let (slope, error) = slope(&values);
    Ok(Evidence::new()
        .kib("step", STEP / KIB, "malloc() and writes, each step")
        .count("steps", STEPS, "steps")
        .number(
            "slope",
            slope,
            "KiB",
            "smaps_rollup: USS, each step, by least squares",
        )
        .number("error", error, "KiB", "its standard error")
        .series("course", course, "KiB", "smaps_rollup: USS, over ms"))
}

fn uss_judge(e: &Evidence) -> Judged {
    let (step, slope, error) = (e.get("step")?, e.get("slope")?, e.get("error")?);
    whether(
        slope > step / 2.0 && slope > 4.0 * error,
        format!(
            "USS grows by {slope:.1} ({error:.1} either way) KiB in each of {} steps",
            e.get("steps")?
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::slope;

    #[test]
    fn a_line_has_no_error_and_noise_has() {
        let (rise, error) = slope(&[1.0, 3.0, 5.0, 7.0]);
        assert!((rise - 2.0).abs() < 1e-9 && error < 1e-9);
        let (rise, error) = slope(&[5.0, 9.0, 5.0, 9.0, 5.0]);
        assert!(rise.abs() < error);
    }
}
