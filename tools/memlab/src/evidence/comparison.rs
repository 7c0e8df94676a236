// SPDX-License-Identifier: GPL-2.0

//! A comparison as the module tells it: what it says first, its table, and what follows.

use super::{
    outcome::Figure,
    text::bytes, //
};
use crate::{
    error::{Error, Kind, Result},
    output::{fold, Cell, Table},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The columns with figures.
pub const FIGURES: [&str; 6] = ["min", "p50", "p90", "p99", "p99.9", "max"];

/// One phase of one way at one size.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Row {
    /// The experiment.
    pub experiment: String,
    /// Bytes.
    pub size: u64,
    /// Which way the bytes go, where that means something.
    pub direction: Option<String>,
    /// The phase.
    pub phase: String,
    /// The figures, in the order of [`FIGURES`]; none without samples.
    pub figures: Vec<Figure>,
    /// How many samples.
    pub samples: u64,
    /// Operations that failed.
    pub failures: u64,
    /// All other columns, by their names.
    pub facts: Vec<(String, Cell)>,
}

impl Row {
    /// One of [`FIGURES`].
    pub fn figure(&self, name: &str) -> Option<Figure> {
        let at = FIGURES.iter().position(|figure| *figure == name)?;
        self.figures.get(at).copied()
    }

    /// The mean, over rounds of which the lowest and the highest are left out.
    pub fn mean(&self) -> Option<Figure> {
        let (_, cell) = self.facts.iter().find(|(name, _)| name == "mean")?;
        Figure::parse(&cell.csv())
    }

    /// What it is, for a line of a list.
    pub fn name(&self) -> String {
        let direction = self.direction.as_ref().map(|word| format!(" {word}"));
        format!(
            "{} {}{} {}",
            self.experiment,
            super::text::shown(self.size),
            direction.unwrap_or_default(),
            self.phase
        )
    }
}

/// All of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Comparison {
    /// What stands above the table, without `#`: the answer.
    pub answer: Vec<String>,
    /// The table.
    pub rows: Vec<Row>,
    /// What stands under it.
    pub notes: Vec<String>,
}

impl Comparison {
    /// The sentences of the answer, each in lines of at most so many columns; empty lines have no
    /// room on one screen.
    pub fn sentences(&self, columns: usize) -> Vec<String> {
        let about_figures = |line: &&String| !line.starts_with("ns per operation");
        self.answer
            .iter()
            .filter(about_figures)
            .filter(|line| !line.is_empty())
            .flat_map(|line| fold(line, columns))
            .collect()
    }
}

/// What a way costs at one size, as the module ranks it: all of it, later costs too.
#[derive(Clone, Debug, PartialEq)]
pub struct Rank {
    /// The experiment.
    pub experiment: String,
    /// Bytes.
    pub size: u64,
    /// Which way the bytes go; none for what gets memory.
    pub direction: Option<String>,
    /// What it costs.
    pub cost: Figure,
    /// How many steps that can be told stand before it: what has the same cannot be told apart.
    pub step: usize,
}

impl Rank {
    /// What it is, for a line of a list.
    pub fn name(&self) -> String {
        let size = super::text::shown(self.size);
        let direction = self.direction.as_deref().unwrap_or("memory");
        format!("{} {size} {direction} mean of all", self.experiment)
    }
}

impl Comparison {
    /// The module's rankings, each with its cheapest first.
    pub fn ranks(&self) -> Vec<Rank> {
        self.notes
            .iter()
            .flat_map(|note| ranking(note).unwrap_or_default())
            .collect()
    }
}

