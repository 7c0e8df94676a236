// SPDX-License-Identifier: GPL-2.0

//! Where the sentence of a refusal lives outside the kernel, whose own is rust/sentence.rs.

use crate::model::text::Text;
use std::fmt;

/// A sentence of up to `N` bytes; what does not fit is cut.
pub struct Sentence<const N: usize>(Box<Text<N>>);

impl<const N: usize> Sentence<N> {
    /// Formats into a new sentence.
    pub fn format(args: fmt::Arguments<'_>) -> Self {
        Self(Box::new(Text::format(args)))
    }

    /// The sentence.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}
