// SPDX-License-Identifier: GPL-2.0

//! Every claim's function with evidence of both kinds, and what holds for the list as a whole.

use super::{
    all,
    claim::{Evidence, Verdict},
    course,
};
use std::{collections::BTreeSet, fs, path::Path};

/// A line of a table of cases: id, verdict, branch, then `name=number` or `name:words`.
fn parse(line: &'static str) -> (&'static str, &'static str, &'static str, Evidence) {
    let mut parts = line.split('|').map(str::trim);
    let mut next = || parts.next().unwrap_or("");
    let (id, verdict, branch) = (next(), next(), next());
    let mut evidence = Evidence::new();
    for part in parts.filter(|part| !part.is_empty()) {
        evidence = match (part.split_once('='), part.split_once(": ")) {
            (_, Some((name, words))) => evidence.text(name, words, ""),
            (Some((name, number)), _) => evidence.count(name, number.parse::<f64>().unwrap(), ""),
            _ => panic!("{part}"),
        };
    }
    (id, verdict, branch, evidence)
}

#[test]
fn a_verdict_follows_the_evidence() {
    let mut seen: BTreeSet<(&str, &str, &str)> = BTreeSet::new();
    for line in include_str!("cases.txt").lines() {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let (id, verdict, branch, evidence) = parse(line);
        let claim = all().find(|claim| claim.id == id);
        let claim = claim.unwrap_or_else(|| panic!("{id} is no claim"));
        let judged = match (claim.judge)(&evidence) {
            Ok(finding) => finding,
            Err(lack) => {
                assert_eq!(verdict, "not shown", "{line}: {lack:?}");
                continue;
            }
        };
        assert_eq!(judged.verdict.name(), verdict, "{line}: {}", judged.because);
        assert_eq!(judged.branch, branch, "{line}: {}", judged.because);
        // The figures stand in the sentence.
        assert!(
            judged.because.contains(|c: char| c.is_ascii_digit()) || !branch.is_empty(),
            "{line}"
        );
        seen.insert((id, verdict, branch));
    }
    for claim in all() {
        let kinds = seen.iter().filter(|(id, ..)| *id == claim.id).count();
        assert!(
            kinds >= 2,
            "{} needs cases of two kinds, has {kinds}",
            claim.id
        );
    }
}

#[test]
fn without_evidence_nothing_is_shown() {
    for claim in all() {
        let judged = (claim.judge)(&Evidence::new());
        match judged {
            Err(lack) => assert!(lack.0.starts_with("figure "), "{}: {lack:?}", claim.id),
            Ok(finding) => assert_ne!(finding.verdict, Verdict::Holds, "{}", claim.id),
        }
    }
}

#[test]
fn each_is_of_the_course_and_there_once() {
    let listed: BTreeSet<String> = course::ids().collect();
    let built: Vec<&str> = all().map(|claim| claim.id).collect();
    let once: BTreeSet<&str> = built.iter().copied().collect();
    assert_eq!(built.len(), once.len());
    for claim in all() {
        assert!(
            listed.contains(claim.id),
            "{} is not in the course",
            claim.id
        );
        assert!(!claim.sentence.is_empty() && !claim.why.is_empty() && !claim.lecture.is_empty());
    }
}

#[test]
fn the_page_is_as_the_code_has_it() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../Documentation/claims.md");
    if std::env::var_os("MEMLAB_BLESS").is_some() {
        fs::write(&path, course::page()).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap();
    assert!(
        kept == course::page(),
        "memlab generate DIR writes it: copy claims.md"
    );
}
