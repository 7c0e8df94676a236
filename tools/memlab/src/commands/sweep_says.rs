// SPDX-License-Identifier: GPL-2.0

//! What a sweep comes to, in sentences, each from figures of its tables.

use super::swept::Swept;
use crate::{
    evidence::{
        points::{Over, Point},
        text::shown,
    },
    picture::series::time,
};

/// The sentences.
pub fn of(swept: &Swept) -> Vec<String> {
    match swept.over {
        Over::Sizes => sizes(&swept.curves()),
        Over::Threads => threads(&swept.curves()),
        Over::Orders => orders(swept),
    }
}

type Curves<'a> = [(String, Vec<&'a Point>)];

/// How many times as much, in words that say no more than two figures do.
fn times(more: u64, less: u64) -> String {
    let ratio = more as f64 / less.max(1) as f64;
    match ratio < 10.0 {
        true => format!("{ratio:.1}"),
        false => format!("{ratio:.0}"),
    }
}

/// What a point takes, for people: the most that it may be where the clock cannot tell.
fn took(point: &Point) -> Option<String> {
    let [ns, _, _] = point.cost()?;
    let bound = if point.is_bound() { "<" } else { "" };
    Some(format!("{bound}{}", time(ns as f64)))
}

/// What a thread waits for, and what all of them get done together.
fn threads(curves: &Curves<'_>) -> Vec<String> {
    let say = |(name, points): &(String, Vec<&Point>)| {
        let first = points.iter().find(|point| point.cost().is_some())?;
        let last = points.iter().rfind(|point| point.cost().is_some())?;
        let ([before, _, high], [after, low, _]) = (first.cost()?, last.cost()?);
        let (few, many) = (first.place.at, last.place.at);
        if few == many {
            return None;
        }
        let thread = |count: u64| match count {
            1 => "1 thread".to_owned(),
            count => format!("{count} threads"),
        };
        let least = if first.is_bound() { "at least " } else { "" };
        let one = match low > high {
            true => format!(
                "{name} takes {least}{} times as long with {} as with {}: {} and {}",
                times(after, before),
                thread(many),
                thread(few),
                took(last)?,
                took(first)?
            ),
            false => format!(
                "{name} takes no longer with {} than with {} that could be told: {} and {}",
                thread(many),
                thread(few),
                took(last)?,
                took(first)?
            ),
        };
        let together = times(last.per_second, first.per_second);
        Some(format!(
            "{one}. Together they do {together} times as many a second."
        ))
    };
    curves.iter().filter_map(say).collect()
}

/// Which experiments are the cheapest at a size: those that cannot be told from the lowest.
fn cheapest(curves: &Curves<'_>, size: u64) -> Option<Vec<String>> {
    let mut costs: Vec<(&str, [u64; 3])> = Vec::new();
    for (name, points) in curves {
        let point = points.iter().find(|point| point.place.at == size)?;
        costs.push((name, point.cost()?));
    }
    let (_, [_, _, high]) = costs.iter().min_by_key(|(_, [ns, _, _])| *ns)?;
    let alike = costs.iter().filter(|(_, [_, low, _])| low <= high);
    Some(alike.map(|(name, _)| (*name).to_owned()).collect())
}

fn sizes(curves: &Curves<'_>) -> Vec<String> {
    if let [(name, points)] = curves {
        let measured: Vec<&&Point> = points
            .iter()
            .filter(|point| point.cost().is_some())
            .collect();
        let ends = measured.first().zip(measured.last());
        let said = ends.and_then(|(first, last)| {
            Some(format!(
                "{name}: {} takes {}, {} takes {}.",
                shown(first.place.at),
                took(first)?,
                shown(last.place.at),
                took(last)?
            ))
        });
        return said.into_iter().collect();
    }
    let mut sizes: Vec<u64> = curves
        .iter()
        .flat_map(|(_, points)| points)
        .map(|point| point.place.at)
        .collect();
    sizes.sort_unstable();
    sizes.dedup();
    let mut runs: Vec<(Vec<String>, u64, u64)> = Vec::new();
    for size in sizes {
        let Some(names) = cheapest(curves, size) else {
            continue;
        };
        match runs.last_mut() {
            Some((same, _, to)) if *same == names => *to = size,
            _ => runs.push((names, size, size)),
        }
    }
    let say = |(names, from, to): &(Vec<String>, u64, u64)| {
        let where_ = match from == to {
            true => format!("at {}", shown(*from)),
            false => format!("from {} to {}", shown(*from), shown(*to)),
        };
        match names.as_slice() {
            [one] => format!("{one} is the cheapest {where_}"),
            all if all.len() == curves.len() => {
                format!("none is cheaper that could be told {where_}")
            }
            all => format!("{} are the cheapest {where_}", all.join(" and ")),
        }
    };
    match runs.is_empty() {
        true => Vec::new(),
        false => {
            let said: Vec<String> = runs.iter().map(say).collect();
            vec![format!("By both phases together, {}.", said.join("; "))]
        }
    }
}

