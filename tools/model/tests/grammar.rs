// SPDX-License-Identifier: GPL-2.0

//! The grammar under lines that nobody would write.

mod random;

use memlab_model::grammar::{parse, parse_compare, parse_nothing, COMPARE_KEYS, LINE_MAX};
use memlab_model::model::compare_request::{CompareRequest, Places};
use memlab_model::model::request::{
    Errno, Family, Info, Limits, Parameter, Range, Refusal, Request, Values, MESSAGE_MAX,
};
use random::Random;

const MAPS: Info = Info {
    name: "maps",
    sizes: Range {
        min: 16,
        max: 4 << 20,
    },
    parameters: &[Parameter::Offset, Parameter::Mask],
    ..Info::STREAMING
};
static CATALOGUE: [&Info; 2] = [
    &MAPS,
    &Info {
        name: "plain",
        ..Info::PLAIN
    },
];
const LIMITS: Limits = Limits {
    iterations: 1_000_000,
    time: 60_000,
    threads: 4,
    node: 1,
    batch: 1024,
    page: 4096,
    order: 10,
};

/// What holds for every refusal: it fits, it is one printable line, and its errno is one of two.
fn assert_refusal(line: &str, refusal: &Refusal) {
    let message = refusal.message.as_str();
    assert!(
        matches!(refusal.errno, Errno::Invalid | Errno::Range),
        "{line:?}: {message}"
    );
    assert!(
        message.bytes().all(|b| b == b' ' || b.is_ascii_graphic()),
        "{line:?}: {message:?}"
    );
    // One as long as its room may have been cut.
    assert!(
        (10..MESSAGE_MAX).contains(&message.len()),
        "{line:?}: {message:?} has {} bytes",
        message.len()
    );
    // "WHAT: WHY", and where WHAT has a value, it was in the line.
    let (what, why) = message.split_once(": ").expect(message);
    assert!(!why.is_empty(), "{message}");
    if let Some((_, value)) = what.split_once('=') {
        let shown = value.strip_suffix("...").unwrap_or(value);
        // A number that was read may be shown without its suffix.
        assert!(
            line.contains(shown) || shown.parse::<u64>().is_ok(),
            "{line:?}: {message}"
        );
    }
}

/// A request that passed is within every range, whatever the line was.
fn check_run(line: &str) -> bool {
    match parse(line, &CATALOGUE, &LIMITS) {
        Ok(request) => {
            for &parameter in Parameter::ALL {
                let range = request.info().range(parameter, &LIMITS);
                let value = request.get(parameter).unwrap_or(range.min);
                assert!(range.has(value), "{line:?}");
            }
            true
        }
        Err(refusal) => {
            assert_refusal(line, &refusal);
            false
        }
    }
}

fn check_compare(line: &str) -> bool {
    match parse_compare(line, &CATALOGUE, &LIMITS) {
        Ok(request) => {
            let sizes = request.sizes();
            let Range { min, max } = CompareRequest::SIZES;
            assert!((1..=8).contains(&sizes.len()), "{line:?}");
            assert!(sizes.iter().all(|size| (min..=max).contains(size)));
            let distinct: std::collections::BTreeSet<_> = sizes.iter().collect();
            assert_eq!(distinct.len(), sizes.len(), "{line:?}");
            assert!((100..=LIMITS.time).contains(&request.time()), "{line:?}");
            true
        }
        Err(refusal) => {
            assert_refusal(line, &refusal);
            false
        }
    }
}

