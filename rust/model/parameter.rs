// SPDX-License-Identifier: GPL-2.0

//! The parameters of a run, each a row of one table: the grammar, /dev/memlab, `help`,
//! `experiments` and `run` read it, and so do the getters of
//! [`Request`](super::request::Request).

use super::words::{
    Backing,
    Buffers,
    Direction,
    Gfp,
    Mode,
    Release, //
};

/// The most entries of a scatter list.
pub const ENTRIES_MAX: u64 = 1024;

/// The longest that an operation may be said to be too slow at: a minute, in ns.
pub const ABOVE_MAX: u64 = 60_000_000_000;

/// The values that one numeric parameter may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// Lowest value allowed.
    pub min: u64,
    /// Highest value allowed.
    pub max: u64,
}

impl Range {
    /// The values from `min` to `max`.
    pub const fn new(min: u64, max: u64) -> Self {
        Self { min, max }
    }

    /// Whether `value` is one of them.
    pub fn has(self, value: u64) -> bool {
        (self.min..=self.max).contains(&value)
    }
}

/// What this machine and the module's own parameters allow.
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
    /// Bytes of a page.
    pub page: u64,
    /// log2 of the pages of the buddy allocator's largest block.
    pub order: u64,
}

/// What a parameter may be.
#[derive(Clone, Copy, Debug)]
pub enum Values {
    /// A number: its unit, and its range given the sizes that the experiment takes.
    Numbers(&'static str, fn(&Limits, Range) -> Range),
    /// One of a few words, by its place among them. In the structures of /dev/memlab, where 0 is
    /// the default, they count from this number on.
    Words(&'static [&'static str], u64),
}

/// What is known of a parameter.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The name in a request.
    pub name: &'static str,
    /// The values that the parameter may have.
    pub values: Values,
    /// The value where none is given, if an experiment does not say otherwise.
    pub default: Option<u64>,
    /// Whether every experiment takes it.
    pub common: bool,
    /// What the parameter means, for `help`.
    pub about: &'static str,
}

/// The table: `each!` gets its rows.
///
/// ```text
/// Variant, getter: type of the getter = common or special, default, what it may be, "what it is";
/// ```
macro_rules! parameter_table {
    ($each:ident) => {
        $each! {
            Size, size: u64 = common, Some(4096),
                Numbers("bytes", |_, sizes| sizes),
                "of one operation; unit and range are the experiment's own: see experiments";
            Iterations, iterations: u64 = common, Some(10_000),
                Numbers("operations", |limits, _| Range::new(1, limits.iterations)),
                "operations measured, per thread, in whole batches";
            Warmup, warmup: u64 = common, Some(100),
                Numbers("operations", |limits, _| Range::new(0, limits.iterations)),
                "operations before the measured ones, per thread";
            Time, time: u64 = common, Some(1_000),
                Numbers("ms", |limits, _| Range::new(1, limits.time)),
                "ms after which the run ends";
            Threads, threads: u64 = common, Some(1),
                Numbers("threads", |limits, _| Range::new(1, limits.threads)),
                "threads at the same time";
            Node, node: Option<u64> = common, None,
                Numbers("node id", |limits, _| Range::new(0, limits.node)),
                "memory node to run on; the scheduler's choice by default";
            Batch, batch: u64 = common, Some(0),
                Numbers("operations", |limits, _| Range::new(0, limits.batch)),
                "operations between two clock reads, a power of two that fits; 0 lets memlab choose";
            Offset, offset: u64 = special, Some(0),
                Numbers("bytes", |limits, _| Range::new(0, limits.page.saturating_sub(1))),
                "where in its first page a buffer begins";
            Entries, entries: u64 = special, Some(0),
                Numbers("entries", |_, _| Range::new(0, ENTRIES_MAX)),
                "of a scatter list; 0 for one per page, up to 1024";
            // 0 is no value of it: structures have it for not asking.
            Mask, mask: Option<u64> = special, None,
                Numbers("bits", |_, _| Range::new(24, 64)),
                "bits of address that the device is to have; its own by default";
            Buffers, buffers: Buffers = special, Some(0),
                Words(Buffers::NAMES, 0),
                "anywhere: as a driver is handed them, above the device's mask where there is memory";
            Backing, backing: Backing = special, Some(0),
                Words(Backing::NAMES, 0),
                "what a program's memory is made of: ordinary pages, or huge ones";
            Fd, fd: Option<u64> = special, None,
                Numbers("descriptor", |_, _| Range::new(0, 0x7fff_ffff)),
                "of a dma-buf, open in the process that asks";
            Sync, sync: u64 = special, Some(0),
                Numbers("bytes", |_, sizes| Range::new(0, sizes.max)),
                "bytes that are synced, from offset on; 0 for all";
            Align, align: u64 = special, Some(0),
                Numbers("order", |limits, _| Range::new(0, limits.order)),
                "log2 of the pages that an allocation is aligned to";
            Gfp, gfp: Gfp = special, Some(0),
                Words(Gfp::NAMES, 1),
                "flags of the allocation; the first that an experiment takes by default";
            Direction, direction: Direction = special, Some(0),
                Words(Direction::NAMES, 0),
                "of the DMA; to-device for transfer-*";
            Mode, mode: Mode = common, Some(0),
                Words(Mode::NAMES, 0),
                "what a pair of clock reads is around";
            Release, release: Release = common, Some(0),
                Words(Release::NAMES, 0),
                "order in which a batch is given back; oldest and random ask for batches";
            Above, above: Option<u64> = common, None,
                Numbers("ns", |_, _| Range::new(1, ABOVE_MAX)),
                "the run ends with the first operation of which a phase takes so long";
        }
    };
}
pub(super) use parameter_table;

macro_rules! parameters {
    ($($variant:ident, $name:ident: $of:ty
        = $taken:ident, $default:expr, $kind:ident($($values:tt)*), $about:literal;)*
    ) => {
        /// A parameter of a run.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Parameter {
            $(#[doc = $about] $variant,)*
        }

        impl Parameter {
            /// Every parameter but the device's name, in the order in which they are shown.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The keys of a request: the names of all, and the device's.
            pub const KEYS: &'static [&'static str] = &[$(stringify!($name),)* "device"];

            /// What is known of it.
            pub fn row(self) -> &'static Row {
                match self {
                    $(Self::$variant => &Row {
                        name: stringify!($name),
                        values: Values::$kind($($values)*),
                        default: $default,
                        common: is_common!($taken),
                        about: $about,
                    },)*
                }
            }
        }
    };
}

macro_rules! is_common {
    (common) => {
        true
    };
    (special) => {
        false
    };
}

parameter_table!(parameters);

impl Parameter {
    /// The name in a request.
    pub fn name(self) -> &'static str {
        self.row().name
    }
}
