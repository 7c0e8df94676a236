// SPDX-License-Identifier: GPL-2.0

//! One file for each subcommand: it asks the evidence and gives back one value.

pub mod advise;
pub mod diff;
pub mod doctor;
mod doctor_device;
pub mod generate;
pub mod lend;
pub mod pattern;
pub mod plot;
pub mod record;
pub mod run;
pub mod scenario;
pub mod show;
pub mod why;

use crate::{
    error::Error,
    evidence::{module::Module, Machine},
    output::Body,
};

/// What every command gets.
pub struct Context {
    /// The machine that is asked.
    pub machine: Machine,
    /// The percentiles to show.
    pub percentiles: Vec<f64>,
}

/// What a command found, and whether something that was to hold did not.
pub struct Found {
    /// The value.
    pub body: Body,
    /// Why the exit code is not 0 nevertheless.
    pub failed: Option<Error>,
    /// Whether it has been shown already.
    pub silent: bool,
    /// What is to stay until its user ends the command.
    pub held: Option<Box<dyn Module>>,
}

impl From<Body> for Found {
    fn from(body: Body) -> Self {
        Self {
            body,
            failed: None,
            silent: false,
            held: None,
        }
    }
}
