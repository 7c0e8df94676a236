# SPDX-License-Identifier: GPL-2.0
"""make test: host tests, KUnit and end-to-end checks, on x86_64 and on ARM with high memory."""

import os
import re
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor

from . import guest, kernel, module, test_guest, test_kunit, test_suites
from .console import Failure
from .test_report import Report

SNAPSHOTS = [
    "buddy",
    "zones",
    "free_lists",
    "watermarks",
    "fragmentation",
    "cma",
    "layout",
    "meminfo",
    "events",
]
CHECKS = [
    "uname",
    "files",
    *SNAPSHOTS,
    "refusals",
    "two_writers",
    "compare",
    "dma",
    "dma_refusals",
    "ioctl",
    "abi_sample",
    "limits",
    "allocators",
    "cma_causes",
    "rmmod_while_open",
    "reload",
]
# In the testing kernels; on ARM there is high memory to map.
OWN = {"x86_64": ["faults", "leaks"], "arm": ["fixmap", "leaks"]}
# Of what is free, most is taken for them.
HELD = ["fragment", "pressure"]
# What takes minutes where everything is checked: in kernels that do not.
SLOW = {*SNAPSHOTS, "rmmod_while_open", "allocators", "cma_causes"}
TWO_NODES = {"smp": "4,sockets=2", "memory": "2G", "numa": [("0-1", "1G"), ("2-3", "1G")]}
# One instruction takes one nanosecond; ARM's timer steps 16 ns if it is not told otherwise.
EXACT = {"icount": True, "timeout": 300}
# Its ports are joined, so that each hears the other.
PORTS = {
    "chardevs": [
        "socket,id=one,path=/tmp/ports,server=on,wait=off",
        "socket,id=two,path=/tmp/ports",
    ],
    "devices": [
        guest.EDU["x86_64"],
        "virtio-serial-pci",
        "virtserialport,chardev=one,name=one",
        "virtserialport,chardev=two,name=two",
    ],
}
WIDE_EDU = ["edu,dma_mask=0xffffffff"]
EXACT_ARM = {**EXACT, "cpu": "cortex-a15,cntfrq=1000000000"}


def host(lab, report):
    """The pure rooms under cargo; each test counts."""
    target = "/cache/" + str((lab.output() / "cargo").relative_to(lab.cache.path))
    with lab.console.step("host tests") as step:
        why = ""
        try:
            step.run(
                lab.root().argv(
                    [
                        "timeout",
                        "900",
                        "cargo",
                        "test",
                        "--locked",
                        "--no-fail-fast",
                        "--manifest-path",
                        "/src/tools/memlab/Cargo.toml",
                    ],
                    cwd="/src",
                    env={"CARGO_TARGET_DIR": target},
                )
            )
        except Failure as error:
            why = str(error)
        text = step.log.read_text(errors="replace")
    tests = re.findall(r"^test (.+?) \.\.\. (ok|FAILED|ignored)", text, re.M)
    for name, result in tests:
        said = re.search(rf"^---- {re.escape(name)} stdout ----\n+(.*\n.*)", text, re.M)
        reason = " ".join(said[1].split()) if said else result
        report.add(f"host {name}", "" if result == "ok" else f"{reason} (log: {step.log})")
    if why and all(result == "ok" for _, result in tests):
        report.add("host tests", why)
    elif not tests:
        report.add("host tests", f"cargo ran none (log: {step.log})")


def suites(lab, report):
    """The checked-in list of KUnit cases, after comparing it with the source."""
    try:
        expected = test_suites.listed(lab.checkout)
        wrong = test_suites.source_against_list(test_suites.in_source(lab.checkout), expected)
    except (OSError, ValueError) as error:
        report.add("list of KUnit suites", str(error))
        return {}
    for sentence in wrong:
        report.add("list of KUnit suites", sentence)
    if not wrong:
        report.add("list of KUnit suites")
    return expected


def frames(lab, report, which, ko):
    """No stack frame of the module is larger than CONFIG_FRAME_WARN allows by default."""
    most = 1024 if which.arch == "arm" else 2048
    # checkstack.pl knows each one's spelling of this architecture.
    objdump = "llvm-objdump-19" if which.arch == "arm" else "objdump"
    with lab.console.step(f"stack frames for {which.name}") as step:
        step.run(
            lab.root().argv(
                [
                    "sh",
                    "-c",
                    '"$4" -d "$1" | perl "$2/scripts/checkstack.pl" "$3" 0 | llvm-cxxfilt-19',
                    "sh",
                    lab.root().inside(ko),
                    which.source,
                    which.arch,
                    objdump,
                ]
            )
        )
        sizes = re.findall(r"^0x\w+ (.+) \[\w+\]:\s*(\d+)$", step.log.read_text(), re.M)
    # A KUnit case runs in a thread of its own.
    wide = [
        f"{name} {size}"
        for name, size in sizes
        if int(size) > most and "kunit_rust_wrapper" not in name
    ]
    why = f"more than {most} bytes: {', '.join(wide)}" if wide else ""
    report.add(f"stack frames on {which.arch}", why if sizes else f"none found (log: {step.log})")


