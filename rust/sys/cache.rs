// SPDX-License-Identifier: GPL-2.0

//! Pages of a file in memory, which the kernel may move: page cache that is held on purpose.
//!
//! C header: [`include/linux/shmem_fs.h`](srctree/include/linux/shmem_fs.h)

use super::{
    memory::Spot,
    relief::{
        Asks,
        Holds,
        Relief,
        Rule,
        GO, //
    },
};
use crate::bindings as lab;
use core::ptr::NonNull;
use kernel::{
    bindings,
    error::{
        from_err_ptr,
        to_result, //
    },
    prelude::*, //
};

/// A file that nobody else has.
///
/// # Invariants
///
/// The pointer is that of an open file of `memlab_cache_open()`, whose only reference this is.
struct File(NonNull<bindings::file>);

// SAFETY: A file belongs to no thread.
unsafe impl Send for File {}
// SAFETY: What is done with a `&File` is done under the locks of the file's pages.
unsafe impl Sync for File {}

impl File {
    /// How many pages it has in memory.
    fn pages(&self) -> u64 {
        // SAFETY: By the type invariant the file is open.
        unsafe { lab::memlab_cache_pages(self.0.as_ptr()) }
    }

    /// Takes up to `most` pages out of it, waiting for none. How many those were.
    fn shrink(&self, most: u64) -> u64 {
        // SAFETY: By the type invariant the file is open.
        unsafe { lab::memlab_cache_shrink(self.0.as_ptr(), most) }
    }
}

impl Drop for File {
    fn drop(&mut self) {
        // SAFETY: By the type invariant this is its only reference, which goes with it.
        unsafe { lab::memlab_cache_close(self.0.as_ptr()) };
    }
}

/// A file that is being filled: its pages are numbered from 0 on.
pub(crate) struct Filling {
    file: File,
    pages: u64,
}

impl Filling {
    /// An empty one that has room for so many pages.
    pub(crate) fn new(room: u64) -> Result<Self> {
        // SAFETY: May be called from any context that may sleep.
        let file = from_err_ptr(unsafe { lab::memlab_cache_open(room) })?;
        // INVARIANT: It was just opened.
        let file = File(NonNull::new(file).ok_or(ENOMEM)?);
        Ok(Self { file, pages: 0 })
    }

    /// Has one page more; says whether it lies in a CMA area.
    pub(crate) fn add(&mut self) -> Result<bool> {
        // SAFETY: By the type invariant the file is open.
        let added = unsafe { lab::memlab_cache_add(self.file.0.as_ptr(), self.pages) };
        to_result(added)?;
        self.pages += 1;
        Ok(added != 0)
    }

    /// Takes page number `page` out again; others keep their number.
    pub(crate) fn remove(&self, page: u64) {
        // SAFETY: By the type invariant the file is open, and has no page of a number that is not there.
        unsafe { lab::memlab_cache_remove(self.file.0.as_ptr(), page) };
    }

    /// How many pages it has had.
    pub(crate) fn pages(&self) -> u64 {
        self.pages
    }
}

struct Inner<R: Rule> {
    file: File,
    cap: u64,
    rule: R,
}

impl<R: Rule> Holds for Inner<R> {
    /// The locks of the file's pages: who writes one of them to swap may reclaim.
    const LOCKS: bool = true;

    fn missing(&self, asks: Asks) -> u64 {
        Spot::all().map(|zone| self.rule.missing(zone, asks)).sum()
    }

    fn held(&self) -> u64 {
        self.file.pages()
    }

    fn ask(&self, asks: Asks, most: u64) -> u64 {
        let wanted = match asks {
            Asks::BeforeKilling => GO,
            _ => self.missing(asks).min(GO),
        }
        .min(most);
        self.file.shrink(wanted)
    }
}

/// Pages of a file that are held: at most so many, and the kernel gets them back when it runs short,
/// as [`Hoard`](super::relief::Hoard)'s. It may move them, or write them to swap, by itself.
pub(crate) struct Cached<R: Rule>(Relief<Inner<R>>);

impl<R: Rule> Cached<R> {
    /// What has been filled.
    pub(crate) fn new(filled: Filling, cap: u64, rule: R) -> Result<Self> {
        let Filling { file, .. } = filled;
        let inner = KBox::pin(Inner { file, cap, rule }, GFP_KERNEL)?;
        Ok(Self(Relief::new(inner)?))
    }

    /// How many pages it holds.
    pub(crate) fn held(&self) -> u64 {
        self.0.inner().held()
    }

    /// The most that it holds.
    pub(crate) fn cap(&self) -> u64 {
        self.0.inner().cap
    }
}
