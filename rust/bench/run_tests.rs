// SPDX-License-Identifier: GPL-2.0

//! The engine on the kernel it is loaded into: counts and endings, never wall time.

#[kernel::macros::kunit_tests(memlab_run)]
mod tests {
    use super::super::{
        run,
        Report, //
    };
    use crate::{
        bench::limits::limits,
        devices::lent,
        experiment::CATALOGUE,
        model::{
            delta::{
                Delta,
                ZoneChange, //
            },
            outcome::{
                Ending,
                Net, //
            },
            request::{
                Errno,
                Limits,
                Mode,
                Parameter,
                Refusal,
                Request, //
            },
            text::Text, //
        },
        sys::{
            dma::bounce,
            user::become_process, //
        },
    };

    /// A short request for the experiment `name`.
    fn request(name: &str, size: u64, iterations: u64) -> Option<Request> {
        let info = CATALOGUE.iter().find(|info| info.name == name)?;
        with(
            Some(Request::new(info, &limits())),
            &[
                (Parameter::Size, size),
                (Parameter::Iterations, iterations),
                (Parameter::Warmup, 2),
                (Parameter::Time, 20_000),
                (Parameter::Mode, Mode::Op as u64),
            ],
        )
    }

    /// `request` with other values of some parameters. More threads than the machine may have at
    /// once are let through to the engine.
    fn with(request: Option<Request>, values: &[(Parameter, u64)]) -> Option<Request> {
        let mut request = request?;
        let limits = Limits {
            threads: 1 << 20,
            ..limits()
        };
        for (parameter, value) in values {
            request.set(*parameter, *value, &limits).ok()?;
        }
        Some(request)
    }

    fn go(request: Option<Request>) -> Option<Report> {
        run(&request?, &|| false).ok()
    }

    fn refused(request: Option<Request>) -> Option<Refusal> {
        run(&request?, &|| false).err()
    }

    fn counts(report: &Report) -> [u64; 2] {
        let [acquired, released] = &report.tally.phases;
        [acquired.count(), released.count()]
    }

    #[test]
    fn an_address_with_an_offset_is_not_bounced() {
        const BY: u64 = 1 << 36;
        let lease = lent::lease(Text::EMPTY);
        assert!(lease.is_ok());
        if let Ok(lease) = lease {
            for name in ["dma-single", "dma-sg", "dma-sync"] {
                let report = bounce::shifted(lease.device(), BY, || go(request(name, 4096, 5)));
                let placement = report.map(|report| report.placement);
                assert_eq!(placement.and_then(|p| Some(p.dma? - p.phys)), Some(BY));
                assert_eq!(placement.and_then(|p| p.bounced), Some(false));
            }
        }
    }

    #[test]
    fn every_experiment_runs_and_counts_each_operation() {
        assert!(become_process().is_ok());
        for info in CATALOGUE {
            let size = 4096u64.clamp(info.sizes.min, info.sizes.max);
            if info.takes(Parameter::Fd) {
                // This thread has no descriptor of any.
                let refusal = refused(request(info.name, size, 1));
                assert_eq!(
                    refusal.as_ref().map(|refusal| refusal.errno),
                    Some(Errno::Invalid)
                );
                continue;
            }
            if info.needs_engine {
                // None of the devices of this machine is lent yet.
                let refusal = refused(request(info.name, size, 1));
                assert_eq!(
                    refusal.as_ref().map(|refusal| refusal.errno),
                    Some(Errno::NoDevice)
                );
                continue;
            }
            if info.name == "dma-iova" {
                // No IOMMU translates for the module's own device.
                let refusal = refused(request(info.name, size, 1));
                assert_eq!(
                    refusal.as_ref().map(|refusal| refusal.errno),
                    Some(Errno::Unsupported)
                );
                continue;
            }
            let asked = request(info.name, size, 5);
            // What this kernel or machine does not have is refused, and no row is left out else.
            if refused(asked).is_some_and(|refusal| refusal.errno == Errno::Unsupported) {
                assert!(matches!(
                    info.name,
                    "kmap-forced" | "page-pool" | "page-pool-sync"
                ));
                continue;
            }
            let report = go(asked);
            assert!(report.is_some());
            if let Some(report) = report {
                assert_eq!(report.ending, Ending::Complete);
                assert_eq!(report.tally.failures.total(), 0);
                assert_eq!(counts(&report), [5; 2]);
                assert_eq!(report.device.is_some(), info.needs_device);
            }
        }
    }

