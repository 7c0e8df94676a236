// SPDX-License-Identifier: GPL-2.0

//! How far what is on has come.

use super::{
    num,
    text::Text, //
};

/// What is on, or was last.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Counts the changes; never 0.
    pub serial: u64,
    /// Whether it is on.
    pub on: bool,
    /// The experiment or the command.
    pub what: Text<32>,
    /// Operations or runs that are done.
    pub done: u64,
    /// All of them; 0 where that is not known.
    pub total: u64,
    /// When it began, and when it ended or was last told of, in ns of the monotonic clock.
    pub began: u64,
    /// See there.
    pub now: u64,
    /// The ns after which it ends, done or not; 0 without such a limit.
    pub limit: u64,
}

impl Progress {
    /// Nothing was on yet.
    pub const NONE: Self = Self {
        serial: 1,
        on: false,
        what: Text::EMPTY,
        done: 0,
        total: 0,
        began: 0,
        now: 0,
        limit: 0,
    };

    /// The ns that it takes, or took.
    pub fn elapsed(&self) -> u64 {
        self.now.saturating_sub(self.began)
    }

    /// The ns until it will have ended, if the rest takes as long as what is done; `None` where
    /// nothing tells.
    pub fn left(&self) -> Option<u64> {
        if !self.on {
            return Some(0);
        }
        let elapsed = self.elapsed();
        let limit = (self.limit != 0).then(|| self.limit.saturating_sub(elapsed));
        let rest = self.total.saturating_sub(self.done);
        let by_done = match self.done {
            0 => None,
            _ if self.total == 0 => None,
            // In microseconds, so that an hour of them leaves room for the factor.
            done => num::div(elapsed, 1_000)
                .and_then(|us| num::div(us.checked_mul(rest)?, done))
                .map(|us| us.saturating_mul(1_000)),
        };
        match (by_done, limit) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(not(test), kernel::macros::kunit_tests(memlab_progress))]
mod tests {
    use super::*;

    fn after(elapsed: u64, done: u64, total: u64, limit: u64) -> Option<u64> {
        let progress = Progress {
            on: true,
            began: 5,
            now: 5 + elapsed,
            done,
            total,
            limit,
            ..Progress::NONE
        };
        progress.left()
    }

    #[test]
    fn the_rest_takes_as_long_as_what_is_done() {
        assert_eq!(after(1_000_000, 1, 4, 0), Some(3_000_000));
        assert_eq!(after(1_000_000, 4, 4, 0), Some(0));
        assert_eq!(after(1_000_000, 5, 4, 0), Some(0));
    }

    #[test]
    fn it_is_never_longer_than_the_limit_allows() {
        assert_eq!(after(1_000_000, 1, 100, 5_000_000), Some(4_000_000));
        assert_eq!(after(6_000_000, 1, 100, 5_000_000), Some(0));
        assert_eq!(after(1_000_000, 0, 100, 5_000_000), Some(4_000_000));
    }

    #[test]
    fn what_nothing_tells_is_not_known() {
        assert_eq!(after(1_000_000, 0, 100, 0), None);
        assert_eq!(after(1_000_000, 7, 0, 0), None);
        assert_eq!(after(u64::MAX / 2, 1, u64::MAX, 0), None);
        assert_eq!(Progress::NONE.left(), Some(0));
    }
}
