// SPDX-License-Identifier: GPL-2.0

//! What the doors share: one run at a time, and the last results.

use crate::{
    bench::{
        calibrate,
        compare::{
            self,
            Comparison, //
        },
        limits::limits,
        run::{
            self,
            Report, //
        },
    },
    compat,
    experiment::CATALOGUE,
    front::grammar,
    model::{
        calibration::Calibration,
        cma::Finding,
        compare_request::CompareRequest,
        layout::{
            Sample,
            SAMPLES, //
        },
        outcome::Ending,
        progress::Progress,
        refusal::Sentence,
        request::{
            Errno,
            Refusal,
            Request, //
        },
        text::Text, //
    },
    probe,
    scenario::Scenario,
    sys::{
        alloc::MAX_ORDER,
        clock,
        file::Line,
        notice, //
    },
};
use core::fmt;
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Relaxed,
            Release, //
        },
        Arc,
        Mutex, //
    },
};

/// What is on: nothing, a run, or one that was told to stop. There is one machine to measure, whoever
/// asks.
static STATE: Atomic<u32> = Atomic::new(IDLE);
const IDLE: u32 = 0;
const RUNNING: u32 = 1;
const STOPPING: u32 = 2;

/// Whether the machine is about to sleep, or does: nothing is begun then.
static ASLEEP: Atomic<u32> = Atomic::new(0);

/// The right to run, one at a time.
pub(super) struct Turn;

impl Turn {
    pub(super) fn take(what: &str) -> Result<Self, Failure> {
        if STATE.cmpxchg(IDLE, RUNNING, Acquire).is_err() {
            let on = notice::look().what;
            return Err(Failure::new(
                EBUSY,
                format_args!("{what}: {on} is on, and there is one machine to measure"),
            ));
        }
        // From here on the machine would wait for it.
        let turn = Self;
        if ASLEEP.load(Acquire) != 0 {
            return Err(Failure::new(
                EBUSY,
                format_args!("{what}: the machine is about to sleep"),
            ));
        }
        let (what, now) = (Text::new(what), clock::now());
        notice::change(|progress| {
            *progress = Progress {
                serial: progress.serial,
                on: true,
                what,
                began: now,
                now,
                ..Progress::NONE
            }
        });
        Ok(turn)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let now = clock::now();
        notice::change(|progress| {
            (progress.on, progress.now) = (false, now);
            // Who sees the one sees the other, and what begins next is told after this.
            STATE.store(IDLE, Release);
        });
    }
}

/// Why something was not carried out, or not to its end: what a program gets, and the sentence for
/// people.
pub(crate) struct Failure {
    error: Error,
    message: Option<Sentence>,
}

impl Failure {
    pub(super) fn new(error: Error, args: fmt::Arguments<'_>) -> Self {
        Self {
            error,
            message: Some(Sentence::format(args)),
        }
    }

    /// The errno.
    pub(super) fn errno(self) -> Error {
        self.error
    }

    /// The sentence; empty where the errno says it all.
    pub(super) fn message(&self) -> &str {
        self.message.as_ref().map_or("", Sentence::as_str)
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self {
            error: errno(&refusal),
            message: Some(refusal.message),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self {
            error,
            message: None,
        }
    }
}

/// The last result, and why the request after it was refused, if one was.
pub(crate) struct Last<T> {
    pub(crate) result: Option<T>,
    pub(crate) refusal: Option<Refusal>,
}

impl<T> Last<T> {
    const NONE: Self = Self {
        result: None,
        refusal: None,
    };
}

/// Whether a session holds memory on purpose: no more than one may, so that what is held has the
/// bound that one scenario has.
static HOLDING: Atomic<u32> = Atomic::new(0);

/// The right to hold memory on purpose.
struct Holding;

impl Holding {
    fn take() -> Result<Self, Failure> {
        match HOLDING.cmpxchg(0, 1, Acquire) {
            Ok(_) => Ok(Self),
            Err(_) => Err(Failure::new(
                EBUSY,
                format_args!(
                    "scenario: another session holds one, which ends with it or with its none"
                ),
            )),
        }
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        HOLDING.store(0, Release);
    }
}

/// What is held on purpose; given back before the right to hold is.
pub(crate) struct Held {
    pub(super) scenario: Scenario,
    _right: Holding,
}

/// What the files show: all of debugfs has one, and each session of /dev/memlab.
#[pin_data]
pub(crate) struct Lab {
    #[pin]
    pub(crate) run: Mutex<Last<Report>>,
    #[pin]
    pub(crate) comparison: Mutex<Last<Comparison>>,
    #[pin]
    pub(crate) calibration: Mutex<Last<Calibration>>,
    #[pin]
    pub(crate) area: Mutex<Last<Finding>>,
    /// What memory is held on purpose: its only owner.
    #[pin]
    pub(crate) scenario: Mutex<Last<Held>>,
    /// Where one allocation of each kind was when this was made: no read makes any.
    pub(crate) layout: [Sample; SAMPLES],
}

impl Lab {
    pub(crate) fn new() -> Result<Arc<Self>> {
        Arc::pin_init(
            pin_init!(Self {
                run <- new_mutex!(Last::NONE),
                comparison <- new_mutex!(Last::NONE),
                calibration <- new_mutex!(Last::NONE),
                area <- new_mutex!(Last::NONE),
                scenario <- new_mutex!(Last::NONE),
                layout: probe::layout::samples(),
            }),
            GFP_KERNEL,
        )
    }

