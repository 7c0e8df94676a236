// SPDX-License-Identifier: GPL-2.0

//! What is lent, in a file that outlives the command and not the machine.

use super::Machine;
use crate::{
    error::{Error, Kind, Result},
    output::replace,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

const FILE: &str = "/run/memlab-lent.json";

/// A device that is lent, and what it was before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Loan {
    /// Its name.
    pub device: String,
    /// What was asked for, where that is another name for it.
    pub asked: Option<String>,
    /// Its bus.
    pub bus: String,
    /// The driver that it was bound to.
    pub driver: Option<String>,
    /// What its driver_override said.
    pub chosen: Option<String>,
}

/// All that is lent.
pub fn read(machine: &Machine) -> Result<Vec<Loan>> {
    let Some(text) = machine.look(FILE) else {
        return Ok(Vec::new());
    };
    serde_json::from_str(&text).map_err(|error| {
        let path = machine.path(FILE);
        Error::new(
            Kind::File,
            format!("{}: it is damaged: {error}", path.display()),
        )
    })
}

fn write(machine: &Machine, loans: &[Loan]) -> Result {
    let text = serde_json::to_string(loans)
        .map_err(|error| Error::new(Kind::File, format!("journal: {error}")))?;
    replace(&machine.path(FILE), text.as_bytes())
}

/// Adds one.
pub fn add(machine: &Machine, loan: &Loan) -> Result {
    let mut loans = read(machine)?;
    // A device that a kill left in between keeps what it was first.
    if !loans.iter().any(|other| other.device == loan.device) {
        loans.push(loan.clone());
        write(machine, &loans)?;
    }
    Ok(())
}

/// Takes one out.
pub fn remove(machine: &Machine, loan: &Loan) -> Result {
    let mut loans = read(machine)?;
    loans.retain(|other| other.device != loan.device);
    write(machine, &loans)
}
