# SPDX-License-Identifier: GPL-2.0
"""make test: host tests, KUnit and end-to-end checks, on every architecture.

GUESTS= and CHECKS= take a part of it: comma lists of the words in test_jobs.
"""

import os
import re
import sys
import traceback
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from . import (
    module,
    test_abi,
    test_full,
    test_guest,
    test_kunit,
    test_recordings,
    test_suites,
    test_verdicts,
    test_windows,
)
from .arch import ARCHES
from .console import Failure
from .test_jobs import FRAMES, JOBS, KERNELS, MEASURING
from .test_report import Report

HOST = "host"  # what GUESTS= calls the tests that need no guest


# llvm-objdump writes in hexadecimal what checkstack.pl reads in decimal.
FRAMES_OF = r"""
"$4" -d "$1" | perl -pe 's/#-(0x[0-9a-f]+)\]!/"#-" . hex($1) . "]!"/e' |
	perl "$2/scripts/checkstack.pl" "$3" 0 | llvm-cxxfilt-19
"""


def own(lab, report):
    """The tests of the lab itself; each counts."""
    scripts = lab.checkout / "scripts"
    words = [sys.executable, "-B", "-m", "unittest", "discover", "--verbose"]
    words += ["--start-directory", "lab/tests", "--top-level-directory", "."]
    with lab.console.step("tests of the lab") as step:
        try:
            step.run(words, cwd=scripts)
            why = ""
        except Failure as error:
            why = str(error)
        said = step.log.read_text(errors="replace")
    tests = re.findall(r"^(test_\w+) \(.*?\)(?:\n.*)? \.\.\. (ok|FAIL|ERROR)$", said, re.M)
    for name, result in tests:
        report.add(f"lab {name}", "" if result == "ok" else f"{result} (log: {step.log})")
    if why and all(result == "ok" for _, result in tests) or not tests:
        report.add("tests of the lab", why or f"there were none (log: {step.log})")


def host(lab, report):
    """The pure rooms and the command under cargo; each test counts."""
    target = "/cache/" + str((lab.output() / "cargo").relative_to(lab.cache.path))
    with lab.console.step("host tests") as step:
        why = ""
        try:
            step.run(
                lab.root().argv(
                    [
                        "timeout",
                        "900",
                        "cargo",
                        "test",
                        "--locked",
                        "--no-fail-fast",
                        "--workspace",
                        "--manifest-path",
                        "/src/tools/Cargo.toml",
                    ],
                    cwd="/src",
                    env={"CARGO_TARGET_DIR": target},
                )
            )
        except Failure as error:
            why = str(error)
        text = step.log.read_text(errors="replace")
    tests = re.findall(r"^test (.+?) \.\.\. (ok|FAILED|ignored)", text, re.M)
    for name, result in tests:
        said = re.search(rf"^---- {re.escape(name)} stdout ----\n+(.*\n.*)", text, re.M)
        reason = " ".join(said[1].split()) if said else result
        report.add(f"host {name}", "" if result == "ok" else f"{reason} (log: {step.log})")
    if why and all(result == "ok" for _, result in tests):
        report.add("host tests", why)
    elif not tests:
        report.add("host tests", f"cargo ran none (log: {step.log})")


def suites(lab, report):
    """The checked-in list of KUnit cases, after comparing it with the source."""
    try:
        expected = test_suites.listed(lab.checkout)
        wrong = test_suites.source_against_list(test_suites.in_source(lab.checkout), expected)
    except (OSError, ValueError) as error:
        report.add("list of KUnit suites", str(error))
        return {}
    for sentence in wrong:
        report.add("list of KUnit suites", sentence)
    if not wrong:
        report.add("list of KUnit suites")
    return expected


def frames(lab, report, which, ko):
    """No stack frame of the module is larger than CONFIG_FRAME_WARN allows by default."""
    arch = ARCHES[which.arch]
    with lab.console.step(f"stack frames for {which.name}") as step:
        step.run(
            lab.root().argv(
                [
                    "sh",
                    "-c",
                    FRAMES_OF,
                    "sh",
                    lab.root().inside(ko),
                    which.source,
                    which.arch,
                    arch.objdump,
                ]
            )
        )
        sizes = re.findall(r"^0x\w+ (.+) \[\w+\]:\s*(\d+)$", step.log.read_text(), re.M)
    # A KUnit case runs in a thread of its own.
    wide = [
        f"{name} {size}"
        for name, size in sizes
        if int(size) > arch.frame and "kunit_rust_wrapper" not in name
    ]
    why = f"more than {arch.frame} bytes: {', '.join(wide)}" if wide else ""
    report.add(f"stack frames on {which.arch}", why if sizes else f"none found (log: {step.log})")


def decimals(lab, report, which, ko):
    """No number of 64 bits is printed by what Rust has for it: on ARM that divides, for which the
    kernel has an undefined instruction."""
    with lab.console.step(f"numbers of 64 bits for {which.name}") as step:
        step.run(lab.root().argv(["llvm-nm-19", "--undefined-only", lab.root().inside(ko)]))
        names = set(re.findall(r"\bU (\S+)", step.log.read_text()))
    wrong = sorted(name for name in names if re.search(r"3fmt3num3imp[xy]\w*7Display3fmt", name))
    why = f"use Dec: {', '.join(wrong)}" if wrong else ""
    report.add(f"no 64-bit division on {which.arch}", why if names else "no names found")


