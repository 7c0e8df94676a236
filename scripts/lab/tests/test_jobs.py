# SPDX-License-Identifier: GPL-2.0
"""Which guests `make test` boots, whole and in part."""

import os
import re
import unittest
from pathlib import Path
from unittest import mock

from lab import test, test_jobs
from lab.console import Failure

CHECK = re.compile(r"^check_(\w+)\(\)", re.M)
FUNCTION = re.compile(r"^(\w+)\(\)", re.M)


def chosen(**given):
    with mock.patch.dict(os.environ, given):
        return test.chosen()


class Choice(unittest.TestCase):
    def setUp(self):
        for name in ("ARCH", "GUESTS", "CHECKS", "FULL"):
            os.environ.pop(name, None)

    def test_a_guest_and_its_checks(self):
        jobs, with_host = chosen(GUESTS="stock,exact", CHECKS="uname,delays")
        self.assertEqual(
            [(job.word, job.checks) for job in jobs], [("stock", ["uname"]), ("exact", ["delays"])]
        )
        self.assertFalse(with_host)

    def test_all_is_all_but_what_full_alone_asks_for(self):
        jobs, with_host = chosen()
        self.assertEqual(jobs, [job for job in test_jobs.JOBS if not job.full])
        self.assertTrue(with_host)
        self.assertEqual(chosen(FULL="1")[0], test_jobs.JOBS)
        self.assertEqual([job.word for job in chosen(GUESTS="kunit-arm64")[0]], ["kunit-arm64"])

    def test_what_is_unknown_is_refused_with_the_list(self):
        for given in ({"GUESTS": "nope"}, {"CHECKS": "nope"}, {"ARCH": "nope"}):
            with self.assertRaises(Failure) as caught:
                chosen(**given)
            (name,) = given
            self.assertTrue(str(caught.exception).startswith(f"{name}=nope: "))

    def test_every_word_is_one_guest(self):
        words = [job.word for job in test_jobs.JOBS]
        self.assertEqual(len(words), len(set(words)))

    def test_every_check_is_a_function_and_every_function_is_asked_for(self):
        scripts = Path(__file__).parents[2] / "test"
        there = {name for path in scripts.glob("*.sh") for name in CHECK.findall(path.read_text())}
        asked = {name for job in test_jobs.JOBS for name in job.checks}
        self.assertEqual(asked, there)

    def test_no_function_has_the_name_of_another(self):
        # A guest reads all files, and of two functions of one name it keeps the last.
        scripts = Path(__file__).parents[2] / "test"
        texts = [path.read_text() for path in scripts.glob("*.sh")]
        names = [name for text in texts for name in FUNCTION.findall(text)]
        self.assertEqual({name for name in names if names.count(name) > 1}, set())
