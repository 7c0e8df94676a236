# SPDX-License-Identifier: GPL-2.0
"""What `make test FULL=1` alone runs, and what it has found well already.

A kernel with KASAN takes as long to build as all the others' tests, so a job
that only FULL=1 runs is not run again where nothing has changed since it was
green: what passed is kept in the cache, by the digest of all that it depends on.
"""

import os

from .cache import digest
from .module import inputs
from .test_guest import COMMAND
from .test_report import Report

KEPT = 40  # files; the oldest ones go


def wanted():
    """Whether FULL= asks for all of it."""
    return os.environ.get("FULL") not in (None, "", "0")


def file_of(lab, job):
    sources = [*inputs(lab, None), *inputs(lab, lab.checkout / "scripts")]
    if job.panics or job.recordings or COMMAND.intersection(job.checks):
        sources += inputs(lab, lab.checkout / "tools")
    names = [str(path.relative_to(lab.checkout)) for path in sources]
    key = digest(job, lab.root_key(), *names, *sources)
    return lab.cache.path / "green" / f"{job.word}-{key}"


def recall(lab, report, job):
    """Whether the job was green for these very sources; then its tests count."""
    path = file_of(lab, job)
    if not path.is_file():
        return False
    for name in path.read_text().splitlines():
        report.add(name)
    lab.console.say(f"{job.label}: was green for these sources, and is not run again")
    return True


def run(lab, report, job, function, *arguments, **options):
    """Run function(lab, its own report, ...), and keep what passed where nothing failed."""
    path = file_of(lab, job)  # before: the sources may change meanwhile
    part = Report()
    function(lab, part, *arguments, **options)
    for name in part.passes:
        report.add(name)
    for name, why in part.failures:
        report.add(name, why)
    if part.failures or not part.passes:
        return
    path.parent.mkdir(exist_ok=True)
    pending = path.with_name(f".{path.name}.{os.getpid()}")
    pending.write_text("\n".join(part.passes) + "\n")
    pending.replace(path)
    old = sorted(path.parent.iterdir(), key=lambda each: each.stat().st_mtime, reverse=True)
    for each in old[KEPT:]:
        each.unlink(missing_ok=True)
