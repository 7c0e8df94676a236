// SPDX-License-Identifier: GPL-2.0

//! What people and awk read from outcomes with figures in them.

mod made;

use made::{
    directed, machine, outcome, text, CMA, COHERENT, COPY, NONCOHERENT, PLAIN, SG, SINGLE, VMALLOC,
    WRITE_COMBINED,
};
use memlab_model::model::{
    cost::{BreakEven, Largest},
    outcome::{Ending, Outcome, Tally},
    placement::Attr,
    provenance::Machine,
    request::{Direction, Info, Refusal},
    text::Text,
};
use memlab_model::report::{self, Findings};

const NOTHING_FOUND: Findings = Findings {
    refused: &[],
    break_even: &[],
    largest: None,
    ending: Ending::Complete,
};

fn comparison(rows: &[Outcome<Box<Tally>>], on: Machine) -> String {
    found(rows, &[], &NOTHING_FOUND, on)
}

fn found(
    rows: &[Outcome<Box<Tally>>],
    direct: &[Outcome<Box<Tally>>],
    found: &Findings,
    on: Machine,
) -> String {
    text(|out| report::comparison(out, rows.iter(), direct.iter(), found, &machine(on)))
}

/// The rows of the one table in `text`, its header first, as fields.
fn table(text: &str) -> Vec<Vec<&str>> {
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split_whitespace().collect())
        .collect()
}

fn notes(text: &str) -> String {
    let notes = text.lines().filter(|line| line.starts_with('#'));
    notes.collect::<Vec<_>>().join("\n")
}

fn ordinary() -> Vec<Outcome<Box<Tally>>> {
    let mut rows = Vec::new();
    for size in [65536, 64] {
        rows.push(outcome(&COHERENT, size, 5000));
        rows.push(outcome(&SINGLE, size, 300));
        rows.push(outcome(&PLAIN, size, 100));
        rows.push(outcome(&VMALLOC, size, 2000));
    }
    rows
}

#[test]
fn a_comparison_is_one_table_with_every_field_in_its_column() {
    let text = comparison(&ordinary(), Machine::Native);
    let table = table(&text);
    let header = &table[0];
    assert_eq!(
        header.join(" "),
        "experiment size direction phase min p50 p90 p99 p99.9 max samples failures zone cma extents \
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
        assert_eq!(line.len(), text.lines().nth(1).unwrap().len(), "{line}");
    }
}

#[test]
fn the_figures_of_a_comparison_are_net_and_rise() {
    let mut rows = ordinary();
    rows.push(outcome(&CMA, 64, 3));
    let text = comparison(&rows, Machine::Native);
    let table = table(&text);
    for row in &table[1..] {
        let figures: Vec<u64> = (row[4..10].iter())
            .map(|figure| figure.strip_prefix('<').map_or(Some(*figure), |_| None))
            .map(|figure| figure.map_or(0, |ns| ns.parse().unwrap()))
            .collect();
        assert!(figures.is_sorted(), "{row:?}");
        assert_eq!(row[10], "1000");
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
        table[1][11..].join(" "),
        "9 Normal yes 1 linear cached 0x7f000000"
    );
    assert_eq!(table[2][11..].join(" "), "0 - - - - - -");
    let notes = notes(&text);
    assert!(
        notes.contains("4K: failed: dma-coherent 7 x ENOMEM, dma-coherent 2 x EBUSY"),
        "{notes}"
    );
}

#[test]
fn advice_ranks_memory_and_sets_streaming_against_coherent() {
    let notes = notes(&comparison(&ordinary(), Machine::Native));
    for said in [
        "# 64: to get memory: kmalloc 20",
        " < vmalloc ",
        " < dma-coherent ",
        "# 64 bidirectional: dma-single 6",
        " < dma-coherent 10",
        ": allocate coherent once and keep it",
        "# 64K: came from: dma-coherent buddy (Normal)",
    ] {
        assert!(notes.contains(said), "{said:?} is not in\n{notes}");
    }
}

