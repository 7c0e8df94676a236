// SPDX-License-Identifier: GPL-2.0

//! How much all buffers together hold. A buffer outlives its session, so that what each session
//! holds would be no bound: who opens one, allocates and closes it could do so again and again.

use kernel::{
    prelude::*,
    sync::atomic::{
        Atomic,
        Relaxed, //
    }, //
};

/// Bytes, of all buffers that there are.
static HELD: Atomic<usize> = Atomic::new(0);

/// A buffer's part of it, until that is freed.
pub(super) struct Charge(usize);

impl Charge {
    /// Charges `bytes`, with which there may be `most` in all; otherwise says how many there are.
    pub(super) fn take(bytes: usize, most: u64) -> Result<Self, usize> {
        let mut held = HELD.load(Relaxed);
        loop {
            let all = held.checked_add(bytes).ok_or(held)?;
            // CAST: No address is wider than 64 bits.
            if all as u64 > most {
                return Err(held);
            }
            match HELD.cmpxchg(held, all, Relaxed) {
                Ok(_) => return Ok(Self(bytes)),
                Err(other) => held = other,
            }
        }
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        HELD.fetch_sub(self.0, Relaxed);
    }
}

#[kernel::macros::kunit_tests(memlab_buffers)]
mod tests {
    use super::{
        Atomic,
        Charge,
        Relaxed,
        HELD, //
    };

    #[test]
    fn what_is_charged_is_bounded_and_comes_back() {
        let before = HELD.load(Relaxed);
        let most = (before + 3000) as u64;
        let one = Charge::take(1000, most);
        assert!(one.is_ok());
        let other = Charge::take(2000, most);
        assert!(other.is_ok());
        assert_eq!(Charge::take(1, most).err(), Some(before + 3000));
        assert_eq!(
            Charge::take(usize::MAX, u64::MAX).err(),
            Some(before + 3000)
        );
        drop(one);
        assert!(Charge::take(1001, most).is_err());
        assert!(Charge::take(1000, most).is_ok());
        drop(other);
        let now: &Atomic<usize> = &HELD;
        assert_eq!(now.load(Relaxed), before);
    }
}
