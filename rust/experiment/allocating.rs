// SPDX-License-Identifier: GPL-2.0

//! What allocates and frees: it starts from nothing, and dropping what it has got gives it back.

use super::{
    size_of,
    Experiment, //
};
use crate::{
    model::{
        placement::Placement,
        remark::Remark,
        request::{
            Refusal,
            Request, //
        },
    },
    sys::{
        alloc::Flags,
        memory::PAGE_SIZE, //
    }, //
};
use kernel::prelude::*;

/// A function that allocates, with what it was asked for.
pub(crate) trait Allocator: Sync {
    /// The memory that it allocates, which frees itself when it is dropped.
    type Memory<'a>
    where
        Self: 'a;

    /// Allocates.
    fn allocate(&self) -> Result<Self::Memory<'_>>;

    /// Where the memory is.
    fn describe(&self, memory: &Self::Memory<'_>) -> Placement;

    /// See [`Experiment::remark`].
    fn remark(&self, _failed: bool, _most: u64, _stopped: &dyn Fn() -> bool) -> Remark {
        Remark::None
    }
}

/// The experiment that allocates by `A` and frees.
pub(crate) struct Allocating<A>(pub(super) A);

impl<A: Allocator> Experiment for Allocating<A> {
    type Idle = ();
    type Held<'a>
        = A::Memory<'a>
    where
        Self: 'a;

    fn idle(&self) -> Result {
        Ok(())
    }

    #[inline]
    fn acquire(&self, (): ()) -> Result<A::Memory<'_>, ((), Error)> {
        self.0.allocate().map_err(|error| ((), error))
    }

    #[inline]
    fn release<'a>(&'a self, held: A::Memory<'a>) {
        drop(held);
    }

    fn describe(&self, held: &A::Memory<'_>) -> Placement {
        self.0.describe(held)
    }

    fn remark(&self, failed: bool, most: u64, stopped: &dyn Fn() -> bool) -> Remark {
        self.0.remark(failed, most, stopped)
    }
}

/// How many bytes a function for the CPU's memory is asked for, and how.
pub(super) struct Asked {
    pub(super) size: usize,
    pub(super) flags: Flags,
}

impl Asked {
    /// What `request` asks for.
    pub(super) fn of(request: &Request) -> Result<Self, Refusal> {
        Ok(Self {
            size: size_of(request)?,
            flags: Flags::of(request.gfp()),
        })
    }

    /// The same of a function that falls back to smaller pieces. What takes up no more than a page
    /// has nothing to fall back to.
    pub(super) fn falling_back(request: &Request) -> Result<Self, Refusal> {
        let Self { size, flags } = Self::of(request)?;
        Ok(Self {
            size,
            flags: match size <= PAGE_SIZE {
                true => flags,
                false => flags.falling_back(),
            },
        })
    }
}
