// SPDX-License-Identifier: GPL-2.0

//! The grammar of what is written to `run` and `compare`. Pure: text in, a checked request out.
//!
//! ```text
//! run:      NAME key=value ...
//! compare:  [experiments=all|NAME,...] [device=NAME] [size=BYTES,...] [time=MS] [direction=all|D,...]
//! ```
//!
//! A refusal names the parameter, its value as it was written, and what it may be.

use crate::model::{
    num::Dec,
    request::{
        CompareRequest,
        Direction,
        Directions,
        Gfp,
        Info,
        Kind,
        Limits,
        Mode,
        Number,
        Range,
        Refusal,
        Request,
        Selection,
        DEVICE_NAME_MAX, //
    },
    text::Text, //
};
use core::fmt;

#[path = "grammar_scenario.rs"]
mod scenario;

pub use scenario::{
    parse_device,
    parse_scenario, //
};

/// The longest line that is read, without its newline.
pub const LINE_MAX: usize = 256;

/// The keys of a `run` line.
pub const RUN_KEYS: &[&str] = &[
    "size",
    "iterations",
    "warmup",
    "time",
    "threads",
    "node",
    "batch",
    "offset",
    "entries",
    "mask",
    "sync",
    "align",
    "gfp",
    "direction",
    "mode",
    "device",
];

/// The keys of a `compare` line.
pub const COMPARE_KEYS: &[&str] = &["experiments", "device", "size", "time", "direction"];

