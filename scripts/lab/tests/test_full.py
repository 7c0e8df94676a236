# SPDX-License-Identifier: GPL-2.0
"""What FULL=1 found well is remembered for the same sources only, and what failed never."""

import tempfile
import types
import unittest
from pathlib import Path

from lab import test_full, test_jobs
from lab.test_report import Report


class Green(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        top = Path(holder.name)
        self.source = top / "tree/rust/memlab.rs"
        self.command = top / "tree/tools/a.rs"
        kernel = ("rust/memlab.rs", "Kbuild", "include/a.h", "samples/a.rs", "scripts/a.sh")
        for name in (*kernel, "tools/a.rs"):
            path = top / "tree" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("once")
        self.lab = types.SimpleNamespace(
            checkout=top / "tree",
            cache=types.SimpleNamespace(path=top),
            root_key=lambda: "key",
            console=types.SimpleNamespace(say=lambda text: None),
        )
        full = [job for job in test_jobs.JOBS if job.full]
        self.job = next(job for job in full if job.label == "kunit arm64")
        self.asking = next(job for job in full if job.label == "outside")

    def run_with(self, *why):
        """A run with one test that passes, and one that fails for each reason."""

        def work(lab, report):
            report.add("one")
            for number, reason in enumerate(why):
                report.add(f"bad {number}", reason)

        report = Report()
        test_full.run(self.lab, report, self.job, work)
        return report

    def recalled(self):
        report = Report()
        return report.passes if test_full.recall(self.lab, report, self.job) else None

    def test_green_is_remembered(self):
        self.assertIsNone(self.recalled())
        self.assertEqual(self.run_with().passes, ["one"])
        self.assertEqual(self.recalled(), ["one"])

    def test_what_failed_is_not(self):
        self.assertEqual(len(self.run_with("why").failures), 1)
        self.assertIsNone(self.recalled())

    def test_other_sources_are_tested_anew(self):
        self.run_with()
        self.source.write_text("twice")
        self.assertIsNone(self.recalled())
        self.source.write_text("once")
        self.assertEqual(self.recalled(), ["one"])

    def test_another_command_is_tested_anew_where_it_is_asked(self):
        for self.job, again in ((self.job, False), (self.asking, True)):
            self.command.write_text("once")
            self.run_with()
            self.command.write_text("twice")
            self.assertEqual(self.recalled() is None, again, self.job.label)
