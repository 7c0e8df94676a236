// SPDX-License-Identifier: GPL-2.0

//! What people and awk read from outcomes with figures in them.

mod classes;
mod made;

use made::{
    comparison, found, lent, machine, notes, ordinary, outcome, text, CMA, COHERENT, NOTHING_FOUND,
    PLAIN, WRITE_COMBINED,
};
use memlab_model::model::{
    comparison::Refused, outcome::Ending, placement::Attr, provenance::Machine, request::Refusal,
};
use memlab_model::report::{self, Findings};

/// The rows of the one table in `text`, its header first, as fields.
fn table(text: &str) -> Vec<Vec<&str>> {
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split_whitespace().collect())
        .collect()
}

#[test]
fn a_comparison_is_one_table_with_every_field_in_its_column() {
    let text = comparison(&ordinary(), Machine::Native);
    let table = table(&text);
    let header = &table[0];
    let header_line = text.lines().find(|line| !line.starts_with('#')).unwrap();
    assert_eq!(
        header.join(" "),
        "experiment size direction phase min p50 mean p90 p99 p99.9 max samples failures zone cma extents \
         window attr dma"
    );
    assert_eq!(table.len(), 1 + 8 * 2);
    for row in &table[1..] {
        assert_eq!(row.len(), header.len(), "{row:?}");
    }
    let sizes: Vec<&str> = table[1..].iter().map(|row| row[1]).collect();
    assert_eq!(sizes, [["64"; 8], ["64K"; 8]].concat());
    // Aligned: no row is longer or shorter than its header.
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        assert_eq!(line.len(), header_line.len(), "{line}");
    }
}

#[test]
fn the_figures_of_a_comparison_are_net_and_rise() {
    let mut rows = ordinary();
    rows.push(outcome(&CMA, 64, 3));
    let text = comparison(&rows, Machine::Native);
    let table = table(&text);
    for row in &table[1..] {
        let figures: Vec<u64> = [4, 5, 7, 8, 9, 10]
            .map(|at| row[at])
            .iter()
            .map(|figure| figure.strip_prefix('<').map_or(Some(*figure), |_| None))
            .map(|figure| figure.map_or(0, |ns| ns.parse().unwrap()))
            .collect();
        assert!(figures.is_sorted(), "{row:?}");
        assert_eq!(row[11], "1000");
    }
    let kmalloc = table.iter().find(|row| row[0] == "kmalloc").unwrap();
    assert_eq!(kmalloc[4], "100", "the minimum is exact, less the clock");
    let cma = table.iter().find(|row| row[0] == "cma").unwrap();
    assert_eq!(cma[4], "<22", "3 ns are below the resolution of 22");
}

#[test]
fn kinds_that_are_one_to_the_cpu_are_said_to_be() {
    let mut rows = ordinary();
    let said = |rows: &[_], on| notes(&comparison(rows, on));
    let one = "one kind of memory to the CPU here";
    assert!(!said(&rows, Machine::Native).contains(one));
    rows.push(outcome(&WRITE_COMBINED, 64, 5000));
    let merged = format!("# {one}, cached: dma-coherent, dma-wc\n");
    assert!(
        said(&rows, Machine::Native).contains(&merged),
        "{}",
        said(&rows, Machine::Native)
    );
    let caches = "an emulator models no caches";
    assert!(said(&rows, Machine::Tcg).contains(caches));
    assert!(!said(&rows, Machine::Native).contains(caches));
    rows.last_mut().unwrap().placement.attr = Attr::WriteCombined;
    assert!(!said(&rows, Machine::Native).contains(one));
}

#[test]
fn failures_and_placement_belong_to_what_acquires() {
    let mut row = outcome(&COHERENT, 4096, 500);
    row.tally.failures.add(-12, 7);
    row.tally.failures.add(-16, 2);
    row.placement.cma = Some(true);
    let text = comparison(&[row], Machine::Native);
    let table = table(&text);
    assert_eq!(
        table[1][12..].join(" "),
        "9 Normal yes 1 linear cached 0x7f000000"
    );
    assert_eq!(table[2][12..].join(" "), "0 - - - - - -");
    let notes = notes(&text);
    assert!(
        notes.contains("4K: failed: dma-coherent 7 x ENOMEM, dma-coherent 2 x EBUSY"),
        "{notes}"
    );
}

