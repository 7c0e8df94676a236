# SPDX-License-Identifier: GPL-2.0
"""End-to-end checks: shell functions of scripts/test/ that run in a guest, many per boot."""

import re
from itertools import zip_longest
from pathlib import Path

from . import claims, command, guest, module, outside, test_log
from . import kernel as kernels
from .arch import ARCHES
from .cache import digest
from .console import Failure

LINE = re.compile(r"memlab-test: (?P<word>check|done|ok|not ok) (?P<text>.*)")


# What is asked of the buffers that a program holds.
BUFFERS = {"buffer_transfer", "buffer_bounced", "buffer_race", "buffer_import"}
# Dma-bufs that go from driver to driver.
IMPORTERS = {"buffer_heap", "buffer_vgem", "buffer_vivid"}
# Programs in C, and the checks that stand on them.
PROGRAMS = {
    "scripts/test/ioctl.c": {"ioctl"},
    "scripts/test/session.c": {"session", "nothing", "lockdown", "watched"},
    "scripts/test/walk.c": {"walk", "walk_race", "lockdown"},
    "scripts/test/walk_places.c": {"walk_swap", "walk_behind", "walk_levels"},
    "scripts/test/buffer.c": {"buffer"},
    "scripts/test/buffer_calls.c": {"buffer", *BUFFERS},
    "scripts/test/attr.c": {"attr"},
    "scripts/test/importers.c": IMPORTERS,
    "scripts/test/buffer_kill.c": {"buffer_unbind", "buffer_killed", "buffer_charged"},
    "scripts/test/faults.c": {"faults"},
    "scripts/test/engine.c": {"engine", "edu_ends"},
    "scripts/test/greedy.c": {"greedy"},
    "scripts/test/powerless.c": {"powerless"},
    "scripts/test/cma.c": {"cma_moves", "cma_busy"},
    **{f"samples/{name}.c": {"abi_sample"} for name in ("run", "look", "compare", "watch")},
}
# Whose programs run as 32-bit ones too, where the kernel is a 64-bit one that takes them: Debian's
# do, and those built here have no such part.
NARROW = {"ioctl", "session", "buffer", "abi_sample"}
# Where the command is asked.
LENDING = {"outstanding_card", "lend_disk", "lend_killed", "lend_card", "lend_shared", "doctor"}
CLAIMS = {"outside", "lectures", "claims", "claims_killed", "claims_settings", "claims_powerless"}
LECTURES = ("const", "meltdown", "mallopt", "oom", "leak", "cold", "mmap", "swap", "limit")
COMMAND = {
    "command",
    "cma_lost",
    *CLAIMS,
    "view",
    "bad_input",
    "without_debugfs",
    "locked_command",
    "outstanding",
    "laboratory",
    "leak_often",
    "outstanding_virtual",
    "overhead",
    "sweep_orders",
    "sweep_threads",
    "cache_in_cma",
    "hold",
    "trace_above",
    "around",
    "watch",
    "leak",
    *LENDING,
}
# The kernel's own modules, and the checks that load them.
DRIVERS = {
    ("nvme", "e1000e", "virtio_net", "ext4"): LENDING,
    claims.DRIVERS: CLAIMS,
    outside.DRIVERS: {"outside"},
    ("virtio_net",): {"outstanding_virtual"},
    ("zram",): {"walk_swap"},
    ("vgem", "vivid"): IMPORTERS - {"buffer_heap"},
}
# Modules that the kernel's own source has for its tests, by their folder there.
BESIDE = {
    "bench_page_pool": ("tools/testing/selftests/net/bench/page_pool", {"pool_beside"}),
}
# Modules of our own beside memlab, and the checks that load them.
MODULES = {
    "misuse": {"misuse", "bounced", "outstanding", "outstanding_virtual", "leak", "leak_often"},
    "planted": {"kasan"},
    "importer": {"buffer_import"},
}


def job(scripts, checks, settings):
    """The script of the guest; the kernel's whole log at its end is for the scan."""
    names = sorted(path.name for path in scripts)
    return "\n".join(
        [f"{name}='{value}'" for name, value in settings.items()]
        + [". /check/lib.sh"]
        + [f". /check/{name}" for name in names if name != "lib.sh"]
        + ["load || exit 1", f"run {' '.join(checks)}", "dmesg", "exit 0"]
    )