/// Reads a line for `run`.
pub fn parse(line: &str, catalogue: &[&'static Info], limits: &Limits) -> Result<Request, Refusal> {
    let mut words = words(line)?;
    let Some(name) = words.next() else {
        return Err(Refusal::invalid(format_args!(
            "empty line: expected NAME key=value ..., NAME one of {}",
            List(|| catalogue.iter().map(|info| info.name))
        )));
    };
    let Some(&info) = catalogue.iter().find(|info| info.name == name) else {
        return Err(Refusal::invalid(format_args!(
            "experiment={}: unknown, must be one of {}",
            Clip(name),
            List(|| catalogue.iter().map(|info| info.name))
        )));
    };

    let mut request = Request::within(info, limits);
    let mut keys = Keys::new(RUN_KEYS);
    let mut batch = false;
    for word in words {
        let (key, value) = keys.take(word)?;
        let number = Number::ALL.into_iter().find(|n| n.name() == key);
        let foreign = match key {
            "direction" => info.directions.is_empty(),
            "gfp" => info.gfp.is_empty(),
            _ => number.is_some_and(|number| !info.takes(number)),
        };
        match key {
            _ if foreign => {
                return Err(Refusal::invalid(format_args!(
                    "{key}={}: {name} has no {key}, leave it out",
                    Clip(value)
                )))
            }
            "direction" => {
                let chosen = choice(key, value, &Direction::ALL)?;
                request.direction = allowed(info, key, value, chosen, info.directions)?;
            }
            "gfp" => {
                let chosen = choice(key, value, &Gfp::ALL)?;
                request.gfp = allowed(info, key, value, chosen, info.gfp)?;
            }
            "mode" => request.mode = choice(key, value, &Mode::ALL)?,
            "device" => request.device = device(value)?,
            _ => {
                if let Some(number) = number {
                    let range = limits.range(number, info);
                    let parsed = parse_number(number, info.unit_of(number), value, range)?;
                    request.set(number, parsed, limits)?;
                    batch |= number == Number::Batch;
                }
            }
        }
    }
    agree(&request, batch)?;
    Ok(request)
}

/// Refuses what is right by itself and has no meaning beside the rest. `batch` tells whether one was
/// asked for.
pub fn agree(request: &Request, batch: bool) -> Result<(), Refusal> {
    let (name, device) = (request.info.name, request.device);
    if !request.info.needs_device && !device.as_str().is_empty() {
        return Err(Refusal::invalid(format_args!(
            "device={device}: {name} uses no device, leave it out"
        )));
    }
    if batch && request.mode == Mode::Op {
        return Err(Refusal::invalid(format_args!(
            "batch={}: has no meaning with mode=op, needs mode=batch or mode=auto",
            Dec(request.batch)
        )));
    }
    Ok(())
}

/// Reads a line for `compare`; an empty one asks for the default comparison.
pub fn parse_compare(
    line: &str,
    catalogue: &[&'static Info],
    limits: &Limits,
) -> Result<CompareRequest, Refusal> {
    let mut request = CompareRequest::new(limits);
    let mut keys = Keys::new(COMPARE_KEYS);
    for word in words(line)? {
        let (key, value) = keys.take(word)?;
        match key {
            "experiments" => request.experiments = selection(value, catalogue)?,
            "device" => request.device = device(value)?,
            "direction" => request.directions = directions(key, value)?,
            "time" => {
                let range = CompareRequest::times(limits);
                let time = parse_number(Number::Time, Number::Time.unit(), value, range)?;
                if !(range.min..=range.max).contains(&time) {
                    return Err(Refusal::range(key, time, range, Number::Time.unit()));
                }
                request.time = time;
            }
            // `keys` lets nothing else through.
            _ => request.set_sizes(value.split(',').map(|size| {
                parse_number(
                    Number::Size,
                    Number::Size.unit(),
                    size,
                    CompareRequest::SIZES,
                )
            }))?,
        }
    }
    Ok(request)
}

/// Reads `all`, or names of the catalogue that have to do with memory.
#[inline(never)]
fn selection(value: &str, catalogue: &[&'static Info]) -> Result<Selection, Refusal> {
    if value == "all" {
        return Ok(Selection::All);
    }
    let comparable = catalogue.iter().filter(|info| info.is_comparable());
    let mut bits = 0u64;
    for name in value.split(',') {
        let bit = catalogue
            .iter()
            .position(|info| info.name == name && info.is_comparable())
            .and_then(|at| 1u64.checked_shl(at as u32));
        bits |= bit.ok_or_else(|| {
            Refusal::invalid(format_args!(
                "experiments={}: unknown, must be all or some of {}",
                Clip(name),
                List(|| comparable.clone().map(|info| info.name))
            ))
        })?;
    }
    Ok(Selection::Named(bits))
}

/// `chosen` if the experiment takes it.
pub(super) fn allowed<T: Copy + PartialEq>(
    info: &Info,
    key: &str,
    value: &str,
    chosen: T,
    all: &[T],
) -> Result<T, Refusal> {
    if all.contains(&chosen) {
        return Ok(chosen);
    }
    let name = info.name;
    Err(Refusal::invalid(format_args!(
        "{key}={value}: not for {name}, see experiments"
    )))
}

/// The words of a line that is short enough and printable.
#[inline(never)]
fn words(line: &str) -> Result<impl Iterator<Item = &str>, Refusal> {
    let line = line.strip_suffix('\n').unwrap_or(line);
    let printable = |c: char| c == '\t' || c == ' ' || c.is_ascii_graphic();
    if let Some((at, character)) = line.char_indices().find(|(_, c)| !printable(*c)) {
        return Err(Refusal::invalid(format_args!(
            "line: character {} at byte {at}, must be one line of printable ASCII",
            character.escape_default()
        )));
    }
    if line.len() > LINE_MAX {
        return Err(Refusal::invalid(format_args!(
            "line={}: {} bytes, at most {LINE_MAX}",
            Clip(line),
            line.len()
        )));
    }
    Ok(line.split_ascii_whitespace())
}

/// The keys that a line may have, each of them once.
struct Keys {
    names: &'static [&'static str],
    seen: u32,
}

impl Keys {
    fn new(names: &'static [&'static str]) -> Self {
        Self { names, seen: 0 }
    }

    /// Splits `word` into a key, which is known and new, and a value, which is not empty.
    #[inline(never)]
    fn take<'a>(&mut self, word: &'a str) -> Result<(&'static str, &'a str), Refusal> {
        let (key, value) = match word.split_once('=') {
            Some((key, value)) => (key, Some(value)),
            None => (word, None),
        };
        let Some((at, name)) = (0..).zip(self.names).find(|(_, name)| **name == key) else {
            return Err(Refusal::invalid(format_args!(
                "{}: unknown parameter, must be one of {}",
                Clip(word),
                List(|| self.names.iter().copied())
            )));
        };
        let Some(value) = value.filter(|value| !value.is_empty()) else {
            return Err(Refusal::invalid(format_args!(
                "{key}: no value, must be {key}=VALUE"
            )));
        };
        let bit = 1u32 << at;
        if self.seen & bit != 0 {
            return Err(Refusal::invalid(format_args!(
                "{key}={}: given twice, each parameter once at most",
                Clip(value)
            )));
        }
        self.seen |= bit;
        Ok((name, value))
    }
}