    /// What the first operation of `name` changed, seen until `clean` says that nothing else did.
    fn changed(name: &str, size: u64, clean: impl Fn(&Delta) -> bool) -> bool {
        (0..50).any(|_| go(request(name, size, 1)).is_some_and(|report| clean(&report.tally.delta)))
    }

    /// The pages that the free lists of all zones have gained in `step`.
    fn pages(delta: &Delta, step: usize) -> i64 {
        let of_zone = |zone: &ZoneChange| {
            let blocks = (0u32..).zip(zone.step(step));
            blocks.map(|(order, blocks)| blocks << order).sum::<i64>()
        };
        delta.zones().map(of_zone).sum()
    }

    #[test]
    fn a_block_is_split_off_and_merged_again() {
        // 16 pages go past the per-CPU lists, which hold orders up to 3.
        assert!(changed("pages", 65_536, |delta| {
            let undone = delta.zones().all(|zone| {
                let both = zone.step(0).iter().zip(zone.step(1));
                both.clone().all(|(split, merged)| split + merged == 0)
            });
            delta.taken && undone && pages(delta, 0) == -16 && pages(delta, 1) == 16
        }));
    }

    #[test]
    fn a_single_page_is_split_off_and_merged_through_the_list_at_hand() {
        // The list is empty: it is filled from larger blocks, and one page of it is taken.
        assert!(changed("pages-cold", 4096, |delta| {
            let refilled = -pages(delta, 0);
            let at_hand: i64 = delta.zones().map(|zone| zone.pcp[0]).sum();
            let split = delta
                .zones()
                .any(|zone| zone.step(0).iter().skip(1).any(|n| *n < 0));
            let merged = delta
                .zones()
                .any(|zone| zone.step(2).iter().skip(1).any(|n| *n > 0));
            delta.settled
                && refilled > 0
                && at_hand == refilled - 1
                && split
                && pages(delta, 1) == 0
                && merged
                && pages(delta, 2) >= refilled
        }));
    }

    #[test]
    fn an_operation_without_zones_changes_none() {
        assert!(changed("kmap-local", 4096, |delta| {
            delta.taken && delta.zones().next().is_none() && delta.errno == 0
        }));
    }

    #[test]
    fn threads_add_up() {
        let three = with(request("kmalloc", 64, 200), &[(Parameter::Threads, 3)]);
        assert!(limits().threads >= 3);
        assert_eq!(go(three).map(|report| counts(&report)), Some([600; 2]));
    }

    #[test]
    fn a_batch_is_one_sample() {
        let batched = with(
            request("kmalloc", 64, 80),
            &[(Parameter::Mode, Mode::Batch as u64), (Parameter::Batch, 8)],
        );
        let report = go(batched);
        assert_eq!(report.as_ref().map(|report| report.batch), Some(8));
        assert_eq!(report.map(|report| counts(&report)), Some([10; 2]));
    }

    #[test]
    fn what_is_less_than_a_batch_is_measured() {
        let few = with(
            request("kmalloc", 64, 1),
            &[(Parameter::Mode, Mode::Auto as u64)],
        );
        assert_eq!(go(few).map(|report| counts(&report)), Some([1; 2]));
        let refusal = refused(with(
            few,
            &[(Parameter::Iterations, 7), (Parameter::Batch, 8)],
        ));
        assert_eq!(
            refusal.as_ref().map(|refusal| refusal.errno),
            Some(Errno::Invalid)
        );
        assert!(refusal.is_some_and(|r| r.message.as_str().contains("batch=8: ")));
    }

    #[test]
    fn a_batch_that_cannot_fit_is_refused_by_name() {
        let nested = with(
            request("kmap-local", 64, 80),
            &[
                (Parameter::Mode, Mode::Batch as u64),
                (Parameter::Batch, 16),
            ],
        );
        let refusal = refused(nested);
        assert_eq!(
            refusal.as_ref().map(|refusal| refusal.errno),
            Some(Errno::Invalid)
        );
        assert!(refusal.is_some_and(|r| r.message.as_str().starts_with("batch=16: ")));
    }

