// SPDX-License-Identifier: GPL-2.0

//! How far the instrument can be trusted on this machine.

use super::{
    provenance::label,
    table::{
        header,
        row,
        Column,
        Maybe, //
    }, //
};
use crate::model::{
    calibration::{
        Calibration,
        Delay,
        Verdict, //
    },
    num::{
        self,
        Dec, //
    },
    outcome::Net,
    provenance::Provenance,
    text::Text, //
};
use core::fmt::{
    self,
    Display,
    Write, //
};

const DELAYS: &[Column] = &[
    ("instructions", 12),
    ("net_p50_ns", 12),
    ("ns_per_1000", 12),
    ("off_%", 8),
    ("empty_ns", 9),
    ("disturbed", 9),
    ("samples", 9),
];

/// What each delay was measured to take, and a verdict.
pub fn calibration(
    out: &mut dyn Write,
    found: &Calibration,
    provenance: &Provenance,
) -> fmt::Result {
    if let Some(label) = label(provenance) {
        writeln!(out, "# {label}")?;
    }
    writeln!(
        out,
        "# loops of so many instructions, net of the clock; off_%: against the longest's rate"
    )?;
    header(out, DELAYS)?;
    for delay in &found.delays {
        // Of what is below the resolution there is neither.
        let seen = delay.net >= delay.floor;
        let rate = num::div(delay.net.saturating_mul(1000), delay.instructions);
        let rate = rate.filter(|_| seen).map(Dec);
        let off = found.deviation(delay).filter(|_| seen).map(Off);
        row(
            out,
            DELAYS,
            &[
                &Dec(delay.instructions),
                &net(delay, delay.net),
                &Maybe(rate),
                &Maybe(off),
                &net(delay, delay.empty),
                &Dec(delay.disturbed),
                &Dec(delay.samples),
            ],
        )?;
    }
    verdict(out, found)
}

fn net(delay: &Delay, ns: u64) -> Net {
    if ns < delay.floor {
        Net::Below(delay.floor)
    } else {
        Net::Ns(ns)
    }
}

fn verdict(out: &mut dyn Write, found: &Calibration) -> fmt::Result {
    match found.verdict() {
        Verdict::Straight { per_mille: 0, ns } => writeln!(
            out,
            "verdict trusted: every delay comes out within {} ns of what it is",
            Dec(ns)
        ),
        Verdict::Straight { per_mille, ns } => writeln!(
            out,
            "verdict trusted: every delay comes out within {} % or {} ns of what it is",
            Tenths(per_mille),
            Dec(ns)
        ),
        Verdict::Offset { ns } => writeln!(
            out,
            "verdict NOT trusted below some {} ns: that is what doing nothing was measured to take",
            Dec(ns.saturating_mul(10))
        ),
        Verdict::Crooked {
            instructions,
            per_mille,
        } => writeln!(
            out,
            "verdict NOT trusted: {} instructions are off by {} %; the CPU's speed changes, or \
             something takes it away (see disturbed)",
            Dec(instructions),
            Tenths(per_mille)
        ),
        Verdict::Unknown => writeln!(
            out,
            "verdict unknown: not every delay was measured ({})",
            super::outcome::ending(found.ending)
        ),
    }
}

/// Thousandths as per cent.
struct Tenths(u64);

impl Display for Tenths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, tenth) = num::div_rem(self.0, 10).unwrap_or((0, 0));
        f.pad(Text::<24>::format(format_args!("{}.{}", Dec(whole), Dec(tenth))).as_str())
    }
}

/// A deviation in thousandths, and whether it is upward.
struct Off((u64, bool));

impl Display for Off {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (per_mille, more) = self.0;
        let sign = match per_mille {
            0 => "",
            _ if more => "+",
            _ => "-",
        };
        f.pad(Text::<24>::format(format_args!("{sign}{}", Tenths(per_mille))).as_str())
    }
}
