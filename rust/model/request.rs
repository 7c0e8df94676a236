// SPDX-License-Identifier: GPL-2.0

//! What is asked: a [`Request`] is checked once, where it is built, and cannot be out of range
//! from then on.

use super::{
    num::Dec,
    text::Text, //
};
use core::fmt;

/// The longest sentence of a refusal. It is passed by value down to kernels with 8 KiB of stack.
pub const MESSAGE_MAX: usize = 168;

/// The longest name of a device under test.
pub const DEVICE_NAME_MAX: usize = 32;

/// Who moves the bytes, as in `include/linux/dma-direction.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// `DMA_BIDIRECTIONAL`
    Bidirectional,
    /// `DMA_TO_DEVICE`
    ToDevice,
    /// `DMA_FROM_DEVICE`
    FromDevice,
}

impl Direction {
    /// Every direction with its name, in the order of `enum dma_data_direction`.
    pub const ALL: [(&'static str, Self); 3] = [
        ("bidirectional", Self::Bidirectional),
        ("to-device", Self::ToDevice),
        ("from-device", Self::FromDevice),
    ];
}

/// How operations are timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Batched where one operation costs less than about five clock reads.
    Auto,
    /// A pair of clock reads around each operation: shows the tails.
    Op,
    /// A pair of clock reads around many operations: resolves cheap ones.
    Batch,
}

impl Mode {
    /// Every mode with its name.
    pub const ALL: [(&'static str, Self); 3] = [
        ("auto", Self::Auto),
        ("op", Self::Op),
        ("batch", Self::Batch),
    ];
}

/// A parameter that a number is given for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Number {
    /// Bytes per operation.
    Size,
    /// Operations to measure, per thread.
    Iterations,
    /// Operations before the measured ones, per thread.
    Warmup,
    /// Milliseconds after which a run ends, finished or not.
    Time,
    /// Threads that run the experiment at the same time.
    Threads,
    /// Memory node that the threads run on.
    Node,
    /// Operations between two clock reads in batch mode; 0 lets the engine choose.
    Batch,
}

impl Number {
    /// Every numeric parameter.
    pub const ALL: [Self; 7] = [
        Self::Size,
        Self::Iterations,
        Self::Warmup,
        Self::Time,
        Self::Threads,
        Self::Node,
        Self::Batch,
    ];

    /// The name in a request.
    pub fn name(self) -> &'static str {
        match self {
            Self::Size => "size",
            Self::Iterations => "iterations",
            Self::Warmup => "warmup",
            Self::Time => "time",
            Self::Threads => "threads",
            Self::Node => "node",
            Self::Batch => "batch",
        }
    }

    /// The unit, for messages and help.
    pub fn unit(self) -> &'static str {
        match self {
            Self::Size => "bytes",
            Self::Time => "ms",
            Self::Node => "node id",
            Self::Iterations | Self::Warmup | Self::Batch => "operations",
            Self::Threads => "threads",
        }
    }
}

/// The values that one numeric parameter may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// Lowest value allowed.
    pub min: u64,
    /// Highest value allowed.
    pub max: u64,
}

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
        };
        Range { min, max }
    }
}

/// What the catalogue says of an experiment.
#[derive(Clone, Copy, Debug)]
pub struct Info {
    /// The name in a request.
    pub name: &'static str,
    /// One line: what it does.
    pub about: &'static str,
    /// The names of the timed phases: what acquires and what releases.
    pub phases: [&'static str; 2],
    /// The sizes that it takes.
    pub sizes: Range,
    /// What a size is in: "bytes" for everything that has to do with memory.
    pub unit: &'static str,
    /// How many acquisitions one thread may hold at a time: the largest batch.
    pub held_max: u32,
    /// Whether the direction of DMA means anything to it.
    pub directed: bool,
    /// Whether it works on a device.
    pub needs_device: bool,
    /// Whether an operation may sleep.
    pub may_sleep: bool,
    /// Whether it gets memory; otherwise it maps memory that is there already.
    pub allocates: bool,
}

impl Info {
    /// The unit of `number` in this experiment.
    pub fn unit_of(&self, number: Number) -> &'static str {
        match number {
            Number::Size => self.unit,
            _ => number.unit(),
        }
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
            direction: Direction::Bidirectional,
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

    /// Sets `number` to `value` if that is within `limits`.
    pub fn set(&mut self, number: Number, value: u64, limits: &Limits) -> Result<(), Refusal> {
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
        }
        Ok(())
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
        })
    }
}

/// The most sizes in one comparison.
pub const COMPARE_SIZES_MAX: usize = 8;

/// A comparison of all experiments, checked.
///
/// # Invariants
///
/// `count` is in `1..=COMPARE_SIZES_MAX`; the sizes before it are within [`Self::SIZES`] and
/// differ.
#[derive(Clone, Copy, Debug)]
pub struct CompareRequest {
    /// Device under test; empty for the module's own.
    pub device: Text<DEVICE_NAME_MAX>,
    /// Direction of the DMA.
    pub direction: Direction,
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
            device: Text::EMPTY,
            direction: Direction::Bidirectional,
            time: 4_000.min(limits.time),
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

    /// Refuses a run that does not fit in the memory that it may use.
    pub fn no_memory(args: fmt::Arguments<'_>) -> Self {
        Self {
            kind: Kind::NoMemory,
            message: Text::format(args),
        }
    }
}
