// SPDX-License-Identifier: GPL-2.0

//! Which class an operation falls into, by what the kernel went through for it.

use crate::{
    model::{
        classes::{
            Class,
            Classes, //
        },
        histogram::Histogram,
        outcome::{
            Counted,
            Tally, //
        },
    },
    sys::trace::{
        Mark,
        Seen, //
    },
};
use core::ops::{
    Deref,
    DerefMut, //
};
use kernel::prelude::*;

/// What a run has counted.
pub(crate) struct Counts {
    tally: KVBox<Tally>,
    classes: Option<KVBox<Classes>>,
}

impl Counts {
    pub(super) fn new(tally: KVBox<Tally>, classes: Option<KVBox<Classes>>) -> Self {
        Self { tally, classes }
    }
}

impl Deref for Counts {
    type Target = Tally;

    fn deref(&self) -> &Tally {
        &self.tally
    }
}

impl DerefMut for Counts {
    fn deref_mut(&mut self) -> &mut Tally {
        &mut self.tally
    }
}

impl Counted for Counts {
    fn classes(&self) -> Option<&Classes> {
        self.classes.as_deref()
    }
}

/// Where one thread counts what was not fast. Kept apart while it measures: what is fast goes where
/// it would go anyhow, and costs the loop nothing more than a look at its mark.
pub(super) struct Slow<'a> {
    watched: Option<(Mark<'a>, &'a mut Classes)>,
}

impl<'a> Slow<'a> {
    /// Nobody looks: all counts as fast.
    pub(super) fn unwatched() -> Self {
        Self { watched: None }
    }

    /// What `mark` tells is counted in `classes`.
    pub(super) fn watched(mark: Mark<'a>, classes: &'a mut Classes) -> Self {
        Self {
            watched: Some((mark, classes)),
        }
    }

    /// Another operation begins.
    #[inline(always)]
    pub(super) fn forget(&mut self) {
        if let Some((mark, _)) = &self.watched {
            mark.take();
        }
    }

    /// Where what has taken place since [`forget`](Self::forget) is to be counted: there, or among
    /// the fast ones.
    #[inline(always)]
    pub(super) fn instead_of<'b>(&'b mut self, fast: &'b mut Histogram) -> &'b mut Histogram {
        match &mut self.watched {
            Some((mark, classes)) => match mark.take() {
                Seen::NOTHING => fast,
                seen => slow(classes, seen),
            },
            None => fast,
        }
    }

    /// The longest that one took that was not fast.
    pub(super) fn slowest(&self) -> Option<u64> {
        let (_, classes) = self.watched.as_ref()?;
        classes.named().filter_map(|(_, class)| class.max()).max()
    }

    /// Puts together what was counted apart: the fast ones are a class, and the others belong to
    /// those that were acquired.
    pub(super) fn finish(&mut self, tally: &mut Tally) {
        if let Some((_, classes)) = &mut self.watched {
            let [acquired, _] = &mut tally.phases;
            classes.of(Class::Fast).merge(acquired);
            for (_, class) in Class::ALL.into_iter().skip(1) {
                acquired.merge(classes.of(class));
            }
        }
    }
}

/// The most of what was gone through decides.
#[cold]
#[inline(never)]
fn slow(classes: &mut Classes, seen: Seen) -> &mut Histogram {
    classes.of(if seen.has(Seen::COMPACTION) {
        Class::Compaction
    } else if seen.has(Seen::RECLAIM) {
        Class::Reclaim
    } else {
        Class::Woken
    })
}
