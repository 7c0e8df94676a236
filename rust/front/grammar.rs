// SPDX-License-Identifier: GPL-2.0

//! The grammar of what is written to `run` and `compare`. Pure: text in, a checked request out.
//!
//! ```text
//! run:      NAME key=value ...
//! compare:  [experiments=all|NAME,...] [device=NAME] [size=BYTES,...] [time=MS] [direction=all|D,...]
//!           [touch=yes]
//! ```
//!
//! A refusal names the parameter, its value as it was written, and what it may be.

use crate::model::{
    compare_request::{
        CompareRequest,
        Places,
        Selection, //
    },
    num::Dec,
    request::{
        Direction,
        Directions,
        Info,
        Limits,
        Mode,
        Parameter,
        Range,
        Refusal,
        Release,
        Request,
        Value,
        Values,
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

/// The keys of a `compare` line.
pub const COMPARE_KEYS: &[&str] = &[
    "experiments",
    "device",
    "size",
    "time",
    "direction",
    "touch",
];

/// Reads a line for `run`.
pub fn parse(line: &str, catalogue: &[&'static Info], limits: &Limits) -> Result<Request, Refusal> {
    let mut words = words(line)?;
    let Some(name) = words.next() else {
        return Err(Refusal::invalid(format_args!(
            "empty line: expected NAME key=value ..., NAME one of {}",
            List(|| catalogue.iter().map(|info| info.name))
        )));
    };
    let info = experiment(name, catalogue)?;
    let mut request = Request::new(info, limits);
    let mut keys = Keys::new(Parameter::KEYS);
    let mut batch = false;
    for word in words {
        let (key, value) = keys.take(word)?;
        assign(&mut request, key, value, limits)?;
        batch |= key == Parameter::Batch.name();
    }
    agree(&request, batch)?;
    Ok(request)
}

/// Finds an experiment by its name.
#[inline(never)]
pub fn experiment(name: &str, catalogue: &[&'static Info]) -> Result<&'static Info, Refusal> {
    let found = catalogue.iter().find(|info| info.name == name);
    found.copied().ok_or_else(|| {
        Refusal::invalid(format_args!(
            "experiment={}: unknown, must be one of {}",
            Clip(name),
            List(|| catalogue.iter().map(|info| info.name))
        ))
    })
}

/// Gives the parameter `key` what `value` says. In a frame of its own, like its kin: stacks are small.
#[inline(never)]
fn assign(request: &mut Request, key: &str, value: &str, limits: &Limits) -> Result<(), Refusal> {
    let Some(&parameter) = Parameter::ALL.iter().find(|p| p.name() == key) else {
        return request.set_device(device(value)?);
    };
    request.check_taken(parameter, &Clip(value))?;
    let info = request.info();
    let parsed = match parameter.row().values {
        Values::Numbers(..) => {
            let range = info.range(parameter, limits);
            parse_number(key, info.unit_of(parameter), value, range)?
        }
        Values::Words(names, _) => choice(key, value, names)?,
    };
    request.set(parameter, parsed, limits)
}

/// Refuses what is right by itself and has no meaning beside the rest. `batch` tells whether one was
/// asked for.
#[inline(never)]
pub fn agree(request: &Request, batch: bool) -> Result<(), Refusal> {
    if batch && request.mode() == Mode::Op {
        return Err(Refusal::invalid(format_args!(
            "batch={}: has no meaning with mode=op, needs mode=batch or mode=auto",
            Dec(request.batch())
        )));
    }
    let release = request.release();
    if release != Release::Newest && request.mode() == Mode::Op {
        return Err(Refusal::invalid(format_args!(
            "release={}: has no meaning with mode=op, needs mode=batch or mode=auto",
            release.name()
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
            "touch" => request.touch = choice(key, value, &["no", "yes"])? == 1,
            "time" => {
                let times = CompareRequest::times(limits);
                request.set_time(parse_number(key, "ms", value, times)?, limits)?;
            }
            // `keys` lets nothing else through.
            _ => sizes(&mut request, key, value)?,
        }
    }
    Ok(request)
}

/// Reads sizes with commas between them.
#[inline(never)]
fn sizes(request: &mut CompareRequest, key: &str, value: &str) -> Result<(), Refusal> {
    let one = |size| parse_number(key, "bytes", size, CompareRequest::SIZES);
    request.set_sizes(value.split(',').map(one))
}

/// Reads `all`, or names of the catalogue that have to do with memory.
#[inline(never)]
fn selection(value: &str, catalogue: &[&'static Info]) -> Result<Selection, Refusal> {
    if value == "all" {
        return Ok(Selection::All);
    }
    let comparable = catalogue.iter().filter(|info| info.is_comparable());
    let mut places = Places::NONE;
    for name in value.split(',') {
        let place = catalogue
            .iter()
            .position(|info| info.name == name && info.is_comparable())
            .ok_or_else(|| {
                Refusal::invalid(format_args!(
                    "experiments={}: unknown, must be all or some of {}",
                    Clip(name),
                    List(|| comparable.clone().map(|info| info.name))
                ))
            })?;
        if !places.insert(place) {
            return Err(Refusal::invalid(format_args!(
                "experiments={name}: given twice, must differ from the others"
            )));
        }
    }
    Ok(Selection::Named(places))
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
        return Err(too_long(line, line.len()));
    }
    Ok(line.split_ascii_whitespace())
}

/// Refuses a line of `length` bytes, which begins with `head`.
pub fn too_long(head: &str, length: usize) -> Refusal {
    Refusal::invalid(format_args!(
        "line={}: {length} bytes, at most {LINE_MAX}",
        Clip(head)
    ))
}

/// Reads a line for a `file` that takes no parameters.
pub fn parse_nothing(file: &str, line: &str) -> Result<(), Refusal> {
    match words(line)?.next() {
        None => Ok(()),
        Some(word) => Err(Refusal::invalid(format_args!(
            "{}: {file} takes no parameters, write an empty line",
            Clip(word)
        ))),
    }
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

/// Reads decimal digits; what is in bytes may end in K, M or G.
#[inline(never)]
fn parse_number(name: &str, unit: &str, value: &str, range: Range) -> Result<u64, Refusal> {
    let (min, max) = (Dec(range.min), Dec(range.max));
    let suffixed = unit == "bytes";
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
        .ok_or_else(|| {
            Refusal::beyond(format_args!(
                "{name}={}: out of range, {min} to {max} {unit}",
                Clip(value)
            ))
        })
}

/// Reads `all`, or directions with commas between them.
#[inline(never)]
fn directions(key: &str, value: &str) -> Result<Directions, Refusal> {
    if value == "all" {
        let all = Direction::ALL.iter();
        return Ok(all.fold(Directions::NONE, |set, each| set.with(*each)));
    }
    if value.split(',').any(|word| word == "all") {
        return Err(Refusal::invalid(format_args!(
            "{key}={}: all stands alone, must be all or some of {}",
            Clip(value),
            List(|| Direction::NAMES.iter().copied())
        )));
    }
    value.split(',').try_fold(Directions::NONE, |set, word| {
        let direction = Direction::of(Some(choice(key, word, Direction::NAMES)?));
        if set.has(direction) {
            return Err(Refusal::invalid(format_args!(
                "{key}={word}: given twice, must differ from the others"
            )));
        }
        Ok(set.with(direction))
    })
}

fn are_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Reads one of a few words: its place among them.
#[inline(never)]
fn choice(key: &str, value: &str, names: &'static [&'static str]) -> Result<u64, Refusal> {
    let mut places = (0..).zip(names);
    match places.find(|(_, name)| **name == value) {
        Some((place, _)) => Ok(place),
        None => Err(Refusal::invalid(format_args!(
            "{key}={}: unknown, must be one of {}",
            Clip(value),
            List(|| names.iter().copied())
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
pub(super) struct List<F>(pub(super) F);

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