/// Reads decimal digits; a size, and what is synced of it, may end in K, M or G.
#[inline(never)]
fn parse_number(number: Number, unit: &str, value: &str, range: Range) -> Result<u64, Refusal> {
    let (name, min, max) = (number.name(), Dec(range.min), Dec(range.max));
    let suffixed = matches!(number, Number::Size | Number::Sync);
    let shift = match value.as_bytes().last() {
        Some(b'K' | b'k') if suffixed => 10,
        Some(b'M' | b'm') if suffixed => 20,
        Some(b'G' | b'g') if suffixed => 30,
        _ => 0,
    };
    let end = value.len() - usize::from(shift != 0);
    let digits = value.get(..end).unwrap_or("");
    if !are_digits(digits) {
        let form = match suffixed {
            true => "a number with K, M, G or nothing after it",
            false => "a decimal number",
        };
        return Err(Refusal::invalid(format_args!(
            "{name}={}: must be {form}, {min} to {max} {unit}",
            Clip(value)
        )));
    }
    // Digits alone fail to parse for one reason: there are too many of them.
    digits
        .parse()
        .ok()
        .and_then(|digits: u64| digits.checked_mul(1 << shift))
        .ok_or_else(|| Refusal {
            kind: Kind::Range,
            message: Text::format(format_args!(
                "{name}={}: out of range, {min} to {max} {unit}",
                Clip(value)
            )),
        })
}

/// Reads `all`, or directions with commas between them.
#[inline(never)]
fn directions(key: &str, value: &str) -> Result<Directions, Refusal> {
    if value == "all" {
        let all = Direction::ALL.into_iter();
        return Ok(all.fold(Directions::NONE, |set, (_, each)| set.with(each)));
    }
    value.split(',').try_fold(Directions::NONE, |set, word| {
        Ok(set.with(choice(key, word, &Direction::ALL)?))
    })
}

fn are_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Reads decimal digits and nothing else.
fn decimal(value: &str) -> Option<u64> {
    are_digits(value).then(|| value.parse().ok()).flatten()
}

/// Reads one of a few words.
#[inline(never)]
fn choice<T: Copy>(key: &str, value: &str, all: &[(&'static str, T)]) -> Result<T, Refusal> {
    match all.iter().find(|(name, _)| *name == value) {
        Some((_, chosen)) => Ok(*chosen),
        None => Err(Refusal::invalid(format_args!(
            "{key}={}: unknown, must be one of {}",
            Clip(value),
            List(|| all.iter().map(|(name, _)| *name))
        ))),
    }
}

/// Reads the name of a device; whether it is there, only the kernel knows.
#[inline(never)]
fn device(value: &str) -> Result<Text<DEVICE_NAME_MAX>, Refusal> {
    if value.len() > DEVICE_NAME_MAX {
        return Err(Refusal::invalid(format_args!(
            "device={}: {} bytes, at most {DEVICE_NAME_MAX}",
            Clip(value),
            value.len()
        )));
    }
    Ok(Text::new(value))
}

/// What was written, cut so that the rest of the message has room. It is printable: see [`words`].
struct Clip<'a>(&'a str);

impl fmt::Display for Clip<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.get(..24) {
            Some(start) if start.len() < self.0.len() => write!(f, "{start}..."),
            _ => f.write_str(self.0),
        }
    }
}

/// Names with commas between them, as many as a message has room for.
struct List<F>(F);

impl<F: Fn() -> I, I: Iterator<Item = &'static str>> fmt::Display for List<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut room = 80usize;
        let mut comma = "";
        for name in (self.0)() {
            let Some(rest) = room.checked_sub(name.len() + 2) else {
                return f.write_str(", ... (all: see help)");
            };
            room = rest;
            write!(f, "{comma}{name}")?;
            comma = ", ";
        }
        Ok(())
    }
}

// A file of its own, at a path which does not depend on how the crate includes this one.
#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[path = "grammar_tests.rs"]
mod grammar_tests;
