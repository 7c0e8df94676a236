// SPDX-License-Identifier: GPL-2.0

//! Why `cma_alloc()` failed: the kernel gives no more than NULL, its tracepoints say the rest.

/// One call of `cma_alloc()` as the tracepoints `cma_alloc_*` saw it. Counts are in pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// What was asked for.
    pub count: u64,
    /// log2 of the pages that it was to be aligned to.
    pub align: u64,
    /// What the kernel said of it; `None` where it has no tracepoints.
    pub seen: Option<Seen>,
    /// Whether it failed.
    pub failed: bool,
}

/// What the tracepoints say of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Pages of the area (`cma_alloc_start`).
    pub total: u64,
    /// Those that nobody had allocated from it when the call began; movable pages of others may
    /// lie in them.
    pub available: u64,
    /// Places that were free but held a page that could not be moved (`cma_alloc_busy_retry`).
    pub retries: u64,
    /// The error, negative; 0 for none (`cma_alloc_finish`).
    pub errno: i32,
    /// Who has the pages of the last of those places, right after the call.
    pub busy: Holders,
}

/// Pages of a place by who has them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Holders {
    /// Nobody, or it is just being moved.
    pub free: u64,
    /// Processes: their anonymous memory.
    pub anon: u64,
    /// The page cache, and shared memory.
    pub file: u64,
    /// The slab.
    pub slab: u64,
    /// The kernel otherwise.
    pub other: u64,
    /// Those of all of them that have more references than maps and caches account for.
    pub pinned: u64,
}

impl Holders {
    /// Those that somebody has.
    pub fn taken(&self) -> u64 {
        [self.anon, self.file, self.slab, self.other]
            .into_iter()
            .fold(0, u64::saturating_add)
    }

    /// What it is about the pages that stand in the way.
    pub fn why(&self) -> &'static str {
        if self.taken() == 0 {
            "nothing any more: what stood in the way has gone since"
        } else if self.pinned > 0 {
            "pages are pinned: somebody refers to them beside maps and caches"
        } else if self.slab > 0 || self.other > 0 {
            "pages of the kernel, which are not moved"
        } else {
            "no page is pinned now: they were under I/O, or in use for a moment"
        }
    }
}

/// Why a call failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// More than the area has, ever.
    Larger,
    /// More than nobody has allocated now.
    Full,
    /// Enough is left, but no run is as long, or as aligned.
    Fragmented,
    /// There are runs, but pages in them could not be moved away.
    Busy,
    /// There was no memory to move pages to.
    NoMemory,
    /// A signal ended it.
    Interrupted,
    /// The kernel does not say.
    Unknown,
}

impl Cause {
    /// The name, what would help, and whether the same call may succeed if it is repeated.
    pub fn words(self) -> [&'static str; 3] {
        match self {
            Self::Larger => [
                "larger",
                "a larger area (cma= on the kernel's command line), or asking for less",
                "no: the area never has as much",
            ],
            Self::Full => [
                "full",
                "that others release, or a larger area",
                "only after another user has released",
            ],
            Self::Fragmented => [
                "fragmented",
                "asking for less or with less alignment, or that others release",
                "only after another user has released",
            ],
            Self::Busy => [
                "busy",
                "that the pages in the way are unpinned or their I/O ends",
                "yes, where pins are short: each retry moves what it can",
            ],
            Self::NoMemory => [
                "no-memory",
                "free memory outside the area, to move its pages to",
                "yes, once memory has been reclaimed",
            ],
            Self::Interrupted => ["interrupted", "not being killed", "yes"],
            Self::Unknown => [
                "unknown",
                "a kernel with CONFIG_TRACEPOINTS, which says why",
                "unknown",
            ],
        }
    }

    /// The name.
    pub fn name(self) -> &'static str {
        let [name, _, _] = self.words();
        name
    }
}

const EINTR: i32 = -4;
const ENOMEM: i32 = -12;
const EBUSY: i32 = -16;

impl Attempt {
    /// Why it failed; `None` if it did not.
    ///
    /// `cma_alloc()` (`mm/cma.c`) answers `EBUSY` for all that has to do with the area.
    pub fn cause(&self) -> Option<Cause> {
        if !self.failed {
            return None;
        }
        let Some(seen) = self.seen else {
            return Some(Cause::Unknown);
        };
        Some(match seen.errno {
            _ if self.count > seen.total => Cause::Larger,
            ENOMEM => Cause::NoMemory,
            EINTR => Cause::Interrupted,
            EBUSY if seen.retries > 0 => Cause::Busy,
            EBUSY if self.count > seen.available => Cause::Full,
            EBUSY => Cause::Fragmented,
            _ => Cause::Unknown,
        })
    }
}

/// What was found out about an area by asking it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The area.
    pub area: &'static str,
    /// The call that is explained.
    pub attempt: Attempt,
    /// The longest run that could be had, in pages, without alignment; found by having it.
    pub largest: u64,
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(not(test), kernel::macros::kunit_tests(memlab_cma_causes))]
mod tests {
    use super::*;

    fn cause(count: u64, available: u64, retries: u64, errno: i32) -> Option<Cause> {
        let seen = Seen {
            total: 4096,
            available,
            retries,
            errno,
            busy: Holders::default(),
        };
        Attempt {
            count,
            align: 0,
            seen: Some(seen),
            failed: true,
        }
        .cause()
    }

    #[test]
    fn who_is_in_the_way_is_told_by_what_cannot_go() {
        let anon = Holders {
            free: 10,
            anon: 5,
            ..Holders::default()
        };
        assert!(anon.why().starts_with("no page is pinned now"));
        let pinned = Holders { pinned: 1, ..anon };
        assert_eq!(pinned.taken(), 5);
        assert!(pinned.why().starts_with("pages are pinned"));
        let slab = Holders { slab: 1, ..anon };
        assert!(slab.why().starts_with("pages of the kernel"));
        let gone = Holders { anon: 0, ..anon };
        assert!(gone.why().starts_with("nothing any more"));
    }

    #[test]
    fn each_cause_is_told_from_the_others() {
        assert_eq!(cause(4097, 4096, 0, EBUSY), Some(Cause::Larger));
        assert_eq!(cause(4096, 4095, 0, EBUSY), Some(Cause::Full));
        assert_eq!(cause(4095, 4095, 0, EBUSY), Some(Cause::Fragmented));
        assert_eq!(cause(64, 4095, 3, EBUSY), Some(Cause::Busy));
        assert_eq!(cause(64, 4095, 1, ENOMEM), Some(Cause::NoMemory));
        assert_eq!(cause(64, 4095, 0, EINTR), Some(Cause::Interrupted));
        assert_eq!(cause(64, 4095, 0, -22), Some(Cause::Unknown));
    }

    #[test]
    fn without_tracepoints_it_is_unknown() {
        let mut attempt = Attempt {
            count: 1,
            align: 0,
            seen: None,
            failed: true,
        };
        assert_eq!(attempt.cause(), Some(Cause::Unknown));
        attempt.failed = false;
        assert_eq!(attempt.cause(), None);
    }
}