/// "64 to-device: dma-copy 179 ~ dma-sync <1090 < dma-sg 1526", or "64: to get memory: ..."
fn ranking(note: &str) -> Option<Vec<Rank>> {
    let (place, list) = note.split_once(": ")?;
    let (size, direction) = match place.split_once(' ') {
        Some((size, direction)) if direction.ends_with("-device") => (size, Some(direction)),
        Some((size, "bidirectional")) => (size, Some("bidirectional")),
        Some(_) => return None,
        None => (place, None),
    };
    let size = bytes(size)?;
    let list = match direction {
        Some(_) => list,
        None => list.strip_prefix("to get memory: ")?,
    };
    let mut ranks = Vec::new();
    for (step, alike) in list.split(" < ").enumerate() {
        for pair in alike.split(" ~ ") {
            // What follows the last figure is no pair of a name and a figure.
            let mut words = pair.split(' ');
            let pair = words.next().zip(words.next());
            let Some((name, cost)) = pair
                .and_then(|(name, word)| Some((name, Figure::parse(word.trim_end_matches(':'))?)))
            else {
                return Some(ranks);
            };
            ranks.push(Rank {
                experiment: name.to_owned(),
                size,
                direction: direction.map(str::to_owned),
                cost,
                step,
            });
        }
    }
    Some(ranks)
}

/// Reads the module's file `compare`.
pub fn read(text: &str) -> Result<Comparison> {
    let note = |line: &str| {
        let line = line.strip_prefix('#').unwrap_or(line);
        line.strip_prefix(' ').unwrap_or(line).to_owned()
    };
    let strange = || {
        Error::new(
            Kind::Version,
            "the module's comparison has no table: it is older or newer",
        )
    };
    let lines: Vec<&str> = text.lines().collect();
    let at = lines
        .iter()
        .position(|line| line.starts_with("experiment "));
    let header = at.ok_or_else(strange)?;
    let last = lines
        .iter()
        .rposition(|line| !line.is_empty() && !line.starts_with('#'));
    let last = last.unwrap_or(header);
    let columns: Vec<&str> = lines[header].split_whitespace().collect();
    let data = lines[header + 1..=last]
        .iter()
        .filter(|line| !line.starts_with('#'));
    let rows = data
        .filter(|line| !line.is_empty())
        .map(|line| row(&columns, line));
    Ok(Comparison {
        answer: lines[..header].iter().map(|line| note(line)).collect(),
        rows: rows.collect::<Option<_>>().ok_or_else(strange)?,
        notes: lines[last + 1..].iter().map(|line| note(line)).collect(),
    })
}

fn row(columns: &[&str], line: &str) -> Option<Row> {
    let words: Vec<&str> = line.split_whitespace().collect();
    if words.len() != columns.len() {
        return None;
    }
    let word = |name: &str| {
        let at = columns.iter().position(|column| *column == name)?;
        Some(words[at])
    };
    let known = [
        "experiment",
        "size",
        "direction",
        "phase",
        "samples",
        "failures",
    ];
    Some(Row {
        experiment: word("experiment")?.to_owned(),
        size: bytes(word("size")?)?,
        direction: word("direction")
            .filter(|word| *word != "-")
            .map(str::to_owned),
        phase: word("phase")?.to_owned(),
        figures: FIGURES
            .iter()
            .map_while(|name| Figure::parse(word(name)?))
            .collect(),
        samples: word("samples")?.parse().ok()?,
        failures: word("failures")?.parse().ok()?,
        facts: columns
            .iter()
            .zip(&words)
            .filter(|(name, _)| !known.contains(name) && !FIGURES.contains(name))
            .map(|(name, word)| ((*name).to_owned(), Cell::parse(word)))
            .collect(),
    })
}

