// SPDX-License-Identifier: GPL-2.0

//! What the command does to the system: the only room of it that may say `unsafe`.

pub mod door;
