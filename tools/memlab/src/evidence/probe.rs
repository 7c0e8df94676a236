// SPDX-License-Identifier: GPL-2.0

//! The module, asked by a claim: single runs, and what lies at the kernel's own addresses.

use super::{
    lab::Lab,
    look::Look,
    module::{self, Module},
    text::{all_pairs, parse, table_of, value, Block},
    walk::{self, Walk},
};
use crate::output::Table;

/// A session with the module.
pub struct Probe(Box<dyn Module>);

impl Drop for Probe {
    fn drop(&mut self) {
        // With a session it goes by itself.
        if !self.0.is_session() {
            let _ = self.0.ask("scenario", "none"); // There is nobody left to tell.
        }
    }
}

/// What came of a run.
pub struct Came {
    text: String,
    blocks: Vec<Block>,
    pairs: Vec<(String, String)>,
}

/// A device that is lent to the module.
#[derive(Clone, Debug, PartialEq)]
pub struct Lent {
    /// Its name.
    pub name: String,
    /// Its bus.
    pub bus: String,
    /// What translates its addresses, or none.
    pub iommu: String,
    /// Whether its accesses and the CPU's caches agree.
    pub coherent: bool,
}

/// A range of the kernel's addresses.
#[derive(Clone, Debug, PartialEq)]
pub struct Region {
    /// Its name.
    pub name: String,
    /// The first address.
    pub start: u64,
    /// The first behind it.
    pub end: u64,
}

fn hex(word: &str) -> Option<u64> {
    u64::from_str_radix(word.strip_prefix("0x")?, 16).ok()
}

/// The words of one column of a table.
fn column<'a>(table: &'a Table, row: &'a [crate::output::Cell], name: &str) -> String {
    let cell = table.column(name).and_then(|at| row.get(at));
    cell.map_or(String::new(), |cell| cell.csv())
}

impl Probe {
    /// Begins.
    pub fn open(lab: &Lab) -> Look<Self> {
        module::open(&lab.machine)
            .map(Self)
            .map_err(|error| error.message)
    }

    /// Runs one experiment, few times: it is asked what it gets, and not how fast.
    pub fn run(&self, line: &str) -> Look<Came> {
        let line = format!("{line} iterations=8 warmup=0 batch=1 time=2000");
        let text = self.0.ask("run", &line).map_err(|error| error.message)?;
        Ok(Came::of(&text))
    }

    /// Has a device carry memory once, which takes edu a tenth of a second.
    pub fn carry(&self, line: &str) -> Look<Came> {
        let line = format!("{line} direction=to-device iterations=1 warmup=0 time=5000");
        let text = self.0.ask("run", &line).map_err(|error| error.message)?;
        Ok(Came::of(&text))
    }

    /// Makes a state of memory, which goes when this value is dropped; what the module says of it.
    pub fn state(&self, line: &str) -> Look<Came> {
        let text = self.0.ask("scenario", line);
        text.map(|text| Came::of(&text))
            .map_err(|error| error.message)
    }

    /// Has each run of so many pages of the CMA area, one after the other, and gives all back.
    pub fn whole_area(&self, order: u32) -> Look<()> {
        self.state(&format!("fill-cma order={order} share=100"))?;
        self.state("none").map(|_| ())
    }

    /// The devices that are lent.
    pub fn devices(&self) -> Look<Vec<Lent>> {
        let text = self.0.look("device").map_err(|error| error.message)?;
        Ok(lent(&text))
    }

    /// The first device that an IOMMU translates for, or one that none does for.
    pub fn device(&self, translated: bool) -> Look<Lent> {
        let found = self.devices()?.into_iter();
        let mut found = found.filter(|lent| (lent.iommu != "none") == translated);
        found.next().ok_or_else(|| match translated {
            true => "a device behind an IOMMU that is lent (memlab lend)".into(),
            false => "a lent device that no IOMMU translates for".into(),
        })
    }

    /// The ranges of the kernel's addresses.
    pub fn regions(&self) -> Look<Vec<Region>> {
        let text = self.0.look("layout").map_err(|error| error.message)?;
        Ok(regions(&text))
    }

    /// One of them.
    pub fn region(&self, name: &str) -> Look<Region> {
        let mut found = self.regions()?.into_iter();
        let found = found.find(|region| region.name == name);
        found.ok_or_else(|| format!("a region {name} in the module's layout"))
    }

    /// What lies at an address of the kernel's.
    pub fn at(&self, address: u64) -> Look<Walk> {
        walk::walk(&*self.0, &[], address, None).map_err(|error| error.message)
    }

    /// The way of an address of a process.
    pub fn of(&self, address: u64, pid: u32) -> Look<Walk> {
        walk::walk(&*self.0, &[], address, Some(pid)).map_err(|error| error.message)
    }
}