def attempt(report, name, function, *arguments, **options):
    """A part that cannot be run is a failure of its own and does not hide the others."""
    try:
        return function(*arguments, **options)
    except Failure as error:
        report.add(name, str(error))
    except Exception as error:  # in a thread nobody else would see it
        report.add(name, "".join(traceback.format_exception_only(error)).strip())
        traceback.print_exc()
    return None


def listed(name):
    """The words of a comma list in the environment."""
    return [word for word in (os.environ.get(name) or "").split(",") if word]


def known(name, words, choices):
    """Refuse, by name, a word that is none of the choices."""
    for word in words:
        if word not in choices:
            raise Failure(f"{name}={word}: it is one of {', '.join(choices)}")


def narrowed(job, checks):
    """The job with only those of its checks."""
    return replace(job, checks=[name for name in job.checks if name in checks])


def chosen():
    """The jobs that ARCH=, GUESTS=, CHECKS= and FULL= ask for; and whether the host's tests run."""
    arch = os.environ.get("ARCH")
    guests, checks = listed("GUESTS"), listed("CHECKS")
    arches = list(dict.fromkeys(job.arch for job in JOBS))
    if arch and arch not in arches:
        raise Failure(f"ARCH={arch}: tests run on {' and '.join(arches)}")
    jobs = [job for job in JOBS if arch in (None, "", job.arch)]
    known("GUESTS", guests, [HOST, *(job.word for job in jobs)])
    named = [job for job in jobs if job.word in guests]
    jobs = named if guests else [job for job in jobs if test_full.wanted() or not job.full]
    known("CHECKS", checks, list(dict.fromkeys(name for job in jobs for name in job.checks)))
    if checks:
        jobs = [narrow for job in jobs if (narrow := narrowed(job, checks)).checks]
    return jobs, HOST in guests or not (guests or checks)


def by_architecture(names):
    """How many of the tests that passed are of each architecture's guests and modules."""
    guests = sorted(JOBS, key=lambda job: len(job.label), reverse=True)
    counts = Counter()
    for name in names:
        arches = [job.arch for job in guests if name.lower().startswith(job.label)]
        arches += [word for word in ARCHES if name.endswith(f" on {word}")]
        counts[arches[0] if arches else HOST] += 1
    return ", ".join(f"{arch} {count}" for arch, count in counts.most_common())


def main(lab):
    jobs, with_host = chosen()
    report = Report()
    expected = suites(lab, report)
    if with_host:
        attempt(report, "tests of the lab", own, lab, report)
        attempt(report, "host tests", host, lab, report)
    if not (listed("GUESTS") or listed("CHECKS")):
        jobs = [job for job in jobs if not (job.full and test_full.recall(lab, report, job))]
    words = list(dict.fromkeys(job.kernel for job in jobs))
    kernels = {word: attempt(report, f"kernel {word}", KERNELS[word][1], lab) for word in words}
    modules = {}

    def with_module(word):
        which = kernels[word]
        ko = which and attempt(report, f"module for {which.name}", module.build, lab, which)
        if ko:
            modules[word] = ko
            if word in FRAMES:
                attempt(report, f"stack frames on {which.arch}", frames, lab, report, which, ko)
            if which.arch == "arm":
                name = f"no 64-bit division on {which.arch}"
                attempt(report, name, decimals, lab, report, which, ko)
            if word == "stock":
                attempt(report, "the header", test_abi.run, lab, report, which)
            if word in MEASURING:
                attempt(report, f"timed windows {word}", test_windows.run, lab, report, which, ko)

    # The compiler is for one processor and guests wait now and then, so they run side by side.
    pool = ThreadPoolExecutor(4)
    list(pool.map(with_module, words))
    running = []
    for job in jobs:
        if job.kernel in modules:
            what = (job.label, kernels[job.kernel], modules[job.kernel])
            if job.twice:
                function, what = test_guest.twice, (*what, job.twice)
            elif job.panics:
                function, what = test_guest.panics, (*what, job.panics)
            elif job.verdicts:
                function, what = test_verdicts.run, (*what, job.verdicts)
            elif job.recordings:
                function = test_recordings.run
            elif job.checks:
                function, what = test_guest.run, (*what, job.checks)
            else:
                function, what = test_kunit.run, (*what, expected)
            first = (lab, report)
            if job.full and not listed("CHECKS"):
                first, function, what = (lab, report, job), test_full.run, (function, *what)
            running.append(
                pool.submit(attempt, report, job.label, function, *first, *what, **job.options)
            )
    try:
        for each in running:
            each.result()
    finally:
        # After an interrupt nobody waits for the guests: the caller kills them.
        pool.shutdown(wait=False, cancel_futures=True)
    lab.console.table()
    lab.console.say(f"by architecture: {by_architecture(report.passes)}")
    return report.finish(sys.stdout)
