// SPDX-License-Identifier: GPL-2.0

//! Single pages that are held so that nobody else has them.

use crate::sys::{
    alloc::Pages,
    relief::Relieve, //
};
use kernel::{
    alloc::flags::__GFP_NOWARN,
    new_spinlock,
    prelude::*,
    sync::{
        Arc,
        SpinLock, //
    },
};

/// Pages with room for so many: adding and giving back allocate nothing, so that they work while
/// memory is short.
#[pin_data]
pub(crate) struct Hoard {
    #[pin]
    pages: SpinLock<KVVec<Pages>>,
}

impl Hoard {
    /// An empty one with room for `room` pages.
    pub(crate) fn new(room: usize) -> Result<Arc<Self>> {
        // As many as the machine has pages may be more than the kernel gives in one piece.
        let pages = KVVec::with_capacity(room, GFP_KERNEL | __GFP_NOWARN)?;
        Arc::pin_init(
            pin_init!(Self {
                pages <- new_spinlock!(pages),
            }),
            GFP_KERNEL,
        )
    }

    /// Holds one more; gives it back if there is no room.
    pub(crate) fn add(&self, page: Pages) -> Result {
        let full = self.pages.lock().push_within_capacity(page);
        // What did not fit is freed here, without the lock.
        full.map_err(|_| ENOSPC)
    }
}

impl Relieve for Hoard {
    fn len(&self) -> usize {
        self.pages.lock().len()
    }

    fn release(&self, most: usize) -> usize {
        let mut released = 0;
        while released < most {
            // One at a time: freed without the lock, which allocations of others wait for.
            let Some(page) = self.pages.lock().pop() else {
                break;
            };
            drop(page);
            released += 1;
        }
        released
    }
}
