// SPDX-License-Identifier: GPL-2.0

//! Short text that lives inline in a value.

use core::fmt;

/// Up to `N` bytes of UTF-8; what does not fit is cut at a character boundary.
#[derive(Clone, Copy)]
pub struct Text<const N: usize> {
    bytes: [u8; N],
    len: usize,
}

impl<const N: usize> Text<N> {
    /// No text.
    pub const EMPTY: Self = Self {
        bytes: [0; N],
        len: 0,
    };

    /// Takes over as much of `text` as fits.
    pub fn new(text: &str) -> Self {
        let mut this = Self::EMPTY;
        this.push(text);
        this
    }

    /// Formats into a new text: `Text::format(format_args!(..))`.
    pub fn format(args: fmt::Arguments<'_>) -> Self {
        let mut this = Self::EMPTY;
        // `write_str` below never fails: what does not fit is cut.
        let _ = fmt::Write::write_fmt(&mut this, args);
        this
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        self.bytes
            .get(..self.len)
            .and_then(|bytes| core::str::from_utf8(bytes).ok())
            .unwrap_or("")
    }

    fn push(&mut self, text: &str) {
        let mut end = text.len().min(N - self.len);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let (from, to) = (self.len, self.len + end);
        if let (Some(slot), Some(bytes)) =
            (self.bytes.get_mut(from..to), text.as_bytes().get(..end))
        {
            slot.copy_from_slice(bytes);
            self.len = to;
        }
    }
}

impl<const N: usize> fmt::Write for Text<N> {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        self.push(s);
        Ok(())
    }
}

impl<const N: usize> fmt::Display for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl<const N: usize> fmt::Debug for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl<const N: usize> PartialEq for Text<N> {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(not(test), kernel::macros::kunit_tests(memlab_text))]
mod tests {
    use super::*;

    #[test]
    fn cuts_at_a_character_boundary() {
        assert_eq!(Text::<4>::new("abcdef").as_str(), "abcd");
        assert_eq!(Text::<4>::new("abc\u{e9}").as_str(), "abc");
        assert_eq!(Text::<5>::new("abc\u{e9}").as_str(), "abc\u{e9}");
        assert_eq!(Text::<0>::new("a").as_str(), "");
    }

    #[test]
    fn formats_what_fits() {
        let text = Text::<6>::format(format_args!("{}-{}", "abc", "defg"));
        assert_eq!(text.as_str(), "abc-de");
        assert_eq!(Text::<6>::EMPTY.as_str(), "");
    }

    #[test]
    fn pads_like_any_text() {
        let text = Text::<16>::format(format_args!("[{:>5}]", Text::<8>::new("ab")));
        assert_eq!(text.as_str(), "[   ab]");
    }
}
