# SPDX-License-Identifier: GPL-2.0
"""`make bench`: memlab beside the kernel's own dma_map_benchmark.

Both measure the same device in the same boot with the same parameters, line by
line in turn. SAVE=FILE keeps the figures, AGAINST=FILE tells what has moved.
"""

import json
import os
import re
from collections import Counter
from pathlib import Path

from . import bench_reports, bench_size, bench_step, bench_table, command, guest, kernel, module
from .arch import ARCHES, host
from .console import Failure

DEVICE = "0000:00:05.0"
KINDS = {"single": 0, "sg": 1}  # as dma_map_benchmark numbers them
DIRECTIONS = {"bidirectional": 0, "to-device": 1, "from-device": 2}
PAGES = (1, 16, 256)
PAGE = 4096
PIECES = 6000  # pages, of which every second one is free for the lists and for processes
# Milliseconds for memlab's part of a line, by whether it is icount; the other tool takes 1,000.
TIME = {True: 200, False: 1000}
# What QEMU is given for each backend, by architecture.
EDU = "edu,addr=5,dma_mask=0xffffffff"
BACKENDS = {
    "x86_64": {
        "direct": {"devices": [EDU]},
        "vt-d": {"devices": ["intel-iommu", EDU]},
    },
    "arm64": {
        "direct": {"devices": [EDU]},
        "smmuv3": {"devices": [EDU], "machine": "iommu=smmuv3"},
    },
}
APPEND = "intel_iommu=on nokaslr"
FUNCTIONS = f"""
device=/sys/bus/pci/devices/{DEVICE}
lend() {{
    [ ! -e $device/driver ] || echo {DEVICE} > $device/driver/unbind
    echo $1 > $device/driver_override
    echo {DEVICE} > /sys/bus/pci/drivers_probe
    [ "$(basename $(readlink $device/driver))" = $1 ] || {{ echo "$1 did not bind"; exit 1; }}
}}
kernel() {{ /dma_map_benchmark -s 1 "$@" || exit 1; }}
memlab() {{ echo "$* device={DEVICE}" > $run || {{ cat $run; exit 1; }}; cat $run; }}
run=/sys/kernel/debug/memlab/run
insmod /memlab.ko edu_mask=32 || exit 1
# Pages in a row are mapped at once, and who gets how many is luck. So thousands of pages are taken
# one by one and every second one is given back: no two pages of a scattered list touch.
mkdir /pieces
number=0
while [ $number -lt {PIECES} ]; do
    echo > /pieces/$number
    number=$((number + 1))
done
rm /pieces/*[13579] || exit 1
# The kernel starts on a clock that is dearer to read, and takes the one it keeps a second later.
source=/sys/devices/system/clocksource/clocksource0/current_clocksource
until grep -qxE "tsc|arch_sys_counter" $source; do sleep 0.1; done
"""
ENDED = re.compile(r"ending +(complete|time)$", re.M)


class Line:
    """One row of the table: what both tools are asked for."""

    def __init__(self, kind, pages, direction, threads):
        self.kind, self.pages, self.direction, self.threads = kind, pages, direction, threads
        self.key = f"{kind} {pages} {direction} {threads}"

    def ask(self, time):
        """The shell lines that run both."""
        return (
            f"echo '@kernel {self.key}'; lend dma_map_benchmark\n"
            f"kernel -m {KINDS[self.kind]} -g {self.pages} -d {DIRECTIONS[self.direction]}"
            f" -t {self.threads}\n"
            f"echo '@memlab {self.key}'; lend memlab\n"
            f"memlab dma-{self.kind} size={self.pages * PAGE} direction={self.direction}"
            f" threads={self.threads} mode=op iterations=10000000"
            f" time={time}\n"
        )


def lines(threads):
    return [
        Line(kind, pages, direction, number)
        for number in threads
        for kind in KINDS
        for pages in PAGES
        for direction in DIRECTIONS
    ]


def tool(lab, which):
    """dma_map_benchmark, built from the source of the kernel."""

    def build(path, step):
        root = lab.root()
        compiler = "gcc-14"
        if which.arch != host().name:
            compiler = " ".join(["clang-19", *command.cross(lab, which.arch)])
        step.run(
            root.argv(
                [
                    "make",
                    "-C",
                    f"{which.source}/tools/dma",
                    f"CC={compiler}",
                    "CFLAGS=-static",
                    f"OUTPUT={root.inside(path)}/",
                ]
            )
        )

    entry = lab.cache.ensure(f"dma-map-benchmark-{which.name}", "dma_map_benchmark", 10, build)
    return entry / "dma_map_benchmark"


def figures(text):
    """What one run of either tool said."""
    theirs = re.findall(r"average (?:un)?map latency\(us\):([\d.]+)", text)
    if len(theirs) == 2:
        return {"map": round(float(theirs[0]) * 1000), "unmap": round(float(theirs[1]) * 1000)}
    rows = (line.split() for line in text.splitlines())
    means = {
        (row[0], row[1]): row[8:10]
        for row in rows
        if len(row) == 10 and row[0] in ("map", "unmap") and row[1] in ("raw", "net")
    }
    if len(means) != 4 or not ENDED.search(text) or not re.search(r"^failures +0$", text, re.M):
        raise Failure(f"bench: no figures in: {' | '.join(text.splitlines())[:300]}")
    found = {phase: int(means[phase, "raw"][0]) for phase in ("map", "unmap")}
    found["net"] = {phase: means[phase, "net"][0] for phase in ("map", "unmap")}
    found["samples"] = int(means["map", "raw"][1])
    found["elapsed"] = int(re.search(r"^elapsed_ns +(\d+)$", text, re.M).group(1))
    return found


