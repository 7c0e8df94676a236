// SPDX-License-Identifier: GPL-2.0

//! A known delay: a counted loop of instructions, so that the clock is not judged by itself.
//!
//! Under `-icount shift=0` an instruction takes one nanosecond, and the figures must say so.

use super::prelude::*;
use crate::sys::spin;

pub(crate) struct Calibrate {
    instructions: usize,
}

impl<'d> Listed<'d> for Calibrate {
    const INFO: Info = Info {
        name: "calibrate",
        about: "a loop of so many instructions, then nothing: judges the instrument itself",
        phases: ["delay", "empty"],
        family: Family::Instrument,
        sizes: Range {
            min: 0,
            max: 10_000_000,
        },
        unit: "instructions",
        held_max: 256,
        may_sleep: false,
        allocates: false,
        ..Info::PLAIN
    };

    fn prepare(request: &Request, _device: Option<&'d Device<Bound>>) -> Result<Self, Refusal> {
        Ok(Self {
            instructions: size_of(request)?,
        })
    }
}

impl Experiment for Calibrate {
    type Idle = ();
    type Held<'a> = [usize; 2];

    fn idle(&self) -> Result {
        Ok(())
    }

    #[inline]
    fn acquire(&self, (): ()) -> Result<[usize; 2], ((), Error)> {
        spin::instructions(self.instructions);
        Ok(core::hint::black_box([0; 2]))
    }

    #[inline]
    fn release(&self, held: [usize; 2]) {
        core::hint::black_box(held);
    }

    fn describe(&self, _held: &[usize; 2]) -> Placement {
        Placement::UNKNOWN
    }
}
