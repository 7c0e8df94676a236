// SPDX-License-Identifier: GPL-2.0

//! What is asked: a [`Request`] is checked once, where it is built, and cannot be out of range
//! from then on.

pub use super::info::Info;
pub use super::parameter::{
    Direction,
    Directions,
    Family,
    Gfp,
    Mode,
    Number,
    Range, //
};
use super::{
    num::{
        self,
        Dec, //
    },
    text::Text, //
};
use core::fmt;

/// The longest sentence of a refusal. It is passed by value down to kernels with 8 KiB of stack.
pub const MESSAGE_MAX: usize = 168;

/// The most entries of a scatter list.
pub const ENTRIES_MAX: u64 = 1024;

/// The longest name of a device under test.
pub const DEVICE_NAME_MAX: usize = 32;

/// The ranges that hold on this machine for every experiment but its own range of sizes.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Most operations measured per thread.
    pub iterations: u64,
    /// Longest run, in ms.
    pub time: u64,
    /// Most threads.
    pub threads: u64,
    /// Highest memory node.
    pub node: u64,
    /// Most operations in one batch.
    pub batch: u64,
}

impl Limits {
    /// The range of `number` for `info`'s experiment.
    pub fn range(&self, number: Number, info: &Info) -> Range {
        let (min, max) = match number {
            Number::Size => return info.sizes,
            Number::Iterations => (1, self.iterations),
            Number::Warmup => (0, self.iterations),
            Number::Time => (1, self.time),
            Number::Threads => (1, self.threads),
            Number::Node => (0, self.node),
            Number::Batch => (0, self.batch),
            Number::Offset => (0, 4095),
            Number::Entries => (0, ENTRIES_MAX),
            // 0 is left out here: it stands for not asking.
            Number::Mask => (24, 64),
            Number::Sync => (0, info.sizes.max),
            Number::Align => (0, 10),
        };
        Range { min, max }
    }
}

/// One run, checked.
///
/// # Invariants
///
/// Every field is within the range that [`Limits::range`] gives for `info`.
#[derive(Clone, Copy, Debug)]
pub struct Request {
    /// The experiment.
    pub info: &'static Info,
    /// Bytes per operation.
    pub size: u64,
    /// Operations to measure, per thread.
    pub iterations: u64,
    /// Operations before the measured ones, per thread.
    pub warmup: u64,
    /// Milliseconds after which the run ends.
    pub time: u64,
    /// Threads at the same time.
    pub threads: u64,
    /// Memory node to run on; `None` leaves the choice to the scheduler.
    pub node: Option<u64>,
    /// Operations per batch; 0 lets the engine choose.
    pub batch: u64,
    /// Where in its first page a mapped buffer begins, in bytes.
    pub offset: u64,
    /// Entries of a scatter list; 0 for one per page, up to 1024.
    pub entries: u64,
    /// Bits of address that the device is to have; `None` leaves its mask alone.
    pub mask: Option<u64>,
    /// Bytes that are synced, from `offset` on; 0 for all.
    pub sync: u64,
    /// log2 of the pages to which an allocation is aligned.
    pub align: u64,
    /// Flags of the allocation.
    pub gfp: Gfp,
    /// Direction of the DMA.
    pub direction: Direction,
    /// How operations are timed.
    pub mode: Mode,
    /// Device under test; empty for the module's own.
    pub device: Text<DEVICE_NAME_MAX>,
}

impl Request {
    /// The request that only names an experiment.
    pub fn new(info: &'static Info) -> Self {
        Self {
            info,
            size: 4096u64.clamp(info.sizes.min, info.sizes.max),
            iterations: 10_000,
            warmup: 100,
            time: 1_000,
            threads: 1,
            node: None,
            batch: 0,
            offset: 0,
            entries: 0,
            mask: None,
            sync: 0,
            align: 0,
            gfp: *info.gfp.first().unwrap_or(&Gfp::Kernel),
            direction: *info.directions.first().unwrap_or(&Direction::Bidirectional),
            mode: Mode::Auto,
            device: Text::EMPTY,
        }
    }

    /// The request that only names an experiment, with defaults that `limits` allow.
    pub fn within(info: &'static Info, limits: &Limits) -> Self {
        let request = Self::new(info);
        Self {
            iterations: request.iterations.min(limits.iterations),
            warmup: request.warmup.min(limits.iterations),
            time: request.time.min(limits.time),
            ..request
        }
    }

    /// Sets `number` to `value` if the experiment takes it and that is within `limits`.
    pub fn set(&mut self, number: Number, value: u64, limits: &Limits) -> Result<(), Refusal> {
        if !self.info.takes(number) {
            let (parameter, name) = (number.name(), self.info.name);
            let value = Dec(value);
            return Err(Refusal::invalid(format_args!(
                "{parameter}={value}: {name} has no {parameter}, leave it out"
            )));
        }
        let range = limits.range(number, self.info);
        if !(range.min..=range.max).contains(&value) {
            let unit = self.info.unit_of(number);
            return Err(Refusal::range(number.name(), value, range, unit));
        }
        match number {
            Number::Size => self.size = value,
            Number::Iterations => self.iterations = value,
            Number::Warmup => self.warmup = value,
            Number::Time => self.time = value,
            Number::Threads => self.threads = value,
            Number::Node => self.node = Some(value),
            Number::Batch => self.batch = value,
            Number::Offset => self.offset = value,
            Number::Entries => self.entries = value,
            Number::Mask => self.mask = Some(value),
            Number::Sync => self.sync = value,
            Number::Align => self.align = value,
        }
        Ok(())
    }

    /// The longest that it runs, in ns.
    pub fn time_ns(&self) -> u64 {
        self.time.saturating_mul(1_000_000)
    }

