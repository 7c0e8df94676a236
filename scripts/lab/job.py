# SPDX-License-Identifier: GPL-2.0
"""The two jobs that a person starts: the comparison, and a prompt in the guest."""

import base64
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from . import claims, command, guest, kernel, module, options
from .arch import ARCHES, host
from .console import Failure

# What a guest without the command prints.
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
# The first screen; its page and its recording leave the guest as text.
FIRST = r"""
insmod /memlab.ko || exit 1
cd /tmp
memlab record memlab.json --rounds 1 --time 2000 >/dev/null || exit 1
memlab plot memlab.json --output memlab.html >/dev/null || exit 1
memlab advise --from memlab.json --chart || exit 1
echo "@BEGIN@"
tar -cz memlab.json memlab.html | base64
echo "@END@"
rmmod memlab
"""
BEGIN, END = "memlab-report: begin", "memlab-report: end"
SHELL = r"""insmod /memlab.ko edu_mask=@MASK@ allow_pressure=1
cd /sys/kernel/debug/memlab 2>/dev/null
@BEFORE@
stty rows @ROWS@ cols @COLUMNS@
echo "memlab is loaded: cat help, or memlab --help. exit or Ctrl-D ends the guest."
setsid cttyhack sh -i
cd /; (exit 0)"""


def architecture():
    """What ARCH asks for."""
    arch = os.environ.get("ARCH") or host().name
    if arch not in ARCHES:
        raise Failure(f"ARCH={arch}: it is one of {', '.join(ARCHES)}")
    return arch


def flavour(arch):
    """What KERNEL asks for."""
    way = os.environ.get("KERNEL")
    ways = [*ARCHES[arch].flavours, "built"]
    if way and way not in ways:
        raise Failure(f"KERNEL={way}: for ARCH={arch} it is one of {', '.join(ways)}")
    return way


def place(lab):
    """The folder that REPORT asks for, which can be written to."""
    given = os.environ.get("REPORT")
    folder = Path(given or lab.output() / "report").absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise Failure(f"REPORT={given}: must be a folder: {error.strerror}") from None
    return folder


def chosen(lab):
    """The kernel that ARCH, SERIES and KERNEL ask for."""
    arch = architecture()
    series = os.environ.get("SERIES") or kernel.SERIES
    way = flavour(arch)
    if way and way != "built":
        return kernel.stock(lab, arch, series, way)
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
    wanted = options.asked(lab, architecture())
    # What is refused is refused before anybody has waited for it.
    flavour(architecture())
    folder = place(lab)
    with lab.meanwhile(command.attempt, lab, architecture()) as built:
        which = chosen(lab)
        files = {"/memlab.ko": module.build(lab, which)}
        accel = guest.accelerator(lab, which)
        binary = built()
    script = FIRST.replace("@BEGIN@", BEGIN).replace("@END@", END) if binary else COMPARE
    files |= command.carried(binary)
    if claims.wanted(which.arch):
        if not binary:
            raise Failure("CLAIMS=1 needs the command")
        script = claims.script()
        files |= claims.carried(lab, which)
    with lab.console.step(f"guest {which.release} under {accel}"):
        # A host that is busy elsewhere is slow, and no less right.
        result = guest.boot(lab, which, script, files, timeout=900, accel=accel, **wanted)
    lines = report(folder, result.output)
    lab.console.table()
    print("\n".join(lines), flush=True)
    if result.status:
        lab.console.say(f"memlab: the job ended with status {result.status} (log: {result.log})")
    return result.status


def report(folder, output):
    """The lines for people; what the guest sent with them goes into the folder."""
    if BEGIN not in output or END not in output:
        return output
    begin, end = output.index(BEGIN), output.index(END)
    packed = base64.b64decode("".join(output[begin + 1 : end]))
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(folder, filter="data")
    home = Path.home()
    shown = f"~/{folder.relative_to(home)}" if folder.is_relative_to(home) else folder
    return [
        *output[:begin],
        *output[end + 1 :],
        f"Page and recording: {shown}/memlab.{{html,json}}",
        "Elsewhere: make run REPORT=DIR. A prompt in this guest, with memlab: make shell",
    ]


def shell(lab):
    wanted = options.asked(lab, architecture())
    which = chosen(lab)
    files = {"/memlab.ko": module.build(lab, which)}
    files |= command.carried(command.attempt(lab, which.arch))
    before, disk = "", wanted.pop("disk", 0)
    if claims.wanted(which.arch):
        before = claims.PREPARE + "cd /scratch\n"
        files |= claims.carried(lab, which)
    size = shutil.get_terminal_size()
    job = SHELL.replace("@ROWS@", str(size.lines)).replace("@COLUMNS@", str(size.columns))
    job = job.replace("@MASK@", str(ARCHES[which.arch].edu_mask)).replace("@BEFORE@", before)
    image = None
    if disk:
        image = lab.console.logs / "shell.disk"
        image.touch()
        os.truncate(image, disk << 20)
        wanted["disk"] = image
    archive = guest.initramfs(lab, "shell", which.arch, files, job)
    argv, binds = guest.command(lab, which, archive, **wanted)
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
        if image:
            image.unlink()
    sys.stdout.write("\n")
    return status
