// SPDX-License-Identifier: GPL-2.0

//! The grammar of what is written to `scenario`. Pure, as that of `run`.
//!
//! ```text
//! fragment order=K [share=PCT]
//! fill-cma [order=K] [share=PCT] [device=NAME]
//! cache-in-cma [share=PCT] [device=NAME]
//! pressure [mark=min|low|high] [share=PCT]
//! hold [mark=atomic|min|low|high] [share=PCT]
//! none
//! ```

use super::{
    choice,
    device,
    parse_number,
    words,
    Clip,
    Keys, //
};
use crate::model::{
    request::{
        Range,
        Refusal,
        DEVICE_NAME_MAX, //
    },
    scenario::{
        State,
        Wish,
        FLOORS,
        LOW,
        MARKS,
        SHARE,
        SHARES, //
    },
    text::Text, //
};

/// The keys of a `scenario` line.
const KEYS: &[&str] = &["order", "share", "mark", "device"];

/// Reads a line for `scenario`: `None` asks for giving everything back. Orders go to `order_max`.
pub fn parse_scenario(line: &str, order_max: u32) -> Result<Option<Wish>, Refusal> {
    let mut words = words(line)?;
    let name = words.next().unwrap_or("");
    let takes: &[&str] = match name {
        "none" => &[],
        "fragment" => &["order", "share"],
        "fill-cma" => &["order", "share", "device"],
        "cache-in-cma" => &["share", "device"],
        "pressure" | "hold" => &["mark", "share"],
        _ => {
            return Err(Refusal::invalid(format_args!(
                "scenario={}: unknown, must be one of fragment, fill-cma, cache-in-cma, pressure, hold, none",
                Clip(name)
            )))
        }
    };
    let mut keys = Keys::new(KEYS);
    let (mut order, mut share, mut mark, mut lent) = (None, SHARE, None, Text::EMPTY);
    let marks = match name {
        "hold" => &FLOORS[..],
        _ => &MARKS[..],
    };
    for word in words {
        if takes.is_empty() {
            return Err(Refusal::invalid(format_args!(
                "{}: {name} takes no parameters, must stand alone",
                Clip(word)
            )));
        }
        let (key, value) = keys.take(word)?;
        if !takes.contains(&key) {
            return Err(Refusal::invalid(format_args!(
                "{key}={}: {name} has no {key}, leave it out",
                Clip(value)
            )));
        }
        match key {
            "order" => order = Some(within(key, value, orders(name, order_max), "order")?),
            "share" => share = within(key, value, SHARES, "per cent")?,
            // CAST: One of a few places.
            "mark" => mark = Some(choice(key, value, marks)? as usize),
            // `keys` lets nothing else through.
            _ => lent = device(value)?,
        }
    }
    // CAST: Checked to be within a few bits.
    let order = order.map(|order| order as u32);
    let state = match (name, order) {
        ("none", _) => return Ok(None),
        ("fragment", Some(order)) => State::Fragment { order },
        ("fragment", None) => {
            return Err(Refusal::invalid(format_args!(
                "order: missing, fragment needs the smallest order that is to be gone, 1 to {order_max}"
            )))
        }
        ("fill-cma", order) => State::FillCma { order },
        ("cache-in-cma", _) => State::CacheInCma,
        // The first of the floors is no mark of a zone.
        ("hold", _) => State::Hold {
            mark: mark.unwrap_or(0).checked_sub(1),
        },
        _ => State::Pressure {
            mark: mark.unwrap_or(LOW),
        },
    };
    Ok(Some(Wish {
        state,
        share,
        device: lent,
    }))
}

/// Reads a line for `cma`: nothing, or the device whose area is meant.
pub fn parse_device(line: &str) -> Result<Text<DEVICE_NAME_MAX>, Refusal> {
    let mut lent = Text::EMPTY;
    let mut keys = Keys::new(&["device"]);
    for word in words(line)? {
        let (_, value) = keys.take(word)?;
        lent = device(value)?;
    }
    Ok(lent)
}

