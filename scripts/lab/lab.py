# SPDX-License-Identifier: GPL-2.0
"""What every verb stands on: console, cache, toolchain root, checkout."""

import os
import shutil
import threading
import time
from contextlib import contextmanager
from pathlib import Path

from .cache import Cache, digest
from .console import Console
from .root import Root

KEPT_LOGS = 20


class Lab:
    def __init__(self, checkout=None):
        self.checkout = Path(checkout or Path(__file__).parents[2]).resolve()
        self.cache = Cache()
        self.console = self.cache.console = Console(self.logs())
        self._root = None
        self._making = threading.Lock()

    def output(self):
        """This checkout's own outputs: modules, logs, consoles."""
        path = self.cache.path / "out" / digest(str(self.checkout))
        path.mkdir(parents=True, exist_ok=True)
        return path

    def logs(self):
        """A directory for the logs of this run; the oldest ones go."""
        parent = self.output() / "log"
        parent.mkdir(exist_ok=True)
        for old in sorted(parent.iterdir())[:-KEPT_LOGS]:
            if not Path("/proc", old.name.rpartition("-")[2]).exists():  # its run is over
                shutil.rmtree(old, ignore_errors=True)
        path = parent / f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
        path.mkdir()
        return path

    def root(self):
        """The toolchain root, made where it is missing."""
        with self._making:
            if not self._root:
                self._root = Root.ensure(self.cache, self.checkout)
            return self._root

    def root_key(self):
        return Root.key_of()

    @contextmanager
    def meanwhile(self, function, *arguments):
        """Run function beside the body; the body gets a call that waits for its result."""
        box = {}

        def work():
            try:
                box["result"] = function(*arguments)
            except BaseException as error:  # handed to whoever waits
                box["error"] = error

        thread = threading.Thread(target=work, daemon=True)
        thread.start()

        def result():
            while thread.is_alive():
                thread.join(0.2)
            if "error" in box:
                raise box["error"]
            return box["result"]

        yield result
