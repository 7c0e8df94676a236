// SPDX-License-Identifier: GPL-2.0

//! What the command prints, in every format, word for word. With MEMLAB_BLESS=DIR what it prints
//! now is written there instead, to be looked at and put into tests/golden.

use crate::fixture::Machine;
use std::{fs, path::Path};

/// A name for each command line whose faces are kept.
const LINES: [(&str, &str); 19] = [
    ("advise", "advise"),
    ("diff", "diff a.json b.json"),
    ("doctor", "doctor"),
    ("doctor-card", "doctor 0000:00:04.0"),
    ("doctor-virtio", "doctor virtio0"),
    (
        "outstanding",
        "outstanding --from sys/kernel/debug/memlab/outstanding",
    ),
    (
        "pattern",
        "advise --pattern lifetime=transfer,size=4K,touch=none",
    ),
    ("run", "run dma-single size=64K direction=to-device"),
    (
        "run-gates",
        "run dma-single --max-ns map:p99=9000 --percentiles 50,99.99",
    ),
    ("scenario", "scenario"),
    ("show-buddy", "show buddy"),
    ("show-layout", "show layout"),
    ("show-meminfo", "show meminfo"),
    ("show-vmalloc", "show vmalloc"),
    ("show-zones", "show zones"),
    (
        "sweep-orders",
        "sweep orders --at 0,3 --gfp kernel,atomic --rounds 1",
    ),
    (
        "sweep-threads",
        "sweep threads dma-single size=64K --at 1-3 --rounds 2",
    ),
    ("watch", "watch --once"),
    ("why", "advise --why bounce"),
];
/// The median of a map of 4K in tests/machine/compare.txt, and what it becomes.
const FAST: &str = " 692 ";
const SLOW: &str = " 2992 ";
const FORMATS: [(&str, &str); 4] = [
    ("txt", ""),
    ("json", "--json"),
    ("csv", "--csv"),
    ("ktap", "--ktap"),
];

fn here(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// A machine with two recordings, of which the second was slower in one place.
fn machine(name: &str) -> Machine {
    let machine = Machine::new(name);
    machine.says("record a.json --rounds 3");
    let compare = machine.root.join("sys/kernel/debug/memlab/compare");
    let text = fs::read_to_string(&compare).unwrap();
    let dearer = |line: &str| match line.starts_with("dma-single") && line.contains(" 4K to-device")
    {
        true => format!("{}\n", line.replacen(FAST, SLOW, 1)),
        false => format!("{line}\n"),
    };
    let slower: String = text.lines().map(dearer).collect();
    // Not with both texts: they are long.
    assert!(
        text != slower,
        "{FAST} is no figure of a map of 4K any more"
    );
    fs::write(&compare, slower).unwrap();
    machine.says("record b.json --rounds 3");
    fs::write(&compare, text).unwrap();
    machine
}

#[test]
fn every_face_is_as_it_was() {
    let machine = machine("golden");
    let bless = std::env::var_os("MEMLAB_BLESS");
    let mut wrong = Vec::new();
    for (name, line) in LINES {
        for (ending, option) in FORMATS {
            let found = machine.shows(&format!("{line} {option}"));
            let file = format!("{name}.{ending}");
            if let Some(folder) = &bless {
                fs::write(Path::new(folder).join(&file), &found).unwrap();
                continue;
            }
            let kept = fs::read_to_string(here("tests/golden").join(&file)).unwrap_or_default();
            if found != kept {
                wrong.push(format!("--- {file}:\n{found}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn text_for_people_has_80_columns() {
    let machine = machine("columns");
    // The module's own texts are as wide as its tables.
    let ours = |name: &str| !name.starts_with("show-") && name != "scenario";
    for (name, line) in LINES.iter().filter(|(name, _)| ours(name)) {
        for shown in machine.shows(line).lines() {
            assert!(shown.chars().count() <= 80, "{name}: {shown}");
        }
    }
}

#[test]
fn every_document_keeps_to_the_schema() {
    let machine = machine("schema");
    let made = machine.root.join("made");
    machine.says(&format!("generate {}", made.display()));
    let made = fs::read_to_string(made.join("schema.json")).unwrap();
    let kept = fs::read_to_string(here("schema.json")).unwrap_or_default();
    if let Some(folder) = std::env::var_os("MEMLAB_BLESS") {
        fs::write(Path::new(&folder).join("schema.json"), &made).unwrap();
    } else {
        assert_eq!(
            made, kept,
            "the schema changed: its version may have to rise (document.rs)"
        );
    }
    let schema = serde_json::from_str(&made).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let check = |what: &str, text: &[u8]| {
        let document: serde_json::Value = serde_json::from_slice(text).unwrap();
        let wrong: Vec<String> = validator
            .iter_errors(&document)
            .map(|error| error.to_string())
            .collect();
        assert!(wrong.is_empty(), "{what}: {wrong:?}");
    };
    for (name, line) in LINES {
        check(name, machine.shows(&format!("{line} --json")).as_bytes());
    }
    let failed = machine.memlab("show zones --json --root /nowhere");
    check("an error", &failed.stdout);
    check("plot", machine.says("plot a.json --json").as_bytes());
    check(
        "record",
        machine.says("record c.json --json --rounds 1").as_bytes(),
    );
    // The control: what is no document is refused.
    let wrong = serde_json::json!({ "schema": 1, "version": "0", "found": { "show": 5 } });
    assert!(!validator.is_valid(&wrong));
}

#[test]
fn the_page_stands_alone() {
    let machine = machine("page");
    machine.says("plot a.json");
    let html = fs::read_to_string(machine.root.join("a.html")).unwrap();
    let html = html.replace("http://www.w3.org/2000/svg", "");
    for word in ["<script", "http:", "https:", "@import", "url("] {
        assert!(!html.contains(word), "{word}");
    }
    // Its parts: three plots of sizes and one of percentiles, each broad and narrow.
    assert_eq!(html.matches("<svg").count(), 8);
    assert!(html.contains("map from 2K"));
    assert!(html.contains("<b>largest</b>"));
    assert!(html.contains("class=gap"));
    assert_eq!(
        machine
            .says("plot a.json -o -")
            .replace("http://www.w3.org/2000/svg", ""),
        html
    );
}

#[test]
fn what_is_generated_names_every_command() {
    let machine = Machine::new("generated");
    machine.says("generate made");
    let read = |name: &str| fs::read_to_string(machine.root.join("made").join(name)).unwrap();
    let man = read("memlab.8");
    for command in [
        "ADVISE",
        "RUN",
        "SHOW",
        "SCENARIO",
        "DOCTOR",
        "LEND",
        "RETURN",
        "RECORD",
        "DIFF",
        "PLOT",
        "CLAIMS",
        "WALK",
        "VIEW",
        "OUTSTANDING",
        "LEAK",
        "AROUND",
        "WATCH",
        "SWEEP",
    ] {
        assert!(man.contains(&format!("MEMLAB {command}")), "{command}");
    }
    assert!(man.contains("EXIT STATUS") && man.contains("130"));
    for file in ["memlab.bash", "_memlab", "memlab.fish"] {
        assert!(read(file).contains("advise"), "{file}");
    }
}
