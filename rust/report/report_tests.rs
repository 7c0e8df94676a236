// SPDX-License-Identifier: GPL-2.0

//! What the reports look like, on the host and in KUnit.

#[cfg_attr(not(test), kernel::macros::kunit_tests(memlab_report))]
mod tests {
    use super::super::*;
    use crate::model::{
        histogram::Histogram,
        memory::{
            Zone,
            ORDERS_MAX, //
        },
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
        request::{
            Info,
            Limits,
            Range,
            Request, //
        },
        text::Text,
    };

    /// Takes exactly the text that is left of it.
    struct Expect<'a>(&'a str);

    impl Write for Expect<'_> {
        fn write_str(&mut self, s: &str) -> fmt::Result {
            self.0 = self.0.strip_prefix(s).ok_or(fmt::Error)?;
            Ok(())
        }
    }

    fn writes(expected: &str, report: impl FnOnce(&mut dyn Write) -> fmt::Result) -> bool {
        let mut out = Expect(expected);
        report(&mut out).is_ok() && out.0.is_empty()
    }

    /// Counts the rows that have as many fields as the header, which is the first of them.
    #[derive(Default)]
    struct Table {
        fields: usize,
        header: usize,
        rows: usize,
        note: bool,
        in_field: bool,
        uneven: bool,
    }

    impl Write for Table {
        fn write_str(&mut self, s: &str) -> fmt::Result {
            for c in s.chars() {
                match c {
                    '\n' => {
                        if !self.note && self.header == 0 {
                            self.header = self.fields;
                        } else if !self.note {
                            self.rows += 1;
                            self.uneven |= self.fields != self.header;
                        }
                        (self.fields, self.note, self.in_field) = (0, false, false);
                    }
                    ' ' => self.in_field = false,
                    _ if self.in_field => {}
                    _ => {
                        self.note |= self.fields == 0 && c == '#';
                        self.fields += 1;
                        self.in_field = true;
                    }
                }
            }
            Ok(())
        }
    }

    fn rows(report: impl FnOnce(&mut dyn Write) -> fmt::Result) -> Option<usize> {
        let mut table = Table::default();
        report(&mut table).ok()?;
        (!table.uneven).then_some(table.rows)
    }

    static MAPS: Info = Info {
        name: "maps",
        about: "maps what is there",
        phases: ["map", "unmap"],
        sizes: Range {
            min: 1,
            max: 4 << 20,
        },
        held_max: 1,
        directed: true,
        needs_device: true,
        may_sleep: false,
        unit: "bytes",
        allocates: false,
    };
    static PLAIN: Info = Info {
        name: "plain",
        directed: false,
        needs_device: false,
        unit: "bytes",
        allocates: true,
        phases: ["alloc", "free"],
        ..MAPS
    };
    static CATALOGUE: [&Info; 2] = [&MAPS, &PLAIN];
    static LIMITS: Limits = Limits {
        iterations: 1_000_000,
        time: 60_000,
        threads: 4,
        node: 1,
        batch: 1024,
    };
    static NOTHING: Tally = Tally {
        phases: [Histogram::EMPTY; 2],
        failures: Failures::NONE,
        disturbed: 0,
        threads: [Thread::NONE; THREADS],
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
            clocksource: "tsc",
            machine: Machine::Tcg,
            hypervisor: Text::new("TCGTCGTCGTCG"),
            preemption: "full",
            distorting: Text::EMPTY,
        }
    }

    fn nothing(info: &'static Info) -> Outcome<&'static Tally> {
        Outcome {
            request: Request::new(info),
            tally: &NOTHING,
            clock: ClockCost::default(),
            batch: 1,
            placement: Placement::UNKNOWN,
            device: None,
            elapsed: 0,
            ending: Ending::Stopped,
        }
    }

    fn normal() -> Zone {
        let mut blocks = [0; ORDERS_MAX];
        blocks[0] = 3;
        blocks[1] = 1;
        blocks[10] = 200;
        Zone {
            node: 0,
            name: Text::new("Normal"),
            start_pfn: 1 << 20,
            spanned: 262_144,
            present: 262_144,
            managed: 250_000,
            free: 204_900,
            cma: 16_384,
            free_cma: 16_000,
            watermarks: [10, 20, 30],
            orders: 11,
            blocks,
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
    fn zones_are_in_pages() {
        let expected = "\
# in pages of 4096 bytes, but free_MiB
node zone     start_pfn    spanned    present    managed       free free_MiB      cma free_cma      min      low     high
   0 Normal     1048576     262144     262144     250000     204900      800    16384    16000       10       20       30
# total: 204900 of 250000 managed pages free, 800 MiB; 16000 of them (7 %) in CMA
";
        assert!(writes(expected, |out| zones(out, &[normal()], 4096)));
        assert_eq!(rows(|out| zones(out, &[], 4096)), Some(0));
    }

    #[test]
    fn buddy_has_the_columns_of_proc_buddyinfo() {
        let expected = "\
# free blocks of 2^order pages of 4096 bytes; what they hold in pages and MiB; free CMA pages and their share of all free pages
node zone      order0  order1  order2  order3  order4  order5  order6  order7  order8  order9 order10      pages      MiB free_cma cma_pct
   0 Normal         3       1       0       0       0       0       0       0       0       0     200     204805      800    16000       7
# total: 204900 of 250000 managed pages free, 800 MiB; 16000 of them (7 %) in CMA
";
        assert!(writes(expected, |out| buddy(out, &[normal()], 4096)));
    }

    #[test]
    fn an_empty_zone_has_no_share_of_anything() {
        let empty = Zone {
            free: 0,
            free_cma: 0,
            cma: 0,
            blocks: [0; ORDERS_MAX],
            ..normal()
        };
        assert_eq!(rows(|out| buddy(out, &[empty, normal()], 4096)), Some(2));
        assert_eq!(rows(|out| zones(out, &[empty, normal()], 4096)), Some(2));
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
        let table = rows(|out| comparison(out, both.iter(), &[], &machine()));
        assert_eq!(table, Some(4));
        assert_eq!(
            rows(|out| comparison(out, both[..0].iter(), &[], &machine())),
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
        };
        assert_eq!(clock.net(30), Net::Below(20));
        assert_eq!(clock.net(59), Net::Below(20));
        assert_eq!(clock.net(60), Net::Ns(20));
        let text = Text::<16>::format(format_args!("{:>5}{:>5}", clock.net(1), clock.net(100)));
        assert_eq!(text.as_str(), "  <20   60");
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
