# SPDX-License-Identifier: GPL-2.0
"""The two jobs that a person starts: the comparison, and a prompt in the guest."""

import os
import shutil
import subprocess
import sys

from . import guest, kernel, module
from .console import Failure

COMPARE = r"""
uname -a
insmod /memlab.ko || exit 1
cd /sys/kernel/debug/memlab || exit 1
echo > compare || { cat compare; exit 1; }
for file in compare provenance zones buddy; do
    echo
    echo "== $file"
    cat "$file" || exit 1
done
cd /
rmmod memlab
"""
SHELL = r"""insmod /memlab.ko edu_mask=@MASK@
cd /sys/kernel/debug/memlab 2>/dev/null
stty rows @ROWS@ cols @COLUMNS@
echo "memlab is loaded; cat help. exit or Ctrl-D ends the guest."
setsid cttyhack sh -i
cd /; (exit 0)"""


def chosen(lab):
    """The kernel that ARCH, SERIES and KERNEL ask for."""
    arch = os.environ.get("ARCH") or "x86_64"
    series = os.environ.get("SERIES") or kernel.SERIES
    way = os.environ.get("KERNEL")
    if arch not in guest.MACHINES:
        raise Failure(f"ARCH={arch}: it is one of {', '.join(guest.MACHINES)}")
    if way not in (None, "", "stock", "rt", "built"):
        raise Failure(f"KERNEL={way}: it is stock, rt or built")
    if way in ("stock", "rt"):
        return kernel.stock(lab, arch, series, rt=way == "rt")
    ready = None if way == "built" else kernel.stock_before(lab, arch, series)
    ready = ready or kernel.built_before(lab, f"run-{arch}", series)
    if ready:
        return ready
    if way != "built":
        try:
            return kernel.stock(lab, arch, series)
        except kernel.Unavailable as error:
            lab.console.say(f"memlab: {error}; so a kernel is built from source")
    return kernel.built(lab, f"run-{arch}", arch, series)


def run(lab):
    which = chosen(lab)
    files = {"/memlab.ko": module.build(lab, which)}
    accel = guest.accelerator(lab, which)
    with lab.console.step(f"guest {which.release} under {accel}"):
        result = guest.boot(lab, which, COMPARE, files, accel=accel)
    print("\n".join(result.output), flush=True)
    lab.console.table()
    if result.status:
        lab.console.say(f"memlab: the job ended with status {result.status} (log: {result.log})")
    return result.status


def shell(lab):
    which = chosen(lab)
    files = {"/memlab.ko": module.build(lab, which)}
    size = shutil.get_terminal_size()
    job = SHELL.replace("@ROWS@", str(size.lines)).replace("@COLUMNS@", str(size.columns))
    job = job.replace("@MASK@", str(guest.EDU_MASK[which.arch]))
    archive = guest.archive_file(
        lab, f"shell-{os.getpid()}.cpio", guest.initramfs(lab, which.arch, files, job)
    )
    argv, binds = guest.command(lab, which, archive)
    # The terminal is the guest's: Ctrl-C goes there, Ctrl-A X leaves QEMU.
    argv += [
        "-chardev",
        "stdio,id=tty,mux=on,signal=off",
        "-serial",
        "chardev:tty",
        "-mon",
        "chardev=tty",
    ]
    lab.console.say("Ctrl-A X stops the guest at once")
    try:
        status = subprocess.call(lab.root().argv(argv, binds=binds))
    finally:
        archive.unlink()
    sys.stdout.write("\n")
    return status
