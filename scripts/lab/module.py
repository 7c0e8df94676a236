# SPDX-License-Identifier: GPL-2.0
"""Builds an out-of-tree module for a Kernel, through Kbuild, in the root."""

from pathlib import Path

from .cache import digest


def output(lab, kernel, source=None):
    """The directory, in the cache, of what is built for this kernel from source."""
    suffix = f"-{digest(str(source))}" if source else ""
    path = lab.output() / f"{kernel.name}{suffix}"
    path.mkdir(parents=True, exist_ok=True)
    return path


def build(lab, kernel, source=None, name="memlab", arguments=()):
    """The host path of NAME.ko, built from source (default: the checkout).

    Kbuild decides what is out of date; it is asked every time.
    """
    out = output(lab, kernel, source)
    root = lab.root()
    inside, binds = "/src", []
    if source:
        inside, binds = "/tmp/module", [(Path(source).resolve(), "/tmp/module")]
    with (
        lab.cache.lock(f"{lab.output().name}-{out.name}", f"{name} module"),
        lab.console.step(f"{name}.ko for {kernel.release}") as step,
    ):
        step.run(
            root.argv(
                [
                    "make",
                    "-C",
                    kernel.build,
                    *kernel.make,
                    f"M={inside}",
                    f"MO={root.inside(out)}",
                    *arguments,
                    "modules",
                ],
                binds=binds,
            )
        )
    return out / f"{name}.ko"
