// SPDX-License-Identifier: GPL-2.0

//! Memory that is held on purpose, so that nobody else has it, and the kernel's ways to ask for it.
//!
//! C headers: [`include/linux/shrinker.h`](srctree/include/linux/shrinker.h),
//! [`include/linux/oom.h`](srctree/include/linux/oom.h)

use super::{
    memory::Spot,
    task, //
};
use crate::bindings as lab;
use core::{
    marker::PhantomPinned,
    ptr::NonNull, //
};
use kernel::{
    bindings,
    ffi::{
        c_ulong,
        c_void, //
    },
    new_spinlock,
    prelude::*,
    sync::SpinLock, //
};

/// Who asks for what is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asks {
    /// kswapd: nobody waits yet.
    Background,
    /// An allocation that waits until memory has been reclaimed.
    Caller,
    /// The OOM killer, which kills nobody if it is given something.
    BeforeKilling,
}

/// What holds memory, as the kernel's callbacks see it.
pub(crate) trait Holds: Send + Sync {
    /// Whether giving back takes locks that who reclaims may hold, unless it may enter file systems.
    const LOCKS: bool;

    /// How many pages are missing, for who asks.
    fn missing(&self, asks: Asks) -> u64;

    /// How many are held.
    fn held(&self) -> u64;

    /// Gives up to `most` to who asks; says how many.
    fn ask(&self, asks: Asks, most: u64) -> u64;
}

/// Decides what the kernel is given while it reclaims. What the OOM killer asks for it gets.
pub(crate) trait Rule: Send + Sync {
    /// How many pages are missing in a zone. Called while memory is short: allocates nothing.
    fn missing(&self, zone: Spot, asks: Asks) -> u64;
}

/// Physically contiguous pages that are owned, and can be chained to others through themselves.
///
/// # Safety
///
/// `into_pages` gives the first of so many pages that nobody else refers to. From then on nobody
/// uses their `struct page` until `from_pages` is given the same again.
pub(crate) unsafe trait Piece: Sized + Send {
    /// What all pieces of one [`Hoard`] have in common.
    type Of: Copy + PartialEq + Send + Sync + Unpin;

    /// What this piece has in common with its like.
    fn of(&self) -> Self::Of;

    /// How many pages it has.
    fn count(&self) -> usize;

    /// The zone that they lie in.
    fn zone(&self) -> Spot;

    /// Gives up the ownership of its pages.
    fn into_pages(self) -> NonNull<bindings::page>;

    /// Takes the ownership again.
    ///
    /// # Safety
    ///
    /// A piece of this `of` and `count` has given up these pages, and nobody has taken them since.
    unsafe fn from_pages(of: Self::Of, page: NonNull<bindings::page>, count: usize) -> Self;

    /// Gives back all but the first `keep` pages, where that can be done.
    fn trim(&mut self, keep: usize);
}

/// Pieces that lie in one zone. They are chained through their own pages: adding one and taking one
/// allocate nothing, however many there are.
///
/// # Invariants
///
/// `top` is null, or the first page of a piece of `of` that was given up. Such a page says how many
/// pages its piece has, and which such piece follows. All of them have `pages` pages.
struct Chain<P: Piece> {
    zone: Spot,
    of: P::Of,
    top: *mut bindings::page,
    pages: u64,
}

// SAFETY: The pieces belong to no thread.
unsafe impl<P: Piece> Send for Chain<P> {}

impl<P: Piece> Chain<P> {
    fn new(zone: Spot, of: P::Of) -> Self {
        // INVARIANT: There is nothing in it.
        Self {
            zone,
            of,
            top: core::ptr::null_mut(),
            pages: 0,
        }
    }

    fn push(&mut self, piece: P) {
        let count = piece.count();
        let page = piece.into_pages().as_ptr();
        // CAST: `unsigned long` is as wide as a pointer.
        // SAFETY: Nobody else uses the `struct page` of a piece that was given up.
        unsafe { lab::memlab_chain(page, count as c_ulong, self.top) };
        // INVARIANT: The page was told of what was the top before.
        self.top = page;
        self.pages += count as u64;
    }

    fn pop(&mut self) -> Option<P> {
        let page = NonNull::new(self.top)?;
        let mut count: c_ulong = 0;
        // SAFETY: By the type invariant the page is chained.
        let next = unsafe { lab::memlab_unchain(page.as_ptr(), &mut count) };
        // INVARIANT: `next` is what the page was told, and this piece is not counted any more.
        self.top = next;
        // CAST: `unsigned long` is as wide as a pointer.
        let count = count as usize;
        self.pages = self.pages.saturating_sub(count as u64);
        // SAFETY: By the type invariant a piece with this many pages was given up, and it has just
        // been taken out of the chain, so that it is taken once.
        Some(unsafe { P::from_pages(self.of, page, count) })
    }
}