    #[test]
    fn more_memory_than_a_run_may_hold_is_refused_by_name() {
        let huge = with(
            request("vmalloc", 16 << 20, 1),
            &[(Parameter::Threads, 1 << 20)],
        );
        let refusal = refused(huge);
        // The threads' own book-keeping must not be allocated first.
        assert_eq!(
            refusal.as_ref().map(|refusal| refusal.errno),
            Some(Errno::NoMemory)
        );
        assert!(refusal.is_some_and(|r| r.message.as_str().starts_with("size=16777216 ")));
    }

    #[test]
    fn the_figures_of_threads_count_as_memory_too() {
        // 16 KiB at most are asked for, and as much as a large machine's memory to keep books in.
        let crowd = with(request("kmalloc", 1, 1), &[(Parameter::Threads, 1 << 14)]);
        let refusal = refused(crowd);
        assert_eq!(
            refusal.as_ref().map(|refusal| refusal.errno),
            Some(Errno::NoMemory)
        );
        assert!(refusal.is_some_and(|r| r.message.as_str().contains("the threads' figures")));
    }

    #[test]
    fn a_warm_up_takes_some_time_however_short_its_operations() {
        let warmed = |warmup, time| {
            let asked = [(Parameter::Warmup, warmup), (Parameter::Time, time)];
            go(with(request("calibrate", 0, 1), &asked)).map(|report| report.warmed)
        };
        assert!(warmed(1, 20_000).is_some_and(|operations| operations > 1));
        assert_eq!(warmed(0, 20_000), Some(0));
        // A quarter of the time is up before.
        assert!(warmed(10_000_000, 20).is_some_and(|operations| operations < 10_000_000));
    }

    #[test]
    fn coherent_memory_takes_whole_pages() {
        let takes = |size| {
            go(request("dma-coherent", size, 1)).and_then(|report| report.placement.capacity)
        };
        let page = limits().page;
        assert_eq!(takes(64), Some(page));
        assert_eq!(takes(page + 1), Some(2 * page));
    }

    #[test]
    fn a_device_that_is_not_lent_is_refused_by_name() {
        let mut elsewhere = request("dma-coherent", 4096, 1);
        if let Some(request) = &mut elsewhere {
            assert!(request.set_device(Text::new("nowhere")).is_ok());
        }
        let refusal = refused(elsewhere);
        assert_eq!(
            refusal.as_ref().map(|refusal| refusal.errno),
            Some(Errno::NoDevice)
        );
        assert!(refusal.is_some_and(|r| r.message.as_str().starts_with("device=nowhere: ")));
    }

    #[test]
    fn the_time_ends_a_run() {
        let long = with(
            request("calibrate", 1_000_000, 10_000_000),
            &[(Parameter::Time, 20)],
        );
        let report = go(long);
        assert_eq!(
            report.as_ref().map(|report| report.ending),
            Some(Ending::Time)
        );
        assert!(report.is_some_and(|report| counts(&report) < [10_000_000; 2]));
    }

    #[test]
    fn being_told_to_stop_ends_a_run() {
        let long = request("calibrate", 1_000_000, 10_000_000);
        let report = long.and_then(|request| run(&request, &|| true).ok());
        assert_eq!(report.map(|report| report.ending), Some(Ending::Stopped));

        // Before the threads begin, so that one that would be done at once does not begin either.
        let short = request("kmalloc", 64, 1);
        let report = short.and_then(|request| run(&request, &|| true).ok());
        assert_eq!(
            report.as_ref().map(|report| report.ending),
            Some(Ending::Stopped)
        );
        assert_eq!(report.map(|report| counts(&report)), Some([0; 2]));
    }

    #[test]
    fn nothing_is_below_resolution_and_a_long_loop_is_not() {
        let below = |size, iterations, phase: usize| {
            let report = go(request("calibrate", size, iterations))?;
            let median = report.tally.phases.get(phase)?.percentile(500)?;
            Some(matches!(report.clock.net(median), Net::Below(_)))
        };
        // Other guests may come to the host between learning what the clock costs and measuring.
        assert!((0..5).any(|_| below(0, 2_000, 1) == Some(true)));
        assert_eq!(below(1_000_000, 20, 0), Some(false));
    }
}
