// SPDX-License-Identifier: GPL-2.0

//! Nothing: what the same loop costs without an operation in it.

use super::Experiment;
use crate::model::placement::Placement;
use core::hint::black_box;
use kernel::prelude::*;

pub(crate) struct Empty;

impl Experiment for Empty {
    type Idle = ();
    /// As large as a pointer with a length, so that moving it costs what moving a buffer costs.
    type Held<'a> = [usize; 2];

    fn idle(&self) -> Result {
        Ok(())
    }

    #[inline]
    fn acquire(&self, (): ()) -> Result<[usize; 2], ((), Error)> {
        Ok(black_box([0; 2]))
    }

    #[inline]
    fn release(&self, held: [usize; 2]) {
        black_box(held);
    }

    fn describe(&self, _held: &[usize; 2]) -> Placement {
        Placement::UNKNOWN
    }
}