    /// Bytes that one acquisition has at most: what fits into a block of the buddy allocator may be
    /// one, and every entry of a list begins a page of its own.
    pub fn footprint(&self) -> u64 {
        const PAGE: u64 = 4096;
        const BLOCK_MAX: u64 = 4 << 20;
        let listed = self.info.takes(Number::Entries);
        let entries = match self.entries {
            0 if listed => {
                (self.size.saturating_add(PAGE - 1) >> PAGE.trailing_zeros()).min(ENTRIES_MAX)
            }
            entries => entries,
        }
        .max(1);
        let longest = num::div(self.size.saturating_add(entries - 1), entries).unwrap_or(u64::MAX);
        let one = match longest.saturating_add(self.offset) {
            one if one <= PAGE && !listed => one,
            one if one <= BLOCK_MAX => one.max(PAGE).next_power_of_two(),
            one => one,
        };
        one.saturating_mul(entries)
            .saturating_mul(self.info.buffers)
    }

    /// The value of `number`; `None` where none was given and none is the default.
    pub fn get(&self, number: Number) -> Option<u64> {
        Some(match number {
            Number::Size => self.size,
            Number::Iterations => self.iterations,
            Number::Warmup => self.warmup,
            Number::Time => self.time,
            Number::Threads => self.threads,
            Number::Node => return self.node,
            Number::Batch => self.batch,
            Number::Offset => self.offset,
            Number::Entries => self.entries,
            Number::Mask => return self.mask,
            Number::Sync => self.sync,
            Number::Align => self.align,
        })
    }
}

/// The most sizes in one comparison.
pub const COMPARE_SIZES_MAX: usize = 8;

/// Which experiments a comparison has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selection {
    /// Those that a driver author chooses between.
    Headline,
    /// All that have to do with memory.
    All,
    /// A bit for each that was named, by its place in the catalogue.
    Named(u64),
}

impl Selection {
    /// Whether it has the experiment at `index` of the catalogue.
    pub fn has(self, index: usize, info: &Info) -> bool {
        info.is_comparable()
            && match self {
                Self::Headline => info.headline,
                Self::All => true,
                Self::Named(bits) => 1u64
                    .checked_shl(index as u32)
                    .is_some_and(|bit| bits & bit != 0),
            }
    }
}

/// A comparison of experiments, checked.
///
/// # Invariants
///
/// `count` is in `1..=COMPARE_SIZES_MAX`; the sizes before it are within [`Self::SIZES`] and
/// differ.
#[derive(Clone, Copy, Debug)]
pub struct CompareRequest {
    /// What is compared.
    pub experiments: Selection,
    /// Device under test; empty for the module's own.
    pub device: Text<DEVICE_NAME_MAX>,
    /// Directions of the DMA: what has one is measured in each that it takes.
    pub directions: Directions,
    /// Milliseconds for the whole comparison.
    pub time: u64,
    sizes: [u64; COMPARE_SIZES_MAX],
    count: usize,
}

impl CompareRequest {
    /// The sizes that may be compared, in bytes.
    pub const SIZES: Range = Range {
        min: 1,
        max: 16 << 20,
    };

    /// The comparison that a driver author wants.
    pub fn new(limits: &Limits) -> Self {
        Self {
            experiments: Selection::Headline,
            device: Text::EMPTY,
            directions: Directions::NONE
                .with(Direction::ToDevice)
                .with(Direction::FromDevice),
            time: 3_000.min(limits.time),
            // INVARIANT: four sizes that differ, all of them within `SIZES`.
            sizes: [64, 4 << 10, 64 << 10, 1 << 20, 0, 0, 0, 0],
            count: 4,
        }
    }

    /// The range of `time` on this machine.
    pub fn times(limits: &Limits) -> Range {
        Range {
            min: 100.min(limits.time),
            max: limits.time,
        }
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

    fn push(&mut self, size: u64) -> Result<(), Refusal> {
        let Range { min, max } = Self::SIZES;
        if !(min..=max).contains(&size) {
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

/// Which errno a refusal carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
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
    pub kind: Kind,
    /// The sentence.
    pub message: Text<MESSAGE_MAX>,
}

impl Refusal {
    /// Refuses what cannot be understood.
    pub fn invalid(args: fmt::Arguments<'_>) -> Self {
        Self {
            kind: Kind::Invalid,
            message: Text::format(args),
        }
    }

    /// Refuses `value` of `parameter`, which is outside `range`.
    pub fn range(parameter: &str, value: u64, range: Range, unit: &str) -> Self {
        let (value, min, max) = (Dec(value), Dec(range.min), Dec(range.max));
        Self {
            kind: Kind::Range,
            message: Text::format(format_args!(
                "{parameter}={value}: out of range, {min} to {max} {unit}"
            )),
        }
    }

    /// Refuses a device that is not there to be used.
    pub fn no_device(args: fmt::Arguments<'_>) -> Self {
        Self {
            kind: Kind::NoDevice,
            message: Text::format(args),
        }
    }

    /// Refuses what this machine or device cannot do.
    pub fn unsupported(args: fmt::Arguments<'_>) -> Self {
        Self {
            kind: Kind::Unsupported,
            message: Text::format(args),
        }
    }

    /// Refuses a value that is beyond what this device allows.
    pub fn beyond(args: fmt::Arguments<'_>) -> Self {
        Self {
            kind: Kind::Range,
            message: Text::format(args),
        }
    }

    /// Refuses a run that does not fit in the memory that it may use.
    pub fn no_memory(args: fmt::Arguments<'_>) -> Self {
        Self {
            kind: Kind::NoMemory,
            message: Text::format(args),
        }
    }
}
