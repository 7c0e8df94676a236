# SPDX-License-Identifier: GPL-2.0
"""make run without the crates registry: the module answers, and what is missing is said."""

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
