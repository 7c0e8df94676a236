// SPDX-License-Identifier: GPL-2.0

//! What the catalogue says of each experiment.

use super::parameter::{
    Direction,
    Family,
    Gfp,
    Number,
    Range, //
};

/// What the catalogue says of an experiment.
#[derive(Clone, Copy, Debug)]
pub struct Info {
    /// The name in a request.
    pub name: &'static str,
    /// One line: what it does.
    pub about: &'static str,
    /// The names of the timed phases: what acquires and what releases.
    pub phases: [&'static str; 2],
    /// What kind of thing it is.
    pub family: Family,
    /// Whether the comparison that a driver author gets without asking for more has it.
    pub headline: bool,
    /// The sizes that it takes.
    pub sizes: Range,
    /// What a size is in: "bytes" for everything that has to do with memory.
    pub unit: &'static str,
    /// How many acquisitions one thread may hold at a time: the largest batch.
    pub held_max: u32,
    /// How many buffers of the request's size one acquisition has.
    pub buffers: u64,
    /// The directions of DMA that it takes; none where they mean nothing to it.
    pub directions: &'static [Direction],
    /// The numbers that it takes beyond those that all do.
    pub numbers: &'static [Number],
    /// The flags of allocation that it takes, its default first; none where it has no choice.
    pub gfp: &'static [Gfp],
    /// Whether it works on a device.
    pub needs_device: bool,
    /// Whether that has to be one that moves bytes.
    pub needs_engine: bool,
    /// Whether an operation may sleep.
    pub may_sleep: bool,
    /// Whether it gets memory; otherwise it maps memory that is there already.
    pub allocates: bool,
}

impl Info {
    /// Whether it can stand in a table with others: it takes bytes, and needs no particular device.
    pub fn is_comparable(&self) -> bool {
        self.unit == "bytes" && !self.needs_engine
    }

    /// An allocator without parameters of its own, to be filled in.
    pub const PLAIN: Self = Self {
        name: "",
        about: "",
        phases: ["alloc", "free"],
        family: Family::Allocator,
        headline: false,
        sizes: Range {
            min: 1,
            max: 4 << 20,
        },
        unit: "bytes",
        held_max: 16,
        buffers: 1,
        directions: &[],
        numbers: &[],
        gfp: &[],
        needs_device: false,
        needs_engine: false,
        may_sleep: true,
        allocates: true,
    };

    /// A streaming mapping for a device, to be filled in.
    pub const STREAMING: Self = Self {
        phases: ["map", "unmap"],
        family: Family::Streaming,
        directions: &[
            Direction::Bidirectional,
            Direction::ToDevice,
            Direction::FromDevice,
        ],
        needs_device: true,
        may_sleep: false,
        allocates: false,
        ..Self::PLAIN
    };

    /// The unit of `number` in this experiment.
    pub fn unit_of(&self, number: Number) -> &'static str {
        match number {
            Number::Size => self.unit,
            _ => number.unit(),
        }
    }

    /// Whether it takes `number`.
    pub fn takes(&self, number: Number) -> bool {
        number.is_common() || self.numbers.contains(&number)
    }
}
