// SPDX-License-Identifier: GPL-2.0

//! What a map costs beyond itself, and from where on it is cheaper than a copy.

mod made;

use made::{
    around, break_even, comparison, directed, found, lent, measured, notes, ordinary, outcome,
    verdict, COHERENT, COPY, LIMITS, NOTHING_FOUND, PLAIN, SG, SINGLE,
};
use memlab_model::model::{
    break_even::{BreakEven, Choice},
    provenance::Machine,
    remark::{BouncePool, Remark},
    request::{
        Buffers,
        Direction::{Bidirectional, FromDevice, ToDevice},
        Parameter,
    },
    text::Text,
};
use memlab_model::report::{self, Findings};

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
