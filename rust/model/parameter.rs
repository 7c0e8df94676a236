// SPDX-License-Identifier: GPL-2.0

//! What a request may say: numbers with their ranges, and words.

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

    /// The name.
    pub fn name(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(_, direction)| *direction == self)
            .map_or("?", |(name, _)| name)
    }
}

/// A set of directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Directions(u8);

impl Directions {
    /// None.
    pub const NONE: Self = Self(0);

    /// `self` and `direction`.
    pub const fn with(self, direction: Direction) -> Self {
        Self(self.0 | (1 << direction as u8))
    }

    /// Whether `direction` is in it.
    pub fn has(self, direction: Direction) -> bool {
        self.0 & (1 << direction as u8) != 0
    }

    /// Those in it.
    pub fn iter(self) -> impl Iterator<Item = Direction> + Clone {
        Direction::ALL
            .into_iter()
            .map(|(_, direction)| direction)
            .filter(move |direction| self.has(*direction))
    }
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
    /// Where in its first page a mapped buffer begins.
    Offset,
    /// Entries of a scatter list; 0 for one per page, up to 1024.
    Entries,
    /// Bits of address that the device is to have; 0 leaves its mask alone.
    Mask,
    /// Bytes that are synced, from the offset on; 0 for all.
    Sync,
    /// log2 of the pages to which an allocation is aligned.
    Align,
}

impl Number {
    /// Every numeric parameter.
    pub const ALL: [Self; 12] = [
        Self::Size,
        Self::Iterations,
        Self::Warmup,
        Self::Time,
        Self::Threads,
        Self::Node,
        Self::Batch,
        Self::Offset,
        Self::Entries,
        Self::Mask,
        Self::Sync,
        Self::Align,
    ];

    /// How many of them, from the first on, every experiment takes.
    const COMMON: usize = 7;

    /// Whether every experiment takes it.
    pub fn is_common(self) -> bool {
        (self as usize) < Self::COMMON
    }

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
            Self::Offset => "offset",
            Self::Entries => "entries",
            Self::Mask => "mask",
            Self::Sync => "sync",
            Self::Align => "align",
        }
    }

    /// The unit, for messages and help.
    pub fn unit(self) -> &'static str {
        match self {
            Self::Size | Self::Offset | Self::Sync => "bytes",
            Self::Entries => "entries",
            Self::Mask => "bits",
            Self::Align => "order",
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

/// What an allocation may do and where it may land, as in `include/linux/gfp_types.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gfp {
    /// `GFP_KERNEL`: may sleep and reclaim.
    Kernel,
    /// `GFP_ATOMIC`: may not sleep, may use reserves.
    Atomic,
    /// `GFP_NOWAIT`: may not sleep.
    NoWait,
    /// `GFP_KERNEL | GFP_DMA`: from the zone for 24-bit devices.
    Dma,
    /// `GFP_KERNEL | GFP_DMA32`: below 4 GiB.
    Dma32,
    /// `GFP_HIGHUSER`: high memory too.
    HighUser,
    /// `GFP_KERNEL | __GFP_ZERO`: cleared.
    Zero,
    /// `GFP_KERNEL_ACCOUNT`: charged to the memory cgroup of who asks, unless that is the root.
    Account,
}

impl Gfp {
    /// Every variant with its name.
    pub const ALL: [(&'static str, Self); 8] = [
        ("kernel", Self::Kernel),
        ("atomic", Self::Atomic),
        ("nowait", Self::NoWait),
        ("dma", Self::Dma),
        ("dma32", Self::Dma32),
        ("highuser", Self::HighUser),
        ("zero", Self::Zero),
        ("account", Self::Account),
    ];

    /// The name.
    pub fn name(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(_, gfp)| *gfp == self)
            .map_or("?", |(name, _)| name)
    }
}

/// What an experiment gets its memory from, or does to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Memory for the CPU.
    Allocator,
    /// Memory that CPU and device use at the same time.
    Coherent,
    /// Memory that is handed to a device and back.
    Streaming,
    /// The same, of memory that stays mapped.
    Syncing,
    /// Bytes copied through memory that a device has for good.
    Copying,
    /// A window of the CPU onto memory.
    Window,
    /// What the CPU's own reading and writing costs.
    Access,
    /// The instrument.
    Instrument,
}
