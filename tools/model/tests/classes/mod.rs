// SPDX-License-Identifier: GPL-2.0

//! What failed, and what the kernel went through, in the report of a run.

use crate::made::{lent, machine, outcome, text, PLAIN, SINGLE};
use core::ops::Deref;
use memlab_model::model::{
    classes::{Class, Classes, CLASSES},
    histogram::Histogram,
    outcome::{Counted, Outcome, Tally},
    provenance::Machine,
    request::Info,
};
use memlab_model::report;

struct Owned {
    tally: Box<Tally>,
    classes: Option<Classes>,
}

impl Deref for Owned {
    type Target = Tally;

    fn deref(&self) -> &Tally {
        &self.tally
    }
}

impl Counted for Owned {
    fn classes(&self) -> Option<&Classes> {
        self.classes.as_ref()
    }
}

/// The report of `info`, of which `change` has changed what was counted.
fn report_of(info: &'static Info, batch: u64, change: impl FnOnce(&mut Owned)) -> String {
    let made = outcome(info, 4096, 500);
    let mut owned = Owned {
        tally: made.tally.clone(),
        classes: None,
    };
    change(&mut owned);
    let made = lent(&made);
    let outcome = Outcome {
        request: made.request,
        tally: owned,
        clock: made.clock,
        batch,
        placement: made.placement,
        device: made.device,
        elapsed: made.elapsed,
        ending: made.ending,
        rounds: made.rounds,
        warmed: made.warmed,
    };
    text(|out| report::outcome(out, &outcome, &machine(Machine::Native)))
}

fn row<'a>(text: &'a str, first: &str) -> Option<Vec<&'a str>> {
    let rows = text.lines().map(|line| line.split_whitespace().collect());
    let mut rows = rows.filter(|row: &Vec<_>| row.first() == Some(&first));
    rows.next()
}

fn watched() -> Classes {
    Classes {
        histograms: [const { Histogram::EMPTY }; CLASSES],
    }
}

#[test]
fn a_failure_has_a_latency() {
    let fail = |owned: &mut Owned| {
        owned.tally.failures.add(-12, 2);
        owned.tally.failed.record(70_000);
        owned.tally.failed.record(90_000);
    };
    let one = report_of(&PLAIN, 1, fail);
    let failed = row(&one, "failed").unwrap();
    assert_eq!(
        (failed[1], failed[2], failed[7], failed[9]),
        ("raw", "70000", "90000", "2")
    );
    assert!(!one.contains("# failed: all of the batch"));
    let batched = report_of(&PLAIN, 16, |owned| {
        fail(owned);
        owned.tally.unsampled = 15;
    });
    assert!(batched.contains("# failed: all of the batch up to the failure"));
    assert_eq!(row(&batched, "unsampled").unwrap()[1], "15");
    assert!(row(&report_of(&PLAIN, 1, |_| ()), "failed").is_none());
}

#[test]
fn each_class_has_a_row_where_one_was_slow() {
    let text = report_of(&PLAIN, 1, |owned| {
        let mut classes = watched();
        classes.of(Class::Fast).record(100);
        classes.of(Class::Reclaim).record(3_000_000);
        owned.classes = Some(classes);
    });
    assert_eq!(row(&text, "fast").unwrap()[9], "1");
    assert_eq!(row(&text, "kswapd").unwrap()[9], "0");
    assert_eq!(row(&text, "reclaim").unwrap()[7], "3000000");
    assert_eq!(row(&text, "compact").unwrap()[3], "-");
}

#[test]
fn nothing_slow_is_said_and_so_is_not_looking() {
    let none = report_of(&PLAIN, 1, |owned| owned.classes = Some(watched()));
    assert!(none.contains("# classes: none woke kswapd, reclaimed or compacted memory"));
    let blind = report_of(&PLAIN, 1, |_| ());
    assert!(
        blind.contains("# classes were not watched: that takes a kernel with CONFIG_TRACEPOINTS")
    );
    assert!(!report_of(&SINGLE, 1, |_| ()).contains("# classes"));
}

#[test]
fn threads_add_up() {
    let [mut one, mut other] = [watched(), watched()];
    one.of(Class::Woken).record(10);
    other.of(Class::Woken).record(30);
    other.of(Class::Compaction).record(50);
    one.merge(&other);
    let counts: Vec<_> = one
        .named()
        .map(|(_, histogram)| histogram.count())
        .collect();
    assert_eq!(counts, [0, 2, 0, 1]);
    assert_eq!(one.of(Class::Woken).sum(), 40);
}
