// SPDX-License-Identifier: GPL-2.0

//! One value, many faces: text for people, JSON, CSV and KTAP for programs.
//!
//! Data goes to stdout, all else to stderr.

mod file;
mod fold;
pub mod progress;
mod table;

pub use self::{
    file::replace,
    fold::fold,
    table::{Cell, Table},
};

use crate::error::{Error, Kind, Result};
use clap::ValueEnum;
use std::io::{self, IsTerminal, Write};

/// Columns of the screen that an answer fits on.
pub const COLUMNS: usize = 80;

/// The face that is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people, in 80 columns.
    #[default]
    Text,
    /// One document with the version of its schema.
    Json,
    /// The rows, with one header.
    Csv,
    /// One line for each thing that held or did not.
    Ktap,
}

/// Something that was checked.
#[derive(Clone, Debug)]
pub struct Check {
    /// What.
    pub name: String,
    /// Whether it held; `None` where it could not be told.
    pub held: Option<bool>,
    /// The figures that say so.
    pub because: String,
}

/// What has faces.
pub trait Face {
    /// For people.
    fn text(&self) -> String;
    /// The rows, for CSV.
    fn tables(&self) -> Vec<Table>;
    /// What held and what did not, for KTAP. A command that has nothing to check says that it was
    /// carried out.
    fn checks(&self) -> Vec<Check>;
}

/// Writes data. Whoever reads it may have gone, which is no failure of ours to tell anybody of.
pub fn print(text: &str) -> Result {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Error::new(
            Kind::File,
            format!("stdout: {}", crate::error::reason(&error)),
        )),
        _ => Ok(()),
    }
}

/// Whether progress and escapes may be drawn: a serial console is a terminal for stderr while the
/// data on stdout is read by a program.
pub fn on_terminal() -> bool {
    io::stdout().is_terminal() && io::stderr().is_terminal()
}

/// The rows, an empty line between tables of different columns.
pub fn csv(tables: &[Table]) -> Result<String> {
    let failed = |error: csv::Error| Error::new(Kind::File, format!("csv: {error}"));
    let mut parts = Vec::new();
    for table in tables {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(&table.columns).map_err(failed)?;
        for row in &table.rows {
            writer
                .write_record(row.iter().map(Cell::csv))
                .map_err(failed)?;
        }
        let bytes = writer.into_inner().map_err(|error| {
            Error::new(
                Kind::File,
                format!("csv: {}", crate::error::reason(error.error())),
            )
        })?;
        parts.push(String::from_utf8_lossy(&bytes).into_owned());
    }
    Ok(parts.join("\n"))
}

/// A line for each check.
pub fn ktap(checks: &[Check]) -> String {
    let mut text = format!("KTAP version 1\n1..{}\n", checks.len());
    for (check, number) in checks.iter().zip(1..) {
        let word = if check.held == Some(false) {
            "not ok"
        } else {
            "ok"
        };
        // A # would begin a directive, and a line is one result.
        let name = check.name.replace(['#', '\n'], " ");
        text += &format!("{word} {number} {name}");
        if check.held.is_none() {
            text += " # SKIP";
        }
        let because = check.because.replace(['#', '\n'], " ");
        if !because.is_empty() {
            text += if check.held.is_none() { " " } else { " # " };
            text += &because;
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ktap_is_one_line_for_each_check() {
        let check = |name: &str, held, because: &str| Check {
            name: name.into(),
            held,
            because: because.into(),
        };
        let text = ktap(&[
            check("map", Some(true), ""),
            check("un#map", Some(false), "412 > 400"),
            check("copy", None, "not\nmeasured"),
        ]);
        assert_eq!(
            text,
            "KTAP version 1\n1..3\nok 1 map\nnot ok 2 un map # 412 > 400\n\
             ok 3 copy # SKIP not measured\n"
        );
    }

    #[test]
    fn csv_quotes_what_needs_it_and_leaves_out_what_there_is_not() {
        let mut table = Table::new(["name", "ns"]);
        table.push([Cell::text("a,b"), Cell::Number(5)]);
        table.push([Cell::text("c"), Cell::None]);
        assert_eq!(csv(&[table]).unwrap(), "name,ns\n\"a,b\",5\nc,\n");
    }
}
