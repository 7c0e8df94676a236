// SPDX-License-Identifier: GPL-2.0

//! What the grammar takes and what it refuses, on the host and in KUnit.

#[cfg_attr(not(test), kernel::macros::kunit_tests(memlab_grammar))]
mod tests {
    use super::super::{
        parse,
        parse_compare,
        LINE_MAX, //
    };
    use crate::model::{
        request::{
            Direction,
            Errno,
            Gfp,
            Info,
            Limits,
            Mode,
            Parameter,
            Refusal,
            MESSAGE_MAX, //
        },
        text::Text, //
    };

    static MAPS: Info = Info {
        name: "maps",
        headline: true,
        parameters: &[Parameter::Offset, Parameter::Mask, Parameter::Sync],
        held_max: 1,
        ..Info::STREAMING
    };
    static PLAIN: Info = Info {
        name: "plain",
        gfp: &[Gfp::Kernel, Gfp::Atomic],
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

    /// Whether `run` refuses `line` with this errno and this message.
    fn refuses(line: &str, errno: Errno, message: &str) -> bool {
        match parse(line, &CATALOGUE, &LIMITS) {
            Err(refusal) => refusal.errno == errno && refusal.message.as_str() == message,
            Ok(_) => false,
        }
    }

    /// Whether `compare` refuses `line` with this errno and this message.
    fn compare_refuses(line: &str, errno: Errno, message: &str) -> bool {
        match parse_compare(line, &CATALOGUE, &LIMITS) {
            Err(refusal) => refusal.errno == errno && refusal.message.as_str() == message,
            Ok(_) => false,
        }
    }

    #[test]
    fn a_name_alone_has_the_defaults() -> Result<(), Refusal> {
        let request = parse("maps\n", &CATALOGUE, &LIMITS)?;
        assert_eq!(request.info().name, "maps");
        assert_eq!(request.size(), 4096);
        assert_eq!(request.node(), None);
        assert!(request.mode() == Mode::Auto);
        assert_eq!(request.device().as_str(), "");
        Ok(())
    }

    #[test]
    fn every_key_is_read() -> Result<(), Refusal> {
        let request = parse(
            " maps\tsize=64K iterations=5 warmup=0 time=70 threads=2 node=1 batch=16 \
             direction=to-device mode=batch device=edu0 ",
            &CATALOGUE,
            &LIMITS,
        )?;
        assert_eq!(request.size(), 65536);
        assert_eq!(request.iterations(), 5);
        assert_eq!(request.warmup(), 0);
        assert_eq!(request.time(), 70);
        assert_eq!(request.threads(), 2);
        assert_eq!(request.node(), Some(1));
        assert_eq!(request.batch(), 16);
        assert!(request.direction() == Direction::ToDevice);
        assert!(request.mode() == Mode::Batch);
        assert_eq!(request.device().as_str(), "edu0");
        Ok(())
    }

    #[test]
    fn sizes_take_binary_suffixes() -> Result<(), Refusal> {
        let size = |line| parse(line, &CATALOGUE, &LIMITS).map(|request| request.size());
        assert_eq!(size("maps size=2k")?, 2 << 10);
        assert_eq!(size("maps size=4M")?, 4 << 20);
        assert_eq!(size("maps size=007")?, 7);
        assert_eq!(parse("maps sync=1K", &CATALOGUE, &LIMITS)?.sync(), 1 << 10);
        Ok(())
    }

    #[test]
    fn what_is_no_request_is_refused() {
        let empty = "empty line: expected NAME key=value ..., NAME one of maps, plain";
        assert!(refuses("", Errno::Invalid, empty));
        assert!(refuses(" \t \n", Errno::Invalid, empty));
        assert!(refuses(
            "nope size=1",
            Errno::Invalid,
            "experiment=nope: unknown, must be one of maps, plain"
        ));
        assert!(refuses(
            "maps\x07",
            Errno::Invalid,
            "line: character \\u{7} at byte 4, must be one line of printable ASCII"
        ));
        assert!(refuses(
            "maps\nplain",
            Errno::Invalid,
            "line: character \\n at byte 4, must be one line of printable ASCII"
        ));
        let long = [b'm'; LINE_MAX + 1];
        assert!(refuses(
            core::str::from_utf8(&long).unwrap_or(""),
            Errno::Invalid,
            "line=mmmmmmmmmmmmmmmmmmmmmmmm...: 257 bytes, at most 256"
        ));
    }

    #[test]
    fn what_is_no_parameter_is_refused() {
        let alternatives = "size, iterations, warmup, time, threads, node, batch, offset, \
                            entries, mask, ... (all: see help)";
        let unknown = |word: &str| -> Text<MESSAGE_MAX> {
            Text::format(format_args!(
                "{word}: unknown parameter, must be one of {alternatives}"
            ))
        };
        assert!(refuses(
            "maps zize=1",
            Errno::Invalid,
            unknown("zize=1").as_str()
        ));
        assert!(refuses("maps =1", Errno::Invalid, unknown("=1").as_str()));
        assert!(refuses(
            "maps 4096",
            Errno::Invalid,
            unknown("4096").as_str()
        ));
        let no_value = "size: no value, must be size=VALUE";
        assert!(refuses("maps size", Errno::Invalid, no_value));
        assert!(refuses("maps size=", Errno::Invalid, no_value));
        assert!(refuses(
            "maps size=1 time=5 size=2",
            Errno::Invalid,
            "size=2: given twice, each parameter once at most"
        ));
    }

    #[test]
    fn what_is_no_number_is_refused() {
        let form = "must be a decimal number, 1 to 4 threads";
        for value in ["-1", "+1", "0x1", "1.5", "two", "1K", "1=2", ","] {
            let line = Text::<32>::format(format_args!("maps threads={value}"));
            let message = Text::<64>::format(format_args!("threads={value}: {form}"));
            assert!(refuses(line.as_str(), Errno::Invalid, message.as_str()));
        }
        assert!(refuses(
            "maps size=K",
            Errno::Invalid,
            "size=K: must be a number with K, M, G or nothing after it, 1 to 4194304 bytes"
        ));
    }

    #[test]
    fn what_is_out_of_range_is_refused() {
        let range = "out of range, 1 to 4194304 bytes";
        for value in ["0", "4194305", "18446744073709551615"] {
            let line = Text::<64>::format(format_args!("maps size={value}"));
            let message = Text::<96>::format(format_args!("size={value}: {range}"));
            assert!(refuses(line.as_str(), Errno::Range, message.as_str()));
        }
        for value in [
            "18446744073709551616",
            "17179869184G",
            "99999999999999999999",
        ] {
            let line = Text::<64>::format(format_args!("maps size={value}"));
            let message = Text::<96>::format(format_args!("size={value}: {range}"));
            assert!(refuses(line.as_str(), Errno::Range, message.as_str()));
        }
        assert!(refuses(
            "maps node=2",
            Errno::Range,
            "node=2: out of range, 0 to 1 node id"
        ));
    }

    #[test]
    fn what_makes_no_sense_together_is_refused() {
        assert!(refuses(
            "plain direction=to-device",
            Errno::Invalid,
            "direction=to-device: plain has no direction, leave it out"
        ));
        assert!(refuses(
            "plain offset=8",
            Errno::Invalid,
            "offset=8: plain has no offset, leave it out"
        ));
        assert!(refuses(
            "maps gfp=atomic",
            Errno::Invalid,
            "gfp=atomic: maps has no gfp, leave it out"
        ));
        assert!(refuses(
            "plain gfp=dma",
            Errno::Invalid,
            "gfp=dma: not for plain, see experiments"
        ));
        assert!(refuses(
            "maps mask=23",
            Errno::Range,
            "mask=23: out of range, 24 to 64 bits"
        ));
        assert!(refuses(
            "plain device=edu0",
            Errno::Invalid,
            "device=edu0: plain has no device, leave it out"
        ));
        assert!(refuses(
            "maps batch=8 mode=op",
            Errno::Invalid,
            "batch=8: has no meaning with mode=op, needs mode=batch or mode=auto"
        ));
        assert!(refuses(
            "plain release=oldest mode=op",
            Errno::Invalid,
            "release=oldest: has no meaning with mode=op, needs mode=batch or mode=auto"
        ));
        assert!(refuses(
            "plain release=first",
            Errno::Invalid,
            "release=first: unknown, must be one of newest, oldest, random"
        ));
        assert!(refuses(
            "maps direction=up",
            Errno::Invalid,
            "direction=up: unknown, must be one of bidirectional, to-device, from-device"
        ));
        assert!(refuses(
            "maps mode=fast",
            Errno::Invalid,
            "mode=fast: unknown, must be one of auto, op, batch"
        ));
        assert!(refuses(
            "maps device=123456789012345678901234567890123",
            Errno::Invalid,
            "device=123456789012345678901234...: 33 bytes, at most 32"
        ));
    }

    #[test]
    fn a_comparison_has_defaults() -> Result<(), Refusal> {
        let request = parse_compare("\n", &CATALOGUE, &LIMITS)?;
        assert!(request.sizes() == [64, 4096, 65536, 1 << 20]);
        assert_eq!(request.time(), 3000);
        assert!(!request.directions.has(Direction::Bidirectional));
        assert_eq!(request.directions.iter().count(), 2);
        let request = parse_compare("direction=all", &CATALOGUE, &LIMITS)?;
        assert_eq!(request.directions.iter().count(), 3);
        let request = parse_compare("direction=to-device,bidirectional", &CATALOGUE, &LIMITS)?;
        assert!(!request.directions.has(Direction::FromDevice));
        assert_eq!(request.directions.iter().count(), 2);
        let request = parse_compare(
            "size=16M,1 device=edu0 time=100 direction=to-device experiments=plain",
            &CATALOGUE,
            &LIMITS,
        )?;
        assert!(request.sizes() == [16 << 20, 1]);
        assert_eq!(request.device.as_str(), "edu0");
        assert_eq!(request.time(), 100);
        assert!(request.directions.iter().eq([Direction::ToDevice]));
        assert!(!request.experiments.has(0, &MAPS));
        assert!(request.experiments.has(1, &PLAIN));
        assert!(!request.experiments.has(65, &PLAIN));
        Ok(())
    }

    #[test]
    fn a_comparison_has_the_headline_or_what_is_named() -> Result<(), Refusal> {
        let headline = parse_compare("", &CATALOGUE, &LIMITS)?.experiments;
        assert!(headline.has(0, &MAPS) && !headline.has(1, &PLAIN));
        let all = parse_compare("experiments=all", &CATALOGUE, &LIMITS)?.experiments;
        assert!(all.has(0, &MAPS) && all.has(1, &PLAIN));
        let both = parse_compare("experiments=maps,plain", &CATALOGUE, &LIMITS)?.experiments;
        assert!(both.has(0, &MAPS) && both.has(1, &PLAIN));
        assert!(compare_refuses(
            "experiments=maps,plan",
            Errno::Invalid,
            "experiments=plan: unknown, must be all or some of maps, plain"
        ));
        assert!(compare_refuses(
            "experiments=maps,plain,maps",
            Errno::Invalid,
            "experiments=maps: given twice, must differ from the others"
        ));
        assert!(compare_refuses(
            "direction=to-device,from-device,to-device",
            Errno::Invalid,
            "direction=to-device: given twice, must differ from the others"
        ));
        for line in ["direction=all,to-device", "direction=to-device,all"] {
            let value = line.strip_prefix("direction=").unwrap_or("");
            let said = Text::<96>::format(format_args!(
                "direction={value}: all stands alone, must be all or some of bidirectional, "
            ));
            let refused = parse_compare(line, &CATALOGUE, &LIMITS).err();
            assert!(refused.is_some_and(|no| no.message.as_str().starts_with(said.as_str())));
        }
        Ok(())
    }

    #[test]
    fn what_cannot_be_compared_is_refused() {
        let sizes = "1 to 16777216 bytes";
        let no_number = Text::<96>::format(format_args!(
            "size=: must be a number with K, M, G or nothing after it, {sizes}"
        ));
        assert!(compare_refuses(
            "size=64,,4K",
            Errno::Invalid,
            no_number.as_str()
        ));
        assert!(compare_refuses(
            "size=64,",
            Errno::Invalid,
            no_number.as_str()
        ));
        let range = Text::<96>::format(format_args!("size=0: out of range, {sizes}"));
        assert!(compare_refuses("size=64,0", Errno::Range, range.as_str()));
        assert!(compare_refuses(
            "size=64,1K,1024",
            Errno::Invalid,
            "size=1024: given twice, must differ from the others"
        ));
        assert!(compare_refuses(
            "size=1,2,3,4,5,6,7,8,9",
            Errno::Invalid,
            "size=9: one too many, at most 8 sizes"
        ));
        assert!(compare_refuses(
            "direction=to-device,up",
            Errno::Invalid,
            "direction=up: unknown, must be one of bidirectional, to-device, from-device"
        ));
        assert!(compare_refuses(
            "time=99",
            Errno::Range,
            "time=99: out of range, 100 to 60000 ms"
        ));
        assert!(compare_refuses(
            "threads=2",
            Errno::Invalid,
            "threads=2: unknown parameter, must be one of experiments, device, size, time, direction, touch"
        ));
    }
}
