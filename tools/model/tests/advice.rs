// SPDX-License-Identifier: GPL-2.0

//! What is concluded from outcomes with figures in them.

mod made;
mod random;

use made::{
    comparison, directed, found, lent, measured, notes, ordinary, outcome, to, CLOCK, CMA,
    COHERENT, COPY, LIMITS, NONCOHERENT, NOTHING_FOUND, PLAIN, SG, SINGLE, SYNC, VMALLOC,
};
use memlab_model::model::{
    break_even::{BreakEven, Choice},
    comparison::{Largest, Refused},
    cost::{Cost, Rounds},
    histogram::Histogram,
    outcome::{ClockCost, Ending, Outcome, Tally},
    provenance::Machine,
    remark::{BouncePool, Remark},
    request::{
        Buffers,
        Direction::{self, Bidirectional, FromDevice, ToDevice},
        Info, Parameter, Refusal,
    },
    text::Text,
};
use memlab_model::report::{self, Findings};
use random::Random;

type Row = Outcome<Box<Tally>>;

/// The last field of the answer's line for a size and a direction.
fn verdict<'a>(text: &'a str, size: &str, direction: Direction) -> &'a str {
    let mut lines = text.lines().map(|line| (line, fields(line)));
    let line = lines.find(|(_, fields)| fields.starts_with(&["#", size, direction.name()]));
    let (line, _) = line.unwrap_or_else(|| panic!("no {size} {} in\n{text}", direction.name()));
    line.rsplit("  ").next().unwrap()
}

fn fields(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

/// The ranking of a size and a direction.
fn ranking<'a>(text: &'a str, size: &str, direction: Direction) -> &'a str {
    let start = format!("# {size} {}: ", direction.name());
    let mut lines = text.lines().filter_map(|line| line.strip_prefix(&start));
    lines
        .next()
        .unwrap_or_else(|| panic!("no {start} in\n{text}"))
}

/// What follows from a comparison of maps and copies, as the bench works it out.
fn break_even(rows: &[Row], direction: Direction) -> BreakEven {
    let mut sizes: Vec<u64> = rows.iter().map(|row| row.request.size()).collect();
    sizes.sort();
    sizes.dedup();
    let mut found = BreakEven::new(direction, &SINGLE, &COPY);
    for size in sizes {
        let cost = |info: &Info| {
            let mut rows = rows.iter();
            let like = |row: &&Row| {
                (
                    row.request.info().name,
                    row.request.size(),
                    row.request.direction(),
                ) == (info.name, size, direction)
            };
            Cost::of(rows.find(like)?)
        };
        found.add(
            size,
            Choice::between(cost(&SINGLE).as_ref(), cost(&COPY).as_ref()),
        );
    }
    found
}

/// Seven rounds around `ns`.
fn around(info: &'static Info, size: u64, direction: Direction, ns: u64) -> Row {
    let rounds = [0, 1, 2, 3, 4, 5, 6].map(|n| ns + n * ns / 100);
    measured(info, size, direction, &rounds)
}