/// What the kernel's callbacks are given.
#[pin_data]
struct Inner<P: Piece, R: Rule> {
    #[pin]
    chains: SpinLock<KVec<Chain<P>>>,
    of: P::Of,
    cap: u64,
    rule: R,
}

/// No more is given in one go than this: the OOM killer asks with a lock held that every process
/// waits for, and asks again if it was too little.
pub(crate) const GO: u64 = 1 << 14;

/// After so many pages others may run.
const STRIDE: u64 = 64;

impl<P: Piece, R: Rule> Inner<P, R> {
    /// Number `index` of the zones in which something may be held.
    fn zone(&self, index: usize) -> Option<Spot> {
        self.chains.lock().get(index).map(|chain| chain.zone)
    }

    /// Gives back up to `most` pages of zone number `index`; says how many.
    fn give_of(&self, index: usize, most: u64) -> u64 {
        let (mut given, mut next) = (0, STRIDE);
        while given < most {
            // One at a time: freed without the lock, which allocations of others wait for.
            let pop = || self.chains.lock().get_mut(index)?.pop();
            let Some(mut piece) = pop() else {
                break;
            };
            let (count, wanted) = (piece.count(), most - given);
            let keep = count.saturating_sub(usize::try_from(wanted).unwrap_or(usize::MAX));
            if keep > 0 {
                piece.trim(keep);
            }
            if keep > 0 && piece.count() == keep {
                given += (count - keep) as u64;
                if let Some(chain) = self.chains.lock().get_mut(index) {
                    chain.push(piece);
                }
            } else {
                given += count as u64;
                drop(piece);
            }
            if given >= next {
                next = given + STRIDE;
                task::cond_resched();
            }
        }
        given
    }

    /// Gives back up to `most` pages of any zone; says how many.
    fn give(&self, most: u64) -> u64 {
        let mut given = 0;
        for index in 0.. {
            if given >= most || self.zone(index).is_none() {
                break;
            }
            given += self.give_of(index, most - given);
        }
        given
    }
}

impl<P: Piece, R: Rule> Holds for Inner<P, R> {
    const LOCKS: bool = false;

    fn held(&self) -> u64 {
        self.chains.lock().iter().map(|chain| chain.pages).sum()
    }

    fn missing(&self, asks: Asks) -> u64 {
        let zones = (0..).map_while(|index| self.zone(index));
        zones.map(|zone| self.rule.missing(zone, asks)).sum()
    }

    fn ask(&self, asks: Asks, most: u64) -> u64 {
        let most = most.min(GO);
        if asks == Asks::BeforeKilling {
            return self.give(most);
        }
        // Of the zone in which it is missing; where there is no more of it, another may help out.
        let (mut given, mut lacking) = (0, 0);
        for index in 0.. {
            let Some(zone) = self.zone(index).filter(|_| given < most) else {
                break;
            };
            let wanted = self.rule.missing(zone, asks).min(most - given);
            let gave = self.give_of(index, wanted);
            given += gave;
            lacking += wanted - gave.min(wanted);
        }
        given + self.give(lacking.min(most.saturating_sub(given)))
    }
}

/// As long as this exists pages can be held. It is to go as the module does: the kernel calls nobody
/// any more then, not even a [`Hoard`] that was forgotten. It is pinned, so that it cannot be forgotten
/// itself where what it is a part of is dropped.
#[pin_data(PinnedDrop)]
pub(crate) struct Holding {
    #[pin]
    _pinned: PhantomPinned,
}

impl Holding {
    /// The one that there is.
    pub(crate) fn begin() -> impl PinInit<Self> {
        // SAFETY: The function may be called at any time.
        unsafe { lab::memlab_reliefs_open() };
        pin_init!(Self {
            _pinned: PhantomPinned
        })
    }

    /// How many had been forgotten.
    fn end() -> u32 {
        // SAFETY: The function may be called at any time. Waits for calls that are under way.
        unsafe { lab::memlab_reliefs_close() }
    }
}

#[pinned_drop]
impl PinnedDrop for Holding {
    fn drop(self: Pin<&mut Self>) {
        let forgotten = Self::end();
        if forgotten != 0 {
            pr_err!("{forgotten} owners of held pages were forgotten\n");
        }
    }
}

/// Lets the kernel ask for what is held, by a shrinker and by an OOM notifier.
///
/// # Invariants
///
/// `raw`, if there is one, was registered with the callbacks for `T`, and its data is `inner`.
pub(crate) struct Relief<T: Holds> {
    raw: Option<NonNull<lab::memlab_relief>>,
    inner: Pin<KBox<T>>,
}

// SAFETY: The registration belongs to no thread, and what is held may be dropped by any.
unsafe impl<T: Holds> Send for Relief<T> {}

