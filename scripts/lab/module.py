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


def inputs(lab, source):
    """Every file that a build may read: a whole directory, or the checkout's kernel side."""
    tops = (
        [source]
        if source
        else [lab.checkout / name for name in ("Kbuild", "rust", "include", "samples")]
    )
    files = [path for top in tops for path in ([top] if top.is_file() else top.rglob("*"))]
    return sorted(path for path in files if path.is_file())


def build(lab, kernel, source=None, name="memlab", arguments=(), apart=""):
    """The host path of NAME.ko, built from source (default: the checkout) and stripped.

    apart: a directory below the usual one, for what other arguments make of the same source.

    Kbuild decides what is out of date. As asking it takes a second, it is not
    asked while no source has changed and the .ko is the one it left.
    """
    out = output(lab, kernel, source) / apart
    out.mkdir(exist_ok=True)
    root = lab.root()
    source = Path(source).resolve() if source else None
    inside, binds = ("/tmp/module", [(source, "/tmp/module")]) if source else ("/src", [])
    make = ["make", "-C", kernel.build, *kernel.make, f"M={inside}", f"MO={root.inside(out)}"]
    make += [*arguments, "modules"]
    ko = out / f"{name}.ko"
    stamp = out / f"{name}.inputs"
    with lab.cache.lock(f"{lab.output().name}-{out.name}", f"{name} module"):
        files = inputs(lab, source)
        key = digest(*make, *files, *map(str, files))
        if ko.is_file() and stamp.is_file():
            if stamp.read_text() == f"{key} {ko.stat().st_mtime_ns}":
                return ko
        with lab.console.step(f"{name}.ko for {kernel.release}") as step:
            stamp.unlink(missing_ok=True)
            step.run(root.argv(make, binds=binds))
            # Debian's kernels give their modules debug information, nine tenths of the file.
            step.run(root.argv(["llvm-strip-19", "--strip-debug", root.inside(ko)]))
        stamp.write_text(f"{key} {ko.stat().st_mtime_ns}")
    return ko


def samples(lab, kernel):
    """{path in the guest: host path} of the modules of samples/."""
    names = [f"memlab_{path.stem}" for path in sorted((lab.checkout / "samples").glob("*.rs"))]
    built = [build(lab, kernel, None, name, ("MEMLAB_SAMPLES=1",), "samples") for name in names]
    return {f"/check/{ko.name}": ko for ko in built}
