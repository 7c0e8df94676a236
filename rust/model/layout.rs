// SPDX-License-Identifier: GPL-2.0

//! The kernel's address space.

/// As many regions as there can be (`MEMLAB_REGIONS`).
pub const REGIONS_MAX: usize = 12;

/// As many kinds of allocation as are shown.
pub const SAMPLES: usize = 9;

/// A region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// Its name.
    pub name: &'static str,
    /// Its first byte.
    pub start: u64,
    /// The byte behind its last.
    pub end: u64,
}

impl Region {
    /// Its size in bytes.
    pub fn size(&self) -> u64 {
        self.end.saturating_sub(self.start)
    }

    /// Whether `addr` lies in it.
    pub fn holds(&self, addr: u64) -> bool {
        (self.start..self.end).contains(&addr)
    }
}

/// What an allocation of one kind got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// The kind.
    pub kind: &'static str,
    /// The address; `None` where there was no memory for it.
    pub addr: Option<u64>,
}