def headers(lab, kernel):
    """The cache entry with a kernel's headers for programs."""
    root = lab.root()
    arch = ARCHES[kernel.arch]

    def build(path, step):
        step.run(
            root.argv(
                [
                    "make",
                    "-C",
                    kernel.source,
                    f"O={root.inside(path)}",
                    f"ARCH={arch.headers}",
                    "headers",
                ]
            )
        )

    key = f"headers-{kernel.arch}-{digest(kernel.source, lab.root_key())}"
    return lab.cache.ensure(key, f"kernel headers for {kernel.arch}", 200, build)


def program(lab, kernel, path, narrow=False):
    """The binary of a program of PROGRAMS, built on nolibc for the guest of a kernel.

    narrow: a 32-bit one for its 64-bit kernel.
    """
    root = lab.root()
    arch = ARCHES[kernel.arch]
    entry = headers(lab, kernel)
    width = "-32" if narrow else ""
    nolibc = f"{kernel.source}/tools/include/nolibc"
    binary = lab.output() / f"{Path(path).stem}-{kernel.arch}{width}"
    with (
        lab.cache.lock(f"{lab.output().name}-{binary.name}", "test program"),
        lab.console.step(f"{Path(path).name} for {kernel.arch}") as step,
    ):
        step.run(
            root.argv(
                [
                    "sh",
                    "-c",
                    'exec clang-19 -isystem "$(clang-19 -print-resource-dir)/include" "$@"',
                    "sh",
                    *(arch.narrow if narrow else arch.clang),
                    "-Os",
                    "-Wall",
                    "-Werror",
                    "-fno-stack-protector",
                    "-static",
                    "-nostdlib",
                    "-nostdinc",
                    "-fuse-ld=lld",
                    f"-I{nolibc}",
                    "-include",
                    f"{nolibc}/nolibc.h",
                    f"-I{root.inside(entry)}/usr/include",
                    "-idirafter",
                    "/src/include/uapi",
                    "-o",
                    root.inside(binary),
                    f"/src/{path}",
                ]
            )
        )
    return binary


def lectures(lab):
    """{path in a guest: the binary} of samples/lectures, on the C library that they are about."""
    root = lab.root()
    folder = lab.output() / "lectures"
    folder.mkdir(exist_ok=True)
    flags = ["-static", "-O1", "-g", "-Wall", "-Wextra", "-Werror"]
    with lab.console.step("the lectures' programs") as step:
        for name in LECTURES:
            out = root.inside(folder / name)
            step.run(root.argv(["gcc-14", *flags, "-o", out, f"/src/samples/lectures/{name}.c"]))
    return {f"/check/lecture-{name}": folder / name for name in LECTURES}


def read(console, checks):
    """[(name, why)] from a guest's console, and what is missing from it."""
    results = []
    current, asserted, finished = None, 0, set()
    for line in console:
        found = LINE.search(line)
        if not found:
            continue
        word, text = found["word"], found["text"]
        if word == "check":
            current, asserted = text, 0
        elif word == "done":
            finished.add(text)
            if not asserted:
                results.append((text, "it asserted nothing"))
        else:
            asserted += 1
            name, _, why = text.partition(": ") if word == "not ok" else (text, "", "")
            results.append((f"{current}: {name}", "" if word == "ok" else why or "no reason given"))
    results += [(check, "it did not reach its end") for check in checks if check not in finished]
    return results


