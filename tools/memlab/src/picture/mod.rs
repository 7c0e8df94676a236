// SPDX-License-Identifier: GPL-2.0

//! What is drawn: SVG for the page, characters for the terminal. Pure: values in, text out.

pub mod chart;
pub mod claims;
pub mod heat;
pub mod page;
pub mod series;
pub mod terminal;

/// What may not stand in HTML as it is.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_module_says_is_text() {
        assert_eq!(escape("a<b>&\"c\""), "a&lt;b&gt;&amp;&quot;c&quot;");
    }
}