#[test]
fn advice_follows_the_figures() {
    let cheap = [outcome(&COHERENT, 64, 300), outcome(&SINGLE, 64, 5000)];
    let cheap = comparison(&cheap, Machine::Native);
    assert!(cheap.contains("allocating for each transfer is cheaper than mapping"));
    let even = [outcome(&COHERENT, 64, 1000), outcome(&SINGLE, 64, 1040)];
    let even = comparison(&even, Machine::Native);
    assert!(even.contains("neither is cheaper per transfer"), "{even}");
    // What was not measured is neither better nor worse.
    let mapped = || outcome(&SINGLE, 64, 1000);
    let alone = comparison(&[mapped()], Machine::Native);
    assert!(
        alone.contains("# 64 bidirectional: dma-single 2"),
        "{alone}"
    );
    assert!(!alone.contains("map your buffer") && !alone.contains("allocate coherent"));
    let mut copied = outcome(&COPY, 64, 5000);
    directed(&mut copied, mapped().request.direction());
    let copied = comparison(&[mapped(), copied], Machine::Native);
    assert!(
        copied.contains(": map your buffer for each transfer\n"),
        "{copied}"
    );
    let alike = [outcome(&PLAIN, 64, 1000), outcome(&VMALLOC, 64, 1040)];
    let alike = comparison(&alike, Machine::Native);
    assert!(
        alike.contains("kmalloc 20") && alike.contains(" ~ vmalloc 20"),
        "{alike}"
    );
    // CMA pages have no DMA address: they are no alternative to a mapping.
    let pages = [outcome(&CMA, 64, 10), outcome(&SINGLE, 64, 5000)];
    assert!(!comparison(&pages, Machine::Native).contains("cma 20 <"));
}

fn to(info: &'static Info, direction: Direction, net: u64) -> Outcome<Box<Tally>> {
    let mut row = outcome(info, 64, net);
    directed(&mut row, direction);
    row.placement.dma = Some(0x7f00_0000);
    row
}

#[test]
fn memory_that_is_synced_or_that_only_the_device_sees_is_no_match_for_a_map() {
    let mut rows = vec![outcome(&PLAIN, 64, 10)];
    for direction in [Direction::ToDevice, Direction::FromDevice] {
        rows.push(to(&NONCOHERENT, direction, 100));
        rows.push(to(&SINGLE, direction, 1000));
    }
    rows[3].tally.failures.add(-12, 7);
    rows.push(outcome(&COHERENT, 64, 100));
    rows[5].placement.virt = 0;
    let text = comparison(&rows, Machine::Native);
    let alone = text.lines().filter(|line| {
        line.starts_with("# 64 to-device: dma-single 2")
            || line.starts_with("# 64 from-device: dma-s")
    });
    assert!(
        alone.clone().count() == 2 && alone.clone().all(|line| !line.contains("oheren")),
        "{text}"
    );
    // It is memory all the same, each kind named once.
    let memory = text
        .lines()
        .find(|line| line.contains("to get memory"))
        .unwrap();
    assert_eq!(memory.matches("dma-noncoherent").count(), 1, "{memory}");
    assert_eq!(text.matches("dma-noncoherent buddy").count(), 1, "{text}");
    assert!(
        text.contains("failed: dma-noncoherent from-device 7 x ENOMEM"),
        "{text}"
    );

    // With its virtual address coherent memory is one.
    rows[5].placement.virt = rows[0].placement.virt;
    let text = comparison(&rows, Machine::Native);
    assert!(text.contains("# 64 to-device: dma-coherent 2"), "{text}");
}

#[test]
fn advice_is_given_for_each_direction() {
    let rows = [
        outcome(&COHERENT, 64, 5000),
        to(&SINGLE, Direction::ToDevice, 1000),
        to(&COPY, Direction::ToDevice, 100),
        to(&SINGLE, Direction::FromDevice, 100),
        to(&COPY, Direction::FromDevice, 1000),
    ];
    let text = comparison(&rows, Machine::Native);
    let said = |start: &str, end: &str| {
        let mut lines = text.lines();
        lines.any(|line| line.starts_with(start) && line.ends_with(end))
    };
    assert!(
        said(
            "# 64 to-device: dma-copy ",
            "copy through a coherent buffer that you keep"
        ),
        "{text}"
    );
    assert!(
        said(
            "# 64 from-device: dma-single ",
            "allocate coherent once and keep it"
        ),
        "{text}"
    );
    assert!(!text.contains("bidirectional"), "{text}");
}