/// Up to which order each try succeeds, and how often above it.
fn orders(swept: &Swept) -> Vec<String> {
    let mut said = Vec::new();
    let mut least_sure = None;
    for (gfp, points) in swept.curves() {
        let sure = points
            .iter()
            .take_while(|point| point.success() == Some(100.0))
            .last();
        let seldom = points
            .iter()
            .find(|point| point.success().is_some_and(|success| success < 100.0));
        let first = match sure {
            Some(point) => format!(
                "{gfp}: every try of up to order {} ({}) succeeds",
                point.place.at,
                shown(point.place.size)
            ),
            None => format!("{gfp}: at no order each try succeeds"),
        };
        let then = seldom.map_or(String::new(), |point| {
            least_sure = Some(least_sure.map_or(point.place.at, |at: u64| at.min(point.place.at)));
            format!(
                ", of order {} {:.1} % of {}",
                point.place.at,
                point.success().unwrap_or(0.0),
                point.tries
            )
        });
        said.push(format!("{first}{then}."));
    }
    let Some(order) = least_sure else {
        return said;
    };
    let instead = swept
        .points
        .iter()
        .filter(|point| point.place.instead && point.place.at == order);
    let instead: Vec<String> = instead
        .filter_map(|point| {
            let extents = point
                .extents
                .map_or(String::new(), |extents| format!(" in {extents} extents"));
            let success = point.success().filter(|success| *success < 100.0);
            let success = success.map_or(String::new(), |success| {
                format!(", {success:.1} % of the time")
            });
            Some(format!(
                "{} {}{extents}{success}",
                point.place.experiment,
                took(point)?
            ))
        })
        .collect();
    if !instead.is_empty() {
        said.push(format!(
            "Instead of order {order}: {} (got and given back; dma-sg maps a list that there is).",
            instead.join(", ")
        ));
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::{
        outcome::Figure,
        points::{Place, Timed},
    };

    fn point(name: &str, at: u64, tries: u64, failures: u64, ns: [u64; 3]) -> Point {
        let [p50, low, high] = ns;
        let timed = |phase: &str| Timed {
            phase: phase.to_owned(),
            samples: tries - failures,
            p50: Figure::Ns(p50),
            low,
            high,
            p99: Figure::Ns(high),
        };
        Point {
            place: Place {
                experiment: name.to_owned(),
                at,
                size: 4096 << at.min(10),
                gfp: None,
                instead: false,
                line: name.to_owned(),
            },
            tries,
            failures,
            errnos: Default::default(),
            phases: vec![timed("map"), timed("unmap")],
            per_second: 1_000_000 / p50,
            extents: Some(4),
            refused: None,
        }
    }

    fn swept(over: Over, points: Vec<Point>) -> Swept {
        Swept {
            over,
            rounds: 3,
            under: None,
            says: Vec::new(),
            points,
            min_success: None,
            facts: Default::default(),
        }
    }

    #[test]
    fn threads_bend_only_beyond_the_noise() {
        let bent = swept(
            Over::Threads,
            vec![
                point("sg", 1, 9, 0, [500, 490, 510]),
                point("sg", 8, 9, 0, [2000, 1900, 2100]),
            ],
        );
        assert_eq!(
            of(&bent),
            ["sg takes 4.0 times as long with 8 threads as with 1 thread: 4 us and 1 us. Together they do 0.2 times as many a second."]
        );
        let flat = swept(
            Over::Threads,
            vec![
                point("sg", 1, 9, 0, [500, 490, 560]),
                point("sg", 8, 9, 0, [550, 500, 600]),
            ],
        );
        assert!(
            of(&flat)[0].starts_with("sg takes no longer with 8 threads"),
            "{:?}",
            of(&flat)
        );
    }

    #[test]
    fn what_the_clock_cannot_tell_is_a_bound() {
        let mut points = vec![
            point("sg", 1, 9, 0, [50, 0, 50]),
            point("sg", 8, 9, 0, [2000, 1900, 2100]),
        ];
        points[0].phases[1].p50 = Figure::Below(50);
        let said = of(&swept(Over::Threads, points.clone()));
        assert!(
            said[0].starts_with("sg takes at least 40 times as long with 8 threads as with 1 thread: 4 us and <100 ns."),
            "{said:?}"
        );
        let said = of(&swept(Over::Sizes, points));
        assert_eq!(said, ["sg: 1 takes <100 ns, 8 takes 4 us."]);
    }

    #[test]
    fn the_cheapest_is_named_from_size_to_size() {
        let found = swept(
            Over::Sizes,
            vec![
                point("a", 64, 9, 0, [100, 90, 110]),
                point("a", 256, 9, 0, [100, 90, 110]),
                point("a", 1024, 9, 0, [900, 890, 910]),
                point("b", 64, 9, 0, [200, 190, 210]),
                point("b", 256, 9, 0, [105, 95, 120]),
                point("b", 1024, 9, 0, [200, 190, 210]),
            ],
        );
        assert_eq!(
            of(&found),
            ["By both phases together, a is the cheapest at 64; none is cheaper that could be told at 256; b is the cheapest at 1K."]
        );
    }

    #[test]
    fn an_order_that_fails_is_named_with_what_would_do() {
        let mut points = vec![
            point("pages", 0, 50, 0, [10, 9, 11]),
            point("pages", 3, 200, 150, [20, 19, 21]),
            point("vmalloc", 3, 20, 0, [700, 690, 710]),
        ];
        for point in &mut points[..2] {
            point.place.gfp = Some("nowait".to_owned());
        }
        points[2].place.instead = true;
        let said = of(&swept(Over::Orders, points));
        assert_eq!(
            said[0],
            "nowait: every try of up to order 0 (4K) succeeds, of order 3 25.0 % of 200."
        );
        assert!(
            said[1].starts_with("Instead of order 3: vmalloc 1.4 us in 4 extents ("),
            "{said:?}"
        );
    }
}
