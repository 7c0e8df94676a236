// SPDX-License-Identifier: GPL-2.0

//! `sweep`: one thing is varied, all else stays: sizes, threads, or orders by flags.

use super::{run, sweep_says, swept::Swept, Context, Found};
use crate::{
    error::{Error, Kind, Result},
    evidence::{
        module::{self, Module},
        outcome::Ran,
        points::{Over, Place, Point},
        text::{self, bytes},
    },
    output::Cell,
};
use clap::Args;
use std::collections::BTreeMap;

/// The flags that a sweep of orders has if none are asked for: what may wait, what may not, and what
/// has a reserve for it.
const GFP: [&str; 3] = ["kernel", "nowait", "atomic"];
/// What would do instead of a block: in pieces that the CPU sees as one, or that the device does.
const INSTEAD: [&str; 3] = ["kvmalloc", "vmalloc", "dma-sg"];
/// The sizes of a sweep if none are asked for are these and each fourth power of two above them.
const LEAST_SIZE: u64 = 64;
const MOST_SIZE: u64 = 1 << 20;
/// No kernel has larger ones.
const MOST_ORDER: u64 = 20;
const MOST_THREADS: u64 = 8;

/// Measures at each of several sizes, numbers of threads, or orders
#[derive(Args, Debug)]
pub struct Arguments {
    /// What is another at each point
    #[arg(value_enum)]
    over: Over,
    /// Experiments, and key=value for all of them; of orders, pages
    line: Vec<String>,
    /// The points, as 64,4K,1M or 1-8
    #[arg(long, value_delimiter = ',', value_parser = points)]
    at: Vec<Points>,
    /// The flags of the allocation that a sweep of orders asks for
    #[arg(long, value_delimiter = ',', default_values = GFP)]
    gfp: Vec<String>,
    /// How often each point is measured; the points take turns
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// How long a point is measured in a round, in ms
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=60_000))]
    time: u64,
    /// A state of memory for the time of it, as scenario makes it: "fragment order=3"
    #[arg(long, value_name = "SCENARIO")]
    under: Option<String>,
    /// Fail (exit code 1) where less than so many per cent of what was tried succeeds
    #[arg(long, value_name = "PCT", value_parser = per_cent)]
    min_success: Option<f64>,
}

/// From one to another.
#[derive(Clone, Copy, Debug)]
struct Points(u64, u64);

fn points(text: &str) -> std::result::Result<Points, String> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let range = bytes(first).zip(bytes(last));
    let range = range.filter(|(first, last)| first <= last && last - first < 1024);
    let range = range.map(|(first, last)| Points(first, last));
    range.ok_or_else(|| "must be numbers or ranges, as 64,4K,1M or 1-8".to_owned())
}

fn per_cent(text: &str) -> std::result::Result<f64, String> {
    let parsed = text.parse::<f64>().ok();
    let fits = parsed.filter(|at| (0.0..=100.0).contains(at));
    fits.ok_or_else(|| "must be a number from 0 to 100".to_owned())
}

/// What the module says of an experiment.
struct Known {
    sizes: (u64, u64),
    parameters: Vec<String>,
}

fn known(module: &dyn Module) -> Result<BTreeMap<String, Known>> {
    let said = module.look("experiments")?;
    let blocks = text::parse(&said);
    let table = text::table_of(&blocks, "experiment");
    let mut found = BTreeMap::new();
    for row in table.map_or(&[][..], |table| &table.rows) {
        let of = |name: &str| {
            let at = table.and_then(|table| table.column(name))?;
            row.get(at).map(Cell::csv)
        };
        let size = |name: &str| of(name).and_then(|word| bytes(&word));
        if let (Some(name), Some(least), Some(most), Some(takes)) = (
            of("experiment"),
            size("min_size"),
            size("max_size"),
            of("parameters"),
        ) {
            let parameters = takes.split(',').map(|word| {
                let name = word.split('=').next().unwrap_or(word);
                name.to_owned()
            });
            let parameters = parameters.collect();
            found.insert(
                name,
                Known {
                    sizes: (least, most),
                    parameters,
                },
            );
        }
    }
    Ok(found)
}

impl Arguments {
    fn names(&self) -> Vec<&str> {
        let words = self.line.iter().map(String::as_str);
        let names: Vec<&str> = words.filter(|word| !word.contains('=')).collect();
        match (names.is_empty(), self.over) {
            (true, Over::Orders) => vec!["pages"],
            _ => names,
        }
    }

