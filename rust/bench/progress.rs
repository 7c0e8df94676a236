// SPDX-License-Identifier: GPL-2.0

//! What is told of a run while it is on, to whoever waits for that.

use crate::{
    model::{
        request::Request,
        text::Text, //
    },
    sys::{
        clock::now,
        notice, //
    },
};

/// Tells that `done` operations of what `request` asks for are done, and when the time will be up,
/// where that is known.
pub(super) fn tell(request: &Request, done: u64, deadline: Option<u64>) {
    let total = request.iterations().saturating_mul(request.threads());
    let (what, now) = (Text::new(request.info().name), now());
    notice::change(|progress| {
        (progress.what, progress.now) = (what, now);
        progress.limit = deadline.map_or(0, |deadline| deadline.saturating_sub(progress.began));
        (progress.done, progress.total) = (done.min(total), total);
    });
}

/// Tells that so many runs are to come, of what consists of several.
pub(super) fn expect(runs: u64) {
    notice::change(|progress| progress.total = progress.total.saturating_add(runs));
}

/// Tells that one of them is done.
pub(super) fn one_more() {
    let now = now();
    notice::change(|progress| {
        (progress.done, progress.now) = (progress.done.saturating_add(1), now);
    });
}
