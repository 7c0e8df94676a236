# SPDX-License-Identifier: GPL-2.0
"""Boots a Kernel in QEMU with a script in it and brings back its exit status.

result = boot(lab, kernel, script="insmod /memlab.ko", files={"/memlab.ko": path})
result.status, result.console       # the console log is a list of lines
"""

import re
import stat
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from .apt import Index
from .console import Failure, kill, reap, spawn

BEGIN = "memlab-guest: begin"
END = "memlab-guest: status "
INIT = f"""#!/bin/busybox sh
/bin/busybox mkdir -p /proc /sys /dev /tmp /run /bin /sbin /usr/bin /usr/sbin
/bin/busybox --install -s
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev 2>/dev/null
mount -t debugfs debugfs /sys/kernel/debug 2>/dev/null
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/ TERM=@TERM@
echo "{BEGIN}"
@JOB@
status=$?
echo
echo "{END}$status"
poweroff -f
"""
MACHINES = {
    "x86_64": ("qemu-system-x86_64", ["-M", "q35", "-cpu", "max"], "ttyS0"),
    "arm": ("qemu-system-arm", ["-M", "virt", "-cpu", "cortex-a15"], "ttyAMA0"),
}
BEGIN_TIMEOUT = 60  # s, until the script begins
FATAL = re.compile("Kernel panic|BUG:|Oops:|Unable to mount root")
EDU = {"x86_64": "edu", "arm": "edu,dma_mask=0xffffffff"}
EDU_MASK = {"x86_64": 28, "arm": 32}  # the same in bits, for the module


@dataclass
class Result:
    status: int  # of the script
    console: list  # every line, the kernel's too
    output: list  # the lines between begin and end
    log: Path


def cpio(files):
    """A newc archive of {path: (mode, bytes)}; directories are made."""
    archive = bytearray()
    number = 0

    def add(name, mode, data, device=(0, 0)):
        nonlocal number
        number += 1
        fields = [number, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(name) + 1, 0]
        archive.extend(b"070701" + b"".join(b"%08X" % field for field in fields))
        archive.extend(name.encode() + b"\0")
        archive.extend(b"\0" * (-len(archive) % 4))
        archive.extend(data)
        archive.extend(b"\0" * (-len(archive) % 4))

    seen = set()
    for name, (mode, data) in files.items():
        parents = [str(p) for p in reversed(Path(name.lstrip("/")).parents) if str(p) != "."]
        for parent in parents:
            if parent not in seen:
                seen.add(parent)
                add(parent, stat.S_IFDIR | 0o755, b"")
        add(name.lstrip("/"), mode, data)
    # The kernel opens it for init before devtmpfs is there.
    if "dev" not in seen:
        add("dev", stat.S_IFDIR | 0o755, b"")
    add("dev/console", stat.S_IFCHR | 0o600, b"", device=(5, 1))
    add("TRAILER!!!", 0, b"")
    return bytes(archive)


def busybox(lab, arch):
    """The static busybox of an architecture, as bytes."""
    if arch == "x86_64":
        return (lab.root().path / "usr/bin/busybox").read_bytes()

    def build(path, step):
        packages = Index(lab.cache, "trixie", "armhf")
        packages.update(step)
        deb = packages.download(["busybox-static"], path, step)[0]
        step.run(["dpkg-deb", "-x", deb, path / "tree"])
        deb.unlink()

    entry = lab.cache.ensure("busybox-armhf", "busybox for ARM", 100, build)
    return (entry / "tree/usr/bin/busybox").read_bytes()


def initramfs(lab, arch, files, job):
    """files: {path in the guest: host path, bytes or text}."""
    regular = stat.S_IFREG | 0o755
    tree = {
        "/bin/busybox": (regular, busybox(lab, arch)),
        "/init": (regular, INIT.replace("@JOB@", job).replace("@TERM@", "linux").encode()),
    }
    for name, content in files.items():
        data = content.read_bytes() if isinstance(content, Path) else content
        tree[name] = (regular, data.encode() if isinstance(data, str) else data)
    return cpio(tree)


def accelerator(lab, kernel):
    """kvm where a guest really boots with it, else tcg; remembered until the host reboots."""
    if kernel.arch != "x86_64" or not Path("/dev/kvm").exists():
        return "tcg"
    boot_id = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    known = lab.cache.path / f"accelerator-{boot_id}"
    if known.is_file() and known.read_text() in ("kvm", "tcg"):
        return known.read_text()
    try:
        answer = "kvm" if boot(lab, kernel, "true", accel="kvm", timeout=4).status == 0 else "tcg"
    except Failure:
        answer = "tcg"
    for old in lab.cache.path.glob("accelerator-*"):
        old.unlink(missing_ok=True)
    pending = lab.cache.path / f"accelerator.{time.monotonic_ns()}"
    pending.write_text(answer)
    pending.replace(known)
    return answer