#[test]
fn what_a_request_holds_is_never_less_than_what_it_takes() {
    const LARGE: Info = Info {
        sizes: Range::new(1, 16 << 20),
        ..Info::PLAIN
    };
    static PACKED: Info = Info {
        packs: true,
        ..LARGE
    };
    static COPIED: Info = Info {
        buffers: 2,
        ..LARGE
    };
    static LIST: Info = Info {
        sizes: LARGE.sizes,
        parameters: &[Parameter::Offset, Parameter::Entries],
        ..Info::STREAMING
    };
    static NOTHING: Info = Info {
        family: Family::Instrument,
        ..LARGE
    };
    // Pages of 4, 16 and 64 KiB with the largest blocks that their kernels have.
    for (shift, order) in [(12, 10), (14, 11), (16, 13)] {
        let limits = Limits {
            page: 1 << shift,
            order,
            ..LIMITS
        };
        let (page, block) = (limits.page, 1 << (shift + order));
        let holds = |info: &'static Info, size, offset, entries| {
            let mut request = Request::new(info, &limits);
            for (parameter, value) in [
                (Parameter::Size, size),
                (Parameter::Offset, offset),
                (Parameter::Entries, entries),
            ] {
                if info.takes(parameter) {
                    request.set(parameter, value, &limits).unwrap();
                }
            }
            request.footprint(&limits)
        };
        assert_eq!(holds(&PACKED, 64, 0, 0), 64);
        assert_eq!(holds(&PACKED, page + 1, 0, 0), 2 * page);
        assert_eq!(holds(&LARGE, 64, 0, 0), page);
        assert_eq!(holds(&LARGE, page + 1, 0, 0), 2 * page);
        assert_eq!(holds(&COPIED, page, 0, 0), 2 * page);
        assert_eq!(holds(&NOTHING, 1 << 20, 0, 0), 0);
        // Above the largest block nothing has more than what was asked for.
        let above = (block + page).min(16 << 20);
        let whole = if above > block {
            above
        } else {
            above.next_power_of_two()
        };
        assert_eq!(holds(&LARGE, above, 0, 0), whole);
        // One entry for each page, each of which begins a page of its own.
        assert_eq!(holds(&LIST, 64, 0, 0), page);
        assert_eq!(holds(&LIST, 16 * page, 0, 0), 16 * page);
        assert_eq!(holds(&LIST, 16 * page, 1, 0), 32 * page);
        assert_eq!(holds(&LIST, 16 * page + 1, 0, 0), 17 * page);
        assert_eq!(holds(&LIST, 64, 0, 16), 16 * page);
    }
}

/// What a page and the largest block decide is a value of the machine.
#[test]
fn an_offset_is_within_a_page_and_an_alignment_within_a_block() {
    const ALL: Info = Info {
        parameters: &[Parameter::Offset, Parameter::Align],
        ..Info::PLAIN
    };
    for (page, order) in [(4096, 10), (16384, 11), (65536, 13)] {
        let limits = Limits {
            page,
            order,
            ..LIMITS
        };
        for (key, most) in [("offset", page - 1), ("align", order)] {
            let line = |value| format!("all {key}={value}");
            static CATALOGUE: [&Info; 1] = [&Info { name: "all", ..ALL }];
            assert!(parse(&line(most), &CATALOGUE, &limits).is_ok(), "{key}");
            let refusal = parse(&line(most + 1), &CATALOGUE, &limits).unwrap_err();
            assert!(refusal.message.as_str().contains(&format!(" 0 to {most} ")));
        }
    }
}

/// Where a comparison takes an empty line, what takes no parameters does, however it is written.
#[test]
fn a_line_of_blanks_is_an_empty_one() {
    for line in ["", "\n", " ", " \t \n"] {
        assert!(parse_compare(line, &CATALOGUE, &LIMITS).is_ok(), "{line:?}");
        assert!(parse_nothing("calibrate", line).is_ok(), "{line:?}");
    }
    let refusal = parse_nothing("calibrate", " size=5 ").unwrap_err();
    let said = "size=5: calibrate takes no parameters, write an empty line";
    assert_eq!(refusal.message.as_str(), said);
}

#[test]
fn random_bytes_are_answered() {
    let mut random = Random(4);
    for _ in 0..200_000 {
        let length = random.below(300) as usize;
        let bytes: Vec<u8> = (0..length).map(|_| random.next() as u8).collect();
        let line = String::from_utf8_lossy(&bytes);
        check_run(&line);
        check_compare(&line);
    }
}