#[test]
fn advice_ranks_memory_and_ways_to_the_device() {
    let text = notes(&comparison(&ordinary(), Machine::Native));
    for said in [
        "# 64: to get memory: kmalloc ",
        " < vmalloc ",
        " < dma-coherent ",
        "# 64 bidirectional: dma-single ",
        "# 64K: came from: dma-coherent buddy (Normal)",
        "    64 for the CPU: kmalloc ",
        "; for the device: dma-coherent ",
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
            rounds.extend(&Rounds::of(&tally, &CLOCK));
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
        Cost::of(&measured(&SINGLE, 64, ToDevice, &rounds)).unwrap()
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

/// `experiments=dma-coherent,dma-pool,dma-single,dma-copy,kmalloc size=64`.
#[test]
fn nothing_is_said_of_sizes_that_were_not_tried() {
    let rows = [
        around(&PLAIN, 64, Bidirectional, 50),
        around(&COHERENT, 64, Bidirectional, 5000),
        around(&SINGLE, 64, ToDevice, 400),
        around(&COPY, 64, ToDevice, 150),
    ];
    let even = break_even(&rows, ToDevice);
    let findings = Findings {
        break_even: &[even],
        ..NOTHING_FOUND
    };
    let text = found(&rows, &[], &findings, Machine::Native);
    assert!(
        text.contains("# dma-single or dma-copy, to-device: copy at 64\n"),
        "{text}"
    );
    assert!(
        !text.contains("no size above") && !text.contains("neither"),
        "{text}"
    );
}

/// `swiotlb=force`: five runs said 8K, 8K, 16K, 64K and 8K, for one size decided it.
#[test]
fn break_even_and_ranking_are_one() {
    let sizes = [64, 4096, 8192, 16384, 65536, 262_144];
    for turned in [None, Some(8192), Some(16384), Some(65536)] {
        let mut rows = Vec::new();
        for size in sizes {
            // A bounced map is a copy and a little more; once it seems to be less.
            let copy = 100 + size * 2;
            let map = if Some(size) == turned {
                copy - copy / 20
            } else {
                copy + 300
            };
            for (info, ns) in [(&SINGLE, map), (&COPY, copy)] {
                let mut row = around(info, size, ToDevice, ns);
                if Some(size) == turned && info.name == "dma-copy" {
                    // Something else ran in two of its rounds.
                    let rounds = [copy, copy * 3, copy, copy, copy * 3, copy, copy];
                    row = measured(info, size, ToDevice, &rounds);
                }
                row.placement.bounced = Some(info.name == "dma-single");
                rows.push(row);
            }
        }
        let even = break_even(&rows, ToDevice);
        let findings = Findings {
            break_even: &[even],
            ..NOTHING_FOUND
        };
        let text = found(&rows, &[], &findings, Machine::Native);
        assert!(
            text.contains("to-device: copy at 64, cannot be told from 4K to 256K;\n#   a map is bounced here, which is a copy and more\n"),
            "{text}"
        );
        for size in ["4K", "8K", "16K", "64K", "256K"] {
            assert_eq!(verdict(&text, size, ToDevice), "map~copy", "{text}");
        }
        assert_eq!(verdict(&text, "64", ToDevice), "copy");
    }
}

#[test]
fn what_goes_to_and_fro_is_no_break_even() {
    let mut rows = Vec::new();
    for (size, map) in [(64, 1000), (128, 100), (256, 1000)] {
        rows.push(around(&SINGLE, size, ToDevice, map));
        rows.push(around(&COPY, size, ToDevice, 500));
    }
    let even = break_even(&rows, ToDevice);
    let findings = Findings {
        break_even: &[even],
        ..NOTHING_FOUND
    };
    let text = found(&rows, &[], &findings, Machine::Native);
    assert!(
        text.contains("cannot be told: what is cheaper goes to and\n#   fro between 64 and 256\n"),
        "{text}"
    );
}

#[test]
fn a_copy_from_the_device_reads_what_no_device_wrote() {
    let said = |direction| {
        let mut even = BreakEven::new(direction, &SINGLE, &COPY);
        even.add(64, Choice::Copy);
        even.add(4096, Choice::Map);
        let findings = Findings {
            break_even: &[even],
            ..NOTHING_FOUND
        };
        found(&ordinary(), &[], &findings, Machine::Native).contains("may look cheaper than it is")
    };
    assert!(said(FromDevice) && said(Bidirectional) && !said(ToDevice));
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
fn what_stands_between_is_charged_for() {
    let mut row = outcome(&SINGLE, 4096, 2000);
    row.device.as_mut().unwrap().iommu = "DMA-FQ";
    row.device.as_mut().unwrap().name = Text::new("0000:00:01.0");
    let direct = outcome(&SINGLE, 4096, 300);
    let rows = [row];
    let text = found(&rows, &[direct], &NOTHING_FOUND, Machine::Native);
    assert!(
        notes(&text).contains("dma-single takes 4800 on 0000:00:01.0 (IOMMU DMA-FQ), 720")
            && text.contains(": 4080 more\n"),
        "{text}"
    );
    // As much more at most, where one of them is somewhere between nothing and the resolution.
    let hidden = || outcome(&SINGLE, 4096, 0);
    let text = found(&rows, &[hidden()], &NOTHING_FOUND, Machine::Native);
    assert!(text.contains(": up to 4800 more\n"), "{text}");
    let alike = outcome(&SINGLE, 4096, 2010);
    let text = found(&rows, &[alike], &NOTHING_FOUND, Machine::Native);
    assert!(text.contains("cannot be told apart\n"), "{text}");
}

#[test]
fn the_bounce_of_what_a_driver_is_handed_has_a_figure_of_its_own() {
    let row = |size, ns, bounced| {
        let mut row = around(&SINGLE, size, ToDevice, ns);
        row.placement.bounced = Some(bounced);
        row.device.as_mut().unwrap().highest = u64::from(u32::MAX);
        row
    };
    let rows = [row(64, 1300, true), row(4096, 2100, true)];
    let mut beside = [row(64, 420, false), row(4096, 2090, false)];
    for row in &mut beside {
        let reachable = Buffers::Reachable as u64;
        let request = &mut row.request;
        request.set(Parameter::Buffers, reachable, &LIMITS).unwrap();
    }
    let text = found(&rows, &beside, &NOTHING_FOUND, Machine::Native);
    let flat = text.replace("\n#  ", "");
    assert!(
        flat.contains(
            "may lie above 0xffffffff, which the device does not reach: dma-single to-device bounces \
             it, at 64 1339 ns instead of 432, at 4K cannot be told from not doing so\n"
        ),
        "{text}"
    );
    assert!(
        !text.contains("(IOMMU none)"),
        "it is no other device: {text}"
    );
}

#[test]
fn a_full_pool_of_bounce_buffers_is_named() {
    let shown = |most| {
        let mut row = around(&SINGLE, 262_144, ToDevice, 1000);
        row.tally.remark = Remark::Bounce(BouncePool {
            slots: 512,
            slot_bytes: 2048,
            used: 0,
            most,
            asked: 128,
        });
        made::text(|out| report::outcome(out, &lent(&row), &made::machine(Machine::Native)))
    };
    let counted = shown(512);
    for said in [
        "cause         bounce-pool-full\n",
        "pool_slots    512 of 2048 bytes each (1M)\n",
        "asked_slots   128 in a row",
        "used_slots    0 after the run\n",
        "most_slots    512 since boot\n",
        "out_of_reach  no\n",
    ] {
        assert!(counted.contains(said), "{said:?} is not in\n{counted}");
    }
    assert!(shown(0).contains("used_slots    unknown: this kernel does not count them"));
}

#[test]
fn what_a_map_does_to_the_bytes_has_a_price() {
    let mut rows = Vec::new();
    for (size, net) in [(4096, 1000), (16384, 4000), (65536, 16000)] {
        for info in [&SINGLE, &SG] {
            for direction in [ToDevice, FromDevice] {
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
    let each = |direction: &str, why: &str| {
        let start = format!("# dma-single {direction}: the bytes are copied {why}");
        let mut lines = text.lines();
        lines.any(|line| line.starts_with(&start) && line.contains("between 4K and 64K"))
    };
    assert!(each("to-device", "once, to a bounce buffer, 6"), "{text}");
    assert!(
        each(
            "from-device",
            "twice, to a bounce buffer when it is mapped and back"
        ),
        "{text}"
    );
    assert_eq!(
        text.matches("each KiB").count(),
        4,
        "each of both in each direction, once: {text}"
    );
    for row in &mut rows {
        row.placement.bounced = Some(false);
        row.device.as_mut().unwrap().coherent = false;
    }
    assert!(comparison(&rows, Machine::Native).contains("caches are cleaned or invalidated, 6"));
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
