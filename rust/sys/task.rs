// SPDX-License-Identifier: GPL-2.0

//! Kernel threads that are joined before the function that started them returns.
//!
//! C headers: [`include/linux/kthread.h`](srctree/include/linux/kthread.h),
//! [`include/linux/completion.h`](srctree/include/linux/completion.h)

use crate::bindings as lab;
use kernel::{
    bindings,
    error::from_err_ptr,
    ffi::{
        c_int,
        c_void, //
    },
    prelude::*,
    time::msecs_to_jiffies,
    types::Opaque, //
};

/// Why the thread that waits for the others was woken.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wake {
    /// Some time has passed.
    Tick,
    /// A fatal signal has come: the work is to end.
    Signal,
}

/// Milliseconds between two ticks, where nothing is gained by more of them.
pub(crate) const TICK_MS: u32 = 10;

/// How often the current thread was switched out, by its own will or not.
#[inline]
pub(crate) fn context_switches() -> usize {
    // SAFETY: Reads two counters of the current task.
    unsafe { lab::memlab_context_switches() }
}

/// The CPU that the current thread is on; stays the same for a pinned one.
pub(crate) fn current_cpu() -> u32 {
    kernel::cpu::CpuId::current().as_u32()
}

/// Lets others run where the kernel does not preempt.
#[inline]
pub(crate) fn cond_resched() {
    // SAFETY: The callers of this crate run in process context and hold no spinlock.
    unsafe { lab::memlab_cond_resched() };
}

/// The same, and a moment at which the current thread is in no code that somebody may be waiting to
/// free: a loop that may take minutes without sleeping has one now and then.
#[inline]
pub(crate) fn pause() {
    // SAFETY: The callers of this crate run in process context, in no read-side section of RCU.
    unsafe { lab::memlab_pause() };
}

/// Tells the CPU that this is a spinning loop.
#[inline]
pub(crate) fn cpu_relax() {
    // SAFETY: May be called from any context.
    unsafe { bindings::cpu_relax() };
}

/// Whether the current task is being killed.
pub(crate) fn fatal_signal() -> bool {
    // SAFETY: Reads the current task's signals.
    unsafe { lab::memlab_fatal_signal() }
}

/// Whether the current task may administer the machine (`CAP_SYS_ADMIN`, and not only in a user
/// namespace): root without its capabilities may not.
pub(crate) fn may_administer() -> bool {
    // CAST: A small constant.
    // SAFETY: Reads the current task's credentials.
    unsafe { bindings::capable(bindings::CAP_SYS_ADMIN as c_int) }
}

/// The online CPU number `n` of `node`, counting round; `None` for a node without CPUs.
pub(crate) fn nth_cpu(n: u32, node: Option<u32>) -> Option<u32> {
    let node = node.map_or(-1, |node| c_int::try_from(node).unwrap_or(c_int::MAX));
    // SAFETY: Any number is taken for `n`, and the request's node is at most the machine's last.
    let cpu = unsafe { lab::memlab_nth_cpu(n, node) };
    u32::try_from(cpu).ok()
}

/// Counts what has finished.
#[pin_data]
pub(crate) struct Done {
    #[pin]
    inner: Opaque<bindings::completion>,
}

// SAFETY: A completion belongs to no thread.
unsafe impl Send for Done {}
// SAFETY: A completion is made to be shared.
unsafe impl Sync for Done {}

impl Done {
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            inner <- Opaque::ffi_init(|slot: *mut bindings::completion| {
                // SAFETY: `slot` is valid for writes and pinned from here on.
                unsafe { bindings::init_completion(slot) }
            }),
        })
    }

    /// Counts one. May be called in any context.
    pub(crate) fn complete(&self) {
        // SAFETY: The completion was initialised in `new`.
        unsafe { bindings::complete(self.inner.get()) };
    }

    /// Forgets what was counted and not waited for.
    pub(crate) fn reset(&self) {
        // SAFETY: The completion was initialised in `new`.
        while unsafe { bindings::try_wait_for_completion(self.inner.get()) } {}
    }

    /// Waits for one more: `true` when it has finished, `false` after `tick_ms`, `EINTR` or
    /// `ERESTARTSYS` for a fatal signal, which is looked for only if `killable`.
    pub(crate) fn wait(&self, tick_ms: u32, killable: bool) -> Result<bool> {
        let ticks = msecs_to_jiffies(tick_ms).max(1);
        let left = if killable {
            // SAFETY: The completion was initialised in `new`, and callers may sleep.
            unsafe { bindings::wait_for_completion_killable_timeout(self.inner.get(), ticks) }
        } else {
            // SAFETY: The completion was initialised in `new`, and callers may sleep.
            let left = unsafe { bindings::wait_for_completion_timeout(self.inner.get(), ticks) };
            // CAST: Not more than the ticks that it was given.
            left as isize
        };
        match left {
            0 => Ok(false),
            1.. => Ok(true),
            _ => Err(EINTR),
        }
    }
}

