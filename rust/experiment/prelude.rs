// SPDX-License-Identifier: GPL-2.0

//! What nearly every experiment speaks of.

pub(super) use super::{
    allocating::{
        Allocating,
        Allocator,
        Asked, //
    },
    lending::{
        Lender,
        ListedLender, //
    },
    size_of,
    target::{
        required,
        Target, //
    },
    Experiment,
    Listed,
    Row, //
};
pub(super) use crate::{
    facts::placement,
    model::{
        num::Dec,
        placement::Placement,
        request::{
            Direction,
            Family,
            Gfp,
            Info,
            Parameter,
            Range,
            Refusal,
            Request, //
        },
    },
};
pub(super) use kernel::{
    device::{
        Bound,
        Device, //
    },
    prelude::*, //
};
