# SPDX-License-Identifier: GPL-2.0
"""python3 -m lab VERB: what the Makefile calls."""

import os
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

from . import console, guest, job, module, options
from .console import Failure, Interrupted
from .lab import Lab


def boot(lab, script, *files):
    """boot SCRIPT [FILE ...]: a guest with the files in / runs the script."""
    wanted = options.asked(lab, job.architecture())
    which = job.chosen(lab)
    named = {f"/{Path(file).name}": Path(file) for file in files}
    with lab.console.step(f"guest {which.release}"):
        result = guest.boot(lab, which, Path(script).read_text(), named, **wanted)
    print("\n".join(result.output))
    return result.status


def make_module(lab, source=None, name="memlab"):
    """module [DIR NAME]: build it and print the path of the .ko."""
    print(module.build(lab, job.chosen(lab), source, name))
    return 0


def execute(lab, *command):
    """exec CMD ...: a command in the toolchain root, on this terminal."""
    return subprocess.call(lab.root().argv(command, cwd="/src"))


def clean(lab):
    """clean: what this checkout has built; the shared entries stay."""
    shutil.rmtree(lab.output())
    (lab.checkout / "rust-project.json").unlink(missing_ok=True)
    return 0


# Whose guests are what they are for: a choice that is not read would look like one that is kept.
OWN_KERNELS = {
    "test": ("SERIES", "KERNEL", *options.NAMES),
    "bench": ("SERIES", "KERNEL", *options.NAMES),
    "matrix": ("SERIES", "KERNEL", *options.NAMES),
    "configs": ("SERIES", "KERNEL", *options.NAMES),
}
VERBS = {
    "run": job.run,
    "shell": job.shell,
    "host": "host.main",
    "install": "command.install",
    "test": "test.main",
    "bench": "bench.main",
    "configs": "configs.main",
    "matrix": "matrix.main",
    "lint": "lint.lint",
    "fmt": "lint.fmt",
    "rust-analyzer": "editor.main",
    "clean": clean,
    "boot": boot,
    "module": make_module,
    "exec": execute,
}


def tell(line):
    """Say it, where there still is somebody to hear it."""
    try:
        print(f"memlab: {line}", file=sys.stderr)
    except OSError:
        pass


def main():
    console.catch_signals()
    verb, *arguments = sys.argv[1:] or [""]
    try:
        if verb not in VERBS:
            raise Failure(f"no verb '{verb}': it is one of {', '.join(VERBS)}")
        for name in OWN_KERNELS.get(verb, ()):
            if os.environ.get(name):
                raise Failure(f"{name}={os.environ[name]}: make {verb} has guests of its own")
        function = VERBS[verb]
        if isinstance(function, str):  # a file that only this verb needs
            file, _, name = function.partition(".")
            function = getattr(import_module(f"lab.{file}"), name)
        status = function(Lab(), *arguments)
    except Failure as error:
        tell(error)
        status = 1
    except Interrupted as error:
        tell(f"interrupted by {error}; run it again to go on")
        status = 128 + error.number
    except OSError as error:
        tell(f"{error.filename or 'system'}: {error.strerror}")
        status = 1
    console.stop_all()
    try:
        sys.stdout.flush()
    except OSError:
        status = status or 1
    os._exit(status)


if __name__ == "__main__":
    main()