    /// What was given for all points.
    fn given(&self) -> impl Iterator<Item = (&str, &str)> {
        self.line.iter().filter_map(|word| word.split_once('='))
    }

    /// The key that is another at each point, which cannot be given, and what a sweep has by itself.
    fn check(&self) -> Result {
        let taken: &[&str] = match self.over {
            Over::Sizes => &["size", "time"],
            Over::Threads => &["threads", "time"],
            Over::Orders => &["size", "gfp", "mode", "time"],
        };
        let twice = self.given().find(|(key, _)| taken.contains(key));
        if let Some((key, value)) = twice {
            let option = match key {
                "time" | "gfp" => format!("--{key}"),
                _ => "--at".to_owned(),
            };
            return Err(Error::new(
                Kind::Usage,
                format!("{key}={value}: of a sweep it is said by {option}"),
            ));
        }
        if self.over == Over::Orders {
            if self.names().len() > 1 {
                return Err(Error::new(
                    Kind::Usage,
                    "sweep orders: one experiment at a time, what there is instead comes beside it",
                ));
            }
            let mut ends = self.at.iter().map(|Points(_, last)| *last);
            if let Some(at) = ends.find(|at| *at > MOST_ORDER) {
                return Err(Error::new(
                    Kind::Usage,
                    format!("at={at}: out of range, orders are 0 to {MOST_ORDER}"),
                ));
            }
        }
        match self.names().is_empty() {
            true => Err(Error::new(
                Kind::Usage,
                "sweep: name an experiment: memlab show experiments has them",
            )),
            false => Ok(()),
        }
    }

    fn points(&self, known: Option<&Known>, page: u64) -> Vec<u64> {
        if !self.at.is_empty() {
            return self
                .at
                .iter()
                .flat_map(|Points(first, last)| *first..=*last)
                .collect();
        }
        let (least, most) = known.map_or((1, MOST_SIZE), |known| known.sizes);
        match self.over {
            Over::Sizes => {
                let first = least.max(LEAST_SIZE).next_power_of_two();
                let sizes = std::iter::successors(Some(first), |size| size.checked_mul(4));
                sizes
                    .take_while(|size| *size <= most.min(MOST_SIZE))
                    .collect()
            }
            Over::Threads => {
                let cpus =
                    std::thread::available_parallelism().map_or(1, |count| count.get() as u64);
                (1..=cpus.clamp(2, MOST_THREADS)).collect()
            }
            Over::Orders => (0..u64::from(u64::BITS))
                .take_while(|order| {
                    page.checked_shl(*order as u32)
                        .is_some_and(|size| size <= most)
                })
                .collect(),
        }
    }

    /// A line for the module: what all points have, and what this one has.
    fn line(&self, name: &str, known: Option<&Known>, own: &[(&str, String)]) -> String {
        let mut words = vec![name.to_owned()];
        let takes =
            |key: &str| known.is_none_or(|known| known.parameters.iter().any(|one| one == key));
        // Of what is only there beside it, no more is asked than it takes.
        let given = self.given().filter(|(key, _)| takes(key));
        words.extend(given.map(|(key, value)| format!("{key}={value}")));
        words.extend(own.iter().map(|(key, value)| format!("{key}={value}")));
        words.push(format!("time={}", self.time));
        words.join(" ")
    }

