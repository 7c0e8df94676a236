// SPDX-License-Identifier: GPL-2.0

//! The command as a whole: what it prints, and what it says when it cannot.

mod bad_input;
mod fixture;
mod golden;
