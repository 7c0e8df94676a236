// SPDX-License-Identifier: GPL-2.0

//! Where the sentence of a refusal lives: on the heap, because a refusal is passed on by value
//! through a dozen callers, and a kernel stack is 8 KiB on ARM.

use crate::model::text::Text;
use core::fmt::{
    self,
    Write, //
};
use kernel::prelude::*;

/// A sentence of up to `N` bytes; what does not fit is cut.
pub struct Sentence<const N: usize>(Option<KBox<Text<N>>>);

impl<const N: usize> Sentence<N> {
    /// Formats into a new sentence. Where there is no memory for it, it says that.
    #[inline(never)]
    pub fn format(args: fmt::Arguments<'_>) -> Self {
        let mut text = KBox::new(Text::EMPTY, GFP_KERNEL | __GFP_NOWARN).ok();
        if let Some(text) = &mut text {
            // A text cuts what does not fit, and never fails.
            let _ = text.write_fmt(args);
        }
        Self(text)
    }

    /// The sentence.
    pub fn as_str(&self) -> &str {
        self.0
            .as_ref()
            .map_or("no memory to say why", |text| text.as_str())
    }
}