def command(
    lab,
    kernel,
    archive,
    append="",
    smp=1,
    memory=None,
    numa=(),
    devices=None,
    icount=False,
    accel=None,
    cpu=None,
    cma="64M",
    loglevel=4,
    dtb=None,
    chardevs=(),
):
    """QEMU's command line, for inside the root.

    numa: a pair (cpus, memory) per node, like ("0-1", "512M") or ("", "64G"); memory is their sum.
    cpu: instead of the machine's usual one; dtb: a device tree instead of the board's own.
    chardevs: what devices may be joined to.
    """
    program, machine, tty = MACHINES[kernel.arch]
    machine = [*machine, "-cpu", cpu] if cpu else machine
    devices = [EDU[kernel.arch]] if devices is None else devices
    if icount:
        accel, smp = "tcg", 1
    accel = accel or accelerator(lab, kernel)
    line = f"console={tty} panic=-1 loglevel={loglevel} cma={cma} {append}".strip()
    if kernel.arch == "x86_64":
        # The kernel gives the timer some ms to tick, which a busy host may not; and half a second
        # of each boot would go into testing its ciphers.
        line += " no_timer_check cryptomgr.notests"
    argv = [
        program,
        *machine,
        "-accel",
        accel,
        "-m",
        memory or "1G",
        "-smp",
        str(smp),
        "-nodefaults",
        "-no-user-config",
        "-display",
        "none",
        "-monitor",
        "none",
        "-no-reboot",
        "-kernel",
        "/tmp/image",
        "-initrd",
        "/tmp/initrd",
        "-append",
        line,
    ]
    for number, (cpus, size) in enumerate(numa):
        argv += [
            "-object",
            f"memory-backend-ram,id=node{number},size={size},reserve=off",
            "-numa",
            f"node,nodeid={number},memdev=node{number}{f',cpus={cpus}' if cpus else ''}",
        ]
    for chardev in chardevs:
        argv += ["-chardev", chardev]
    for device in devices:
        argv += ["-device", device]
    if icount:
        # With a calendar that starts anywhere, no two boots would be in step.
        argv += ["-icount", "shift=0,sleep=off", "-rtc", "base=2026-01-01,clock=vm"]
    binds = [(Path(kernel.image), "/tmp/image"), (archive, "/tmp/initrd")]
    if dtb:
        argv += ["-dtb", "/tmp/dtb"]
        binds.append((dtb, "/tmp/dtb"))
    return argv, binds


def archive_file(lab, name, data):
    path = lab.console.logs / name  # goes with the logs, should a kill leave it
    path.write_bytes(data)
    return path


class Hung(Failure):
    """The guest's kernel did not come to the script."""


def boot(lab, kernel, script, files=None, **options):
    """Run script (text of a shell script) in a guest and wait for its end.

    options: see boot_once() and command().
    """
    try:
        return boot_once(lab, kernel, script, files, **options)
    except Hung as error:
        # On a busy host an emulated machine now and then stays in "Bringing up secondary CPUs":
        # nothing of ours has run by then.
        lab.console.say(f"{error}; once more")
        return boot_once(lab, kernel, script, files, **options)


def boot_once(lab, kernel, script, files, echo=None, timeout=120, log=None, **options):
    """One attempt.

    echo: called with each line that the script prints, as it comes.
    """
    if options.get("accel") is None and not options.get("icount"):
        options["accel"] = accelerator(lab, kernel)
    data = initramfs(lab, kernel.arch, {**(files or {}), "/job": script}, "sh /job </dev/null 2>&1")
    unique = f"boot-{threading.get_ident()}-{time.monotonic_ns()}"
    archive = archive_file(lab, f"{unique}.cpio", data)
    log = Path(log) if log else lab.console.logs / "console.log"
    argv, binds = command(lab, kernel, archive, **options)
    argv += ["-serial", "stdio"]
    lines = []
    status = None
    inside = False
    output = []
    expired = threading.Event()
    try:
        with log.open("w") as file:
            child = spawn(
                lab.root().argv(argv, binds=binds), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
            )

            def expire():
                expired.set()
                kill(child)

            whole = threading.Timer(timeout, expire)
            begin = threading.Timer(min(timeout, BEGIN_TIMEOUT), expire)
            for timer in (whole, begin):
                timer.daemon = True
                timer.start()
            for raw in child.stdout:
                line = raw.decode(errors="replace").rstrip("\r\n")
                file.write(line + "\n")
                file.flush()
                lines.append(line)
                ended = re.search(rf"{END}(\d+)", line)
                if ended:
                    status = int(ended.group(1))
                    inside = False
                elif inside:
                    output.append(line)
                    if echo:
                        echo(line)
                elif line.endswith(BEGIN):
                    inside = True
                    begin.cancel()
            left = reap(child)
            whole.cancel()
            begin.cancel()
    finally:
        archive.unlink(missing_ok=True)
    fatal = [line for line in lines if FATAL.search(line)]
    last = " | ".join(fatal[:2] or [line for line in lines[-4:] if line.strip()])
    if status is None:
        if expired.is_set() and not inside and timeout > BEGIN_TIMEOUT:
            raise Hung(f"guest: no beginning within {BEGIN_TIMEOUT} s; {last} (log: {log})")
        if expired.is_set():
            raise Failure(f"guest: no end within {timeout} s; {last} (log: {log})")
        raise Failure(f"guest: ended early (QEMU's status {left}); {last} (log: {log})")
    while output and not output[-1].strip():
        output.pop()
    return Result(status, lines, output, log)