def attempt(report, name, function, *arguments, **options):
    """A part that cannot be run is a failure of its own and does not hide the others."""
    try:
        return function(*arguments, **options)
    except Failure as error:
        report.add(name, str(error))
    except Exception as error:  # in a thread nobody else would see it
        report.add(name, "".join(traceback.format_exception_only(error)).strip())
        traceback.print_exc()
    return None


def main(lab):
    report = Report()
    chosen = os.environ.get("ARCH")
    if chosen and chosen not in OWN:
        raise Failure(f"ARCH={chosen}: tests run on {' and '.join(OWN)}")
    arches = [chosen] if chosen else list(OWN)
    expected = suites(lab, report)
    attempt(report, "host tests", host, lab, report)
    stock = rt = plain = None
    if "x86_64" in arches:
        stock = attempt(report, "stock kernel", kernel.stock, lab)
        rt = attempt(report, "stock PREEMPT_RT kernel", kernel.stock, lab, rt=True)
    ours = {
        arch: attempt(report, f"testing kernel for {arch}", kernel.built, lab, f"test-{arch}", arch)
        for arch in arches
    }
    if "arm" in arches:
        plain = attempt(report, "kernel for ARM", kernel.built, lab, "run-arm", "arm")

    modules = {}

    def with_module(which):
        ko = which and attempt(report, f"module for {which.name}", module.build, lab, which)
        if not ko:
            return None
        modules[which] = ko
        if which not in (stock, rt, plain):
            attempt(report, f"stack frames on {which.arch}", frames, lab, report, which, ko)
        return which

    # The compiler is for one processor and guests wait now and then, so they run side by side.
    pool = ThreadPoolExecutor(4)
    stock, rt, plain, *tested = pool.map(with_module, [stock, rt, plain, *ours.values()])
    ours = dict(zip(ours, tested, strict=True))
    running = []

    def start(name, function, which, *arguments, **options):
        if which:
            what = (lab, report, name, which, modules[which], *arguments)
            running.append(pool.submit(attempt, report, name, function, *what, **options))

    # The longest ones first: none of them is left to run alone.
    for arch, which in ours.items():
        start(
            f"testing {arch}",
            test_guest.run,
            which,
            [*(name for name in CHECKS if name not in SLOW), *OWN[arch]],
            smp=2,
            append="kunit.enable=0",
        )
    for arch, which in ours.items():
        start(f"kunit {arch}", test_kunit.run, which, expected)
    start("misuse", test_guest.run, ours.get("x86_64"), ["misuse"], append="kunit.enable=0")
    start("stock", test_guest.run, stock, [*CHECKS, "charged", "virtio"], smp=2, cma="32M", **PORTS)
    start(
        "bounced",
        test_guest.run,
        stock,
        ["dma_bounced", "bounced", "advice"],
        append="swiotlb=force pci=nomsi backend=bounced",
        devices=WIDE_EDU,
        **EXACT,
    )
    # An area of more than half of the memory, so that processes get its pages.
    start("lent", test_guest.run, stock, ["cma_moves", "cma_busy"], memory="512M", cma="256M")
    start("scenarios", test_guest.run, stock, HELD, memory="512M", cma="16M")
    start(
        "high memory",
        test_guest.run,
        plain,
        [*SNAPSHOTS, *HELD, "allocators", "cma_causes"],
        smp=2,
        cma="16M",
    )
    start("two nodes", test_guest.run, stock, [*SNAPSHOTS, "threads"], **TWO_NODES)
    start(
        "exact",
        test_guest.run,
        stock,
        ["delays", "disturbed", "engine", "edu", "edu_ends", "edu_fails", "samples", "advice"],
        append="exact=1 backend=direct",
        **EXACT,
    )
    start(
        "strict",
        test_guest.run,
        stock,
        ["iova", "advice"],
        append="intel_iommu=on iommu.strict=1 backend=strict",
        devices=["intel-iommu", *WIDE_EDU],
        **EXACT,
    )
    start("exact rt", test_guest.run, rt, ["uname", "engine"], append="exact=1", **EXACT)
    start(
        "exact arm",
        test_guest.run,
        plain,
        ["delays", "engine", "dma_place", "edu", "edu_ends"],
        append="exact=1",
        cma="64M@0x50000000",  # in low memory
        **EXACT_ARM,
    )
    try:
        for each in running:
            each.result()
    finally:
        # After an interrupt nobody waits for the guests: the caller kills them.
        pool.shutdown(wait=False, cancel_futures=True)
    lab.console.table()
    return report.finish(sys.stdout)
