// SPDX-License-Identifier: GPL-2.0

//! `plot FILE`: a recording as one page.

use super::{Context, Found};
use crate::{
    claims::course,
    error::Result,
    evidence::recording::Recording,
    output::{self, Cell, Check, Face, Table},
    picture::{self, page::page},
};
use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Draws a recording, or what claims --json said, as one self-contained HTML page
#[derive(Args, Debug)]
pub struct Arguments {
    /// A recording, or the report of claims; - is stdin
    file: PathBuf,
    /// The page; - is stdout. By default beside the recording, with .html for its ending
    #[arg(long, short)]
    output: Option<PathBuf>,
}

/// What was drawn.
#[derive(Serialize, JsonSchema)]
pub struct Drawn {
    /// The page.
    file: PathBuf,
    /// Its bytes.
    bytes: u64,
}

/// Draws.
pub fn plot(_: &Context, arguments: &Arguments) -> Result<Found<Drawn>> {
    let bytes = Recording::bytes(&arguments.file)?;
    let html = match picture::claims::report(&bytes) {
        Some(report) => picture::claims::page(&report, |chapter| {
            let (what, next) = course::about(chapter);
            (what.to_owned(), next.to_owned())
        }),
        None => page(&Recording::of(&bytes, &arguments.file)?)?,
    };
    let stdin = arguments.file == Path::new("-");
    let beside = || {
        if stdin {
            PathBuf::from("-")
        } else {
            arguments.file.with_extension("html")
        }
    };
    let file = arguments.output.clone().unwrap_or_else(beside);
    let to_stdout = file == Path::new("-");
    if to_stdout {
        output::print(&html)?;
    } else {
        output::replace(&file, html.as_bytes())?;
    }
    Ok(Found {
        value: Drawn {
            file,
            bytes: html.len() as u64,
        },
        failed: None,
        silent: to_stdout,
        held: None,
    })
}

impl Face for Drawn {
    fn text(&self) -> String {
        format!("drawn: {}\n", self.file.display())
    }

    fn tables(&self) -> Vec<Table> {
        let mut table = Table::new(["file", "bytes"]);
        table.push([
            Cell::text(self.file.display().to_string()),
            Cell::Number(self.bytes),
        ]);
        vec![table]
    }

    fn checks(&self) -> Vec<Check> {
        vec![Check {
            name: "plot".into(),
            held: Some(true),
            because: format!("{} bytes", self.bytes),
        }]
    }
}
