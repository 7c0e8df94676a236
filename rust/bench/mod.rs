// SPDX-License-Identifier: GPL-2.0

//! The measuring engine: it knows what an experiment is, and none in particular.

mod batch;
pub(crate) mod calibrate;
mod cells;
mod change;
pub(crate) mod classes;
pub(crate) mod clock;
pub(crate) mod compare;
mod cpus;
mod crew;
pub(crate) mod limits;
mod measure;
mod order;
mod progress;
pub(crate) mod run;
mod stretch;
