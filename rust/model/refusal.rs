// SPDX-License-Identifier: GPL-2.0

//! Why a request was not carried out.

use super::{
    num::Dec,
    parameter::Range,
    text::Text, //
};
use crate::heap::{
    boxed,
    Boxed, //
};
use core::fmt::{
    self,
    Write, //
};

/// The longest sentence of a refusal.
pub const MESSAGE_MAX: usize = 168;

/// A sentence of up to [`MESSAGE_MAX`] bytes. On the heap: it is handed on by a dozen callers.
pub struct Sentence(Option<Boxed<Text<MESSAGE_MAX>>>);

impl Sentence {
    /// Formats into a new sentence.
    #[inline(never)]
    pub fn format(args: fmt::Arguments<'_>) -> Self {
        let mut text = boxed(Text::EMPTY);
        if let Some(text) = &mut text {
            // A text cuts what does not fit, and never fails.
            let _ = text.write_fmt(args);
        }
        Self(text)
    }

    /// The sentence, or that there was no memory for it.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Some(text) => text.as_str(),
            None => "no memory to say why",
        }
    }
}

/// Which errno a refusal carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Errno {
    /// `EINVAL`: the request cannot be understood.
    Invalid,
    /// `ERANGE`: a value is outside its range.
    Range,
    /// `ENODEV`: there is no such device.
    NoDevice,
    /// `ENOMEM`: the run does not fit in its memory.
    NoMemory,
    /// `EOPNOTSUPP`: this machine or device cannot do it.
    Unsupported,
}

/// Why a request was not carried out: names the parameter, its value and what it may be.
pub struct Refusal {
    /// The errno.
    pub errno: Errno,
    /// The sentence.
    pub message: Sentence,
}

impl fmt::Debug for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.errno, self.message.as_str())
    }
}

impl PartialEq for Refusal {
    fn eq(&self, other: &Self) -> bool {
        self.errno == other.errno && self.message.as_str() == other.message.as_str()
    }
}

impl Refusal {
    fn new(errno: Errno, args: fmt::Arguments<'_>) -> Self {
        Self {
            errno,
            message: Sentence::format(args),
        }
    }

    /// Refuses what cannot be understood.
    #[cold]
    #[inline(never)]
    pub fn invalid(args: fmt::Arguments<'_>) -> Self {
        Self::new(Errno::Invalid, args)
    }

    /// Refuses `value` of `parameter`, which is outside `range`.
    #[cold]
    #[inline(never)]
    pub fn range(parameter: &str, value: u64, range: Range, unit: &str) -> Self {
        let (value, min, max) = (Dec(value), Dec(range.min), Dec(range.max));
        Self::new(
            Errno::Range,
            format_args!("{parameter}={value}: out of range, {min} to {max} {unit}"),
        )
    }

    /// Refuses a device that is not there to be used.
    #[cold]
    #[inline(never)]
    pub fn no_device(args: fmt::Arguments<'_>) -> Self {
        Self::new(Errno::NoDevice, args)
    }

    /// Refuses what this machine or device cannot do.
    #[cold]
    #[inline(never)]
    pub fn unsupported(args: fmt::Arguments<'_>) -> Self {
        Self::new(Errno::Unsupported, args)
    }

    /// Refuses a value that is beyond what can be.
    #[cold]
    #[inline(never)]
    pub fn beyond(args: fmt::Arguments<'_>) -> Self {
        Self::new(Errno::Range, args)
    }

    /// Refuses a run that does not fit in the memory that it may use.
    #[cold]
    #[inline(never)]
    pub fn no_memory(args: fmt::Arguments<'_>) -> Self {
        Self::new(Errno::NoMemory, args)
    }
}
