# SPDX-License-Identifier: GPL-2.0
"""What reading `zones` and `buddy` costs, in instructions, and how that scales with memory."""

import re

from . import guest, kernel, module
from .console import Failure

NODES = 4
SIZES = ("16G", "256G")
NEEDED_MIB = 8 << 10  # the kernel keeps 64 bytes for each page of the largest
MOST_NS = 5_000_000
JOB = """insmod /memlab.ko
for file in zones buddy; do
	echo "$file $(tail -n 1 /sys/kernel/debug/memlab/$file)"
done"""


def available_mib():
    with open("/proc/meminfo") as file:
        return int(re.search(r"MemAvailable: *(\d+) kB", file.read())[1]) >> 10


def measure(lab, which, files, size):
    """{file: ns} of a guest with so much memory on four nodes."""
    part = f"{int(size.removesuffix('G')) // NODES}G"
    with lab.console.step(f"guest with {size} on {NODES} nodes"):
        result = guest.boot(
            lab,
            which,
            JOB,
            files,
            timeout=300,
            icount=True,
            memory=size,
            numa=[("0", part)] + [("", part)] * (NODES - 1),
        )
    found = {
        words[0]: int(words[-2])
        for words in map(str.split, result.output)
        if words and words[0] in ("zones", "buddy")
    }
    if result.status or len(found) != 2:
        raise Failure(f"bench: reports with {size}: {result.output[-1:]} (log: {result.log})")
    return found


def show(lab):
    """Prints the table; the status is 1 where a report takes 5 ms."""
    if available_mib() < NEEDED_MIB:
        print(f"# reports: not measured, that takes {NEEDED_MIB} MiB of free memory")
        return 0
    which = kernel.stock(lab)
    files = {"/memlab.ko": module.build(lab, which)}
    costs = {size: measure(lab, which, files, size) for size in SIZES}
    print(f"# taking and rendering a report on {NODES} nodes, in ns = instructions (icount)")
    print(f"{'memory':<8}{'zones':>10}{'buddy':>10}")
    for size, cost in costs.items():
        print(f"{size:<8}{cost['zones']:>10}{cost['buddy']:>10}")
    return int(any(ns >= MOST_NS for cost in costs.values() for ns in cost.values()))
