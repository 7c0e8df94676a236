# SPDX-License-Identifier: GPL-2.0
"""make configs: the module builds for kernels that lack what it would like to have."""

import sys

from . import kernel, module
from .console import Failure
from .test_report import Report

# label: (architecture, configuration of scripts/configs or None for defconfig, options to take out)
CONFIGS = {
    "defconfig": ("x86_64", None, ()),
    "no CMA": ("x86_64", "run-x86_64", ("CMA", "DMA_CMA")),
    "no IOMMU": ("x86_64", "run-x86_64", ("IOMMU_SUPPORT",)),
    "no NUMA": ("x86_64", "run-x86_64", ("NUMA",)),
    "no DEBUG_FS": ("x86_64", "run-x86_64", ("DEBUG_FS",)),
    "no KUNIT": ("x86_64", "run-x86_64", ("KUNIT",)),
    # What traces selects them.
    "no TRACEPOINTS": ("x86_64", "run-x86_64", ("TRACEPOINTS", "FTRACE")),
    "no HIGHMEM": ("arm", "run-arm", ("HIGHMEM",)),
    "no CMA on ARM": ("arm", "run-arm", ("CMA", "DMA_CMA")),
}


def main(lab):
    report = Report()
    for label, (arch, config, off) in CONFIGS.items():
        try:
            tree = kernel.configured(lab, label.replace(" ", "-"), arch, config, off)
            module.build(lab, tree)
            report.add(f"builds with {label}")
        except Failure as error:
            report.add(f"builds with {label}", str(error))
    for series in ("7.2",):
        try:
            module.build(lab, kernel.stock(lab, series=series))
            report.add(f"builds for {series}")
        except Failure as error:
            report.add(f"builds for {series}", str(error))
    lab.console.table()
    return report.finish(sys.stdout)
