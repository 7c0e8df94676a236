// SPDX-License-Identifier: GPL-2.0

//! Outcomes with figures in them, what is made of them, and how what is said of them is read.

#![allow(dead_code, reason = "each test has its own part of it")]

use memlab_model::model::{
    break_even::{BreakEven, Choice},
    cost::{Rounds, ROUNDS_MAX},
    delta::Delta,
    histogram::Histogram,
    outcome::{ClockCost, Ending, Failures, Outcome, Tally, Thread, THREADS},
    placement::{Attr, Placement, Window},
    provenance::{Device, Machine, Mapper, Provenance},
    remark::Remark,
    request::{Direction, Family, Info, Limits, Parameter, Request},
    text::Text,
};
use memlab_model::report::{self, Findings};

/// What was measured of one experiment.
pub type Row = Outcome<Box<Tally>>;

pub const KMALLOC: Info = Info {
    name: "kmalloc",
    ..Info::PLAIN
};
pub static PLAIN: Info = KMALLOC;
pub static VMALLOC: Info = Info {
    name: "vmalloc",
    ..KMALLOC
};
pub static COHERENT: Info = Info {
    name: "dma-coherent",
    family: Family::Coherent,
    needs_device: true,
    ..KMALLOC
};
pub static WRITE_COMBINED: Info = Info {
    name: "dma-wc",
    ..COHERENT
};
pub static NONCOHERENT: Info = Info {
    name: "dma-noncoherent",
    directions: Info::STREAMING.directions,
    ..COHERENT
};
pub static CMA: Info = Info {
    name: "cma",
    ..COHERENT
};
pub static SINGLE: Info = Info {
    name: "dma-single",
    parameters: &[Parameter::Buffers],
    ..Info::STREAMING
};
pub static SG: Info = Info {
    name: "dma-sg",
    ..Info::STREAMING
};
pub static SYNC: Info = Info {
    name: "dma-sync",
    family: Family::Syncing,
    ..Info::STREAMING
};
pub static PIN: Info = Info {
    name: "user-pin",
    family: Family::Pinning,
    ..Info::STREAMING
};
pub static USER_COPY: Info = Info {
    name: "user-copy",
    family: Family::UserCopying,
    ..Info::STREAMING
};
pub static COPY: Info = Info {
    name: "dma-copy",
    family: Family::Copying,
    ..Info::STREAMING
};

pub const LIMITS: Limits = Limits {
    iterations: 10_000_000,
    time: 3_600_000,
    threads: 16,
    node: 0,
    batch: 256,
    page: 4096,
    order: 10,
};

pub const CLOCK: ClockCost = ClockCost {
    median: 40,
    p99: 60,
    step: 1,
    drift: 0,
};

pub fn machine(machine: Machine) -> Provenance {
    Provenance {
        release: Text::new("7.3.4+deb13-amd64"),
        version: Text::new("#1 SMP PREEMPT_DYNAMIC Debian"),
        arch: Text::new("x86_64"),
        module: "0.1.0",
        cpu: Text::new("QEMU Virtual CPU version 2.5+"),
        cpus: 2,
        nodes: 1,
        page_size: 4096,
        clocksource: Text::new("tsc"),
        machine,
        hypervisor: Text::EMPTY,
        preemption: "lazy",
        distorting: Text::EMPTY,
    }
}

pub fn device() -> Device {
    Device {
        name: Text::new("memlab"),
        bus: Text::new("platform"),
        coherent: true,
        mask: u64::MAX,
        coherent_mask: u64::from(u32::MAX),
        mapper: Mapper::Direct,
        highest: u64::MAX,
        limited: false,
        bounces: false,
        iommu: "none",
        swiotlb_force: false,
        max_mapping: u64::MAX,
    }
}

/// An outcome whose two phases have samples around `net` ns each.
pub fn outcome(info: &'static Info, size: u64, net: u64) -> Outcome<Box<Tally>> {
    let mut request = Request::new(info, &LIMITS);
    request.set(Parameter::Size, size, &LIMITS).unwrap();
    let mut tally = Box::new(Tally {
        phases: [Histogram::EMPTY, Histogram::EMPTY],
        failed: Histogram::EMPTY,
        failures: Failures::NONE,
        unsampled: 0,
        disturbed: 0,
        threads: [Thread::NONE; THREADS],
        delta: Delta::NONE,
        remark: Remark::None,
    });
    for phase in &mut tally.phases {
        for n in 0..1000 {
            let tail = if n % 100 == 99 { net * 20 } else { 0 };
            phase.record(CLOCK.median + net + tail);
        }
    }
    let mut rounds = Rounds::NONE;
    for _ in 0..ROUNDS_MAX {
        rounds.extend(&tally.round(&CLOCK));
    }
    let device = info.needs_device.then(device);
    let dma = matches!(
        info.name,
        "dma-coherent" | "dma-single" | "dma-copy" | "dma-sync"
    )
    .then_some(0x7f00_0000);
    Outcome {
        request,
        tally,
        clock: CLOCK,
        rounds,
        warmed: 100,
        batch: 1,
        placement: Placement {
            zone: Text::new("Normal"),
            cma: Some(false),
            extents: 1,
            largest_extent: size,
            window: Window::Linear,
            attr: Attr::Cached,
            virt: 0xffff_8880_1234_0000,
            phys: 0x1234_0000,
            dma,
            ..Placement::UNKNOWN
        },
        device,
        elapsed: 1_000_000,
        ending: Ending::Complete,
    }
}

