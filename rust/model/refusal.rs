// SPDX-License-Identifier: GPL-2.0

//! Why a request was not carried out.

use super::{
    num::Dec,
    parameter::Range,
    text::Text, //
};
use core::fmt;

/// The longest sentence of a refusal. It is passed by value down to kernels with 8 KiB of stack.
pub const MESSAGE_MAX: usize = 168;

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
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Refusal {
    /// The errno.
    pub errno: Errno,
    /// The sentence.
    pub message: Text<MESSAGE_MAX>,
}

impl Refusal {
    /// Refuses what cannot be understood.
    #[cold]
    #[inline(never)]
    pub fn invalid(args: fmt::Arguments<'_>) -> Self {
        Self {
            errno: Errno::Invalid,
            message: Text::format(args),
        }
    }

    /// Refuses `value` of `parameter`, which is outside `range`.
    #[cold]
    #[inline(never)]
    pub fn range(parameter: &str, value: u64, range: Range, unit: &str) -> Self {
        let (value, min, max) = (Dec(value), Dec(range.min), Dec(range.max));
        Self {
            errno: Errno::Range,
            message: Text::format(format_args!(
                "{parameter}={value}: out of range, {min} to {max} {unit}"
            )),
        }
    }

    /// Refuses a device that is not there to be used.
    #[cold]
    #[inline(never)]
    pub fn no_device(args: fmt::Arguments<'_>) -> Self {
        Self {
            errno: Errno::NoDevice,
            message: Text::format(args),
        }
    }

    /// Refuses what this machine or device cannot do.
    #[cold]
    #[inline(never)]
    pub fn unsupported(args: fmt::Arguments<'_>) -> Self {
        Self {
            errno: Errno::Unsupported,
            message: Text::format(args),
        }
    }

    /// Refuses a value that is beyond what this device allows.
    #[cold]
    #[inline(never)]
    pub fn beyond(args: fmt::Arguments<'_>) -> Self {
        Self {
            errno: Errno::Range,
            message: Text::format(args),
        }
    }

    /// Refuses a run that does not fit in the memory that it may use.
    #[cold]
    #[inline(never)]
    pub fn no_memory(args: fmt::Arguments<'_>) -> Self {
        Self {
            errno: Errno::NoMemory,
            message: Text::format(args),
        }
    }
}
