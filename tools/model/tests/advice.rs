// SPDX-License-Identifier: GPL-2.0

//! What is concluded from outcomes with figures in them.

mod made;
mod random;

use made::{
    around, break_even, break_even_of, comparison, fields, found, measured, notes, ordinary,
    outcome, ranking, to, verdict, Row, CLOCK, CMA, COHERENT, COPY, NONCOHERENT, NOTHING_FOUND,
    PIN, PLAIN, SG, SINGLE, SYNC, USER_COPY, VMALLOC,
};
use memlab_model::model::{
    comparison::{Largest, Refused},
    cost::Rounds,
    histogram::Histogram,
    outcome::{ClockCost, Ending},
    provenance::Machine,
    request::{
        Direction::{Bidirectional, FromDevice, ToDevice},
        Info, Refusal,
    },
};
use memlab_model::report::Findings;
use random::Random;

#[test]
fn advice_ranks_memory_and_ways_to_the_device() {
    let text = notes(&comparison(&ordinary(), Machine::Native));
    for said in [
        "# 64: to get memory: kmalloc ",
        " < vmalloc ",
        " < dma-coherent ",
        "# 64 bidirectional: dma-single ",
        "# 64K: came from: dma-coherent buddy (Normal)",
        "    64 kmalloc ",
        "; dma-coherent ",
    ] {
        assert!(text.contains(said), "{said:?} is not in\n{text}");
    }
}

#[test]
fn the_answer_comes_first_and_fits_a_terminal() {
    let mut rows = ordinary();
    for size in [64, 65536, 1 << 20] {
        for direction in [ToDevice, FromDevice] {
            rows.push(around(&SINGLE, size, direction, 1234));
            rows.push(around(&SYNC, size, direction, 2));
            rows.push(around(&COPY, size, direction, size * 100));
        }
    }
    let even = break_even(&rows, ToDevice);
    let findings = Findings {
        break_even: &[even],
        largest: Some(Largest {
            bytes: 56 << 20,
            missed: Some(64 << 20),
        }),
        ..NOTHING_FOUND
    };
    let text = found(&rows, &[], &findings, Machine::Tcg);
    let end = text.find("# ns per operation").unwrap();
    let answer = &text[..end];
    assert!(
        answer.starts_with("# on Linux 7.3.4+deb13-amd64 x86_64"),
        "{answer}"
    );
    for said in [
        "# EMULATED",
        "largest coherent buffer now: 56M",
        "dma-single or dma-copy",
    ] {
        assert!(answer.contains(said), "{said:?} is not in\n{answer}");
    }
    assert!(answer.lines().count() < 40, "{answer}");
    for line in answer.lines() {
        assert!(line.len() <= 80 && line.starts_with('#'), "{line}");
    }
    assert_eq!(verdict(answer, "64", ToDevice), "keep");
    assert_eq!(verdict(answer, "1M", FromDevice), "keep");
    assert_eq!(
        verdict(answer, "64", Bidirectional),
        "-",
        "there is no other way"
    );
}

#[test]
fn pinning_and_copying_a_programs_memory_is_a_choice_of_its_own() {
    let mut rows = Vec::new();
    for (size, pin, copy) in [(64, 2000, 300), (4096, 2100, 2050), (65536, 2500, 30_000)] {
        rows.push(around(&PIN, size, ToDevice, pin));
        rows.push(around(&USER_COPY, size, ToDevice, copy));
        rows.push(around(&SINGLE, size, ToDevice, 5000));
        rows.push(around(&SYNC, size, ToDevice, 6000));
    }
    let even = break_even_of(&rows, &PIN, &USER_COPY, ToDevice);
    let findings = Findings {
        break_even: &[even],
        ..NOTHING_FOUND
    };
    let text = found(&rows, &[], &findings, Machine::Native);
    let joined = text.replace("\n#   ", " ");
    assert!(
        joined.contains(
            "# from user memory, user-pin or user-copy, to-device: copy at 64, cannot be told at \
             4K, pin at 64K\n"
        ),
        "{text}"
    );
    // What is a driver's own is ranked without them, though they are cheaper.
    for size in ["64", "4K", "64K"] {
        assert!(!ranking(&text, size, ToDevice).contains("user-"), "{text}");
        assert_eq!(verdict(&text, size, ToDevice), "map");
    }
}

#[test]
fn the_verdict_follows_the_figures() {
    let said = |map, keep, copy| {
        let rows = [
            around(&SINGLE, 64, ToDevice, map),
            around(&SYNC, 64, ToDevice, keep),
            around(&COPY, 64, ToDevice, copy),
        ];
        let text = comparison(&rows, Machine::Native);
        verdict(&text, "64", ToDevice).to_string()
    };
    assert_eq!(said(1000, 5000, 9000), "map");
    assert_eq!(said(5000, 1000, 9000), "keep");
    assert_eq!(said(5000, 9000, 1000), "copy");
    assert_eq!(said(1000, 1030, 9000), "map~keep");
    assert_eq!(said(1000, 1030, 1010), "map~keep~copy");
}

