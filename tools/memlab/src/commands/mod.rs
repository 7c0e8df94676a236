// SPDX-License-Identifier: GPL-2.0

//! One file for each subcommand: it asks the evidence and gives back one value.

pub mod advise;
pub mod around;
pub mod claims;
pub mod diff;
pub mod doctor;
mod doctor_device;
mod doctor_memory;
mod finding;
pub mod generate;
pub mod leak;
pub mod lend;
pub mod outstanding;
pub mod pattern;
pub mod plot;
pub mod record;
pub mod run;
pub mod scenario;
pub mod show;
pub mod sweep;
mod sweep_says;
pub mod swept;
pub mod view;
pub mod walk;
pub mod watch;
pub mod why;

use crate::{
    error::Error,
    evidence::{module::Module, Machine},
};

/// What every command gets.
pub struct Context {
    /// The machine that is asked.
    pub machine: Machine,
    /// The percentiles to show; none asks for the usual ones.
    pub percentiles: Vec<f64>,
    /// Whether what is seen is to be shown as it is seen: to people, and not as one document.
    pub live: bool,
}

/// What a command found, and whether something that was to hold did not.
pub struct Found<T> {
    /// The value.
    pub value: T,
    /// Why the exit code is not 0 nevertheless.
    pub failed: Option<Error>,
    /// Whether it has been shown already.
    pub silent: bool,
    /// What is to stay until its user ends the command.
    pub held: Option<Box<dyn Module>>,
}

impl<T> Found<T> {
    /// The same with another value.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Found<U> {
        Found {
            value: change(self.value),
            failed: self.failed,
            silent: self.silent,
            held: self.held,
        }
    }
}

impl<T> From<T> for Found<T> {
    fn from(value: T) -> Self {
        Self {
            value,
            failed: None,
            silent: false,
            held: None,
        }
    }
}