    fn plan(&self, module: &dyn Module, page: u64) -> Result<Vec<Place>> {
        let all = known(module)?;
        let mut plan = Vec::new();
        let place =
            |name: &str, at: u64, size: u64, gfp: Option<&str>, instead: bool, line| Place {
                experiment: name.to_owned(),
                at,
                size,
                gfp: gfp.map(str::to_owned),
                instead,
                line,
            };
        let names = self.names();
        for name in &names {
            let one = all.get(*name);
            for at in self.points(one, page) {
                match self.over {
                    Over::Sizes => {
                        let line = self.line(name, None, &[("size", at.to_string())]);
                        plan.push(place(name, at, at, None, false, line));
                    }
                    Over::Threads => {
                        let line = self.line(name, None, &[("threads", at.to_string())]);
                        let size = self.given().find(|(key, _)| *key == "size");
                        let size = size.and_then(|(_, value)| bytes(value)).unwrap_or(page);
                        plan.push(place(name, at, size, None, false, line));
                    }
                    Over::Orders => {
                        // CAST: an order of more than 63 is no size.
                        let size = page.checked_shl(at as u32).unwrap_or(0);
                        for gfp in &self.gfp {
                            let own = [
                                ("size", size.to_string()),
                                ("gfp", gfp.clone()),
                                ("mode", "op".to_owned()),
                            ];
                            let line = self.line(name, None, &own);
                            plan.push(place(name, at, size, Some(gfp.as_str()), false, line));
                        }
                    }
                }
            }
        }
        if self.over == Over::Orders {
            let mut orders: Vec<u64> = plan.iter().map(|place: &Place| place.at).collect();
            orders.sort_unstable();
            orders.dedup();
            for (order, name) in orders
                .iter()
                .flat_map(|order| INSTEAD.map(|name| (*order, name)))
            {
                let size = page.checked_shl(order as u32).unwrap_or(0);
                let Some(one) = all
                    .get(name)
                    .filter(|one| (one.sizes.0..=one.sizes.1).contains(&size))
                else {
                    continue;
                };
                let own = [("size", size.to_string()), ("mode", "op".to_owned())];
                let line = self.line(name, Some(one), &own);
                plan.push(place(name, order, size, None, true, line));
            }
        }
        Ok(plan)
    }
}

/// What came of each point in each round, or why it was refused.
type Measured = (Vec<Vec<Ran>>, Vec<Option<Error>>);

fn measure(arguments: &Arguments, module: &dyn Module, plan: &[Place]) -> Result<Measured> {
    let mut rounds: Vec<Vec<Ran>> = plan.iter().map(|_| Vec::new()).collect();
    let mut refused: Vec<Option<Error>> = plan.iter().map(|_| None).collect();
    for round in 0..arguments.rounds {
        // What comes first in one round comes last in the next: what drifts, drifts for all.
        let mut turns: Vec<usize> = (0..plan.len()).collect();
        if round % 2 == 1 {
            turns.reverse();
        }
        for turn in turns {
            if refused[turn].is_some() {
                continue;
            }
            match run::measure(module, &plan[turn].line) {
                Ok(ran) => rounds[turn].push(ran),
                Err(error) if error.kind == Kind::Refused => refused[turn] = Some(error),
                Err(error) => return Err(error),
            }
        }
    }
    Ok((rounds, refused))
}

/// Sweeps.
pub fn sweep(context: &Context, arguments: &Arguments) -> Result<Found<Swept>> {
    arguments.check()?;
    let module = module::open(&context.machine)?;
    let page = rustix::param::page_size() as u64;
    let plan = arguments.plan(&*module, page)?;
    if let Some(under) = &arguments.under {
        module.ask("scenario", under)?;
    }
    let measured = measure(arguments, &*module, &plan);
    if arguments.under.is_some() {
        module.ask("scenario", "none")?;
    }
    let (rounds, refused) = measured?;
    let mut all = plan.iter().zip(&refused);
    if all.all(|(place, why)| place.instead || why.is_some()) {
        let first = refused.into_iter().flatten().next();
        return Err(
            first.unwrap_or_else(|| Error::new(Kind::Usage, "sweep: there is no such point"))
        );
    }
    let facts = rounds.iter().flatten().next().map(|ran| ran.facts.clone());
    let points = plan.into_iter().zip(&rounds).zip(refused);
    let points = points
        .map(|((place, rounds), why)| Point::of(place, rounds, why.map(|error| error.message)));
    let mut swept = Swept {
        over: arguments.over,
        rounds: arguments.rounds,
        under: arguments.under.clone(),
        says: Vec::new(),
        points: points.collect(),
        min_success: arguments.min_success,
        facts: facts.unwrap_or_default(),
    };
    swept.says = sweep_says::of(&swept);
    let failed = arguments.min_success.and_then(|least| {
        let below = |point: &&Point| point.success().is_some_and(|success| success < least);
        let mut all = swept.asked().filter(below);
        let first = all.next()?;
        let more = all.count();
        Some(Error::new(
            Kind::Failed,
            format!(
                "{} of what was tried succeeds in less than {least} %, the first: {}",
                more + 1,
                first.place.line
            ),
        ))
    });
    Ok(Found {
        value: swept,
        failed,
        silent: false,
        held: None,
    })
}