#[test]
fn the_headline_is_what_wins_most() {
    let said = |figures: &[(u64, u64, u64)]| {
        let rows: Vec<_> = (figures.iter().zip([64, 4096, 65536]))
            .flat_map(|(&(map, keep, copy), size)| {
                [
                    around(&SINGLE, size, ToDevice, map),
                    around(&SYNC, size, ToDevice, keep),
                    around(&COPY, size, ToDevice, copy),
                ]
            })
            .collect();
        let text = comparison(&rows, Machine::Native);
        let line = text.lines().find(|line| line.contains("nothing was"));
        line.map(str::to_owned)
    };
    let line = said(&[(1000, 5000, 9000), (1000, 9000, 5000)]).unwrap();
    assert!(line.starts_with("# Map and unmap"), "{line}");
    assert!(line.ends_with("nothing was cheaper."), "{line}");
    let line = said(&[(1000, 5000, 9000), (5000, 1000, 9000), (9000, 1000, 5000)]).unwrap();
    assert!(line.starts_with("# Keep one buffer"), "{line}");
    assert!(line.contains("in 2 of 3 rows."), "{line}");
    let line = said(&[(5000, 9000, 1000), (5000, 9000, 1000)]).unwrap();
    assert!(line.starts_with("# Copy through"), "{line}");
    // What cannot be told apart is won by what asks least of a driver.
    let line = said(&[(1000, 1010, 9000), (1000, 1010, 9000)]).unwrap();
    assert!(line.starts_with("# Map and unmap"), "{line}");
    assert_eq!(said(&[(1000, 5000, 9000)]), None, "one line says it itself");
}

/// Deferred work counts, and a disturbance does not.
#[test]
fn what_ranks_has_in_it_what_falls_on_one_operation_in_many() {
    let cost = |stray: &dyn Fn(usize) -> u64| {
        let mut rounds = Rounds::NONE;
        for round in 0..7 {
            let mut tally = Box::new((*outcome(&SINGLE, 64, 0).tally).clone());
            tally.phases = [Histogram::EMPTY, Histogram::EMPTY];
            let [first, second] = &mut tally.phases;
            for n in 0..1000 {
                let more = if n == 500 { stray(round) } else { 0 };
                first.record(CLOCK.median + 100 + more);
                second.record(CLOCK.median + 100);
            }
            rounds.extend(&tally.round(&CLOCK));
        }
        rounds.cost([true; 2]).unwrap()
    };
    let (plain, lazy) = (cost(&|_| 0), cost(&|_| 1_000_000));
    assert_eq!((plain.ns, lazy.ns), (200, 1200));
    assert!(plain.beats(&lazy));
    let disturbed = cost(&|round| if round == 3 { 50_000_000 } else { 0 });
    assert_eq!(disturbed, plain);
}

#[test]
fn what_costs_the_same_seldom_seems_to_differ() {
    let mut random = Random(7);
    let mut cost = || {
        let rounds = [0; 7].map(|_| 1000 + random.below(1 << 20));
        measured(&SINGLE, 64, ToDevice, &rounds).cost().unwrap()
    };
    let differ = (0..1000).filter(|_| cost().differs(&cost())).count();
    assert!(differ <= 30, "{differ} of 1000");
}

/// Five runs of `size=64,1M` under icount, the first of which had no sample of `dma-single` at 1M.
#[test]
fn what_has_no_sample_is_named_in_the_sentence() {
    let rows = [
        measured(&SINGLE, 1 << 20, ToDevice, &[]),
        around(&SG, 1 << 20, ToDevice, 55_190),
        around(&COPY, 1 << 20, ToDevice, 15_056_814),
    ];
    let text = comparison(&rows, Machine::Native);
    assert!(
        ranking(&text, "1M", ToDevice).ends_with("; not measured: dma-single"),
        "{text}"
    );
    assert!(
        text.contains("\n#       not measured: dma-single\n"),
        "{text}"
    );

    // What was refused is not there at all, and named as well.
    let refused = |direction| Refused {
        info: &SINGLE,
        size: 1 << 20,
        direction,
        why: Refusal::beyond(format_args!("size=1048576: over dma_max_mapping_size()")),
    };
    let findings = Findings {
        refused: &[refused(Some(ToDevice)), refused(Some(FromDevice))],
        ..NOTHING_FOUND
    };
    let text = found(&rows[1..], &[], &findings, Machine::Native);
    assert!(
        ranking(&text, "1M", ToDevice).ends_with("; not measured: dma-single"),
        "{text}"
    );
    assert_eq!(text.matches("over dma_max_mapping_size()").count(), 1);
    let all = found(&[], &[], &findings, Machine::Native);
    assert!(
        fields(
            all.lines()
                .find(|line| line.contains("from-device"))
                .unwrap()
        )
        .starts_with(&["#", "1M", "from-device", "none", "-", "-"]),
        "{all}"
    );
}

