# SPDX-License-Identifier: GPL-2.0
"""make configs: the module builds for kernels that lack what it would like to have."""

import os
import sys
from dataclasses import asdict, dataclass

from . import kernel, module
from .console import Failure
from .test_report import Report


@dataclass(frozen=True)
class Config:
    """A tree that the module is built for."""

    label: str
    arch: str = "x86_64"
    config: str = "run-x86_64"  # of scripts/configs, or None for defconfig
    off: tuple = ()
    on: tuple = ()
    gcc: bool = False


CONFIGS = [
    Config("defconfig", config=None),
    Config("no CMA", off=("CMA", "DMA_CMA")),
    Config("no IOMMU", off=("IOMMU_SUPPORT",)),
    Config("no NUMA", off=("NUMA",)),
    Config("no PCI", off=("PCI",)),
    Config("no DEBUG_FS", off=("DEBUG_FS",)),
    Config("no KUNIT", off=("KUNIT",)),
    # What traces selects them.
    Config("no TRACEPOINTS", off=("TRACEPOINTS", "FTRACE")),
    # Where kmalloc() has many caches of a size, and takes one more argument.
    Config("KMALLOC_PARTITION_CACHES", on=("KMALLOC_PARTITION_CACHES",)),
    Config("CFI", on=("CFI",)),
    Config("gcc", gcc=True),
    Config("no HIGHMEM", "arm", "run-arm", off=("HIGHMEM",)),
    Config("no CMA on ARM", "arm", "run-arm", off=("CMA", "DMA_CMA")),
    Config("no CMA on arm64", "arm64", "run-arm64", off=("CMA", "DMA_CMA")),
    Config(
        "pages of 64 KiB",
        "arm64",
        "run-arm64",
        off=("ARM64_4K_PAGES",),
        on=("ARM64_64K_PAGES",),
    ),
]


# The series before, where Debian has kernels of it.
EARLIER = {"x86_64": "7.2", "arm64": "7.2"}


def chosen():
    """The configurations of ARCH=, or all."""
    arch = os.environ.get("ARCH")
    known = dict.fromkeys(each.arch for each in CONFIGS)
    if arch and arch not in known:
        raise Failure(f"ARCH={arch}: it is one of {', '.join(known)}")
    return [each for each in CONFIGS if arch in (None, "", each.arch)]


def main(lab):
    report = Report()
    wanted = chosen()
    for each in wanted:
        facts = asdict(each)
        label = facts.pop("label")
        try:
            tree = kernel.configured(lab, label.replace(" ", "-"), **facts)
            module.build(lab, tree)
            report.add(f"builds with {label}")
        except Failure as error:
            report.add(f"builds with {label}", str(error))
    for arch in dict.fromkeys(each.arch for each in wanted if each.arch in EARLIER):
        name = f"builds for {EARLIER[arch]} on {arch}"
        try:
            module.build(lab, kernel.stock(lab, arch, EARLIER[arch]))
            report.add(name)
        except Failure as error:
            report.add(name, str(error))
    lab.console.table()
    return report.finish(sys.stdout)
