// SPDX-License-Identifier: GPL-2.0

//! `scenario`: makes a state of memory to measure under, shows it, ends it.

use super::{Context, Found};
use crate::{
    error::Result,
    evidence::{module, text},
    output::{Cell, Check, Face, Table},
};
use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;

/// Makes a state of memory to measure under, and holds it until Ctrl-C or the end of its input
#[derive(Args, Debug)]
pub struct Arguments {
    /// fragment order=K, fill-cma, pressure, or none, which gives everything back
    line: Vec<String>,
}

/// What is held.
#[derive(Serialize, JsonSchema)]
pub struct State {
    /// As the module lists it.
    pub values: Vec<(String, Cell)>,
    #[serde(skip)]
    text: String,
}

impl Face for State {
    fn text(&self) -> String {
        self.text.clone()
    }

    fn tables(&self) -> Vec<Table> {
        let mut table = Table::new(["key", "value"]);
        for (key, value) in &self.values {
            table.push([Cell::text(&**key), value.clone()]);
        }
        vec![table]
    }

    fn checks(&self) -> Vec<Check> {
        vec![Check {
            name: "scenario".into(),
            held: Some(true),
            because: String::new(),
        }]
    }
}

/// Makes it, or shows it.
pub fn scenario(context: &Context, arguments: &Arguments) -> Result<Found<State>> {
    let module = module::open(&context.machine)?;
    let line = arguments.line.join(" ");
    let text = match arguments.line.is_empty() {
        true => module.look("scenario")?,
        false => module.ask("scenario", &line)?,
    };
    let pairs = text::all_pairs(&text::parse(&text));
    let values = pairs
        .into_iter()
        .map(|(key, value)| (key, Cell::parse(&value)));
    let value = State {
        values: values.collect(),
        text,
    };
    let made = !arguments.line.is_empty() && line != "none";
    Ok(Found {
        value,
        failed: None,
        silent: false,
        // What a session made goes with it.
        held: (made && module.is_session()).then_some(module),
    })
}
