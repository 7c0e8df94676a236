// SPDX-License-Identifier: GPL-2.0

//! What the reports look like, on the host and in KUnit.

#[cfg_attr(not(test), kernel::macros::kunit_tests(memlab_report))]
mod tests {
    use super::super::{
        expect::{
            rows,
            writes,
            Table, //
        },
        *, //
    };
    use crate::model::{
        cost::Rounds,
        delta::Delta,
        histogram::Histogram,
        outcome::{
            ClockCost,
            Ending,
            Failures,
            Net,
            Outcome,
            Tally,
            Thread,
            THREADS, //
        },
        placement::Placement,
        provenance::{
            Machine,
            Provenance, //
        },
        remark::Remark,
        request::{
            Info,
            Limits,
            Range,
            Request, //
        },
        text::Text,
    };

    static MAPS: Info = Info {
        name: "maps",
        about: "maps what is there",
        held_max: 1,
        ..Info::STREAMING
    };
    static PLAIN: Info = Info {
        name: "plain",
        ..Info::PLAIN
    };
    static CATALOGUE: [&Info; 2] = [&MAPS, &PLAIN];
    static LIMITS: Limits = Limits {
        iterations: 1_000_000,
        time: 60_000,
        threads: 4,
        node: 1,
        batch: 1024,
        page: 4096,
        order: 10,
    };
    static NOTHING: Tally = Tally {
        phases: [Histogram::EMPTY; 2],
        failed: Histogram::EMPTY,
        failures: Failures::NONE,
        unsampled: 0,
        disturbed: 0,
        threads: [Thread::NONE; THREADS],
        delta: Delta::NONE,
        remark: Remark::None,
    };

    const NOTHING_FOUND: Findings<'static> = Findings {
        refused: &[],
        break_even: &[],
        largest: None,
        touch: false,
        ending: Ending::Complete,
    };

    fn machine() -> Provenance {
        Provenance {
            release: Text::new("7.3.4"),
            version: Text::new("#1 SMP"),
            arch: Text::new("x86_64"),
            module: "0.1",
            cpu: Text::EMPTY,
            cpus: 2,
            nodes: 1,
            page_size: 4096,
            clocksource: Text::new("tsc"),
            machine: Machine::Tcg,
            hypervisor: Text::new("TCGTCGTCGTCG"),
            preemption: "full",
            distorting: Text::EMPTY,
        }
    }

    fn nothing(info: &'static Info) -> Outcome<&'static Tally> {
        Outcome {
            request: Request::new(info, &LIMITS),
            tally: &NOTHING,
            clock: ClockCost::default(),
            rounds: Rounds::NONE,
            warmed: 0,
            batch: 1,
            placement: Placement::UNKNOWN,
            device: None,
            elapsed: 0,
            ending: Ending::Stopped,
        }
    }

    #[test]
    fn a_refusal_begins_with_its_errno() {
        let no = Refusal::range("size", 0, Range { min: 1, max: 9 }, "bytes");
        assert!(writes(
            "refused ERANGE size=0: out of range, 1 to 9 bytes\n",
            |out| refusal(out, &no)
        ));
    }

    #[test]
    fn experiments_have_one_row_each() {
        assert_eq!(rows(|out| experiments(out, &CATALOGUE)), Some(2));
    }

    #[test]
    fn help_needs_no_experiments() {
        let mut table = Table::default();
        assert!(help(&mut table, &[], &LIMITS).is_ok());
        assert!(help(&mut table, &CATALOGUE, &LIMITS).is_ok());
    }

    #[test]
    fn a_run_without_samples_has_no_figures() {
        let both = [nothing(&MAPS), nothing(&PLAIN)];
        let table =
            rows(|out| comparison(out, both.iter(), both.iter(), &NOTHING_FOUND, &machine()));
        assert_eq!(table, Some(4));
        assert_eq!(
            rows(|out| comparison(
                out,
                both[..0].iter(),
                both.iter(),
                &NOTHING_FOUND,
                &machine()
            )),
            Some(0)
        );
        assert!(outcome(&mut Table::default(), &both[0], &machine()).is_ok());
    }

    #[test]
    fn below_the_resolution_is_not_nothing() {
        let clock = ClockCost {
            median: 40,
            p99: 60,
            step: 1,
            drift: 0,
        };
        assert_eq!(clock.net(30), Net::Below(22));
        assert_eq!(clock.net(60), Net::Below(22));
        assert_eq!(clock.net(62), Net::Ns(22));
        let text = Text::<16>::format(format_args!("{:>5}{:>5}", clock.net(1), clock.net(100)));
        assert_eq!(text.as_str(), "  <22   60");
    }

    #[test]
    fn bytes_are_shown_exactly() {
        let text = |n| Text::<24>::format(format_args!("{}", table::Bytes(n)));
        assert_eq!(text(0).as_str(), "0");
        assert_eq!(text(64).as_str(), "64");
        assert_eq!(text(512).as_str(), "512");
        assert_eq!(text(4096).as_str(), "4K");
        assert_eq!(text(4097).as_str(), "4097");
        assert_eq!(text(1 << 20).as_str(), "1M");
        assert_eq!(text(3 << 30).as_str(), "3G");
    }
}
