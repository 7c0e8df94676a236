// SPDX-License-Identifier: GPL-2.0

//! What a file shows and takes, whichever door it is behind.

use core::fmt;
use kernel::prelude::*;

/// What a file shows.
pub(crate) struct Text(KVVec<u8>);

impl Text {
    /// Nothing yet.
    pub(crate) const EMPTY: Self = Self(KVVec::new());

    /// Its bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Write for Text {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        self.0
            .extend_from_slice(s.as_bytes(), GFP_KERNEL)
            .map_err(|_| fmt::Error)
    }
}

/// The only thing that can go wrong in a report is that there is no memory for it.
pub(crate) fn done(written: fmt::Result) -> Result {
    written.map_err(|_| ENOMEM)
}

/// What was written to a file.
pub(crate) struct Line {
    /// Its bytes, as many of them as are looked at.
    pub(crate) head: KVec<u8>,
    /// How many there are.
    pub(crate) length: usize,
}

/// One file over a `T`.
pub(crate) struct File<T: 'static> {
    /// Its name.
    pub(crate) name: &'static CStr,
    /// Renders what a reader gets. Changes nothing: files are read by curious people.
    pub(crate) show: fn(&T, &mut Text) -> Result,
    /// Carries out what was written.
    pub(crate) store: Option<fn(&T, &Line) -> Result>,
    /// Whether it shows where the kernel, or what it allocated, lies.
    pub(crate) addresses: bool,
}

impl<T> File<T> {
    /// Whether it is for administrators only, and in debugfs shut once the kernel is locked down:
    /// what runs something, or shows addresses.
    pub(crate) fn guarded(&self) -> bool {
        self.store.is_some() || self.addresses
    }
}
