# SPDX-License-Identifier: GPL-2.0
"""An entry of the cache counts only when it is whole, and on the disk."""

import os
import tempfile
import unittest
from pathlib import Path

from lab.cache import STAMP, Cache
from lab.console import Console, Failure

# Stands in for sync(1): notes whether the entry that it is given has its stamp already.
SYNC = f"""#!/bin/sh
for last; do :; done
[ -e "$last/{STAMP}" ] && state=stamped || state=unstamped
[ -e "$last/made" ] || state=unmade
echo "$1 $state" >>"$SYNCED"
"""


class Entries(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.path = Path(holder.name)
        with open(os.devnull, "w") as nowhere:
            self.cache = Cache(self.path / "cache", Console(self.path / "logs", nowhere))
        self.cache.console.say = lambda text: None

    def test_what_was_made_is_synced_before_its_stamp(self):
        stand_in = self.path / "bin/sync"
        stand_in.parent.mkdir()
        stand_in.write_text(SYNC)
        stand_in.chmod(0o755)
        synced = self.path / "synced"
        before = dict(os.environ)
        os.environ.update(PATH=f"{stand_in.parent}:{os.environ['PATH']}", SYNCED=str(synced))
        try:
            self.cache.ensure("entry", "entry", 0, lambda path, step: (path / "made").touch())
        finally:
            os.environ.clear()
            os.environ.update(before)
        self.assertEqual(synced.read_text(), "--file-system unstamped\n")
        self.assertTrue(self.cache.complete("entry"))

    def test_what_failed_half_way_is_made_anew(self):
        def half(path, step):
            (path / "half").touch()
            raise Failure("no more")

        with self.assertRaises(Failure):
            self.cache.ensure("entry", "entry", 0, half)
        self.assertFalse(self.cache.complete("entry"))
        path = self.cache.ensure("entry", "entry", 0, lambda path, step: None)
        self.assertFalse((path / "half").exists())

    def test_what_is_whole_is_not_made_again(self):
        made = []
        for _ in range(2):
            self.cache.ensure("entry", "entry", 0, lambda path, step: made.append(path))
        self.assertEqual(len(made), 1)