/// Splitting needs two pages at least; a piece of an area may be one.
fn orders(name: &str, order_max: u32) -> Range {
    Range {
        min: u64::from(name == "fragment"),
        max: u64::from(order_max),
    }
}

fn within(key: &str, value: &str, range: Range, unit: &str) -> Result<u64, Refusal> {
    let number = parse_number(key, unit, value, range)?;
    match (range.min..=range.max).contains(&number) {
        true => Ok(number),
        false => Err(Refusal::range(key, number, range, unit)),
    }
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(not(test), kernel::macros::kunit_tests(memlab_scenario_grammar))]
mod tests {
    use super::*;
    use crate::model::request::Errno;

    fn state(line: &str) -> Option<State> {
        parse_scenario(line, 10)
            .ok()
            .flatten()
            .map(|wish| wish.state)
    }

    fn refused(line: &str, errno: Errno, start: &str) -> bool {
        parse_scenario(line, 10)
            .is_err_and(|no| no.errno == errno && no.message.as_str().starts_with(start))
    }

    #[test]
    fn each_state_is_read() {
        assert_eq!(
            state("fragment order=3"),
            Some(State::Fragment { order: 3 })
        );
        assert_eq!(state("fill-cma"), Some(State::FillCma { order: None }));
        assert_eq!(
            state("fill-cma share=50 order=0\n"),
            Some(State::FillCma { order: Some(0) })
        );
        assert_eq!(state("pressure"), Some(State::Pressure { mark: 1 }));
        assert_eq!(
            state("pressure mark=min"),
            Some(State::Pressure { mark: 0 })
        );
        assert_eq!(state("hold"), Some(State::Hold { mark: None }));
        assert_eq!(state("hold mark=atomic"), Some(State::Hold { mark: None }));
        assert_eq!(state("hold mark=low"), Some(State::Hold { mark: Some(1) }));
        assert_eq!(
            state("cache-in-cma share=90 device=x"),
            Some(State::CacheInCma)
        );
        assert!(parse_scenario("none", 10).is_ok_and(|wish| wish.is_none()));
        let wish = parse_scenario("pressure share=100", 10).ok().flatten();
        assert_eq!(wish.map(|wish| wish.share), Some(100));
        let wish = parse_scenario("pressure", 10).ok().flatten();
        assert_eq!(wish.map(|wish| wish.share), Some(SHARE));
    }

    #[test]
    fn what_is_wrong_is_refused_by_name() {
        assert!(refused("", Errno::Invalid, "scenario=: unknown"));
        assert!(refused(
            "fragmented",
            Errno::Invalid,
            "scenario=fragmented: "
        ));
        assert!(refused("fragment", Errno::Invalid, "order: missing"));
        assert!(refused("fragment order=0", Errno::Range, "order=0: "));
        assert!(refused("fragment order=11", Errno::Range, "order=11: "));
        assert!(refused("fragment order=x", Errno::Invalid, "order=x: "));
        assert!(refused("pressure share=101", Errno::Range, "share=101: "));
        assert!(refused("pressure share=0", Errno::Range, "share=0: "));
        assert!(refused("pressure order=3", Errno::Invalid, "order=3: "));
        assert!(refused(
            "pressure mark=atomic",
            Errno::Invalid,
            "mark=atomic: "
        ));
        assert!(refused("cache-in-cma order=3", Errno::Invalid, "order=3: "));
        assert!(refused("pressure mark=top", Errno::Invalid, "mark=top: "));
        assert!(refused("fill-cma size=5", Errno::Invalid, "size=5: "));
        let huge = "fragment order=99999999999999999999999";
        assert!(refused(huge, Errno::Range, "order=9999"));
        assert!(refused("none none", Errno::Invalid, "none: none takes no"));
        assert!(refused(
            "none share=5",
            Errno::Invalid,
            "share=5: none takes no"
        ));
    }
}
