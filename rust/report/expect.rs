// SPDX-License-Identifier: GPL-2.0

//! What a report must write, to the letter.

use core::fmt::{
    self,
    Write, //
};

/// Takes exactly the text that is left of it.
struct Expect<'a>(&'a str);

impl Write for Expect<'_> {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        self.0 = self.0.strip_prefix(s).ok_or(fmt::Error)?;
        Ok(())
    }
}

/// Whether `report` writes `expected` and nothing else.
pub(super) fn writes(expected: &str, report: impl FnOnce(&mut dyn Write) -> fmt::Result) -> bool {
    let mut out = Expect(expected);
    report(&mut out).is_ok() && out.0.is_empty()
}

/// Counts the rows that have as many fields as the header, which is the first of them.
#[derive(Default)]
pub(super) struct Table {
    fields: usize,
    header: usize,
    rows: usize,
    note: bool,
    in_field: bool,
    uneven: bool,
}

impl Write for Table {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        for c in s.chars() {
            match c {
                '\n' => {
                    if !self.note && self.header == 0 {
                        self.header = self.fields;
                    } else if !self.note {
                        self.rows += 1;
                        self.uneven |= self.fields != self.header;
                    }
                    (self.fields, self.note, self.in_field) = (0, false, false);
                }
                ' ' => self.in_field = false,
                _ if self.in_field => {}
                _ => {
                    self.note |= self.fields == 0 && c == '#';
                    self.fields += 1;
                    self.in_field = true;
                }
            }
        }
        Ok(())
    }
}

/// How many rows `report` writes under its header; `None` if one has other fields than that.
pub(super) fn rows(report: impl FnOnce(&mut dyn Write) -> fmt::Result) -> Option<usize> {
    let mut table = Table::default();
    report(&mut table).ok()?;
    (!table.uneven).then_some(table.rows)
}
