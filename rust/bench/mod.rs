// SPDX-License-Identifier: GPL-2.0

//! The measuring engine: it knows what an experiment is, and none in particular.

pub(crate) mod calibrate;
pub(crate) mod clock;
pub(crate) mod compare;
mod first;
pub(crate) mod limits;
mod measure;
pub(crate) mod run;
