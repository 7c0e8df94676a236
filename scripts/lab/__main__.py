# SPDX-License-Identifier: GPL-2.0
"""python3 -m lab VERB: what the Makefile calls."""

import os
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

from . import console as consoles
from . import guest, kernel, module
from .cache import Cache, digest
from .console import Console, Failure, Interrupted
from .root import Root


class Lab:
    """What every verb needs: console, cache, root, checkout."""

    def __init__(self, checkout=None):
        self.checkout = Path(checkout or Path(__file__).parents[2]).resolve()
        self.cache = Cache(None)
        self.console = Console(self.output() / "log")
        self.cache.console = self.console
        self._root = None

    def output(self):
        """This checkout's own outputs: modules, logs, consoles."""
        path = self.cache.path / "out" / digest(str(self.checkout))
        path.mkdir(parents=True, exist_ok=True)
        return path

    def root(self):
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


def main():
    consoles.catch_signals()
    lab = None
    try:
        lab = Lab()
        verb, *arguments = sys.argv[1:]
        status = VERBS[verb](lab, *arguments)
    except Failure as error:
        status = 1
        print(f"memlab: {error}", file=sys.stderr)
    except Interrupted as error:
        print(f"memlab: interrupted ({error}); run it again to go on", file=sys.stderr)
        status = 128 + error.number
    except OSError as error:
        print(f"memlab: {error}", file=sys.stderr)
        status = 1
    consoles.stop_all()
    sys.stdout.flush()
    os._exit(status)


def chosen(lab):
    return kernel.stock(lab, os.environ.get("ARCH") or "x86_64",
                        os.environ.get("SERIES") or kernel.SERIES)


def verb_boot(lab, script, *files):
    """boot SCRIPT FILE...: a guest with the files in / runs the script."""
    which = chosen(lab)
    named = {f"/{Path(file).name}": Path(file) for file in files}
    with lab.console.step(f"guest {which.release}"):
        result = guest.boot(lab, which, Path(script).read_text(), named, echo=print)
    lab.console.table()
    return result.status


def verb_module(lab, source=None, name="memlab"):
    """module [DIR NAME]: build, print the path of the .ko."""
    print(module.build(lab, chosen(lab), source, name))
    lab.console.table()
    return 0


def verb_exec(lab, *command):
    """exec CMD...: run a command in the toolchain root, on this terminal."""
    return subprocess.call(lab.root().argv(command, cwd="/src"))


VERBS = {"boot": verb_boot, "exec": verb_exec, "module": verb_module}

if __name__ == "__main__":
    main()
