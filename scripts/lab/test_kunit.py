# SPDX-License-Identifier: GPL-2.0
"""The module's KUnit suites in a kernel of ours, through the kernel's own kunit.py.

kunit.py reads only the first KTAP header, and one that comes at boot would hide the
module's; so the console stays silent (loglevel=1) until right before insmod.
"""

import subprocess
from pathlib import Path

from . import guest, test_log, test_suites
from .arch import ARCHES
from .console import reap, spawn

TIMEOUT = 300
JOB = """
# What the kernel said while the console was silent, without a header for kunit.py to see.
dmesg | grep -v KTAP | sed 's/^/boot: /'
dmesg -n 8
insmod /memlab.ko kunit=1 && rmmod memlab
"""
# kunit.py asks for KVM first; where a guest hangs with it, this stands before QEMU.
WITHOUT_KVM = """#!/usr/bin/env python3
import os, sys
argv = sys.argv[1:]
while "kvm" in argv:
    at = argv.index("kvm")
    del argv[at - 1 : at + 1]
program = "/usr/bin/" + os.path.basename(sys.argv[0])
os.execv(program, [program, *argv])
"""


def qemu_config(lab, kernel, archive, append):
    """The text of kunit.py's --qemu_config, and what must be bound into the root for it."""
    argv, binds = guest.command(lab, kernel, archive, smp=2, cma="16M", loglevel=1, append=append)
    program = Path(argv[0]).name.removeprefix("qemu-system-")
    # kunit.py adds these itself.
    ours = {"-kernel": None, "-append": None, "-accel": None, "-display": None}
    extra = []
    words = iter(argv[1:])
    for word in words:
        if word in ours:
            ours[word] = next(words)
        elif word not in ("-nodefaults", "-no-reboot"):
            extra.append(word)
    text = (
        "from ..qemu_config import QemuArchParams\n"
        f"QEMU_ARCH = QemuArchParams(linux_arch={kernel.arch!r}, kconfig='',\n"
        f"    qemu_arch={program!r}, kernel_path={ours['-kernel']!r},\n"
        f"    kernel_command_line={ours['-append'] + ' kunit_shutdown=none'!r},\n"
        f"    extra_qemu_params={extra!r})\n"
    )
    return text, binds


def reason(console, suite, case):
    """What KUnit printed about a failed case, on one line."""
    lines = [test_log.STAMP.sub("", line).strip() for line in console.splitlines()]
    inside = False
    for at, line in enumerate(lines):
        inside = inside or line == f"# Subtest: {suite}"
        if inside and line.startswith(f"# {case}: ") and "FAILED at" in line:
            return f"{line.partition(': ')[2]}: {lines[at + 1]}"
    return "see the log"


def run(lab, report, name, kernel, ko, expected, append=""):
    """Boot, run, and report every case of `expected` for this architecture."""
    arch = kernel.arch
    work = lab.output() / f"kunit-{arch}"
    work.mkdir(exist_ok=True)
    results, console, said = work / "results.json", work / "test.log", work / "kunit.log"
    for old in (results, console):
        old.unlink(missing_ok=True)
    (work / ".kunitconfig").write_text("")
    files = {"/memlab.ko": ko, "/job": JOB}
    archive = guest.initramfs(lab, f"kunit-{arch}", arch, files, "sh /job")
    config, binds = qemu_config(lab, kernel, archive, append)
    (work / "qemu.py").write_text(config)
    wrapper = work / "qemu"
    wrapper.write_text(WITHOUT_KVM)
    wrapper.chmod(0o755)
    env = {"PYTHONDONTWRITEBYTECODE": "1"}
    if guest.accelerator(lab, kernel) == "tcg":
        program = ARCHES[arch].qemu
        binds = [*binds, (wrapper, f"/tmp/bin/{program}")]
        env["PATH"] = "/tmp/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    inside = lab.root().inside
    command = [
        "python3",
        "tools/testing/kunit/kunit.py",
        "exec",
        "--build_dir",
        inside(work),
        "--qemu_config",
        inside(work / "qemu.py"),
        "--json=" + inside(results),
        "--timeout",
        str(TIMEOUT),
    ]

    def attempt():
        """What the guest said."""
        with lab.console.step(f"KUnit in {kernel.name}"), said.open("w") as log:
            argv = lab.root().argv(command, cwd=kernel.source, binds=binds, env=env)
            reap(spawn(argv, stdout=log, stderr=subprocess.STDOUT))
        return console.read_text(errors="replace") if console.is_file() else ""

    text = attempt()
    if guest.BEGIN not in text:
        # As in guest.boot().
        lab.console.say(f"{name}: the guest did not come to the script; once more")
        text = attempt()
    if not results.is_file():
        report.add(name, f"kunit.py gave no results (log: {said})")
        return
    ran = test_suites.ran(results.read_text())
    for (suite, case), wrong in sorted(test_suites.verdicts(expected, ran, arch).items()):
        if wrong.startswith("KUnit says"):
            wrong += f": {reason(text, suite, case)} (log: {console})"
        report.add(f"{name} {suite}.{case}", wrong)
    ended = f"{guest.END}0" in text
    report.add(f"{name} insmod and rmmod", "" if ended else f"they failed (log: {console})")
    complaints = test_log.complaints(text)
    report.add(f"{name} kernel log", f"{complaints[0]} (log: {console})" if complaints else "")