/// `size=1,100,5000,300K,4M,16M time=1500`: 10,158 against 15,056,814 in five samples.
#[test]
fn too_few_samples_are_said_to_be_too_few() {
    let rows = |rounds: usize| {
        [
            measured(&SINGLE, 4 << 20, ToDevice, &[10_158; 7][..rounds]),
            measured(&COPY, 4 << 20, ToDevice, &[15_056_814; 7][..rounds]),
        ]
    };
    let few = comparison(&rows(2), Machine::Native);
    assert_eq!(verdict(&few, "4M", ToDevice), "too few samples");
    assert!(
        ranking(&few, "4M", ToDevice).contains("15056814 (too few samples)"),
        "{few}"
    );
    let findings = |rows: &[Row]| {
        let even = break_even(rows, ToDevice);
        let findings = Findings {
            break_even: &[even],
            ..NOTHING_FOUND
        };
        found(rows, &[], &findings, Machine::Native)
    };
    assert!(findings(&rows(2)).contains("to-device: too few samples at 4M\n"));
    // One sample in each of a few rounds is enough to see a factor of a thousand.
    let text = findings(&rows(3));
    assert_eq!(verdict(&text, "4M", ToDevice), "map");
    assert!(text.contains("to-device: map at 4M\n"), "{text}");
}

#[test]
fn the_cpus_own_accesses_count_where_that_is_asked_for() {
    const CACHED: Info = Info {
        name: "access-cached",
        family: memlab_model::model::request::Family::Access,
        ..Info::PLAIN
    };
    static CACHED_ROW: Info = CACHED;
    static COHERENT_ROW: Info = Info {
        name: "access-coherent",
        ..CACHED
    };
    let rows = [
        around(&SINGLE, 64, ToDevice, 1000),
        around(&COPY, 64, ToDevice, 300),
        around(&CACHED_ROW, 64, Bidirectional, 100),
        around(&COHERENT_ROW, 64, Bidirectional, 9000),
    ];
    let plain = comparison(&rows, Machine::Native);
    assert!(!plain.contains("in-place"), "{plain}");
    let findings = Findings {
        touch: true,
        ..NOTHING_FOUND
    };
    let text = found(&rows, &[], &findings, Machine::Native);
    let line = |text: &str| {
        let line = text
            .lines()
            .find(|line| line.starts_with("#    64 to-device"));
        let line = fields(line.unwrap());
        line[3..]
            .iter()
            .map(|word| word.to_string())
            .collect::<Vec<_>>()
    };
    let [map, copy] = [1000, 300].map(|ns| ns + ns * 3 / 100);
    assert_eq!(
        line(&plain)[..3],
        [map.to_string(), "-".into(), copy.to_string()]
    );
    let expected = [map + 103, copy + 103].map(|ns| ns.to_string());
    assert_eq!(
        (&line(&text)[0], &line(&text)[2]),
        (&expected[0], &expected[1])
    );
    assert_eq!(line(&text)[3], "9270");
    assert_eq!(verdict(&text, "64", ToDevice), "copy");
    // What cannot be counted has no figure.
    let text = found(&rows[..2], &[], &findings, Machine::Native);
    assert_eq!(line(&text)[..4], ["none", "-", "none", "none"]);
}

#[test]
fn memory_that_is_synced_or_that_only_the_device_sees_is_no_match_for_a_map() {
    let mut rows = vec![outcome(&PLAIN, 64, 10)];
    for direction in [ToDevice, FromDevice] {
        rows.push(to(&NONCOHERENT, direction, 100));
        rows.push(to(&SINGLE, direction, 1000));
    }
    rows[3].tally.failures.add(-12, 7);
    rows.push(outcome(&COHERENT, 64, 100));
    rows[5].placement.virt = 0;
    let text = comparison(&rows, Machine::Native);
    for direction in [ToDevice, FromDevice] {
        assert!(
            !ranking(&text, "64", direction).contains("oheren"),
            "{text}"
        );
    }
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
    // With its virtual address coherent memory is one; CMA pages have no DMA address.
    rows[5].placement.virt = rows[0].placement.virt;
    rows.push(outcome(&CMA, 64, 10));
    let text = comparison(&rows, Machine::Native);
    assert!(
        ranking(&text, "64", ToDevice).starts_with("dma-coherent "),
        "{text}"
    );
    assert!(!ranking(&text, "64", ToDevice).contains("cma"), "{text}");
}

#[test]
fn the_largest_buffer_is_told_as_it_is() {
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
fn a_comparison_that_was_cut_short_says_so_first() {
    let findings = Findings {
        ending: Ending::Stopped,
        ..NOTHING_FOUND
    };
    let text = found(&ordinary(), &[], &findings, Machine::Native);
    let at = text
        .lines()
        .position(|line| line.contains("cut short, stopped"));
    assert!(at.is_some_and(|at| at < 6), "{text}");
    assert_eq!(ClockCost::default().floor(), 1);
    assert!(!text.contains(VMALLOC.about) || VMALLOC.about.is_empty());
}
