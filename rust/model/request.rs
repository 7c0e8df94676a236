// SPDX-License-Identifier: GPL-2.0

//! What is asked: a [`Request`] is checked where it is built, and cannot be out of range from then
//! on.

pub use super::{
    info::{
        Family,
        Info, //
    },
    parameter::{
        Limits,
        Parameter,
        Range,
        Values,
        ENTRIES_MAX, //
    },
    refusal::{
        Errno,
        Refusal,
        MESSAGE_MAX, //
    },
    words::{
        Backing,
        Buffers,
        Direction,
        Directions,
        Gfp,
        Mode,
        Release,
        Value, //
    }, //
};
use super::{
    num::{
        self,
        Dec, //
    },
    parameter::parameter_table,
    text::Text, //
};
use core::fmt::Display;

/// The longest name of a device under test.
pub const DEVICE_NAME_MAX: usize = 32;

/// One run, checked.
///
/// # Invariants
///
/// Each value is within the range that [`Info::range`] gives for its parameter; where it is a word,
/// it is one that `info` takes, or `info` takes none. `device` is empty unless `info` needs one.
#[derive(Clone, Copy, Debug)]
pub struct Request {
    info: &'static Info,
    /// What each parameter is, by its place in [`Parameter::ALL`].
    values: [u64; Parameter::ALL.len()],
    /// A bit for each of them that has a value.
    valued: u32,
    device: Text<DEVICE_NAME_MAX>,
}

macro_rules! getters {
    ($($variant:ident, $name:ident: $of:ty
        = $taken:ident, $default:expr, $kind:ident($($values:tt)*), $about:literal;)*
    ) => {
        impl Request {
            $(
                #[doc = $about]
                pub fn $name(&self) -> $of {
                    Value::of(self.get(Parameter::$variant))
                }
            )*
        }
    };
}

parameter_table!(getters);

impl Request {
    /// The request that only names an experiment, with defaults that `limits` allow.
    pub fn new(info: &'static Info, limits: &Limits) -> Self {
        let mut request = Self {
            info,
            values: [0; Parameter::ALL.len()],
            valued: 0,
            device: Text::EMPTY,
        };
        for &parameter in Parameter::ALL {
            if let Some(default) = info.default(parameter, limits) {
                // INVARIANT: A default is clamped to its range, or is the first of the words.
                request.put(parameter, default);
            }
        }
        request
    }

    /// The experiment.
    pub fn info(&self) -> &'static Info {
        self.info
    }

    /// Device under test; empty for the module's own.
    pub fn device(&self) -> Text<DEVICE_NAME_MAX> {
        self.device
    }

    /// What `parameter` is; `None` where it was not given and has no default.
    pub fn get(&self, parameter: Parameter) -> Option<u64> {
        let value = self.values.get(parameter as usize).copied();
        value.filter(|_| self.valued & Self::bit(parameter) != 0)
    }

    /// Sets `parameter` to `value`, which for a word is its place, if the experiment takes it and
    /// `limits` allow it. Not inlined, like all that refuses: a refusal is large and stacks are small.
    #[inline(never)]
    pub fn set(
        &mut self,
        parameter: Parameter,
        value: u64,
        limits: &Limits,
    ) -> Result<(), Refusal> {
        let (info, key) = (self.info, parameter.name());
        let range = info.range(parameter, limits);
        match parameter.row().values {
            Values::Numbers(..) => {
                self.check_taken(parameter, &Dec(value))?;
                if !range.has(value) {
                    let unit = info.unit_of(parameter);
                    return Err(Refusal::range(key, value, range, unit));
                }
            }
            Values::Words(words, _) => {
                // CAST: What is beyond the few words is found to be none.
                let Some(word) = words.get(value as usize).filter(|_| range.has(value)) else {
                    return Err(Refusal::range(key, value, range, "of its words"));
                };
                self.check_taken(parameter, word)?;
                if !info.takes_word(parameter, value) {
                    let name = info.name;
                    return Err(Refusal::invalid(format_args!(
                        "{key}={word}: not for {name}, see experiments"
                    )));
                }
            }
        }
        // INVARIANT: The value was checked above.
        self.put(parameter, value);
        Ok(())
    }

    fn put(&mut self, parameter: Parameter, value: u64) {
        if let Some(slot) = self.values.get_mut(parameter as usize) {
            *slot = value;
            self.valued |= Self::bit(parameter);
        }
    }

    fn bit(parameter: Parameter) -> u32 {
        1 << parameter as u32
    }

    /// Refuses `parameter`, which was given as `value`, where the experiment does not take it.
    #[inline(never)]
    pub fn check_taken(&self, parameter: Parameter, value: &dyn Display) -> Result<(), Refusal> {
        match self.info.takes(parameter) {
            true => Ok(()),
            false => Err(self.has_no(parameter.name(), value)),
        }
    }

    /// Has `device` under test, if the experiment uses one.
    #[inline(never)]
    pub fn set_device(&mut self, device: Text<DEVICE_NAME_MAX>) -> Result<(), Refusal> {
        if !self.info.needs_device && !device.as_str().is_empty() {
            return Err(self.has_no("device", &device));
        }
        self.device = device;
        Ok(())
    }

    #[inline(never)]
    fn has_no(&self, key: &str, value: &dyn Display) -> Refusal {
        let name = self.info.name;
        Refusal::invalid(format_args!(
            "{key}={value}: {name} has no {key}, leave it out"
        ))
    }

    /// The longest that it runs, in ns.
    pub fn time_ns(&self) -> u64 {
        self.time().saturating_mul(1_000_000)
    }

    /// Bytes that one acquisition has at most on the machine of `limits`: nothing for the instrument
    /// itself, whole pages unless several fit into one, which may be a whole block of the buddy
    /// allocator if there are such large ones; and every entry of a list begins a page of its own.
    pub fn footprint(&self, limits: &Limits) -> u64 {
        if self.info.family == Family::Instrument {
            return 0;
        }
        // CAST: The order is a few bits.
        let (page, order) = (limits.page.max(1), limits.order as u32);
        let block = page.checked_shl(order).unwrap_or(u64::MAX);
        let listed = self.info.takes(Parameter::Entries);
        let entries = match self.entries() {
            0 if listed => divide_up(self.size(), page).min(ENTRIES_MAX),
            entries => entries,
        }
        .max(1);
        let longest = divide_up(self.size(), entries);
        let one = match longest.saturating_add(self.offset()) {
            one if one <= page && self.info.packs => one,
            one if one <= block => one.max(page).next_power_of_two(),
            one => one,
        };
        let one = match self.backing() {
            // A huge page is no larger than such a block, and is had as a whole.
            Backing::Huge => divide_up(one, block).saturating_mul(block),
            Backing::Ordinary => one,
        };
        one.saturating_mul(entries)
            .saturating_mul(self.info.buffers)
    }
}

/// `bytes` in pieces of `each`, the last of which may not be full.
fn divide_up(bytes: u64, each: u64) -> u64 {
    num::div(bytes.saturating_add(each.saturating_sub(1)), each).unwrap_or(u64::MAX)
}
