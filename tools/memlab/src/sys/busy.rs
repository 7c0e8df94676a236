// SPDX-License-Identifier: GPL-2.0

//! What a puppet does over and over for a while, as another process looks on.

use super::victim::Answer;
use std::time::{Duration, Instant};

/// Some of this process's own addresses.
#[derive(Clone, Copy)]
pub struct Range {
    /// The first.
    pub at: *mut u8,
    /// How many bytes.
    pub length: usize,
}

impl Range {
    fn pages(self) -> impl Iterator<Item = *mut u8> {
        let page = rustix::param::page_size();
        let starts = (0..self.length).step_by(page);
        starts.map(move |from| self.at.wrapping_add(from))
    }
}

/// Gives all pages of a range back and writes them anew, for so long.
pub fn churn(range: Range, ms: u64) -> Answer {
    let (end, mut rounds) = (Instant::now() + Duration::from_millis(ms), 0u64);
    while Instant::now() < end {
        // SAFETY: The range is a mapping of this process's own, to whose contents no reference
        // exists: they are accessed as volatile bytes only.
        unsafe { libc::madvise(range.at.cast(), range.length, libc::MADV_DONTNEED) };
        for at in range.pages() {
            // SAFETY: The page is within the range, which is mapped for writing.
            unsafe { at.write_volatile(1) };
        }
        rounds += 1;
    }
    Ok(format!("rounds={rounds}"))
}
