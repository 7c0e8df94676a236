# SPDX-License-Identifier: GPL-2.0
"""Which KUnit cases there are: in the source, in the checked-in list, and in a run.

The list (scripts/test-suites.txt) is what makes a suite that silently vanished a failure:
neither the source nor the built module alone could tell that something is missing.
"""

import json
import re
from pathlib import Path

from .arch import ARCHES

LIST = "scripts/test-suites.txt"

# rustfmt puts the closing brace in the column where the line of `mod` began.
SUITE = re.compile(
    r"^(?P<indent> *)#\[[^\n]*\bkunit_tests\((?P<name>\w+)\)[^\n]*\]\n"
    r"(?:(?P=indent)(?:#|//)[^\n]*\n)*"
    r"(?P=indent)(?:pub(?:\(\w+\))? )?mod \w+ \{\n"
    r"(?P<body>.*?)"
    r"^(?P=indent)\}",
    re.M | re.S,
)
CASE = re.compile(r"^ *#\[test\]\n(?: *(?:#|//).*\n)* *fn (\w+)\(", re.M)

Case = tuple[str, str]  # suite, case


def in_source(checkout: Path) -> set[Case]:
    """Every case that stands in the module's source, on any architecture."""
    cases = set()
    for path in sorted((checkout / "rust").rglob("*.rs")):
        text = path.read_text()
        suites = list(SUITE.finditer(text))
        if len(suites) != len(re.findall(r"\bkunit_tests\(\w", text)):
            raise ValueError(f"{path.relative_to(checkout)}: a kunit_tests module is unreadable")
        for suite in suites:
            for case in CASE.findall(suite["body"]):
                cases.add((suite["name"], case))
    return cases


def listed(checkout: Path) -> dict[Case, str]:
    """The checked-in cases, each with the one architecture it is for, or "all"."""
    cases = {}
    for number, line in enumerate((checkout / LIST).read_text().splitlines(), 1):
        words = line.split("#")[0].split()
        if not words:
            continue
        if len(words) not in (2, 3) or words[2:] not in ([], *([name] for name in ARCHES)):
            raise ValueError(f"{LIST}:{number}: expected `suite case [{'|'.join(ARCHES)}]`: {line}")
        cases[words[0], words[1]] = words[2] if len(words) == 3 else "all"
    return cases


def ran(results: str) -> dict[Case, str]:
    """Every case in kunit.py's JSON with its status: PASS, FAIL, ERROR or SKIP."""
    cases = {}
    for group in json.loads(results)["sub_groups"]:
        for case in group["test_cases"]:
            cases[group["name"], case["name"]] = case["status"]
    return cases


def source_against_list(source: set[Case], expected: dict[Case, str]) -> list[str]:
    """One sentence for each case that only one of the two knows."""
    return [
        f"{suite}.{case} is in the source but not in {LIST}"
        for suite, case in sorted(source - expected.keys())
    ] + [
        f"{suite}.{case} is in {LIST} but not in the source"
        for suite, case in sorted(expected.keys() - source)
    ]


def verdicts(expected: dict[Case, str], results: dict[Case, str], arch: str) -> dict[Case, str]:
    """For each case that ran or should have: "" when it is well, or what is wrong.

    A case for the other architecture is not there, or KUnit reports it as skipped.
    """
    verdict = {}
    for case, where in expected.items():
        if where in ("all", arch):
            status = results.get(case, "")
            verdict[case] = {
                "PASS": "",
                "": "did not run",
                "SKIP": f"was skipped, and {LIST} wants it on {arch}",
            }.get(status, f"KUnit says {status}")
        elif results.get(case, "SKIP") != "SKIP":
            verdict[case] = f"ran on {arch}, and {LIST} wants it on {where} only"
    for case in results.keys() - expected.keys():
        verdict[case] = f"ran but is not in {LIST}"
    return verdict
