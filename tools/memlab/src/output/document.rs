// SPDX-License-Identifier: GPL-2.0

//! The document that `--json` prints, whatever the command, and its schema.

use super::Face;
use crate::{
    commands::{advise, diff, doctor, lend, pattern, plot, record, scenario, show},
    error::{Error, Kind, Result},
    evidence::outcome::Ran,
};
use schemars::{schema_for, JsonSchema};
use serde::Serialize;

/// The version of the schema: it rises with every change that a reader would trip over.
pub const SCHEMA: u32 = 1;

/// What `--json` prints.
#[derive(Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// The version of this schema.
    schema: u32,
    /// The version of the command.
    version: &'static str,
    /// What was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    found: Option<Body>,
    /// Why nothing was.
    #[serde(skip_serializing_if = "Option::is_none")]
    failed: Option<Failure>,
}

/// Why a command did not do what was asked.
#[derive(Serialize, JsonSchema)]
pub struct Failure {
    /// The subcommand.
    command: String,
    /// The kind.
    kind: Kind,
    /// The exit code.
    exit_code: u8,
    /// The sentence that people read.
    message: String,
}

/// What a command found, by the name of the command.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Body {
    /// One file of the module, or what the command worked out of the kernel's.
    Show(show::Shown),
    /// A state of memory.
    Scenario(scenario::State),
    /// One experiment.
    Run(Box<Ran>),
    /// The answer.
    Advise(Box<advise::Advice>),
    /// The answer for a device that is not there yet.
    Pattern(pattern::Answer),
    /// What is odd or wrong.
    Doctor(doctor::Diagnosis),
    /// What was lent.
    Lend(lend::Moved),
    /// What was given back.
    Return(lend::Moved),
    /// What was drawn.
    Plot(plot::Drawn),
    /// What was kept.
    Record(record::Kept),
    /// What moved.
    Diff(diff::Difference),
}

impl Body {
    /// Its faces.
    pub fn face(&self) -> &dyn Face {
        match self {
            Self::Show(value) => value,
            Self::Scenario(value) => value,
            Self::Run(value) => &**value,
            Self::Advise(value) => &**value,
            Self::Pattern(value) => value,
            Self::Lend(value) | Self::Return(value) => value,
            Self::Doctor(value) => value,
            Self::Plot(value) => value,
            Self::Record(value) => value,
            Self::Diff(value) => value,
        }
    }
}

impl Document {
    /// Of what was found.
    pub fn of(body: Body) -> Self {
        Self {
            schema: SCHEMA,
            version: env!("CARGO_PKG_VERSION"),
            found: Some(body),
            failed: None,
        }
    }

    /// Of what failed.
    pub fn failed(command: &str, error: &Error) -> Self {
        Self {
            schema: SCHEMA,
            version: env!("CARGO_PKG_VERSION"),
            found: None,
            failed: Some(Failure {
                command: command.to_owned(),
                kind: error.kind,
                exit_code: error.kind.code(),
                message: error.message.clone(),
            }),
        }
    }

    /// As text.
    pub fn json(&self) -> Result<String> {
        json(self)
    }
}

/// The schema of [`Document`].
pub fn schema() -> Result<String> {
    json(&schema_for!(Document))
}

fn json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string_pretty(value)
        .map(|text| text + "\n")
        .map_err(|error| Error::new(Kind::Version, format!("json: {error}")))
}
