// SPDX-License-Identifier: GPL-2.0

//! Every face of a view, word for word: it is measured through a mapping, so that no folder of files
//! can stand for a machine.

use super::*;
use crate::{
    evidence::view::Speed,
    output::{csv, ktap},
};

fn exact(median: f64) -> Figure {
    Figure {
        median,
        low: median - 1.0,
        high: median + 2.0,
        rounds: 7,
    }
}

const NONE: Figure = Figure {
    median: 0.0,
    low: 0.0,
    high: 0.0,
    rounds: 0,
};

fn seen(kind: &'static str, attr: &'static str, mbs: f64, needs: Option<bool>) -> View {
    let speed = |by: f64| Speed {
        word: exact(mbs),
        line: exact(mbs * 2.0),
        memcpy: exact(mbs * by),
    };
    View {
        kind,
        attr: Some(attr),
        kernel_attr: (kind != ORDINARY).then_some(attr),
        zone: "Normal".into(),
        extents: u32::from(kind != ORDINARY),
        fault_ns: exact(812.0),
        write: speed(3.0),
        read: speed(4.0),
        latency_ns: exact(91.0),
        needs_sync: needs,
        because: match needs {
            Some(true) => "caches not seen",
            Some(false) => "shared",
            None => "no device",
        },
        sync_ns: match kind {
            ORDINARY => NONE,
            _ => exact(655.0),
        },
    }
}

/// A board whose device the caches do not follow.
fn board() -> Viewed {
    Viewed {
        device: Whose {
            name: "memlab".into(),
            coherent: Some(false),
            machine: "native".into(),
        },
        bytes: 262_144,
        views: vec![
            seen(ORDINARY, "cached", 2000.0, None),
            seen("pages", "cached", 1990.0, Some(true)),
            seen("coherent", "uncached", 45.0, Some(false)),
            seen("wc", "write-combined", 310.0, Some(false)),
        ],
        missing: vec![Missing {
            kind: "cma",
            why: "kind=2: the device has no CMA area, or it is not known which".into(),
        }],
    }
}

#[test]
fn a_board_has_three_kinds() {
    let text = board().text();
    assert_eq!(text, BOARD, "{text}");
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

#[test]
fn where_all_are_one_kind_it_says_so() {
    let mut viewed = board();
    viewed.device.coherent = Some(true);
    viewed.device.machine = "tcg".into();
    for view in &mut viewed.views {
        view.attr = Some("cached");
        view.needs_sync = (view.kind != "pages").then_some(false);
    }
    let text = viewed.text();
    assert!(
        text.starts_with(
            "One kind of memory to a program here: cached, by its page tables. No kind is\n"
        ),
        "{text}"
    );
    assert!(text.contains("Not told for pages: an IOMMU"), "{text}");
    assert!(text.contains("\nEMULATED: QEMU models no caches"), "{text}");
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

#[test]
fn the_longest_words_have_room() {
    let mut viewed = board();
    let widest = seen("noncontiguous", "write-combined", 12_345.0, Some(true));
    viewed.views.push(widest);
    for line in viewed.text().lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

#[test]
fn every_figure_has_its_noise() {
    let rows = csv(&board().tables()).unwrap();
    assert_eq!(rows.lines().count(), 1 + 4 * 9);
    assert!(
        rows.contains("\ncoherent,uncached,uncached,no,read_word,MB/s,45,44,47,7\n"),
        "{rows}"
    );
}

#[test]
fn what_a_program_has_is_what_the_kernel_meant() {
    let mut viewed = board();
    assert_eq!(
        ktap(&viewed.checks()),
        "KTAP version 1\n1..4\n\
         ok 1 pages: program and kernel reach it alike # program cached, kernel cached\n\
         ok 2 coherent: program and kernel reach it alike # program uncached, kernel uncached\n\
         ok 3 wc: program and kernel reach it alike # program write-combined, kernel \
         write-combined\n\
         ok 4 cma # SKIP kind=2: the device has no CMA area, or it is not known which\n"
    );
    // The control: a program that has in the caches what the kernel has not.
    viewed.views[2].attr = Some("cached");
    assert!(ktap(&viewed.checks()).contains("not ok 2 coherent"));
}

const BOARD: &str = "\
3 kinds of memory to a program, by its page tables: cached: pages; uncached:
  coherent; write-combined: wc. A sync is needed for pages: caches not seen.

256K of each for memlab (not cache-coherent)

kind      program         kernel          zone    extents  sync
ordinary  cached          -               Normal        -  -
pages     cached          cached          Normal        1  yes
coherent  uncached        uncached        Normal        1  no
wc        write-combined  write-combined  Normal        1  no

MB/s written and read by word, by 64 bytes, by memcpy; ns for a read that waits
for the one before it, the first touch of a page, a sync to and fro: medians
kind      w:word  w:64  w:cpy  r:word  r:64  r:cpy  read  fault  sync
ordinary    2000  4000   6000    2000  4000   8000    91    812     -
pages       1990  3980   5970    1990  3980   7960    91    812   655
coherent      45    90    135      45    90    180    91    812   655
wc           310   620    930     310   620   1240    91    812   655

cma: kind=2: the device has no CMA area, or it is not known which
";