#[test]
fn lines_of_nearly_right_words_are_answered() {
    const VALUES: [&str; 24] = [
        "",
        "0",
        "1",
        "7",
        "64",
        "4096",
        "4K",
        "1M",
        "4G",
        "1k,2k",
        "64,4K,64",
        ",",
        "-1",
        "1.5",
        "0x10",
        "18446744073709551615",
        "18446744073709551616",
        "to-device",
        "sideways",
        "op",
        "batch",
        "edu0",
        "=",
        "\u{e9}",
    ];
    let mut random = Random(5);
    let mut pick = |of: &[&'static str]| of[random.below(of.len() as u64) as usize];
    let (mut runs, mut comparisons) = (0, 0);
    for _ in 0..300_000 {
        let mut line = String::from(pick(&["maps", "maps", "plain", "nope", "", "maps\t"]));
        let mut compare = String::new();
        while pick(&["on", "on", "end"]) == "on" {
            line += pick(&[" ", " ", "\t", "  ", "\n"]);
            line += pick(Parameter::KEYS);
            line += pick(&["=", "=", "=", ""]);
            line += pick(&VALUES);
            compare += pick(COMPARE_KEYS);
            compare += "=";
            compare += pick(&VALUES);
            compare += " ";
        }
        runs += u32::from(check_run(&line));
        comparisons += u32::from(check_compare(&compare));
    }
    // Not all of it may have been refused, or nothing was tested.
    assert!(runs > 1000 && comparisons > 1000, "{runs} {comparisons}");
}

#[test]
fn every_number_is_refused_by_name_just_outside_its_range() {
    let numbers = Parameter::ALL
        .iter()
        .filter(|parameter| matches!(parameter.row().values, Values::Numbers(..)));
    for &number in numbers {
        let (name, range) = (number.name(), MAPS.range(number, &LIMITS));
        if !MAPS.takes(number) {
            let line = format!("maps {name}={}", range.min);
            let refusal = parse(&line, &CATALOGUE, &LIMITS).unwrap_err();
            assert!(refusal.message.as_str().ends_with("leave it out"), "{line}");
            continue;
        }
        for good in [range.min, range.max] {
            assert!(check_run(&format!("maps {name}={good}")), "{name}={good}");
        }
        for bad in [
            range.min.checked_sub(1),
            Some(range.max + 1),
            Some(u64::MAX),
        ] {
            let Some(bad) = bad else { continue };
            let line = format!("maps {name}={bad}");
            let refusal = parse(&line, &CATALOGUE, &LIMITS).unwrap_err();
            assert_eq!(refusal.errno, Errno::Range, "{line}");
            let message = refusal.message.as_str();
            assert!(message.starts_with(&format!("{name}={bad}: ")), "{message}");
            let alternatives = format!(" {} to {} ", range.min, range.max);
            assert!(message.contains(&alternatives), "{message}");
        }
    }
}

#[test]
fn long_words_are_cut_and_a_message_still_fits() {
    let long = "x".repeat(LINE_MAX);
    for line in [
        long.clone(),
        format!("maps {}", &long[5..]),
        format!("maps size={}", "9".repeat(240)),
        format!("maps direction={}", &long[15..]),
        format!("maps device={}", &long[12..]),
        format!("{long}y"),
    ] {
        assert!(!check_run(&line), "{line}");
    }
    let longest = format!("maps size=4096{}", " ".repeat(LINE_MAX - 14));
    assert!(check_run(&longest) && check_run(&format!("{longest}\n")));
    assert!(!check_run(&format!("{longest} ")));
}

#[test]
fn many_experiments_are_listed_as_far_as_a_message_goes() {
    let names: Vec<&'static str> = (0..50)
        .map(|n| &*format!("experiment-{n}").leak())
        .collect();
    let catalogue: Vec<&'static Info> = names
        .iter()
        .map(|name| &*Box::leak(Box::new(Info { name, ..MAPS })))
        .collect();
    for line in ["", "nope"] {
        let refusal = parse(line, &catalogue, &LIMITS).unwrap_err();
        assert_refusal(line, &refusal);
        assert!(refusal.message.as_str().ends_with("(all: see help)"));
    }
}

#[test]
fn any_number_of_experiments_can_be_compared() {
    let catalogue: Vec<&'static Info> = (0..Places::MAX)
        .map(|n| {
            &*Box::leak(Box::new(Info {
                name: format!("e{n}").leak(),
                ..MAPS
            }))
        })
        .collect();
    let line = format!("experiments=e0,e63,e64,e65,e{}", Places::MAX - 1);
    let chosen = parse_compare(&line, &catalogue, &LIMITS)
        .unwrap()
        .experiments;
    for (place, info) in catalogue.iter().enumerate() {
        let named = [0, 63, 64, 65, Places::MAX - 1].contains(&place);
        assert_eq!(chosen.has(place, info), named, "{place}");
    }
    assert!(!Places::NONE.clone().insert(Places::MAX));
}

/// A row of the table of parameters is there in the structure and in its description too; one that
/// came after the structure is given in a line, which the description says.
#[test]
fn every_parameter_is_in_the_header_and_described() {
    let header = include_str!("../../../include/uapi/linux/memlab.h");
    let run = header.split("struct memlab_run {").nth(1).unwrap();
    let run = run.split("};").next().unwrap();
    for key in Parameter::KEYS {
        // `size` is the size of the structure itself.
        let field = if *key == "size" { "bytes" } else { key };
        if header.contains(&format!(" {key}=")) {
            continue;
        }
        assert!(
            run.contains(&format!(" {field};")) || run.contains(&format!(" {field}[")),
            "no field {field}"
        );
        assert!(
            header.contains(&format!(" * @{field}: ")),
            "{field} is not described"
        );
    }
}
