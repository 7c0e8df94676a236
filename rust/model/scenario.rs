// SPDX-License-Identifier: GPL-2.0

//! A state of memory that is made on purpose: what is asked, and what is held for it.

use super::{
    request::{
        Range,
        DEVICE_NAME_MAX, //
    },
    text::Text, //
};

/// The states that can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Every block of 2^`order` pages that can be had is split, and its first page is kept.
    Fragment {
        /// log2 of the pages.
        order: u32,
    },
    /// Pages of a CMA area are held: the first ones, or every other piece of 2^`order`.
    FillCma {
        /// log2 of the pages of a piece.
        order: Option<u32>,
    },
    /// Single pages are held until as much is free as a watermark says.
    Pressure {
        /// Which one: an index into [`MARKS`].
        mark: usize,
    },
    /// The same, and kswapd is given nothing of it.
    Hold {
        /// Which one: an index into [`MARKS`]; none for as little as no allocation gets below.
        mark: Option<usize>,
    },
    /// Pages of a CMA area are a file's.
    CacheInCma,
}

/// The watermarks in the order of a zone's.
pub const MARKS: [&str; 3] = ["min", "low", "high"];
/// What `hold` may go down to: below the first no allocation gets that may not wait, the others are
/// [`MARKS`].
pub const FLOORS: [&str; 4] = ["atomic", "min", "low", "high"];
/// Below this one an allocation waits until memory has been reclaimed.
pub const MIN: usize = 0;
/// Below this one kswapd begins to reclaim.
pub const LOW: usize = 1;
/// At this one it is content.
pub const HIGH: usize = 2;

impl State {
    /// The name in a line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fragment { .. } => "fragment",
            Self::FillCma { .. } => "fill-cma",
            Self::Pressure { .. } => "pressure",
            Self::Hold { .. } => "hold",
            Self::CacheInCma => "cache-in-cma",
        }
    }
}

/// The shares that may be asked for, in per cent of what is free.
pub const SHARES: Range = Range { min: 1, max: 100 };

/// The share that is taken if none is asked for.
pub const SHARE: u64 = 25;

/// What was asked for, checked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wish {
    /// Which state.
    pub state: State,
    /// The most that may be held, in per cent of what is free when it begins.
    pub share: u64,
    /// The device whose CMA area is meant; empty for the module's own.
    pub device: Text<DEVICE_NAME_MAX>,
}

/// Why no more is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The cap is reached.
    Cap,
    /// There is no more to take.
    Exhausted,
    /// The watermark is reached.
    Mark,
    /// A signal, or a write to `stop`.
    Stopped,
}

impl End {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cap => "cap",
            Self::Exhausted => "nothing-left-to-take",
            Self::Mark => "watermark",
            Self::Stopped => "stopped",
        }
    }
}

/// What is held now, in pages.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Held {
    /// What was asked for.
    pub wish: Wish,
    /// The cap.
    pub cap: u64,
    /// Held when it was made.
    pub taken: u64,
    /// Held still: the kernel may have asked some back.
    pub held: u64,
    /// Why it is no more.
    pub end: End,
}
