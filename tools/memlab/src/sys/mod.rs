// SPDX-License-Identifier: GPL-2.0

//! What the command does to the system: the only room of it that may say `unsafe`.

pub mod buffer;
mod busy;
mod calls;
pub mod child;
pub mod delays;
pub mod door;
mod pipes;
pub mod puppet;
pub mod signals;
pub mod swap;
mod victim;
mod ways;