#[test]
fn an_emulator_is_labelled_wherever_its_figures_are_shown() {
    let label = "EMULATED: timings are an emulator's, not hardware's";
    let tcg = comparison(&ordinary(), Machine::Tcg);
    assert!(tcg.contains(label));
    assert!(tcg.contains("counts of an emulator, not advice for hardware"));
    let native = comparison(&ordinary(), Machine::Native);
    assert!(!native.contains("mulat"), "{native}");
    let one = outcome(&PLAIN, 64, 100);
    assert!(text(|out| report::outcome(out, &lent(&one), &machine(Machine::Tcg))).contains(label));
    assert!(text(|out| report::provenance(out, &machine(Machine::Tcg), None)).contains(label));
}

#[test]
fn what_a_table_does_not_show_is_said() {
    let mut rows = ordinary();
    rows[2].batch = 32;
    rows[0].ending = Ending::Time;
    rows[5].ending = Ending::DeviceGone;
    rows[1].tally.disturbed = 5;
    let refused = [64, 64].map(|size| Refused {
        info: &CMA,
        size,
        direction: None,
        why: Refusal::unsupported(format_args!("cma: the device has no CMA area")),
    });
    let findings = Findings {
        refused: &refused,
        ..NOTHING_FOUND
    };
    assert!(!found(&rows, &[], &findings, Machine::Native).contains("cut short"));
    let findings = Findings {
        ending: Ending::Stopped,
        ..findings
    };
    let notes = found(&rows, &[], &findings, Machine::Native);
    for said in [
        "# cut short, stopped: what is not here was not looked at",
        "# not measured: cma: the device has no CMA area",
        "which hides tails: kmalloc 64K x 32",
        "# 1 of 8 ended with their time: see samples",
        "# not finished: dma-single 64, device-gone",
        "# switched out during 5 of 8000 samples",
        "# on Linux 7.3.4+deb13-amd64 x86_64",
        "# for memlab (platform): cache-coherent",
    ] {
        assert!(notes.contains(said), "{said:?} is not in\n{notes}");
    }
    for absent in ["not measured", "batched", "ended with", "switched out"] {
        let plain = comparison(&ordinary(), Machine::Native);
        assert!(!plain.contains(absent), "{plain}");
    }
}

#[test]
fn an_outcome_shows_raw_and_net_and_its_whole_histogram() {
    let mut one = outcome(&COHERENT, 4096, 1000);
    one.tally.failures.add(-12, 3);
    let shown = text(|out| report::outcome(out, &lent(&one), &machine(Machine::Native)));
    let value = |key: &str| {
        let mut lines = shown.lines().map(|line| line.split_whitespace());
        lines.find_map(|mut words| (words.next()? == key).then(|| words.next())?)
    };
    assert_eq!(value("experiment"), Some("dma-coherent"));
    assert_eq!(value("size"), Some("4096"));
    assert_eq!(value("time_ms"), Some("1000"));
    assert_eq!(value("node"), Some("-"));
    assert_eq!(value("failures"), Some("3"));
    assert_eq!(value("window"), Some("linear"));
    assert_eq!(value("dma"), Some("0x7f000000"));
    assert_eq!(value("kernel"), Some("7.3.4+deb13-amd64"));
    assert_eq!(value("-12"), Some("ENOMEM"));
    assert!(!shown.contains("ffff8880"), "no kernel address is shown");

    let fields = |start: &str| -> Vec<&str> {
        let line = shown.lines().find(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            words.join(" ").starts_with(start)
        });
        line.unwrap().split_whitespace().collect()
    };
    assert_eq!(fields("alloc raw")[2], "1040");
    assert_eq!(fields("alloc net")[2], "1000");
    assert_eq!(fields("phase figure").len(), fields("alloc raw").len());
    assert_eq!(fields("phase figure").len(), fields("free net").len());
    // The histogram's rows hold all samples.
    let from = shown.find("# histogram").unwrap();
    let counts = shown[from..].lines().skip(2).map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(words.len(), 4, "{line}");
        words[3].parse::<u64>().unwrap()
    });
    assert_eq!(counts.sum::<u64>(), 2000);
}

#[test]
fn what_of_a_change_found_no_room_is_said() {
    let shown = |left_out| {
        let mut one = outcome(&PLAIN, 64, 100);
        one.tally.delta.taken = true;
        one.tally.delta.left_out = left_out;
        text(|out| report::outcome(out, &lent(&one), &machine(Machine::Native)))
    };
    assert!(!shown([0, 0]).contains("left out"));
    assert!(shown([2, 5])
        .contains("# left out for lack of room: 2 changes of other zones, 5 of other events\n"));
}
