// SPDX-License-Identifier: GPL-2.0

//! Sentences on a screen.

/// A line in pieces of at most so many columns; what follows the first is set in by two.
pub fn fold(line: &str, columns: usize) -> Vec<String> {
    if line.chars().count() <= columns {
        return vec![line.to_owned()];
    }
    let indent = line.len() - line.trim_start().len();
    let mut lines = Vec::new();
    let mut current = " ".repeat(indent);
    for word in line.split_whitespace() {
        let room = current.chars().count() + 1 + word.chars().count() <= columns;
        if !current.trim().is_empty() && !room {
            lines.push(std::mem::replace(&mut current, " ".repeat(indent + 2)));
        }
        if !current.trim().is_empty() {
            current.push(' ');
        }
        current.push_str(word);
    }
    lines.push(current);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_is_folded_between_words() {
        assert_eq!(fold("ab cd ef", 5), ["ab cd", "  ef"]);
        assert_eq!(fold("  ab cd", 5), ["  ab", "    cd"]);
        assert_eq!(fold("ab", 5), ["ab"]);
        assert_eq!(fold("", 5), [""]);
        assert_eq!(fold("abcdefgh", 5), ["abcdefgh"]);
    }
}
