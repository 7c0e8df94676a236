// SPDX-License-Identifier: GPL-2.0

//! The document that `--json` prints, whatever the command, and its schema.

use crate::{
    commands::{
        advise, around, claims, diff, doctor, leak, lend, outstanding, pattern, plot, record,
        scenario, show, swept, view, walk, watch,
    },
    error::{Error, Kind, Result},
    evidence::outcome::Ran,
    output::{self, Check, Face, Format},
};
use schemars::{schema_for, JsonSchema};
use serde::Serialize;

/// The version of the schema: it rises with every change that a reader would trip over.
const SCHEMA: u32 = 1;

/// What `--json` prints.
#[derive(Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Document {
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
struct Failure {
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
    /// What lectures say, checked.
    Claims(claims::Report),
    /// The way of addresses through the page tables.
    Walk(walk::Walked),
    /// Memory as a program sees it.
    View(view::Viewed),
    /// What grows.
    Leak(leak::Leaks),
    /// What a command changed.
    Around(around::Around),
    /// What a machine does.
    Watch(watch::Watched),
    /// One thing at several points.
    Sweep(swept::Swept),
    /// DMA maps that were not given back.
    Outstanding(outstanding::Outstanding),
}

impl From<advise::Advised> for Body {
    fn from(advised: advise::Advised) -> Self {
        match advised {
            advise::Advised::Measured(advice) => Self::Advise(Box::new(advice)),
            advise::Advised::Pattern(answer) => Self::Pattern(answer),
            advise::Advised::Why(shown) => Self::Show(shown),
        }
    }
}

impl Body {
    /// Its faces.
    fn face(&self) -> &dyn Face {
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
            Self::Claims(value) => value,
            Self::Walk(value) => value,
            Self::View(value) => value,
            Self::Outstanding(value) => value,
            Self::Around(value) => value,
            Self::Watch(value) => value,
            Self::Sweep(value) => value,
            Self::Leak(value) => value,
        }
    }
}

impl Document {
    /// Of what was found.
    fn of(body: Body) -> Self {
        Self {
            schema: SCHEMA,
            version: env!("CARGO_PKG_VERSION"),
            found: Some(body),
            failed: None,
        }
    }

    /// Of what failed.
    fn failed(command: &str, error: &Error) -> Self {
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
    fn json(&self) -> Result<String> {
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

/// Shows a value.
pub fn emit(format: Format, body: Body) -> Result {
    let text = match format {
        Format::Text => body.face().text(),
        Format::Json => Document::of(body).json()?,
        Format::Csv => output::csv(&body.face().tables())?,
        Format::Ktap => output::ktap(&body.face().checks()),
    };
    output::print(&text)
}

/// Shows an error in the format that was asked for; people read it on stderr in every format.
pub fn emit_error(format: Format, command: &str, error: &Error) {
    let shown = match format {
        Format::Json => Document::failed(command, error)
            .json()
            .and_then(|text| output::print(&text)),
        Format::Ktap => output::print(&output::ktap(&[Check {
            name: command.to_owned(),
            held: Some(false),
            because: error.message.clone(),
        }])),
        Format::Text | Format::Csv => Ok(()),
    };
    if let Err(second) = shown {
        eprintln!("memlab: {second}");
    }
    eprintln!("memlab: {error}");
}