    /// Runs a line of the file `run`.
    pub(crate) fn run_line(&self, line: &Line) -> Result<(), Failure> {
        self.run_with("run", || text(line).and_then(run_text), |_| Ok(()))
    }

    /// Runs what `run` makes a report of, keeps that, and shows it to `see` first, in the turn that
    /// it comes from.
    pub(super) fn run_with(
        &self,
        what: &str,
        run: impl FnOnce() -> Result<Report, Refusal>,
        see: impl FnOnce(&Report) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let _turn = Turn::take(what)?;
        let result = run();
        let seen = result.as_ref().map_or(Ok(()), see);
        keep(&self.run, result, |report| report.ending)?;
        seen
    }

    /// Runs a line of the file `compare`.
    pub(crate) fn compare_line(&self, line: &Line) -> Result<(), Failure> {
        let _turn = Turn::take("compare")?;
        let result = text(line).and_then(compare_text);
        keep(&self.comparison, result, |found| found.ending)
    }

    /// Judges the instrument, for the file `calibrate`; its line has nothing to say.
    pub(crate) fn calibrate_line(&self, line: &Line) -> Result<(), Failure> {
        let _turn = Turn::take("calibrate")?;
        let result = text(line).and_then(calibrate_text);
        keep(&self.calibration, result, |found| found.ending)
    }

    /// Probes an area, for the file `cma`.
    pub(crate) fn area_line(&self, line: &Line) -> Result<(), Failure> {
        let _turn = Turn::take("cma")?;
        match text(line).and_then(area_text).transpose() {
            Some(result) => keep(&self.area, result, |_| Ending::Complete),
            None => early(Ending::Stopped),
        }
    }

