// SPDX-License-Identifier: GPL-2.0

//! The module's texts: tables of one header line, lists of `key value`, notes that start with `#`.

use crate::output::{Cell, Table};

/// What stands between two empty lines.
#[derive(Clone, Debug, PartialEq)]
pub enum Block {
    /// Notes, without their `#`.
    Notes(Vec<String>),
    /// A list.
    Pairs(Vec<(String, String)>),
    /// A table.
    Table(Table),
}

/// Reads one of the module's files.
pub fn parse(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    for part in text.split("\n\n") {
        let (notes, data): (Vec<&str>, Vec<&str>) = part
            .lines()
            .filter(|line| !line.trim().is_empty())
            .partition(|line| line.starts_with('#'));
        if !notes.is_empty() {
            let notes = notes
                .iter()
                .map(|line| line.trim_start_matches('#').trim().to_owned());
            blocks.push(Block::Notes(notes.collect()));
        }
        if !data.is_empty() {
            blocks.push(table(&data).map_or_else(|| pairs(&data), Block::Table));
        }
    }
    blocks
}

/// A table has as many fields in each row as in its header, or more where the last one is a
/// sentence. Two columns are a table only where all of the second are numbers but its name.
fn table(lines: &[&str]) -> Option<Table> {
    let (header, rows) = lines.split_first()?;
    let columns: Vec<String> = header.split_whitespace().map(str::to_owned).collect();
    let sentence = matches!(columns.last().map(String::as_str), Some("meaning"));
    let rows: Vec<Vec<&str>> = rows.iter().map(|row| fields(row, columns.len())).collect();
    let fits = |row: &Vec<&str>| {
        let last = row.last().copied().unwrap_or("");
        row.len() == columns.len() && (sentence || !last.contains(' '))
    };
    let narrow = || {
        let number = |word: &str| matches!(Cell::parse(word), Cell::Number(_) | Cell::None);
        !rows.is_empty() && !number(&columns[1]) && rows.iter().all(|row| number(row[1]))
    };
    let is_table = match columns.len() {
        0 | 1 => false,
        2 => rows.iter().all(fits) && narrow(),
        _ => rows.iter().all(fits),
    };
    is_table.then(|| Table {
        columns,
        rows: rows
            .iter()
            .map(|row| row.iter().map(|word| Cell::parse(word)).collect())
            .collect(),
    })
}

/// The words of a line; what is beyond `most` of them stays one.
fn fields(line: &str, most: usize) -> Vec<&str> {
    let mut rest = line.trim();
    let mut found = Vec::new();
    while !rest.is_empty() {
        let end = match found.len() + 1 == most {
            true => rest.len(),
            false => rest.find(char::is_whitespace).unwrap_or(rest.len()),
        };
        let (word, after) = rest.split_at(end);
        found.push(word);
        rest = after.trim_start();
    }
    found
}

fn pairs(lines: &[&str]) -> Block {
    let split = |line: &&str| {
        let line = line.trim();
        let (key, value) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        (key.to_owned(), value.trim().to_owned())
    };
    Block::Pairs(lines.iter().map(split).collect())
}

/// Everything that stands as `key value` in a text.
pub fn all_pairs(blocks: &[Block]) -> Vec<(String, String)> {
    let lists = blocks.iter().filter_map(|block| match block {
        Block::Pairs(pairs) => Some(pairs.clone()),
        _ => None,
    });
    lists.flatten().collect()
}

/// The value of a key; "-" is none.
pub fn value<'a>(pairs: &'a [(String, String)], key: &str) -> Option<&'a str> {
    let found = pairs.iter().find(|(name, _)| name == key)?;
    Some(found.1.as_str()).filter(|value| *value != "-")
}

/// The first table whose header begins with `first`.
pub fn table_of<'a>(blocks: &'a [Block], first: &str) -> Option<&'a Table> {
    blocks.iter().find_map(|block| match block {
        Block::Table(table) if table.columns.first().is_some_and(|name| name == first) => {
            Some(table)
        }
        _ => None,
    })
}

/// A number of bytes as the module writes it: 64, 4K, 1M.
pub fn bytes(word: &str) -> Option<u64> {
    let (digits, shift) = match word.as_bytes().last()? {
        b'K' => (&word[..word.len() - 1], 10),
        b'M' => (&word[..word.len() - 1], 20),
        b'G' => (&word[..word.len() - 1], 30),
        b'T' => (&word[..word.len() - 1], 40),
        b'P' => (&word[..word.len() - 1], 50),
        _ => (word, 0),
    };
    digits.parse::<u64>().ok()?.checked_mul(1 << shift)
}

/// A number of bytes in the largest unit that shows it exactly.
pub fn shown(bytes: u64) -> String {
    let units = [(50, "P"), (40, "T"), (30, "G"), (20, "M"), (10, "K")];
    let exact = |shift: u32| bytes != 0 && bytes.trailing_zeros() >= shift;
    match units.into_iter().find(|(shift, _)| exact(*shift)) {
        Some((shift, unit)) => format!("{}{unit}", bytes >> shift),
        None => bytes.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_tables_and_notes_are_told_apart() {
        let text = "# a note\nname  size  of\na  1  -\nb  2  <3\n# inside\nc  4  x\n\n\
                    kernel  7.3\ncpu     a cpu of words\n\nuse  kB\nFree  12\n";
        let blocks = parse(text);
        assert_eq!(
            blocks[0],
            Block::Notes(vec!["a note".into(), "inside".into()])
        );
        let table = table_of(&blocks, "name").unwrap();
        assert_eq!(table.rows.len(), 3);
        assert_eq!(
            table.rows[0],
            [Cell::text("a"), Cell::Number(1), Cell::None]
        );
        let pairs = all_pairs(&blocks);
        assert_eq!(value(&pairs, "cpu"), Some("a cpu of words"));
        assert_eq!(
            table_of(&blocks, "use").unwrap().rows[0][1],
            Cell::Number(12)
        );
    }

    #[test]
    fn sizes_read_as_they_are_written() {
        for (word, size) in [("64", 64), ("4K", 4096), ("1M", 1 << 20), ("2G", 2 << 30)] {
            assert_eq!(bytes(word), Some(size));
            assert_eq!(shown(size), word);
        }
        assert_eq!(bytes("K"), None);
        assert_eq!(bytes("99999999999999999P"), None);
        assert_eq!(shown(0), "0");
        assert_eq!(shown(1025), "1025");
    }
}
