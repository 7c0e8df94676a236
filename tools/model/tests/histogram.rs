// SPDX-License-Identifier: GPL-2.0

//! The histogram against exact figures and against the hdrhistogram crate.

mod random;

use hdrhistogram::Histogram as Reference;
use memlab_model::model::histogram::{Histogram, BUCKETS};
use random::Random;

const SAMPLES: usize = 1_000_000;
/// The first value above the range.
const BEYOND: u64 = 1 << 37;
const PERCENTILES: [u32; 8] = [1, 10, 250, 500, 900, 990, 999, 1000];

fn recorded(samples: &[u64]) -> Box<Histogram> {
    let mut histogram = Box::new(Histogram::EMPTY);
    for sample in samples {
        histogram.record(*sample);
    }
    histogram
}

/// Asserts every figure of the samples: the exact ones exactly, percentiles within 1/32.
fn assert_true(name: &str, mut samples: Vec<u64>) {
    let histogram = recorded(&samples);
    samples.sort_unstable();
    let count = samples.len() as u64;
    let sum: u64 = samples.iter().sum();

    assert_eq!(histogram.count(), count, "{name}");
    assert_eq!(histogram.sum(), sum, "{name}");
    assert_eq!(histogram.mean(), Some(sum / count), "{name}");
    assert_eq!(histogram.min(), samples.first().copied(), "{name}");
    assert_eq!(histogram.max(), samples.last().copied(), "{name}");
    let in_buckets: u64 = histogram.filled().map(|(_, _, count)| count).sum();
    assert_eq!(in_buckets + histogram.overflow(), count, "{name}");

    let mut reference = Reference::<u64>::new_with_bounds(1, BEYOND, 3).unwrap();
    for sample in &samples {
        reference.record(*sample).unwrap();
    }
    for per_mille in PERCENTILES {
        let mine = histogram.percentile(per_mille).unwrap();
        let rank = (count * u64::from(per_mille)).div_ceil(1000).max(1);
        let exact = samples[rank as usize - 1];
        assert!(
            (exact..=exact + exact / 32).contains(&mine),
            "{name}: percentile {per_mille}: {mine}, exactly {exact}"
        );
        let theirs = reference.value_at_quantile(f64::from(per_mille) / 1000.0);
        assert!(
            mine >= reference.lowest_equivalent(theirs) && mine <= theirs + theirs / 32,
            "{name}: percentile {per_mille}: {mine}, hdrhistogram says {theirs}"
        );
    }
}

#[test]
fn uniform_samples() {
    let mut random = Random(1);
    for bits in [3, 6, 12, 20, 36] {
        let samples = (0..SAMPLES).map(|_| random.next() >> (64 - bits));
        assert_true(&format!("{bits} bits"), samples.collect());
    }
}

#[test]
fn a_heavy_tail() {
    let mut random = Random(2);
    // Every further power of two is half as likely, up to the end of the range.
    let samples = (0..SAMPLES).map(|_| {
        let octave = random.next().trailing_zeros().min(28);
        (200 + random.below(100)) << octave
    });
    assert_true("heavy tail", samples.collect());
}

#[test]
fn powers_of_two_and_their_neighbours() {
    let edges: Vec<u64> = (0..37)
        .flat_map(|bit| [(1u64 << bit) - 1, 1 << bit, (1 << bit) + 1])
        .collect();
    for edge in &edges {
        assert_true(&format!("only {edge}"), vec![*edge; 7]);
    }
    assert_true("all edges", edges.repeat(SAMPLES / edges.len()));
}

#[test]
fn two_points_far_apart() {
    let last = BEYOND - 1;
    for rare in [1, 2, 1000, 1001, SAMPLES / 2] {
        let mut samples = vec![100; SAMPLES - rare];
        samples.extend(vec![last; rare]);
        assert_true(&format!("{rare} rare ones"), samples);
    }
}

#[test]
fn one_sample_is_every_percentile() {
    for sample in [0, 1, 31, 32, 33, 1_000_003, BEYOND - 1] {
        let histogram = recorded(&[sample]);
        for per_mille in 0..=1000 {
            assert_eq!(histogram.percentile(per_mille), Some(sample));
        }
    }
}

#[test]
fn what_is_beyond_the_range_still_counts() {
    let histogram = recorded(&[10, BEYOND, u64::MAX]);
    assert_eq!(histogram.overflow(), 2);
    assert_eq!(histogram.count(), 3);
    assert_eq!(histogram.sum(), u64::MAX, "the sum saturates");
    assert_eq!(histogram.max(), Some(u64::MAX));
    assert_eq!(histogram.percentile(300), Some(10));
    assert_eq!(histogram.percentile(500), Some(u64::MAX));
    assert_eq!(histogram.filled().count(), 1);
}

#[test]
fn merging_is_recording_all() {
    let mut random = Random(3);
    for round in 0..50 {
        let mut samples = || -> Vec<u64> {
            let shift = 20 + random.below(44);
            (0..random.below(5000))
                .map(|_| random.next() >> shift)
                .collect()
        };
        let (a, b) = (samples(), samples());
        let mut merged = recorded(&a);
        merged.merge(&recorded(&b));
        let all = recorded(&[a, b].concat());
        let figures = |h: &Histogram| {
            let percentiles = PERCENTILES.map(|at| h.percentile(at));
            let exact = (h.count(), h.sum(), h.overflow(), h.min(), h.max());
            (percentiles, exact, *h.buckets())
        };
        assert_eq!(figures(&merged), figures(&all), "round {round}");
    }
    // Nothing on either side changes nothing.
    let mut nothing = recorded(&[]);
    nothing.merge(&recorded(&[]));
    assert_eq!(nothing.min(), None);
    nothing.merge(&recorded(&[7]));
    nothing.merge(&recorded(&[]));
    assert_eq!((nothing.min(), nothing.max()), (Some(7), Some(7)));
}

#[test]
fn the_buckets_cover_the_range_without_a_gap() {
    let mut next = 0;
    let mut found = 0;
    while next < BEYOND {
        let histogram = recorded(&[next]);
        let (low, high, count) = histogram.filled().next().unwrap();
        assert_eq!((low, count), (next, 1));
        assert!(high - low <= low / 32, "{low} to {high} is too wide");
        assert_eq!(recorded(&[high]).filled().next(), Some((low, high, 1)));
        next = high + 1;
        found += 1;
    }
    assert_eq!((next, found), (BEYOND, BUCKETS));
}
