// SPDX-License-Identifier: GPL-2.0

//! What a comparison is asked for.

use super::{
    info::Info,
    num::Dec,
    parameter::{
        Limits,
        Range, //
    },
    refusal::Refusal,
    request::DEVICE_NAME_MAX,
    text::Text,
    words::{
        Direction,
        Directions, //
    },
};

/// The most sizes in one comparison.
pub const COMPARE_SIZES_MAX: usize = 8;

/// Which experiments a comparison has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selection {
    /// The experiments that a driver author chooses between.
    Headline,
    /// All that have to do with memory.
    All,
    /// The experiments that were named.
    Named(Places),
}

impl Selection {
    /// Whether it has the experiment at `place` of the catalogue.
    pub fn has(self, place: usize, info: &Info) -> bool {
        info.is_comparable()
            && match self {
                Self::Headline => info.headline,
                Self::All => true,
                Self::Named(places) => places.has(place),
            }
    }
}

/// A set of places in the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Places([u64; Self::WORDS]);

impl Places {
    const WORDS: usize = 4;

    /// How many places there are: a catalogue with more experiments does not build.
    pub const MAX: usize = Self::WORDS * u64::BITS as usize;

    /// The set that has no place.
    pub const NONE: Self = Self([0; Self::WORDS]);

    /// Puts `place` in; whether it is new, and one that a catalogue can have.
    pub fn insert(&mut self, place: usize) -> bool {
        let new = !self.has(place);
        let word = self.0.get_mut(place / u64::BITS as usize);
        word.map(|word| *word |= Self::bit(place)).is_some() && new
    }

    /// Whether `place` is in it.
    pub fn has(self, place: usize) -> bool {
        let word = self.0.get(place / u64::BITS as usize);
        word.is_some_and(|word| word & Self::bit(place) != 0)
    }

    fn bit(place: usize) -> u64 {
        1 << (place % u64::BITS as usize)
    }
}

/// A comparison of experiments, checked.
///
/// # Invariants
///
/// `time` is within [`Self::times`]; `count` is in `1..=COMPARE_SIZES_MAX`, and the sizes before it
/// are within [`Self::SIZES`] and differ.
#[derive(Clone, Copy, Debug)]
pub struct CompareRequest {
    /// What is compared.
    pub experiments: Selection,
    /// Device under test; empty for the module's own.
    pub device: Text<DEVICE_NAME_MAX>,
    /// Directions of the DMA: what has one is measured in each that it takes.
    pub directions: Directions,
    /// Whether the CPU's own accesses to the bytes count, too.
    pub touch: bool,
    time: u64,
    sizes: [u64; COMPARE_SIZES_MAX],
    count: usize,
}

impl CompareRequest {
    /// The sizes that may be compared, in bytes.
    pub const SIZES: Range = Range::new(1, 16 << 20);

    /// The comparison that a driver author wants.
    pub fn new(limits: &Limits) -> Self {
        Self {
            experiments: Selection::Headline,
            device: Text::EMPTY,
            directions: Directions::NONE
                .with(Direction::ToDevice)
                .with(Direction::FromDevice),
            touch: false,
            time: 3_000.min(limits.time),
            // INVARIANT: four sizes that differ, all of them within `SIZES`.
            sizes: [64, 4 << 10, 64 << 10, 1 << 20, 0, 0, 0, 0],
            count: 4,
        }
    }

    /// The range of `time` on this machine.
    pub fn times(limits: &Limits) -> Range {
        Range::new(100.min(limits.time), limits.time)
    }

    /// Milliseconds for the whole comparison.
    pub fn time(&self) -> u64 {
        self.time
    }

    /// Takes `time` ms, if that is within what `limits` allow.
    #[inline(never)]
    pub fn set_time(&mut self, time: u64, limits: &Limits) -> Result<(), Refusal> {
        let range = Self::times(limits);
        if !range.has(time) {
            return Err(Refusal::range("time", time, range, "ms"));
        }
        self.time = time;
        Ok(())
    }

    /// The sizes to compare, in the order given.
    pub fn sizes(&self) -> &[u64] {
        self.sizes.get(..self.count).unwrap_or(&self.sizes)
    }

    /// Compares `sizes` instead; changes nothing where one of them is refused.
    pub fn set_sizes(
        &mut self,
        sizes: impl Iterator<Item = Result<u64, Refusal>>,
    ) -> Result<(), Refusal> {
        let mut new = Self { count: 0, ..*self };
        for size in sizes {
            new.push(size?)?;
        }
        if new.count == 0 {
            return Err(Refusal::invalid(format_args!("size: none given")));
        }
        *self = new;
        Ok(())
    }

    #[inline(never)]
    fn push(&mut self, size: u64) -> Result<(), Refusal> {
        if !Self::SIZES.has(size) {
            return Err(Refusal::range("size", size, Self::SIZES, "bytes"));
        }
        let shown = Dec(size);
        if self.sizes().contains(&size) {
            return Err(Refusal::invalid(format_args!(
                "size={shown}: given twice, must differ from the others"
            )));
        }
        let Some(slot) = self.sizes.get_mut(self.count) else {
            return Err(Refusal::invalid(format_args!(
                "size={shown}: one too many, at most {COMPARE_SIZES_MAX} sizes"
            )));
        };
        // INVARIANT: the size was checked above, and there is a slot for it.
        *slot = size;
        self.count += 1;
        Ok(())
    }
}