#[test]
fn what_stands_between_is_charged_for() {
    let mut row = outcome(&SINGLE, 4096, 2000);
    row.device.as_mut().unwrap().iommu = "DMA-FQ";
    row.device.as_mut().unwrap().name = Text::new("0000:00:01.0");
    let direct = outcome(&SINGLE, 4096, 300);
    let rows = [row];
    let text = found(&rows, &[direct], &NOTHING_FOUND, Machine::Native);
    assert!(
        notes(&text).contains("dma-single takes 40")
            && text.contains("on 0000:00:01.0 (IOMMU DMA-FQ), 6")
            && text.contains(" more\n"),
        "{text}"
    );
    // As much more at most, where one of them is somewhere between nothing and the resolution.
    let hidden = || outcome(&SINGLE, 4096, 0);
    let text = found(&rows, &[hidden()], &NOTHING_FOUND, Machine::Native);
    assert!(
        text.contains(": up to 40") && text.contains(" more\n"),
        "{text}"
    );
    let mut half = outcome(&SINGLE, 4096, 2000);
    half.device.as_mut().unwrap().iommu = "DMA-FQ";
    half.tally.phases[1] = outcome(&SINGLE, 4096, 0).tally.phases[1].clone();
    let text = found(&[half], &[hidden()], &NOTHING_FOUND, Machine::Native);
    assert!(
        text.contains(": up to 20") && text.contains(" more\n"),
        "{text}"
    );
    let alike = outcome(&SINGLE, 4096, 2010);
    let text = found(&rows, &[alike], &NOTHING_FOUND, Machine::Native);
    assert!(text.contains("cannot be told apart\n"), "{text}");

    // A bounce buffer costs by the byte; without one nothing is said.
    let mut rows = Vec::new();
    for (size, net) in [(4096, 1000), (16384, 4000), (65536, 16000)] {
        for info in [&SINGLE, &SG] {
            for direction in [Direction::ToDevice, Direction::FromDevice] {
                let mut row = outcome(info, size, net);
                directed(&mut row, direction);
                rows.push(row);
            }
        }
    }
    assert!(!comparison(&rows, Machine::Native).contains("each KiB"));
    for row in &mut rows {
        row.placement.bounced = Some(true);
    }
    let text = comparison(&rows, Machine::Native);
    assert!(
        text.contains("copied to a bounce buffer and back, 5")
            && text.contains("between 4K and 64K"),
        "{text}"
    );
    let each: Vec<_> = text
        .lines()
        .filter(|line| line.contains("each KiB"))
        .collect();
    assert_eq!(
        each.len(),
        4,
        "each of both in each direction, once: {each:?}"
    );
    for row in &mut rows {
        row.placement.bounced = Some(false);
        row.device.as_mut().unwrap().coherent = false;
    }
    assert!(comparison(&rows, Machine::Native).contains("caches are cleaned or invalidated, 5"));
}

#[test]
fn findings_are_told_as_they_are() {
    let told = |copied, mapped| {
        let mut even = BreakEven::new(Direction::ToDevice, &SINGLE, &COPY);
        (even.copied, even.mapped, even.tried) = (copied, mapped, 1 << 20);
        let findings = Findings {
            break_even: &[even],
            ..NOTHING_FOUND
        };
        found(&ordinary(), &[], &findings, Machine::Native)
    };
    assert!(told(Some(1024), Some(4096)).contains(
        "# to-device: dma-copy is cheaper up to 1K, dma-single from 4K on: break-even between them \
         (tried up to 1M)"
    ));
    assert!(told(Some(1024), None).contains("dma-single at no size above (tried up to 1M)"));
    assert!(told(None, Some(64)).contains("dma-single is cheaper from 64 on, dma-copy at no size"));
    assert!(told(None, None).contains("cannot be told apart at any size up to 1M"));

    let largest = |bytes, missed| {
        let findings = Findings {
            largest: Some(Largest { bytes, missed }),
            ..NOTHING_FOUND
        };
        found(&ordinary(), &[], &findings, Machine::Native)
    };
    assert!(largest(56 << 20, Some(64 << 20)).contains("now: 56M, not 64M"));
    assert!(largest(64 << 20, None).contains("now: 64M or more"));
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
    assert!(text(|out| report::outcome(out, &one, &machine(Machine::Tcg))).contains(label));
    assert!(text(|out| report::provenance(out, &machine(Machine::Tcg), None)).contains(label));
}

#[test]
fn what_a_table_does_not_show_is_said() {
    let mut rows = ordinary();
    rows[2].batch = 32;
    rows[0].ending = Ending::Time;
    rows[5].ending = Ending::DeviceGone;
    rows[1].tally.disturbed = 5;
    let refused = [Refusal::unsupported(format_args!(
        "cma: the device has no CMA area"
    ))];
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
    let shown = text(|out| report::outcome(out, &one, &machine(Machine::Native)));
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
