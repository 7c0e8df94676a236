# SPDX-License-Identifier: GPL-2.0
"""Builds an out-of-tree module for a Kernel, through Kbuild, in the root."""

from pathlib import Path

from .cache import digest


def build(lab, kernel, source=None, name="memlab", arguments=()):
    """The host path of NAME.ko, built from source (default: the checkout).

    The output is a directory per kernel and source in the cache; Kbuild
    decides what is out of date.
    """
    source = Path(source or lab.checkout)
    out = lab.output() / f"{kernel.name}-{digest(str(source))}" if source != lab.checkout \
        else lab.output() / kernel.name
    out.mkdir(parents=True, exist_ok=True)
    root = lab.root()
    inside = "/src" if source == lab.checkout else "/tmp/module"
    binds = [] if source == lab.checkout else [(source, inside)]
    with lab.cache.lock(f"{lab.output().name}-{out.name}", f"{name} module"), \
            lab.console.step(f"{name}.ko for {kernel.release}") as step:
        step.run(root.argv(
            ["make", "-C", kernel.build, *kernel.make, f"M={inside}",
             f"MO={root.inside(out)}", *arguments, "modules"],
            binds=binds,
        ))
    return out / f"{name}.ko"
