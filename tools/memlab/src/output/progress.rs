// SPDX-License-Identifier: GPL-2.0

//! How far a measurement is, on stderr, and only where a person watches.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::{
    sync::mpsc::{channel, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

const STEP: Duration = Duration::from_millis(100);

/// How much has been done, and how much longer it will take; `None` where nothing is on.
pub type Watch = Box<dyn FnMut(Duration) -> Option<(Duration, Duration)> + Send>;

/// Calls `work`, of which `expected` is an estimate of the time, with a bar while it lasts. `watch`
/// waits so long for news of it, and has an estimate that follows it.
pub fn during<T>(
    what: &str,
    expected: Duration,
    mut watch: Option<Watch>,
    work: impl FnOnce() -> T,
) -> T {
    if !super::on_terminal() {
        return work();
    }
    let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let bar =
        ProgressBar::with_draw_target(Some(millis(expected).max(1)), ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {elapsed} of about {prefix}")
    {
        bar.set_style(style);
    }
    bar.set_message(what.to_owned());
    bar.set_prefix(format!("{:.0} s", expected.as_secs_f64().max(1.0)));
    let (done, ended) = channel::<()>();
    thread::scope(|scope| {
        let bar = &bar;
        scope.spawn(move || {
            let began = Instant::now();
            let pause = if watch.is_some() {
                Duration::ZERO
            } else {
                STEP
            };
            while ended.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
                if let Some((elapsed, left)) = watch.as_mut().and_then(|watch| watch(STEP)) {
                    let whole = elapsed.saturating_add(left);
                    bar.set_length(millis(whole).max(1));
                    bar.set_prefix(format!("{:.0} s", whole.as_secs_f64()));
                    bar.set_position(millis(elapsed));
                    continue;
                }
                // An estimate that was too short stays just before its end.
                let most = bar.length().unwrap_or(1).saturating_sub(1);
                bar.set_position(millis(began.elapsed()).min(most));
            }
            bar.finish_and_clear();
        });
        let result = work();
        drop(done);
        result
    })
}
