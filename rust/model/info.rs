// SPDX-License-Identifier: GPL-2.0

//! What the catalogue says of each experiment.

use super::{
    parameter::{
        Limits,
        Parameter,
        Range,
        Values, //
    },
    words::{
        Direction,
        Gfp,
        Release,
        Value, //
    }, //
};

/// What an experiment gets its memory from, or does to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Memory for the CPU.
    Allocator,
    /// Memory that CPU and device use at the same time.
    Coherent,
    /// Memory that is handed to a device and back.
    Streaming,
    /// Memory that stays mapped and changes hands by a sync.
    Syncing,
    /// Bytes copied through memory that a device has for good.
    Copying,
    /// A program's memory that is pinned and handed to a device, and back.
    Pinning,
    /// A program's bytes copied through memory that a device has for good.
    UserCopying,
    /// Memory that a driver's pool keeps mapped.
    Pooled,
    /// Memory of somebody's that a device gets as well.
    Importing,
    /// A window of the CPU onto memory.
    Window,
    /// What the CPU's own reading and writing costs.
    Access,
    /// The instrument.
    Instrument,
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
    /// Whether several of what it gets fit into one page.
    pub packs: bool,
    /// Whether what was got last has to be given back first.
    pub nests: bool,
    /// How many buffers of the request's size one acquisition has.
    pub buffers: u64,
    /// The directions of DMA that it takes; none where they mean nothing to it.
    pub directions: &'static [Direction],
    /// The parameters that it takes beyond those that all do, [`Self::directions`] and
    /// [`Self::gfp`].
    pub parameters: &'static [Parameter],
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
    /// Whether it can stand in a table with others: it takes bytes, and needs no particular device, nor
    /// memory of somebody's.
    pub fn is_comparable(&self) -> bool {
        self.unit == "bytes" && !self.needs_engine && !self.takes(Parameter::Fd)
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
        packs: false,
        nests: false,
        buffers: 1,
        directions: &[],
        parameters: &[],
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

    /// The unit of `parameter` in this experiment; none where it is a word.
    pub fn unit_of(&self, parameter: Parameter) -> &'static str {
        match parameter.row().values {
            _ if parameter == Parameter::Size => self.unit,
            Values::Numbers(unit, _) => unit,
            Values::Words(..) => "",
        }
    }

    /// Whether it takes `parameter`.
    pub fn takes(&self, parameter: Parameter) -> bool {
        match parameter {
            Parameter::Gfp => !self.gfp.is_empty(),
            Parameter::Direction => !self.directions.is_empty(),
            _ => parameter.row().common || self.parameters.contains(&parameter),
        }
    }

    /// Whether it takes the word at `place` of `parameter`.
    pub fn takes_word(&self, parameter: Parameter, place: u64) -> bool {
        match parameter {
            Parameter::Gfp => self.gfp.contains(&Gfp::of(Some(place))),
            Parameter::Direction => self.directions.contains(&Direction::of(Some(place))),
            Parameter::Release => !self.nests || Release::of(Some(place)) == Release::Newest,
            _ => true,
        }
    }

    /// The numbers that `parameter` may have; of a word, the places.
    pub fn range(&self, parameter: Parameter, limits: &Limits) -> Range {
        match parameter.row().values {
            Values::Numbers(_, range) => range(limits, self.sizes),
            Values::Words(words, _) => Range::new(0, (words.len() as u64).saturating_sub(1)),
        }
    }

    /// What `parameter` is where it is not given.
    pub fn default(&self, parameter: Parameter, limits: &Limits) -> Option<u64> {
        let Range { min, max } = self.range(parameter, limits);
        match parameter {
            Parameter::Gfp => self.gfp.first().map(|first| *first as u64),
            Parameter::Direction => self.directions.first().map(|first| *first as u64),
            _ => parameter.row().default.map(|value| value.clamp(min, max)),
        }
    }
}