def run(lab, report, label, kernel, ko, checks, timeout=600, **options):
    """Boot once and report every assertion of every check, and the kernel's log."""
    scripts = sorted((Path(lab.checkout) / "scripts/test").glob("*.sh"))
    files = {f"/check/{path.name}": path for path in scripts} | {"/memlab.ko": ko}
    for path, users in PROGRAMS.items():
        if users.intersection(checks):
            files[f"/check/{Path(path).stem}"] = program(lab, kernel, path)
            stock = kernel.name.startswith("stock")
            if stock and NARROW.intersection(users, checks) and ARCHES[kernel.arch].narrow:
                narrow = program(lab, kernel, path, narrow=True)
                files[f"/check/{Path(path).stem}32"] = narrow
    for name, users in MODULES.items():
        if users.intersection(checks):
            source = scripts[0].parent / name
            files[f"/check/{name}.ko"] = module.build(lab, kernel, source, name)
    for name, (folder, users) in BESIDE.items():
        if users.intersection(checks):
            source = lab.cache.path / kernel.source.removeprefix("/cache/") / folder
            files[f"/check/{name}.ko"] = module.build(lab, kernel, source, name)
    if "laboratory" in checks:
        files["/check/laboratory.yaml"] = lab.checkout / "Documentation/laboratory.yaml"
    for names, users in DRIVERS.items():
        if users.intersection(checks):
            files |= kernels.modules(lab, kernel, names)
    if COMMAND.intersection(checks):
        files |= command.carried(command.build(lab, kernel.arch))
    if "outside" in checks:
        files |= outside.programs(lab, kernel, headers(lab, kernel))
        options["share"] = outside.tree(lab)
    if "lectures" in checks:
        files |= lectures(lab)
    if "samples" in checks:
        files |= module.samples(lab, kernel)
    log = lab.output() / f"{label.replace(' ', '-')}.log"
    values = {
        "RELEASE": kernel.release,
        "ORIGIN": kernel.name.split("-")[0],
        "ACCEL": guest.accelerator(lab, kernel),
        "ARCH": kernel.arch,
        "EDU_BITS": ARCHES[kernel.arch].edu_mask,
    }
    with lab.console.step(f"checks in {label}"):
        try:
            result = guest.boot(
                lab,
                kernel,
                job(scripts, checks, values),
                files,
                timeout=timeout,
                log=log,
                **options,
            )
            console = result.console
            if result.status:
                report.add(f"{label} boot", f"its script ended with {result.status} (log: {log})")
        except Failure as error:
            report.add(f"{label} boot", str(error))
            console = log.read_text(errors="replace").splitlines() if log.is_file() else []
    for name, why in read(console, checks):
        report.add(f"{label} {name}", f"{why} (log: {log})" if why else "")
    complaints = test_log.complaints("\n".join(console))
    report.add(f"{label} kernel log", f"{complaints[0]} (log: {log})" if complaints else "")


PANIC = """
insmod /memlab.ko || exit 1
mount -t cgroup2 cgroup /sys/fs/cgroup
echo +memory >/sys/fs/cgroup/cgroup.subtree_control
echo @MODE@ >/proc/sys/vm/panic_on_oom
memlab claims oom.log
"""


def panics(lab, report, label, kernel, ko, said, **options):
    """A group runs out of memory: with panic_on_oom 2 the machine panics, with 0 it kills."""
    files = {"/memlab.ko": ko, **command.carried(command.build(lab, kernel.arch))}
    for mode, panics in ((0, False), (2, True)):
        log = lab.output() / f"{label.replace(' ', '-')}-{mode}.log"
        try:
            guest.boot(lab, kernel, PANIC.replace("@MODE@", str(mode)), files, log=log, **options)
            ended = True
        except Failure:
            ended = False
        text = log.read_text(errors="replace")
        killed = "Killed process" in text
        name = f"{label}: panic_on_oom {mode}"
        report.add(
            f"{name}: it {'is gone' if panics else 'goes on'}",
            "" if ended != panics else f"({log})",
        )
        report.add(
            f"{name}: what it says", "" if (said in text) == panics else f"no '{said}' ({log})"
        )
        report.add(f"{name}: who is killed", "" if killed != panics else f"({log})")


ASK = """
insmod /memlab.ko || exit 1
for request in @REQUESTS@; do
    echo "$request" >/sys/kernel/debug/memlab/run || exit 1
    cat /sys/kernel/debug/memlab/run
done
"""


def twice(lab, report, label, kernel, ko, requests, **options):
    """Boot twice under -icount: each request comes to the same, to the last digit."""
    words = " ".join(f"'{request} mode=op iterations=200'" for request in requests)
    script = ASK.replace("@REQUESTS@", words)
    said = []
    for number in (1, 2):
        log = lab.output() / f"{label.replace(' ', '-')}-{number}.log"
        with lab.console.step(f"{label}, boot {number}"):
            result = guest.boot(lab, kernel, script, {"/memlab.ko": ko}, log=log, **options)
        if result.status:
            report.add(f"{label} boot {number}", f"its script ended early (log: {log})")
            return
        said.append(result.output)
    asked = sum(line.startswith("experiment ") for line in said[0])
    report.add(f"{label}: all is asked", "" if asked == len(requests) else f"{asked} runs ({log})")
    pairs = zip_longest(*said, fillvalue="")
    differ = [f"'{one}' and '{two}'" for one, two in pairs if one != two]
    why = f"{len(differ)} lines, first {differ[0]} (log: {log})" if differ else ""
    report.add(f"{label}: two boots say the same", why)
