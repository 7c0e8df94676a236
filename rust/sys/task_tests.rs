// SPDX-License-Identifier: GPL-2.0

//! Threads that are joined.

#[kernel::macros::kunit_tests(memlab_sys)]
mod tests {
    use crate::sys::task::{
        self,
        Wake, //
    };
    use kernel::sync::atomic::{
        Atomic,
        Relaxed, //
    };

    #[test]
    fn every_thread_runs_once_with_its_own_number() {
        let seen = Atomic::new(0u32);
        let work = |index: usize| {
            seen.fetch_add(1 << (8 * index), Relaxed);
        };
        let first = task::nth_cpu(0, None).unwrap_or(0);
        assert!(task::run_pinned(&[first; 3], &work, task::TICK_MS, |_| ()).is_ok());
        assert_eq!(seen.load(Relaxed), 0x01_01_01);
    }

    #[test]
    fn who_waits_is_woken_while_the_threads_work() {
        let ticks = Atomic::new(0u32);
        let work = |_| {
            while ticks.load(Relaxed) < 2 {
                task::cond_resched();
            }
        };
        let first = task::nth_cpu(0, None).unwrap_or(0);
        let watch = |wake| {
            if wake == Wake::Tick {
                ticks.fetch_add(1, Relaxed);
            }
        };
        assert!(task::run_pinned(&[first], &work, task::TICK_MS, watch).is_ok());
        assert!(ticks.load(Relaxed) >= 2);
    }

    #[test]
    fn a_cpu_is_found_for_any_number() {
        assert!(task::nth_cpu(0, None).is_some());
        assert!(task::nth_cpu(u32::MAX, None).is_some());
        assert_eq!(task::nth_cpu(0, Some(0)), task::nth_cpu(0, None));
    }
}
