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
    facts,
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
        request::{
            Errno,
            Refusal,
            Request, //
        },
    },
    probe,
    scenario::Scenario,
    sys::alloc::MAX_ORDER,
};
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
struct Turn;

impl Turn {
    fn take() -> Result<Self> {
        match STATE.cmpxchg(IDLE, RUNNING, Acquire) {
            Ok(_) => {
                // From here on the machine would wait for it.
                let turn = Self;
                match ASLEEP.load(Acquire) {
                    0 => Ok(turn),
                    _ => Err(EBUSY),
                }
            }
            Err(_) => Err(EBUSY),
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        STATE.store(IDLE, Release);
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

/// What the files show.
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
    pub(crate) scenario: Mutex<Last<Scenario>>,
    /// Where one allocation of each kind was when the module was loaded: no read makes any.
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
    pub(crate) fn run_line(&self, line: &[u8]) -> Result {
        with_turn(|| keep(&self.run, run_text(line), |report| report.ending))?
    }

    /// Runs a line of the file `compare`.
    pub(crate) fn compare_line(&self, line: &[u8]) -> Result {
        with_turn(|| keep(&self.comparison, compare_text(line), |found| found.ending))?
    }

    /// Judges the instrument, for the file `calibrate`; its line has nothing to say.
    pub(crate) fn calibrate_line(&self, line: &[u8]) -> Result {
        with_turn(|| {
            keep(&self.calibration, calibrate_text(line), |found| {
                found.ending
            })
        })?
    }

    /// Probes an area, for the file `cma`.
    pub(crate) fn area_line(&self, line: &[u8]) -> Result {
        with_turn(|| match area_text(line).transpose() {
            Some(result) => keep(&self.area, result, |_| Ending::Complete),
            None => early(Ending::Stopped),
        })?
    }

    /// Makes a state of memory, for the file `scenario`; what was held before goes first.
    pub(crate) fn scenario_line(&self, line: &[u8]) -> Result {
        with_turn(|| {
            let wish = text(line).and_then(|line| grammar::parse_scenario(line, MAX_ORDER));
            let made = match wish {
                Ok(wish) => {
                    // Given back when the lock is free again.
                    let old = core::mem::replace(&mut *self.scenario.lock(), Last::NONE);
                    drop(old);
                    wish.map(|wish| Scenario::make(&wish, &stopped)).transpose()
                }
                Err(refusal) => Err(refusal),
            };
            match made {
                Ok(None) => Ok(()),
                Ok(Some(scenario)) if scenario.was_stopped() => early(Ending::Stopped),
                Ok(Some(scenario)) => keep(&self.scenario, Ok(scenario), |_| Ending::Complete),
                Err(refusal) => keep(&self.scenario, Err(refusal), |_| Ending::Complete),
            }
        })?
    }
}

/// Reads a line and probes the area that it names a device for; `None` if that was stopped.
#[inline(never)]
fn area_text(line: &[u8]) -> Result<Option<Finding>, Refusal> {
    let device = grammar::parse_device(text(line)?)?;
    Ok(probe::cma::probe(facts::area::of_named(device)?, &stopped))
}

/// Reads a line and runs it. In a frame of its own, like its kin: stacks are small.
#[inline(never)]
fn run_text(line: &[u8]) -> Result<Report, Refusal> {
    let request = grammar::parse(text(line)?, CATALOGUE, &limits())?;
    run::run(&request, &stopped)
}

/// Reads a line and compares what it asks for.
#[inline(never)]
fn compare_text(line: &[u8]) -> Result<Comparison, Refusal> {
    let request = compare_request(line)?;
    compare::compare(&request, &stopped)
}

/// Reads a line, out of the way of what follows.
#[inline(never)]
fn compare_request(line: &[u8]) -> Result<KBox<CompareRequest>, Refusal> {
    let request = grammar::parse_compare(text(line)?, CATALOGUE, &limits())?;
    KBox::new(request, GFP_KERNEL)
        .map_err(|_| Refusal::no_memory(format_args!("no memory for the comparison")))
}

/// Judges the instrument, unless the line asks for something.
#[inline(never)]
fn calibrate_text(line: &[u8]) -> Result<Calibration, Refusal> {
    match text(line)? {
        "" | "\n" => calibrate::calibrate(&stopped),
        _ => Err(Refusal::invalid(format_args!(
            "calibrate takes no parameters: write an empty line"
        ))),
    }
}

/// Lets the machine sleep: what is on is stopped, and nothing begins until it is awake again.
pub(crate) extern "C" fn suspend(begins: bool) {
    ASLEEP.store(u32::from(begins), Release);
    if begins {
        stop();
    }
}

/// Tells the run that is on to stop. Without one it does nothing.
pub(crate) fn stop() {
    let _ = STATE.cmpxchg(RUNNING, STOPPING, Relaxed);
}

fn stopped() -> bool {
    STATE.load(Relaxed) == STOPPING
}

/// Does `work` if no run is on; `EBUSY` otherwise.
pub(crate) fn with_turn<T>(work: impl FnOnce() -> T) -> Result<T> {
    let turn = Turn::take()?;
    let result = work();
    drop(turn);
    Ok(result)
}

/// Runs a request that another door has checked.
pub(crate) fn run_request(request: &Request) -> Result<Result<Report, Refusal>> {
    with_turn(|| run::run(request, &stopped))
}

/// Keeps a result, or why there is none beside the result before it. Called in the turn that it
/// comes from, so that no older result follows a newer one. Fails for a refusal, or an early end.
fn keep<T: Unpin>(
    last: &Mutex<Last<T>>,
    result: Result<T, Refusal>,
    ending: fn(&T) -> Ending,
) -> Result {
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
            last.lock().refusal = Some(refusal);
            Err(errno(&refusal))
        }
    }
}

/// What is written must be text.
fn text(line: &[u8]) -> Result<&str, Refusal> {
    core::str::from_utf8(line).map_err(|error| {
        // CAST: A line is far shorter than 4 GiB.
        let at = error.valid_up_to() as u32;
        Refusal::invalid(format_args!("byte {at} of the line: not UTF-8 text"))
    })
}

/// The errno of a refusal.
pub(crate) fn errno(refusal: &Refusal) -> Error {
    match refusal.errno {
        Errno::Invalid => EINVAL,
        Errno::Range => ERANGE,
        Errno::NoDevice => ENODEV,
        Errno::NoMemory => ENOMEM,
        Errno::Unsupported => compat::not_supported(),
    }
}

/// The errno of a run that did not end by itself. Not `EINTR`, upon which some shells write the
/// same line again.
pub(crate) fn early(ending: Ending) -> Result {
    match ending {
        Ending::Complete | Ending::Time => Ok(()),
        Ending::Stopped => Err(compat::canceled()),
        Ending::DeviceGone => Err(ENODEV),
    }
}
