// SPDX-License-Identifier: GPL-2.0

//! What is taken off for the clock, where it was another before the run than after it.

use memlab_model::model::{
    histogram::Histogram,
    outcome::{ClockCost, Net},
};

/// The two phases of a hundred empty operations, each of which took `ns` in the first.
fn empty(ns: u64) -> [Histogram; 2] {
    let mut phases = [Histogram::EMPTY, Histogram::EMPTY];
    for _ in 0..100 {
        phases[0].record(ns);
        phases[1].record(ns / 2);
    }
    phases
}

/// A CPU of half its speed at first, as one is that was idle, or at the end, as one is that is hot.
#[test]
fn a_frequency_ramp_takes_too_much_off_no_figure() {
    let (slow, fast) = (empty(60), empty(30));
    for (before, after) in [(&slow, &fast), (&fast, &slow)] {
        let clock = ClockCost::between(before, after, 1, 0);
        assert_eq!((clock.median, clock.drift), (30, 30));
        // An operation of 50 ns at full speed: nothing that the clock did not take is missing.
        assert_eq!(clock.net(80), Net::Ns(50));
        // What may be the clock of the slow part is below the floor.
        assert!(clock.floor() >= clock.drift);
        assert!(matches!(clock.net(59), Net::Below(_)));
    }
}

#[test]
fn a_steady_clock_has_no_drift() {
    let clock = ClockCost::between(&empty(48), &empty(48), 16, 0);
    assert_eq!((clock.median, clock.drift, clock.step), (48, 0, 16));
}

/// The clock of a batch is read once for all of it.
#[test]
fn a_batch_shares_the_step() {
    let clock = ClockCost::between(&empty(3), &empty(3), 64, 4);
    assert_eq!(clock.step, 4);
    assert_eq!(ClockCost::between(&empty(3), &empty(3), 1, 4).step, 1);
}

/// A run that was stopped before the end has no clock of the end.
#[test]
fn without_the_second_measurement_the_first_counts() {
    let none = [Histogram::EMPTY, Histogram::EMPTY];
    let clock = ClockCost::between(&empty(40), &none, 1, 0);
    assert_eq!((clock.median, clock.drift), (40, 0));
}