def read(output):
    """{key: {"kernel": figures, "memlab": figures}} from what a guest printed."""
    found = {}
    for part in "\n".join(output).split("\n@")[1:]:
        head, _, text = part.partition("\n")
        who, _, key = head.partition(" ")
        found.setdefault(key, {})[who] = figures(text)
    return found


def measure(lab, which, files, backend, icount, rows):
    """One boot: every row, first the one tool, then the other."""
    name = f"{backend}{'-icount' if icount else ''}"
    script = FUNCTIONS + "".join(row.ask(TIME[icount]) for row in rows)
    with lab.console.step(f"guest {name}, {len(rows)} lines"):
        result = guest.boot(
            lab,
            which,
            f"echo\n{script}",
            files,
            timeout=900,
            append=APPEND,
            cpu=ARCHES[which.arch].steady,
            icount=icount,
            smp=2,
            **BACKENDS[which.arch][backend],
            log=lab.console.logs / f"bench-{name}.log",
        )
    if result.status:
        raise Failure(f"bench: {name}: {' | '.join(result.output[-2:])} (log: {result.log})")
    found = read(result.output)
    if [row.key for row in rows] != [key for key, both in found.items() if len(both) == 2]:
        raise Failure(f"bench: {name}: lines are missing (log: {result.log})")
    return found


def harness(lab, which, files):
    """{kind: {tool: {harness, map, unmap}}} in instructions of one turn."""
    runs = []
    script = FUNCTIONS
    for kind in KINDS:
        # From the device: nobody fills the buffer. No warm-up: its loop also looks at the clock.
        line = Line(kind, 1, "from-device", 1)
        script += (
            line.ask(TIME[True])
            .replace("\nkernel ", "\nsync\nkernel ")
            .replace("\nmemlab ", "\nsync\nmemlab ")
            .replace(" mode=op", " warmup=0 mode=op")
        )
        runs += [("kernel", kind), ("memlab", kind)]
    with lab.console.step("instructions of the loops"):
        turns = bench_step.count(
            lab,
            which,
            script,
            files,
            runs,
            lab.console.logs / "bench-count.log",
            append=APPEND,
            cpu=ARCHES[which.arch].steady,
            **BACKENDS[which.arch]["direct"],
        )
    found = {}
    for (who, kind), counted in turns.items():
        # Between two stretches, a millisecond apart, memlab looks whether to go on, and at times
        # a sample is an extreme. Where time goes on while the guest stands, both come early.
        [(usual, times), *others] = Counter(counted).most_common()
        if others:
            rest = ", ".join(f"{turn[0]} in {number}" for turn, number in others)
            lab.console.say(f"{who} {kind}: {usual[0]} in {times} of {len(counted)} turns, {rest}")
        found.setdefault(kind, {})[who] = dict(zip(("harness", "map", "unmap"), usual))
    return found


def earlier(name):
    """The figures that an earlier run has kept."""
    try:
        found = json.loads(Path(name).read_text())
        bench_table.figures(found)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Failure(f"AGAINST={name}: is not what SAVE= has written") from None
    return found


def main(lab):
    against, save = os.environ.get("AGAINST"), os.environ.get("SAVE")
    before = earlier(against) if against else None
    if save and not os.access(Path(save).absolute().parent, os.W_OK):
        raise Failure(f"SAVE={save}: cannot be written there")
    arch = os.environ.get("ARCH") or host().name
    if arch not in BACKENDS:
        raise Failure(f"ARCH={arch}: it is one of {', '.join(BACKENDS)}")
    direct, translated = BACKENDS[arch]
    which = kernel.built(lab, f"bench-{arch}", arch)
    files = {"/memlab.ko": module.build(lab, which), "/dma_map_benchmark": tool(lab, which)}
    size = bench_size.of(lab, files["/memlab.ko"])
    found = {"kernel": which.release, "size": size, "lines": {}}
    with lab.meanwhile(measure, lab, which, files, translated, True, lines((1,))) as other:
        exact = measure(lab, which, files, direct, True, lines((1,)))
        found["lines"][f"{direct} icount"] = exact
        found["harness"] = harness(lab, which, files)
        found["lines"][f"{translated} icount"] = other()
    for backend in BACKENDS[arch]:  # by the wall clock: one at a time
        found["lines"][backend] = measure(lab, which, files, backend, False, lines((1, 2)))
    status = bench_table.show(found)
    bench_size.show(size)
    if save:
        Path(save).write_text(json.dumps(found, indent=1) + "\n")
    if arch == "x86_64":
        status |= bench_reports.show(lab)
    lab.console.table()
    if before:
        bench_table.compare(before, found)
    return status
