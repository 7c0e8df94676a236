// SPDX-License-Identifier: GPL-2.0

//! The parts that tables are made of.

use crate::model::{
    cost::Cost,
    num::{
        self,
        Dec,
        Hex, //
    },
    outcome::Net,
    placement::Placement,
    text::Text, //
};
use core::fmt::{
    self,
    Display,
    Write, //
};

/// A column: its name and its width. A negative width aligns to the left.
pub(super) type Column = (&'static str, i32);

/// Writes the names of `columns`.
pub(super) fn header(out: &mut dyn Write, columns: &[Column]) -> fmt::Result {
    line(
        out,
        columns
            .iter()
            .map(|column| (column, &column.0 as &dyn Display)),
    )
}

/// Writes one row, which has a cell for each of `columns`.
pub(super) fn row(out: &mut dyn Write, columns: &[Column], cells: &[&dyn Display]) -> fmt::Result {
    line(out, columns.iter().zip(cells.iter().copied()))
}

fn line<'a>(
    out: &mut dyn Write,
    cells: impl Iterator<Item = (&'a Column, &'a dyn Display)>,
) -> fmt::Result {
    let mut space = "";
    for ((_, width), cell) in cells {
        let columns = width.unsigned_abs() as usize;
        match *width < 0 {
            true => write!(out, "{space}{cell:<columns$}")?,
            false => write!(out, "{space}{cell:>columns$}")?,
        }
        space = " ";
    }
    writeln!(out)
}

/// Columns of a terminal.
const COLUMNS: usize = 80;

/// Writes a sentence that begins with "#", in lines that no terminal has to break.
#[inline(never)]
pub(super) fn prose(out: &mut dyn Write, args: fmt::Arguments<'_>) -> fmt::Result {
    let mut lines = Lines {
        out,
        column: 0,
        word: Text::EMPTY,
    };
    lines.write_fmt(args)?;
    lines.end_word()?;
    writeln!(lines.out)
}

/// Breaks between words; spaces before a word stay as they are where it does not.
struct Lines<'a> {
    out: &'a mut dyn Write,
    column: usize,
    word: Text<COLUMNS>,
}

impl Lines<'_> {
    fn end_word(&mut self) -> fmt::Result {
        let (word, all) = (self.word.as_str().trim_start(), self.word.as_str());
        if self.column + all.len() > COLUMNS {
            write!(self.out, "\n#   {word}")?;
            self.column = 4 + word.len();
        } else {
            self.out.write_str(all)?;
            self.column += all.len();
        }
        self.word = Text::EMPTY;
        Ok(())
    }
}

impl Write for Lines<'_> {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        for c in s.chars() {
            if c == ' ' && !self.word.as_str().trim_start().is_empty() {
                self.end_word()?;
            }
            self.word.write_char(c)?;
        }
        Ok(())
    }
}

/// A cell that may be empty.
pub(super) struct Maybe<T>(pub(super) Option<T>);

impl<T: Display> Display for Maybe<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(value) => value.fmt(f),
            None => f.pad("-"),
        }
    }
}

impl Display for Net {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Net::Ns(ns) => Dec(*ns).fmt(f),
            Net::Below(floor) => {
                f.pad(Text::<24>::format(format_args!("<{}", Dec(*floor))).as_str())
            }
        }
    }
}

impl Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.below {
            false => Dec(self.ns).fmt(f),
            true => f.pad(Text::<24>::format(format_args!("<{}", Dec(self.ns))).as_str()),
        }
    }
}

/// A cell with an address of `placement`, unless those are hidden.
pub(super) fn address(placement: &Placement, address: u64) -> Text<18> {
    match placement.hidden {
        true => Text::new("hidden"),
        false => Text::format(format_args!("{}", Hex(address))),
    }
}

/// A number of bytes, in the largest unit that shows it exactly.
pub(super) struct Bytes(pub(super) u64);

impl Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(30, "G"), (20, "M"), (10, "K")];
        let whole = |shift: &u32| self.0 != 0 && self.0.trailing_zeros() >= *shift;
        let (shift, unit) = units
            .into_iter()
            .find(|(shift, _)| whole(shift))
            .unwrap_or((0, ""));
        let number = Dec(self.0 >> shift);
        f.pad(Text::<24>::format(format_args!("{number}{unit}")).as_str())
    }
}

/// Whole MiB in `pages`.
pub(super) fn mib(pages: u64, page_size: u32) -> Dec {
    Dec(pages.saturating_mul(u64::from(page_size)) >> 20)
}

/// `part` of `whole` in whole per cent; `None` where there is nothing to have a share in.
pub(super) fn per_cent(part: u64, whole: u64) -> Maybe<Dec> {
    Maybe(num::div(part.saturating_mul(100), whole).map(Dec))
}

/// The name of an errno that memory and DMA calls return; the kernel's negative form.
pub(super) fn errno_name(errno: i32) -> &'static str {
    match -errno {
        4 => "EINTR",
        5 => "EIO",
        11 => "EAGAIN",
        12 => "ENOMEM",
        14 => "EFAULT",
        16 => "EBUSY",
        19 => "ENODEV",
        22 => "EINVAL",
        28 => "ENOSPC",
        34 => "ERANGE",
        74 => "EBADMSG",
        95 => "EOPNOTSUPP",
        110 => "ETIMEDOUT",
        125 => "ECANCELED",
        _ => "-",
    }
}
