// SPDX-License-Identifier: GPL-2.0

//! Memory that nobody gives back.

use super::claim::prelude::*;
use crate::evidence::process::Seen;

/// The chapter.
pub const CLAIMS: &[Claim] = &[Claim {
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
}];

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
    let mut values = Vec::new();
    // The first one is before it has levelled off, and is left out.
    for step in 0..=STEPS {
        let object = child.ask(&format!("malloc {STEP} 1 dirty"))?;
        if side.is_control() {
            child.ask(&format!("free {}", object.number("id")))?;
        }
        if step > 0 {
            values.push(seen.uss()? as f64);
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
        .number("error", error, "KiB", "its standard error"))
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
