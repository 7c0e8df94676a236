# SPDX-License-Identifier: GPL-2.0
"""make run without the crates registry: the module answers, and what is missing is said."""

import os
import tempfile
import unittest
from types import SimpleNamespace
from unittest import mock

from lab import command, job
from lab.console import Failure

WHICH = SimpleNamespace(release="7.3.4", arch="x86_64")
TABLE = ["== compare", "kmalloc 64"]


class WithoutRegistry(unittest.TestCase):
    def test_module_answers_and_the_rest_is_named(self):
        said, booted = [], []
        lab = mock.MagicMock()
        lab.console.say = said.append
        lab.meanwhile.side_effect = lambda function, *arguments: mock.MagicMock(
            __enter__=lambda _: lambda: function(*arguments)
        )

        def boot(_lab, _which, script, files, **_options):
            booted.append((script, files))
            return SimpleNamespace(status=0, output=TABLE, log="x")

        refused = mock.Mock(side_effect=Failure("cargo: failed to get `clap`"))
        with (
            mock.patch.object(command, "build", refused),
            mock.patch.object(job, "chosen", return_value=WHICH),
            mock.patch.object(job, "place"),
            mock.patch.object(job.module, "build", return_value="memlab.ko"),
            mock.patch.object(job.guest, "accelerator", return_value="tcg"),
            mock.patch.object(job.guest, "boot", boot),
            mock.patch("builtins.print") as printed,
        ):
            self.assertEqual(job.run(lab), 0)
        [(script, files)] = booted
        self.assertEqual(script, job.COMPARE)
        self.assertEqual(list(files), ["/memlab.ko"])
        printed.assert_called_once_with("\n".join(TABLE), flush=True)
        self.assertIn("without the command", said[0])
        self.assertIn("failed to get `clap`", said[0])


class Refused(unittest.TestCase):
    """What cannot be is said before anything is built."""

    def test_a_report_that_is_no_folder(self):
        lab = mock.MagicMock()
        with tempfile.NamedTemporaryFile() as file:
            for place in (file.name, f"{file.name}/below"):
                with mock.patch.dict(os.environ, {"REPORT": place, "ARCH": "x86_64"}):
                    with self.assertRaisesRegex(Failure, f"REPORT={place}: must be a folder"):
                        job.run(lab)
        lab.meanwhile.assert_not_called()

    def test_a_kernel_that_there_is_none_of(self):
        lab = mock.MagicMock()
        with mock.patch.dict(os.environ, {"KERNEL": "bar", "ARCH": "x86_64"}):
            with self.assertRaisesRegex(Failure, "KERNEL=bar: for ARCH=x86_64 it is one of stock"):
                job.run(lab)
        lab.meanwhile.assert_not_called()
