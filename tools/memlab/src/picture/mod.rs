// SPDX-License-Identifier: GPL-2.0

//! What is drawn: SVG for the page, characters for the terminal. Pure: values in, text out.

pub mod chart;
pub mod heat;
pub mod page;
pub mod series;
pub mod terminal;