/// The physical address that a walk ends at.
pub fn phys(walk: &Walk) -> Option<u64> {
    hex(walk.phys.as_deref()?)
}

impl Came {
    fn of(text: &str) -> Self {
        let blocks = parse(text);
        let pairs = all_pairs(&blocks);
        Self {
            text: text.to_owned(),
            blocks,
            pairs,
        }
    }

    /// What stands behind a word; `-` where nothing does.
    pub fn word(&self, key: &str) -> &str {
        value(&self.pairs, key).unwrap_or("-")
    }

    /// A number, decimal or hexadecimal.
    pub fn number(&self, key: &str) -> Look<u64> {
        let word = self.word(key);
        let parsed = hex(word).or_else(|| word.parse().ok());
        parsed.ok_or_else(|| format!("{key} in the module's outcome, which says {word}"))
    }

    /// What the first operation of a phase changed in a column of the free lists, over all zones.
    pub fn changed(&self, phase: &str, name: &str) -> i64 {
        // It stands among pairs, right behind them: no empty line makes a table of it.
        let mut lines = self
            .text
            .lines()
            .skip_while(|line| !line.starts_with("step "));
        let header: Vec<&str> = lines.next().unwrap_or("").split_whitespace().collect();
        let Some(at) = header.iter().position(|word| *word == name) else {
            return 0;
        };
        let rows = lines.map(|line| line.split_whitespace().collect::<Vec<_>>());
        rows.take_while(|row| row.len() == header.len())
            .filter(|row| row[0] == phase)
            .filter_map(|row| row[at].parse::<i64>().ok())
            .sum()
    }

    /// The median of a phase, net, in ns: 0 where it is below what can be told.
    pub fn median(&self, phase: &str) -> u64 {
        let Some(table) = table_of(&self.blocks, "phase") else {
            return 0;
        };
        let mut rows = table.rows.iter();
        let found = rows.find(|row| {
            column(table, row, "phase") == phase && column(table, row, "figure") == "net"
        });
        found.map_or(0, |row| column(table, row, "p50").parse().unwrap_or(0))
    }
}

fn lent(text: &str) -> Vec<Lent> {
    let blocks = parse(text);
    let Some(table) = table_of(&blocks, "device") else {
        return Vec::new();
    };
    let rows = table.rows.iter().map(|row| Lent {
        name: column(table, row, "device"),
        bus: column(table, row, "bus"),
        iommu: column(table, row, "iommu"),
        coherent: column(table, row, "coherent") == "yes",
    });
    rows.collect()
}

fn regions(text: &str) -> Vec<Region> {
    let blocks = parse(text);
    let Some(table) = table_of(&blocks, "start") else {
        return Vec::new();
    };
    let rows = table.rows.iter().filter_map(|row| {
        Some(Region {
            name: column(table, row, "region"),
            start: hex(&column(table, row, "start"))?,
            end: hex(&column(table, row, "end"))?,
        })
    });
    rows.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_says_where_it_was_and_what_it_changed() {
        let came = Came::of(
            "experiment    pages\nzone          DMA\nphys          0x400000\nclass         -\n\n\
             phase      figure       min       p50       p90       max\n\
             alloc      net           10        20        30        40\n\
             free       net           10       <20        30        40\n\n\
             first_alloc_ns 80\n\
             step     node zone         free      pcp  order4 order10\n\
             alloc       0 DMA           -16        0      +1      -1\n\
             free        0 DMA           +16        0      -1      +1\n\
             event                          step       change\n",
        );
        assert_eq!((came.word("zone"), came.word("class")), ("DMA", "-"));
        assert_eq!(came.number("phys"), Ok(0x40_0000));
        assert!(came.number("zone").is_err());
        let changed = |phase, name| came.changed(phase, name);
        assert_eq!(
            (changed("alloc", "order10"), changed("free", "free")),
            (-1, 16)
        );
        assert_eq!((came.median("alloc"), came.median("free")), (20, 0));
    }

    #[test]
    fn devices_and_regions_are_rows() {
        let found = lent(
            "# lent now\n\
             device           bus      coherent           dma_mask    iommu max_mapping\n\
             memlab           platform      yes 0xffffffffffffffff     none   unlimited\n\
             0000:00:01.0     pci            no          0xfffffff   DMA-FQ   unlimited\n",
        );
        assert_eq!(found.len(), 2);
        assert_eq!((&*found[1].iommu, found[1].coherent), ("DMA-FQ", false));
        let found = regions(
            "             start                end   size region         log2  holds meaning\n\
             0xffffc90000000000 0xffffe90000000000    32T vmalloc        ####  stack pages of it\n\
             0xffff888000000000 0xffff88807ffe0000  2047M linear         ##    -     all low memory\n",
        );
        assert_eq!(
            (&*found[1].name, found[1].start),
            ("linear", 0xffff_8880_0000_0000)
        );
    }
}
