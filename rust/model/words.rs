// SPDX-License-Identifier: GPL-2.0

//! The words that a request may say, and what the number of a parameter is read as.

/// What the number that a parameter holds stands for; `None` where none was given and none is the
/// default.
pub trait Value {
    /// Reads it.
    fn of(value: Option<u64>) -> Self;
}

impl Value for u64 {
    fn of(value: Option<u64>) -> Self {
        value.unwrap_or(0)
    }
}

impl Value for Option<u64> {
    fn of(value: Option<u64>) -> Self {
        value
    }
}

/// Declares a parameter's words: a parameter holds the place of one of them as its number.
macro_rules! words {
    (
        $(#[$about:meta])*
        $name:ident { $($(#[$meaning:meta])* $word:ident = $text:literal,)* }
    ) => {
        $(#[$about])*
        // Not a byte: what holds one is moved in timed windows, and where the kernel's Rust wants
        // strict alignment, on arm64, the padding behind a byte is moved by a call of `memcpy()`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u32)]
        pub enum $name {
            $($(#[$meaning])* $word,)*
        }

        impl $name {
            /// All of the words.
            pub const ALL: &'static [Self] = &[$(Self::$word,)*];
            /// Their names, in the same order.
            pub const NAMES: &'static [&'static str] = &[$($text,)*];
            const FIRST: Self = Self::ALL[0];

            /// The name.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$word => $text,)*
                }
            }
        }

        impl Value for $name {
            fn of(value: Option<u64>) -> Self {
                // CAST: A parameter's number is the place of one of a few words.
                let word = value.and_then(|place| Self::ALL.get(place as usize));
                word.copied().unwrap_or(Self::FIRST)
            }
        }
    };
}

words! {
    /// Who moves the bytes, as in `include/linux/dma-direction.h` and in its order.
    Direction {
        /// `DMA_BIDIRECTIONAL`
        Bidirectional = "bidirectional",
        /// `DMA_TO_DEVICE`
        ToDevice = "to-device",
        /// `DMA_FROM_DEVICE`
        FromDevice = "from-device",
    }
}

words! {
    /// How operations are timed.
    Mode {
        /// Batched where one operation costs less than about five clock reads.
        Auto = "auto",
        /// A pair of clock reads around each operation: shows the tails.
        Op = "op",
        /// A pair of clock reads around many operations: resolves cheap ones.
        Batch = "batch",
    }
}

words! {
    /// In which order what a batch has acquired is given back.
    Release {
        /// The one that was acquired last goes first, as from a stack.
        Newest = "newest",
        /// The one that was acquired first goes first, as from a ring or a queue.
        Oldest = "oldest",
        /// Any may be next, as where whoever holds them is done at any time.
        Random = "random",
    }
}

words! {
    /// Where memory lies that is mapped for one transfer.
    Buffers {
        /// Anywhere, if what the device does not reach can be bounced, or else where it reaches it.
        Auto = "auto",
        /// Where a driver does not choose: above what the device reaches, if there is memory.
        Anywhere = "anywhere",
        /// Where the device reaches it.
        Reachable = "reachable",
    }
}

words! {
    /// What a program's memory is made of.
    Backing {
        /// Pages of the size that the kernel counts in.
        Ordinary = "ordinary",
        /// Transparent huge pages.
        Huge = "huge",
    }
}

words! {
    /// What an allocation may do and where it may land, as in `include/linux/gfp_types.h`.
    Gfp {
        /// `GFP_KERNEL`: may sleep and reclaim.
        Kernel = "kernel",
        /// `GFP_ATOMIC`: may not sleep, may use reserves.
        Atomic = "atomic",
        /// `GFP_NOWAIT`: may not sleep.
        NoWait = "nowait",
        /// `GFP_KERNEL | GFP_DMA`: from the zone for 24-bit devices.
        Dma = "dma",
        /// `GFP_KERNEL | GFP_DMA32`: below 4 GiB.
        Dma32 = "dma32",
        /// `GFP_HIGHUSER`: high memory too.
        HighUser = "highuser",
        /// `GFP_KERNEL | __GFP_ZERO`: cleared.
        Zero = "zero",
        /// `GFP_KERNEL_ACCOUNT`: charged to the memory cgroup of who asks, unless that is the root.
        Account = "account",
    }
}

/// A set of directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Directions(u8);

impl Directions {
    /// The set that has no direction.
    pub const NONE: Self = Self(0);

    /// `self` and `direction`.
    pub const fn with(self, direction: Direction) -> Self {
        Self(self.0 | (1 << direction as u8))
    }

    /// Whether `direction` is in it.
    pub fn has(self, direction: Direction) -> bool {
        self.0 & (1 << direction as u8) != 0
    }

    /// The directions in the set.
    pub fn iter(self) -> impl Iterator<Item = Direction> + Clone {
        let all = Direction::ALL.iter().copied();
        all.filter(move |direction| self.has(*direction))
    }
}