/// The memory cgroup that pays for what is done for the thread that created this.
///
/// # Invariants
///
/// A reference is held on `memcg`, or it is null.
struct Payer {
    memcg: *mut c_void,
}

impl Payer {
    fn current() -> Self {
        // SAFETY: Reads the current task's memory descriptor, which stays.
        let memcg = unsafe { lab::memlab_memcg() };
        // INVARIANT: The reference was taken by the function.
        Self { memcg }
    }
}

impl Drop for Payer {
    fn drop(&mut self) {
        // SAFETY: By the type invariant; null is taken too.
        unsafe { lab::memlab_put_memcg(self.memcg) };
    }
}

/// What a thread is started with.
struct Post<'a, F> {
    work: &'a F,
    index: usize,
    payer: &'a Payer,
    done: &'a Done,
}

/// # Safety
///
/// `data` points to a `Post<F>` that lives until this thread has exited.
unsafe extern "C" fn entry<F: Fn(usize) + Sync>(data: *mut c_void) -> c_int {
    // SAFETY: By the function's requirement.
    let post = unsafe { &*data.cast::<Post<'_, F>>() };
    // SAFETY: The reference outlives the post, and a memory cgroup belongs to no thread.
    unsafe { lab::memlab_charge_to(post.payer.memcg) };
    (post.work)(post.index);
    // SAFETY: Ends what was begun above.
    unsafe { lab::memlab_charge_to(core::ptr::null_mut()) };
    post.done.complete();
    0
}

/// A thread that was created; stopped and joined on drop.
///
/// # Invariants
///
/// `task` is a kernel thread on which this value holds a reference.
struct Thread {
    task: *mut bindings::task_struct,
}

impl Drop for Thread {
    fn drop(&mut self) {
        // SAFETY: By the type invariant. Waits for the thread to exit; one that was never woken
        // exits without having run.
        unsafe { bindings::kthread_stop_put(self.task) };
    }
}

/// Runs `work(i)` in one kernel thread for each of `cpus`, pinned to it, and waits for all. What
/// they allocate with `__GFP_ACCOUNT` is charged to the caller's memory cgroup.
///
/// While it waits, `watch` is called every `tick_ms` or, where that is longer, every jiffy, and once
/// when a fatal signal has come: it is to make `work` return soon. Nothing is started if not all
/// threads can be.
pub(crate) fn run_pinned<F>(
    cpus: &[u32],
    work: &F,
    tick_ms: u32,
    mut watch: impl FnMut(Wake),
) -> Result
where
    F: Fn(usize) + Sync,
{
    pin_init::stack_pin_init!(let done = Done::new());
    let done = &*done;

    let payer = &Payer::current();
    let mut posts = KVec::with_capacity(cpus.len(), GFP_KERNEL)?;
    for index in 0..cpus.len() {
        posts.push(
            Post {
                work,
                index,
                payer,
                done,
            },
            GFP_KERNEL,
        )?;
    }

    // Dropped before `posts`, `payer`, `done` and `work`, which the threads use.
    let mut threads = KVec::with_capacity(cpus.len(), GFP_KERNEL)?;
    for (post, cpu) in posts.iter().zip(cpus) {
        let data = core::ptr::from_ref(post).cast_mut().cast::<c_void>();
        // SAFETY: `entry::<F>` is given the `Post<F>` that it asks for, which outlives the thread
        // because `threads` is dropped first. The format string takes the one argument.
        let task = from_err_ptr(unsafe {
            bindings::kthread_create_on_node(
                Some(entry::<F>),
                data,
                bindings::NUMA_NO_NODE,
                c"memlab/%u".as_char_ptr(),
                *cpu,
            )
        })?;
        // SAFETY: The thread exists and has not run yet.
        unsafe {
            bindings::get_task_struct(task);
            bindings::kthread_bind(task, *cpu);
        }
        // INVARIANT: The reference was taken above.
        threads
            .push_within_capacity(Thread { task })
            .map_err(|_| ENOMEM)?;
    }

    for thread in &threads {
        // SAFETY: By the invariant of `Thread`.
        unsafe { bindings::wake_up_process(thread.task) };
    }

    let mut killable = true;
    let mut running = threads.len();
    while running > 0 {
        match done.wait(tick_ms, killable) {
            Ok(true) => running -= 1,
            Ok(false) => watch(Wake::Tick),
            Err(_) => {
                // Asked for once: from here on the threads are waited for whatever comes.
                killable = false;
                watch(Wake::Signal);
            }
        }
    }
    Ok(())
}

#[cfg(CONFIG_KUNIT = "y")]
#[path = "task_tests.rs"]
mod task_tests;