/// The rows for CSV, with these percentiles, or, where none are asked for, with all.
pub fn table(rows: &[Row], percentiles: &[f64]) -> Table {
    let asked: Vec<String> = percentiles.iter().map(|at| format!("p{at}")).collect();
    let shown = |name: &&str| {
        asked.is_empty() || !name.starts_with('p') || asked.iter().any(|word| word == name)
    };
    let figures: Vec<&str> = FIGURES.into_iter().filter(shown).collect();
    let mut columns: Vec<String> = ["experiment", "size", "direction", "phase"]
        .map(str::to_owned)
        .to_vec();
    columns.extend(figures.iter().map(|name| (*name).to_owned()));
    columns.extend(["samples", "failures"].map(str::to_owned));
    if let Some(first) = rows.first() {
        columns.extend(first.facts.iter().map(|(name, _)| name.clone()));
    }
    let rows = rows.iter().map(|row| {
        let mut cells = vec![
            Cell::text(&*row.experiment),
            Cell::Number(row.size),
            row.direction.clone().into(),
            Cell::text(&*row.phase),
        ];
        let cell = |name: &&str| row.figure(name).map_or(Cell::None, Figure::cell);
        cells.extend(figures.iter().map(cell));
        cells.extend([Cell::Number(row.samples), Cell::Number(row.failures)]);
        cells.extend(row.facts.iter().map(|(_, cell)| cell.clone()));
        cells
    });
    Table {
        rows: rows.collect(),
        columns,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# first\n#   second\n\
        experiment size direction phase min p50 p90 p99 p99.9 max samples failures zone dma\n\
        # 64\n\
        dma-single 64 to-device map <5 9 10 11 12 13 100 2 DMA32 0x10\n\
        # 4K\n\
        kmalloc 4K - alloc - - - - - - 0 0 - -\n\
        #\n# note\n";

    #[test]
    fn answer_table_and_notes_are_apart() {
        let read = read(TEXT).unwrap();
        assert_eq!(read.answer, ["first", "  second"]);
        assert_eq!(read.notes, ["", "note"]);
        let [map, alloc] = &read.rows[..] else {
            panic!("{:?}", read.rows);
        };
        assert_eq!(map.figure("min"), Some(Figure::Below(5)));
        assert_eq!(map.figure("p99.9"), Some(Figure::Ns(12)));
        assert_eq!((map.samples, map.failures), (100, 2));
        assert_eq!(map.facts[0], ("zone".into(), Cell::text("DMA32")));
        assert_eq!((alloc.size, alloc.figure("p50")), (4096, None));
        assert_eq!(map.name(), "dma-single 64 to-device map");
    }

    #[test]
    fn the_sentences_are_what_the_module_says_first() {
        let text = TEXT.replace("# first", "# ns per operation, net\n# first, and more");
        let sentences = read(&text).unwrap().sentences(10);
        assert_eq!(sentences, ["first, and", "  more", "  second"]);
    }

    #[test]
    fn a_ranking_is_read_as_far_as_it_goes() {
        let ranks =
            ranking("4K to-device: dma-single 412 ~ dma-sync <3056 < dma-copy 9: map it").unwrap();
        let all: Vec<_> = ranks
            .iter()
            .map(|rank| (rank.experiment.as_str(), rank.cost, rank.step))
            .collect();
        let want = [
            ("dma-single", Figure::Ns(412), 0),
            ("dma-sync", Figure::Below(3056), 0),
            ("dma-copy", Figure::Ns(9), 1),
        ];
        assert_eq!(all, want);
        assert_eq!(ranks[0].name(), "dma-single 4K to-device mean of all");
        let memory = ranking("64: to get memory: kmalloc 1085 ~ kvmalloc 1710").unwrap();
        assert_eq!((memory.len(), memory[0].direction.as_deref()), (2, None));
        assert!(ranking("64: came from: kmalloc buddy (DMA32)").is_none());
        assert!(ranking("batched, a sample is the mean: kmalloc 64 x 16").is_none());
    }

    #[test]
    fn a_row_that_is_cut_short_is_refused() {
        let cut = TEXT.replace(" 100 2 DMA32 0x10", "");
        assert_eq!(super::read(&cut).unwrap_err().kind, Kind::Version);
        assert_eq!(
            super::read("# nothing yet\n").unwrap_err().kind,
            Kind::Version
        );
    }
}
