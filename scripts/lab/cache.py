# SPDX-License-Identifier: GPL-2.0
"""What is built once and kept: ${MEMLAB_CACHE:-${XDG_CACHE_HOME:-~/.cache}/memlab}.

An entry is a directory that counts only once its stamp is there; the stamp is
written last, under a lock that belongs to the entry. An interrupted build
leaves no stamp, and whoever holds the lock next starts from nothing. What it
vouches for is on the disk before it: after a loss of power there is an entry
or there is none. Entries are built where they stay, because build trees
remember their own path.
"""

import fcntl
import hashlib
import os
import shutil
import time
from contextlib import contextmanager
from pathlib import Path

from .console import Failure

STAMP = ".complete"


def directory():
    chosen = os.environ.get("MEMLAB_CACHE")
    if chosen:
        return Path(chosen).absolute()
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base).absolute() / "memlab"


def digest(*parts):
    """A short key of text, bytes and files."""
    sha = hashlib.sha256()
    for part in parts:
        data = part.read_bytes() if isinstance(part, Path) else str(part).encode()
        sha.update(len(data).to_bytes(8, "big") + data)
    return sha.hexdigest()[:12]


class Cache:
    def __init__(self, path=None, console=None):
        self.console = console
        self.path = path or directory()
        self.path.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def lock(self, name, what):
        """Hold the entry's lock; says so when another run has it."""
        locks = self.path / "locks"
        locks.mkdir(exist_ok=True)
        with (locks / name).open("w") as file:
            said = False
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if not said:
                        self.console.say(f"another run is making the {what}; waiting for it")
                        said = True
                    time.sleep(0.2)
            yield

    def complete(self, name):
        return (self.path / name / STAMP).is_file()

    def ensure(self, name, what, need, build):
        """The path of an entry, made by build(path, step) where it is missing.

        need: the space in MiB that building takes.
        """
        path = self.path / name
        if self.complete(name):
            return path
        with self.lock(name, what):
            if self.complete(name):
                return path
            free = shutil.disk_usage(self.path).free >> 20
            if free < need:
                raise Failure(f"{what}: needs {need} MiB in {self.path}, only {free} MiB are free")
            with self.console.step(what) as step:
                if path.exists():
                    shutil.rmtree(path)
                path.mkdir()
                build(path, step)
                step.run(["sync", "--file-system", path])
                (path / STAMP).touch()
        return path
