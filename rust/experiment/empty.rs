// SPDX-License-Identifier: GPL-2.0

//! Nothing: what the same loop costs without an operation in it.

use super::Experiment;
use crate::model::{
    placement::Placement,
    request::{
        Family,
        Info,
        Range,
        Refusal,
        Request, //
    },
};
use core::hint::black_box;
use kernel::{
    device::{
        Bound,
        Device, //
    },
    prelude::*, //
};

pub(crate) struct Empty;

impl<'d> Experiment<'d> for Empty {
    const INFO: Info = Info {
        name: "empty",
        about: "nothing",
        phases: ["acquire", "release"],
        family: Family::Instrument,
        sizes: Range { min: 1, max: 1 },
        held_max: 256,
        allocates: false,
        may_sleep: false,
        ..Info::PLAIN
    };

    type Idle = ();
    /// As large as a pointer with a length, so that moving it costs what moving a buffer costs.
    type Held<'a> = [usize; 2];

    fn prepare(_request: &Request, _device: Option<&'d Device<Bound>>) -> Result<Self, Refusal> {
        Ok(Self)
    }

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