impl<T: Holds> Relief<T> {
    pub(crate) fn new(inner: Pin<KBox<T>>) -> Result<Self> {
        let data = core::ptr::from_ref(&*inner).cast_mut().cast::<c_void>();
        // SAFETY: The functions take a `T`, and this one is pinned and lives until they are
        // unregistered.
        let raw = unsafe {
            lab::memlab_relief_register(Some(count::<T>), Some(release::<T>), data, T::LOCKS)
        };
        let raw = Some(NonNull::new(raw).ok_or(ENOMEM)?);
        // INVARIANT: Just registered with it.
        Ok(Self { raw, inner })
    }

    /// What is held.
    pub(crate) fn inner(&self) -> &T {
        &self.inner
    }

    /// The kernel asks no more.
    pub(crate) fn end(&mut self) {
        if let Some(raw) = self.raw.take() {
            // SAFETY: By the type invariant it was registered, and it is taken once; if it is still
            // registered the function ends that, and waits for calls that are under way.
            unsafe { lab::memlab_relief_unregister(raw.as_ptr()) };
        }
    }
}

impl<T: Holds> Drop for Relief<T> {
    fn drop(&mut self) {
        self.end();
    }
}

/// Owns pages that are held on purpose: at most so many, and the kernel gets them back when it runs
/// short, by a shrinker as the rule says and by an OOM notifier in any case. Dropping it gives back
/// the rest.
pub(crate) struct Hoard<P: Piece, R: Rule> {
    relief: Relief<Inner<P, R>>,
}

impl<P: Piece, R: Rule> Hoard<P, R> {
    /// An empty one, for at most `cap` pages in pieces of `of`.
    pub(crate) fn new(of: P::Of, cap: u64, rule: R) -> Result<Self> {
        let mut chains = KVec::new();
        for zone in Spot::all() {
            chains.push(Chain::new(zone, of), GFP_KERNEL)?;
        }
        let inner = KBox::pin_init(
            pin_init!(Inner {
                chains <- new_spinlock!(chains),
                of,
                cap,
                rule,
            }),
            GFP_KERNEL,
        )?;
        let relief = Relief::new(inner)?;
        Ok(Self { relief })
    }

    /// Holds one more. `ENOSPC` if it would be more than the cap: then it is given back.
    pub(crate) fn add(&self, piece: P) -> Result {
        let inner = self.relief.inner();
        if piece.of() != inner.of {
            return Err(EINVAL);
        }
        let zone = piece.zone();
        let mut chains = inner.chains.lock();
        let held: u64 = chains.iter().map(|chain| chain.pages).sum();
        if held.saturating_add(piece.count() as u64) > inner.cap {
            // Freed without the lock.
            drop(chains);
            return Err(ENOSPC);
        }
        match chains.iter_mut().find(|chain| chain.zone == zone) {
            Some(chain) => chain.push(piece),
            // A zone that had no memory when this was made.
            None => {
                drop(chains);
                return Err(ENODEV);
            }
        }
        Ok(())
    }

    /// How many pages it holds.
    pub(crate) fn held(&self) -> u64 {
        self.relief.inner().held()
    }

    /// The most that it holds.
    pub(crate) fn cap(&self) -> u64 {
        self.relief.inner().cap
    }
}

impl<P: Piece, R: Rule> Drop for Hoard<P, R> {
    fn drop(&mut self) {
        self.relief.end();
        self.relief.inner().give(u64::MAX);
    }
}

/// # Safety
///
/// `data` is a `T`.
unsafe extern "C" fn count<T: Holds>(data: *mut c_void, asks: u32) -> c_ulong {
    // SAFETY: By the function's requirement.
    let inner = unsafe { &*data.cast::<T>() };
    // Not what it would be given: a part of the number is asked for, many times.
    match inner.missing(who(asks)) {
        0 => 0,
        _ => c_ulong::try_from(inner.held()).unwrap_or(c_ulong::MAX),
    }
}

/// # Safety
///
/// `data` is a `T`.
unsafe extern "C" fn release<T: Holds>(data: *mut c_void, asks: u32, most: c_ulong) -> c_ulong {
    // SAFETY: By the function's requirement.
    let inner = unsafe { &*data.cast::<T>() };
    // CAST: At most what the machine has in pages, which `unsigned long` counts.
    inner.ask(who(asks), most as u64) as c_ulong
}

fn who(asks: u32) -> Asks {
    match asks {
        lab::memlab_asks_MEMLAB_ASKS_BACKGROUND => Asks::Background,
        lab::memlab_asks_MEMLAB_ASKS_CALLER => Asks::Caller,
        _ => Asks::BeforeKilling,
    }
}

#[cfg(CONFIG_KUNIT = "y")]
#[path = "relief_tests.rs"]
mod relief_tests;
