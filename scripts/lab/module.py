# SPDX-License-Identifier: GPL-2.0
"""Builds an out-of-tree module for a Kernel, through Kbuild, in the root."""

import shutil
from pathlib import Path

from . import kernel
from .cache import digest


def output(lab, which, source=None):
    """The directory, in the cache, of what is built for this kernel from source."""
    suffix = f"-{digest(str(source))}" if source else ""
    path = lab.output() / f"{which.name}{suffix}"
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


def build(lab, which, source=None, name="memlab", arguments=(), apart=""):
    """The host path of NAME.ko, built from source (default: the checkout) and stripped.

    apart: a directory below the usual one, for what other arguments make of the same source.

    Kbuild decides what is out of date. As asking it takes a second, it is not
    asked while no source has changed and the .ko is the one it left.
    """
    out = output(lab, which, source) / apart
    out.mkdir(exist_ok=True)
    root = lab.root()
    source = Path(source).resolve() if source else None
    inside, binds = ("/tmp/module", [(source, "/tmp/module")]) if source else ("/src", [])
    make = ["make", "-C", which.build, *which.make, f"M={inside}", f"MO={root.inside(out)}"]
    make += [*arguments, "modules"]
    ko = out / f"{name}.ko"
    stamp = out / f"{name}.inputs"
    with lab.cache.lock(f"{lab.output().name}-{out.name}", f"{name} module"):
        files = inputs(lab, source)
        key = digest(*make, *files, *map(str, files))
        if ko.is_file() and stamp.is_file():
            if stamp.read_text() == f"{key} {ko.stat().st_mtime_ns}":
                return ko
        with lab.console.step(f"{name}.ko for {which.release}") as step:
            stamp.unlink(missing_ok=True)
            step.run(root.argv(make, binds=binds))
            # Debian's kernels give their modules debug information, nine tenths of the file.
            step.run(root.argv(["llvm-strip-19", "--strip-debug", root.inside(ko)]))
        stamp.write_text(f"{key} {ko.stat().st_mtime_ns}")
    return ko


def shipped(lab, which, debian, name):
    """The host path of a module that comes with a stock kernel, like virtio_iommu."""

    def build(path, step):
        packages = kernel.index(lab, arch=debian)
        deb = packages.download([f"linux-modules-{which.release}"], path, step)[0]
        step.run(["dpkg-deb", "-x", deb, path / "tree"])
        deb.unlink()
        for found in (path / "tree").rglob(f"{name.replace('_', '[-_]')}.ko.xz"):
            found.rename(path / f"{name}.ko.xz")
        shutil.rmtree(path / "tree")
        step.run(["xz", "--decompress", path / f"{name}.ko.xz"])

    entry = lab.cache.ensure(f"module-{name}-{which.release}", f"{name} of {debian}", 500, build)
    return entry / f"{name}.ko"


def samples(lab, which):
    """{path in the guest: host path} of the modules of samples/."""
    names = [f"memlab_{path.stem}" for path in sorted((lab.checkout / "samples").glob("*.rs"))]
    built = [build(lab, which, None, name, ("MEMLAB_SAMPLES=1",), "samples") for name in names]
    return {f"/check/{ko.name}": ko for ko in built}