    /// Makes a state of memory, for the file `scenario`; what was held before goes first.
    pub(crate) fn scenario_line(&self, line: &Line) -> Result<(), Failure> {
        let _turn = Turn::take("scenario")?;
        let made = match text(line).and_then(|line| grammar::parse_scenario(line, MAX_ORDER)) {
            Ok(wish) => {
                // Given back when the lock is free again.
                let old = core::mem::replace(&mut *self.scenario.lock(), Last::NONE);
                drop(old);
                let Some(wish) = wish else {
                    return Ok(());
                };
                let right = Holding::take()?;
                Scenario::make(&wish, &stopped).map(|scenario| Held {
                    scenario,
                    _right: right,
                })
            }
            Err(refusal) => Err(refusal),
        };
        match made {
            Ok(held) if held.scenario.was_stopped() => early(Ending::Stopped),
            made => keep(&self.scenario, made, |_| Ending::Complete),
        }
    }
}

/// Reads a line and probes the area that it names a device for; `None` if that was stopped.
#[inline(never)]
fn area_text(line: &str) -> Result<Option<Finding>, Refusal> {
    let device = grammar::parse_device(line)?;
    Ok(probe::cma::probe(probe::area::of_named(device)?, &stopped))
}

/// Reads a line and runs it. In a frame of its own, like its kin: stacks are small.
#[inline(never)]
pub(super) fn run_text(line: &str) -> Result<Report, Refusal> {
    let request = grammar::parse(line, CATALOGUE, &limits())?;
    run_request(&request)
}

/// Runs a request that another door has checked.
pub(super) fn run_request(request: &Request) -> Result<Report, Refusal> {
    run::run(request, &stopped)
}

/// Reads a line and compares what it asks for.
#[inline(never)]
fn compare_text(line: &str) -> Result<Comparison, Refusal> {
    let request = compare_request(line)?;
    compare::compare(&request, &stopped)
}

/// Reads a line, out of the way of what follows.
#[inline(never)]
fn compare_request(line: &str) -> Result<KBox<CompareRequest>, Refusal> {
    let request = grammar::parse_compare(line, CATALOGUE, &limits())?;
    KBox::new(request, GFP_KERNEL)
        .map_err(|_| Refusal::no_memory(format_args!("no memory for the comparison")))
}

/// Judges the instrument, unless the line asks for something.
#[inline(never)]
fn calibrate_text(line: &str) -> Result<Calibration, Refusal> {
    grammar::parse_nothing("calibrate", line)?;
    calibrate::calibrate(&stopped)
}

/// Tells what is on to stop. Without anything on it does nothing.
pub(crate) fn stop() {
    if STATE.cmpxchg(RUNNING, STOPPING, Relaxed).is_ok() {
        notice::change(|_| ());
    }
}

/// Lets the machine sleep: what is on is stopped, and nothing begins until it is awake again.
pub(crate) extern "C" fn suspend(begins: bool) {
    ASLEEP.store(u32::from(begins), Release);
    if begins {
        stop();
    }
}

/// Whether what is on was told to stop.
pub(super) fn stopped() -> bool {
    STATE.load(Relaxed) == STOPPING
}

/// Keeps a result, or why there is none beside the result before it. Called in the turn that it
/// comes from, so that no older result follows a newer one. Fails for a refusal, or an early end.
fn keep<T: Unpin>(
    last: &Mutex<Last<T>>,
    result: Result<T, Refusal>,
    ending: fn(&T) -> Ending,
) -> Result<(), Failure> {
    match result {
        Ok(result) => {
            let ending = ending(&result);
            let new = Last {
                result: Some(result),
                refusal: None,
            };
            // The old one is dropped when the lock is free again.
            let _old = core::mem::replace(&mut *last.lock(), new);
            early(ending)
        }
        Err(refusal) => {
            let failure = Failure::new(
                errno(&refusal),
                format_args!("{}", refusal.message.as_str()),
            );
            let _old = core::mem::replace(&mut last.lock().refusal, Some(refusal));
            Err(failure)
        }
    }
}

/// What is written must be text, and not longer than a line is.
pub(super) fn text(line: &Line) -> Result<&str, Refusal> {
    match core::str::from_utf8(&line.head) {
        Ok(text) if line.length > line.head.len() => Err(grammar::too_long(text, line.length)),
        Ok(text) => Ok(text),
        Err(error) => {
            // CAST: A line is far shorter than 4 GiB.
            let at = error.valid_up_to() as u32;
            Err(Refusal::invalid(format_args!(
                "byte {at} of the line: not UTF-8 text"
            )))
        }
    }
}

/// The errno of a refusal.
fn errno(refusal: &Refusal) -> Error {
    match refusal.errno {
        Errno::Invalid => EINVAL,
        Errno::Range => ERANGE,
        Errno::NoDevice => ENODEV,
        Errno::NoMemory => ENOMEM,
        Errno::Unsupported => compat::not_supported(),
    }
}

/// Fails for a run that did not end by itself. Not with `EINTR`, upon which some shells write the
/// same line again.
fn early(ending: Ending) -> Result<(), Failure> {
    match ending {
        Ending::Complete | Ending::Time | Ending::Above => Ok(()),
        Ending::Stopped => Err(Failure::new(
            compat::canceled(),
            format_args!("stopped before its end"),
        )),
        Ending::DeviceGone => Err(Failure::new(
            ENODEV,
            format_args!("the device under test went away before the end"),
        )),
    }
}
