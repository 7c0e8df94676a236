// SPDX-License-Identifier: GPL-2.0

//! Every face of a walk, word for word: its structure comes through an ioctl, so that no folder of
//! files can stand for a machine.

use super::*;
use crate::{
    evidence::walk::{Area, Page, Swap},
    output::{csv, ktap},
};

fn entry(table: &'static str, level: u32, index: u32, shift: u32, raw: &str, to: &str) -> Entry {
    Entry {
        table,
        level,
        index,
        bytes: 1 << shift,
        at: format!("{:#x}", 0x1000 * u64::from(level) + u64::from(index) * 8),
        entry: raw.into(),
        hardware: None,
        says: vec!["present", "write", "user", "accessed"],
        lacks: vec!["execute"],
        attr: (level == 1).then_some("cached"),
        leads_to: (!to.is_empty()).then(|| to.into()),
    }
}

/// A page of a process's heap.
fn heap() -> Walk {
    Walk {
        address: "0x7f0012345678".into(),
        pid: Some(42),
        kernel: false,
        area: Some(Area {
            start: "0x7f0012345000".into(),
            end: "0x7f0012366000".into(),
            permissions: "rw-p".into(),
            name: "[heap]".into(),
        }),
        entries: vec![
            entry("pgd", 4, 254, 39, "0x1234067", "0x1234000"),
            entry("pte", 1, 69, 12, "0x80000000dead5067", "0xdead5000"),
        ],
        found: "page",
        phys: Some("0xdead5678".into()),
        page: Some(Page {
            kind: "anonymous",
            flags: vec!["uptodate", "lru", "anon", "swapbacked"],
            refcount: 1,
            mapcount: 1,
            order: 0,
            zone: "DMA32".into(),
            node: 0,
            generation: Some(2),
            cma: Some(false),
        }),
        swap: None,
    }
}

/// The same page, taken out of memory.
fn swapped() -> Walk {
    let mut walk = heap();
    walk.found = "swap";
    (walk.phys, walk.page) = (None, None);
    walk.swap = Some(Swap {
        area: 0,
        offset: 77,
    });
    if let Some(last) = walk.entries.last_mut() {
        (last.says, last.lacks, last.leads_to) = (vec![], vec!["present"], None);
        last.attr = None;
    }
    walk
}

fn one(walk: Walk) -> Walked {
    Walked {
        each_area: false,
        walks: vec![walk],
    }
}

#[test]
fn the_way_to_a_page_is_a_tree() {
    assert_eq!(
        one(heap()).text(),
        "\
0x7f0012345678 of process 42 is anonymous memory at 0xdead5678,
  in a page of 4K, zone DMA32 of node 0
  in 0x7f0012345000-7f0012366000 rw-p [heap]

pgd[254]  0x1234067          rw- user accessed
\u{2514}\u{2500} pte[69]   0x80000000dead5067 rw- user accessed
   \u{2514}\u{2500} 0xdead5000, 4K, cached
      anonymous order 0, references 1, mapped 1, generation 2
      uptodate lru anon swapbacked
"
    );
}

#[test]
fn a_page_in_swap_says_where() {
    let text = one(swapped()).text();
    assert!(
        text.starts_with("0x7f0012345678 of process 42 is in swap area 0, at page 77\n"),
        "{text}"
    );
    assert!(
        text.contains("pte[69]   0x80000000dead5067 empty\n"),
        "{text}"
    );
}

#[test]
fn each_area_is_a_row_of_eighty_columns() {
    let walked = Walked {
        each_area: true,
        walks: vec![heap(), swapped()],
    };
    let text = walked.text();
    assert!(
        text.starts_with("of 2 areas, 1 have a page at their first address\n\n"),
        "{text}"
    );
    assert!(
        text.lines().all(|line| line.chars().count() <= 80),
        "{text}"
    );
}

#[test]
fn a_row_is_an_entry() {
    assert_eq!(
        csv(&one(heap()).tables()).unwrap(),
        "\
address,table,level,index,at,entry,says,leads_to,found
0x7f0012345678,pgd,4,254,0x47f0,0x1234067,present write user accessed,0x1234000,page
0x7f0012345678,pte,1,69,0x1228,0x80000000dead5067,present write user accessed,0xdead5000,page
"
    );
    assert_eq!(
        ktap(&one(swapped()).checks()),
        "KTAP version 1\n1..1\nok 1 walk 0x7f0012345678 # swap\n"
    );
}

#[test]
fn a_document_leaves_out_what_there_is_not() {
    let document = serde_json::to_value(one(swapped())).unwrap();
    let walk = &document["walks"][0];
    assert_eq!(walk["swap"]["offset"], 77);
    assert_eq!(walk["entries"][1]["says"], serde_json::json!([]));
    assert!(walk.get("page").is_none() && walk.get("phys").is_none());
}
