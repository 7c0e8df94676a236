// SPDX-License-Identifier: GPL-2.0

//! Rows and columns.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Cell {
    /// A whole number.
    Number(u64),
    /// A number with a fraction, or below zero.
    Real(f64),
    /// Words, or a bound such as `<39` or `>128`.
    Text(String),
    /// There is none.
    None,
}

impl Cell {
    /// Words.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// What the module wrote: "-" is nothing.
    pub fn parse(word: &str) -> Self {
        if word == "-" {
            return Self::None;
        }
        if let Ok(number) = word.parse() {
            return Self::Number(number);
        }
        match word.parse::<f64>() {
            Ok(real) if real.is_finite() => Self::Real(real),
            _ => Self::text(word),
        }
    }

    /// The field of a CSV row.
    pub fn csv(&self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Real(real) => real.to_string(),
            Self::Text(text) => text.clone(),
            Self::None => String::new(),
        }
    }

    /// The number, where it is one.
    pub fn number(&self) -> Option<u64> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// The words as they stood, where they are words.
    pub fn word(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl From<Option<u64>> for Cell {
    fn from(number: Option<u64>) -> Self {
        number.map_or(Self::None, Self::Number)
    }
}

impl From<Option<String>> for Cell {
    fn from(text: Option<String>) -> Self {
        text.map_or(Self::None, Self::Text)
    }
}

/// A table: every row has a cell for each column.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Table {
    /// The names of the columns.
    pub columns: Vec<String>,
    /// The rows.
    pub rows: Vec<Vec<Cell>>,
}

impl Table {
    /// An empty one.
    pub fn new<const N: usize>(columns: [&str; N]) -> Self {
        Self {
            columns: columns.map(str::to_owned).to_vec(),
            rows: Vec::new(),
        }
    }

    /// Adds a row.
    pub fn push<const N: usize>(&mut self, row: [Cell; N]) {
        debug_assert_eq!(N, self.columns.len());
        self.rows.push(row.to_vec());
    }

    /// Where a column is.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column == name)
    }

    /// In columns that are as wide as they have to be: words to the left, numbers to the right.
    pub fn text(&self) -> String {
        let mut lines = vec![self.columns.clone()];
        let shown = |cell: &Cell| match cell {
            Cell::None => "-".to_owned(),
            cell => cell.csv(),
        };
        lines.extend(self.rows.iter().map(|row| row.iter().map(shown).collect()));
        let is_number = |column: usize| {
            let mut cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.all(|cell| !matches!(cell, Cell::Text(text) if !text.starts_with(['<', '>'])))
        };
        let widths: Vec<usize> = (0..self.columns.len())
            .map(|column| {
                let cells = lines.iter().filter_map(|line| line.get(column));
                cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
            })
            .collect();
        let mut text = String::new();
        for line in &lines {
            let mut row = String::new();
            for (column, (cell, width)) in line.iter().zip(&widths).enumerate() {
                if column != 0 {
                    row.push_str("  ");
                }
                row += &match is_number(column) {
                    true => format!("{cell:>width$}"),
                    false => format!("{cell:<width$}"),
                };
            }
            text.push_str(row.trim_end());
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_what_it_reads_like() {
        assert_eq!(Cell::parse("-"), Cell::None);
        assert_eq!(Cell::parse("12"), Cell::Number(12));
        assert_eq!(Cell::parse("-0.5"), Cell::Real(-0.5));
        assert_eq!(Cell::parse("<39"), Cell::text("<39"));
        assert_eq!(Cell::parse("nan"), Cell::text("nan"));
    }

    #[test]
    fn numbers_stand_to_the_right() {
        let mut table = Table::new(["way", "ns"]);
        table.push([Cell::text("map"), Cell::Number(5)]);
        table.push([Cell::text("dma-sg"), Cell::text("<1234")]);
        table.push([Cell::text("x"), Cell::None]);
        assert_eq!(
            table.text(),
            "way        ns\nmap         5\ndma-sg  <1234\nx           -\n"
        );
    }
}