/// The same outcome, its tally borrowed.
pub fn lent(row: &Outcome<Box<Tally>>) -> Outcome<&Tally> {
    Outcome {
        request: row.request,
        tally: &row.tally,
        clock: row.clock,
        batch: row.batch,
        placement: row.placement,
        device: row.device,
        elapsed: row.elapsed,
        ending: row.ending,
        rounds: row.rounds,
        warmed: row.warmed,
    }
}

/// Has `row` be one of this direction, if it knows any.
pub fn directed(row: &mut Outcome<Box<Tally>>, direction: Direction) {
    let request = &mut row.request;
    if request.info().takes(Parameter::Direction) {
        let place = direction as u64;
        request.set(Parameter::Direction, place, &LIMITS).unwrap();
    }
}

pub fn text(write: impl FnOnce(&mut dyn core::fmt::Write) -> core::fmt::Result) -> String {
    let mut text = String::new();
    write(&mut text).unwrap();
    text
}

pub const NOTHING_FOUND: Findings = Findings {
    refused: &[],
    break_even: &[],
    largest: None,
    touch: false,
    ending: Ending::Complete,
};

pub fn comparison(rows: &[Outcome<Box<Tally>>], on: Machine) -> String {
    found(rows, &[], &NOTHING_FOUND, on)
}

pub fn found(
    rows: &[Outcome<Box<Tally>>],
    beside: &[Outcome<Box<Tally>>],
    found: &Findings,
    on: Machine,
) -> String {
    text(|out| report::comparison(out, rows.iter(), beside.iter(), found, &machine(on)))
}

pub fn notes(text: &str) -> String {
    let notes = text.lines().filter(|line| line.starts_with('#'));
    notes.collect::<Vec<_>>().join("\n")
}

pub fn ordinary() -> Vec<Outcome<Box<Tally>>> {
    let mut rows = Vec::new();
    for size in [65536, 64] {
        rows.push(outcome(&COHERENT, size, 5000));
        rows.push(outcome(&SINGLE, size, 300));
        rows.push(outcome(&PLAIN, size, 100));
        rows.push(outcome(&VMALLOC, size, 2000));
    }
    rows
}

/// The same in another direction.
pub fn to(info: &'static Info, direction: Direction, net: u64) -> Outcome<Box<Tally>> {
    let mut row = outcome(info, 64, net);
    directed(&mut row, direction);
    row.placement.dma = Some(0x7f00_0000);
    row
}

/// A row whose first phase had one sample in each round, of so many net ns; its second costs
/// nothing.
pub fn measured(
    info: &'static Info,
    size: u64,
    direction: Direction,
    rounds: &[u64],
) -> Outcome<Box<Tally>> {
    let mut row = outcome(info, size, 0);
    directed(&mut row, direction);
    row.placement.dma = Some(0x7f00_0000);
    row.rounds = Rounds::NONE;
    row.tally.phases = [Histogram::EMPTY, Histogram::EMPTY];
    for net in rounds {
        let mut turn = Box::new(Tally {
            phases: [Histogram::EMPTY, Histogram::EMPTY],
            ..(*row.tally).clone()
        });
        let [first, second] = &mut turn.phases;
        first.record(CLOCK.median + net);
        second.record(CLOCK.median);
        row.rounds.extend(&turn.round(&CLOCK));
        row.tally.merge(&turn);
    }
    row
}

/// The last field of the answer's line for a size and a direction.
pub fn verdict<'a>(text: &'a str, size: &str, direction: Direction) -> &'a str {
    let mut lines = text.lines().map(|line| (line, fields(line)));
    let line = lines.find(|(_, fields)| fields.starts_with(&["#", size, direction.name()]));
    let (line, _) = line.unwrap_or_else(|| panic!("no {size} {} in\n{text}", direction.name()));
    line.rsplit("  ").next().unwrap()
}

pub fn fields(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

/// The ranking of a size and a direction.
pub fn ranking<'a>(text: &'a str, size: &str, direction: Direction) -> &'a str {
    let start = format!("# {size} {}: ", direction.name());
    let mut lines = text.lines().filter_map(|line| line.strip_prefix(&start));
    lines
        .next()
        .unwrap_or_else(|| panic!("no {start} in\n{text}"))
}

/// What follows from a comparison of maps and copies, as the bench works it out.
pub fn break_even(rows: &[Row], direction: Direction) -> BreakEven {
    break_even_of(rows, &SINGLE, &COPY, direction)
}

/// The same of any two ways.
pub fn break_even_of(
    rows: &[Row],
    map: &'static Info,
    copy: &'static Info,
    direction: Direction,
) -> BreakEven {
    let mut sizes: Vec<u64> = rows.iter().map(|row| row.request.size()).collect();
    sizes.sort();
    sizes.dedup();
    let mut found = BreakEven::new(direction, map, copy);
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
            rows.find(like)?.cost()
        };
        found.add(
            size,
            Choice::between(cost(map).as_ref(), cost(copy).as_ref()),
        );
    }
    found
}

/// Seven rounds around `ns`.
pub fn around(info: &'static Info, size: u64, direction: Direction, ns: u64) -> Row {
    let rounds = [0, 1, 2, 3, 4, 5, 6].map(|n| ns + n * ns / 100);
    measured(info, size, direction, &rounds)
}
