# SPDX-License-Identifier: GPL-2.0
"""Boots a Kernel in QEMU with a script in it and brings back its exit status.

result = boot(lab, kernel, script="insmod /memlab.ko", files={"/memlab.ko": path})
result.status, result.console       # the console log is a list of lines
"""

import os
import re
import shutil
import stat
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from .apt import Index
from .arch import ARCHES, host
from .console import Failure, kill, reap, spawn

BEGIN = "memlab-guest: begin"
END = "memlab-guest: status "
# In an order and with numbers of its own, so that two archives of the same files are the same.
PACK = """
find . -mindepth 1 -print0 | sort -z |
	cpio --null --create --format=newc --owner=+0:+0 --reproducible --quiet >"$1"
"""
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
RUN_JOB = "sh /job </dev/null 2>&1"
# When everything in an archive was changed last, in s: where the calendar of exact guests begins.
# The kernel looks for ACPI tables in an archive before it has a clock, and takes longer over a hex
# digit that is a letter: with times as they are, two boots under icount would not be alike.
EPOCH = 1767225600
BEGIN_TIMEOUT = 60  # s, until the script begins
EXACT_BEGIN_TIMEOUT = 300  # the same under icount, which gets a part of what a busy host has
FATAL = re.compile("Kernel panic|BUG:|Oops:|Unable to mount root")


@dataclass
class Result:
    status: int  # of the script
    console: list  # every line, the kernel's too
    output: list  # the lines between begin and end
    log: Path


def taken(lab, package, debian, file, what):
    """One file of a package of another architecture than the root's."""

    def build(path, step):
        packages = Index(lab.cache, "trixie", debian)
        packages.update(step)
        deb = packages.download([package], path, step)[0]
        step.run(["dpkg-deb", "-x", deb, path / "tree"])
        deb.unlink()
        (path / "tree" / file).rename(path / Path(file).name)
        shutil.rmtree(path / "tree")

    entry = lab.cache.ensure(f"{package}-{debian}", what, 600, build)
    return entry / Path(file).name


def busybox(lab, arch):
    """The static busybox of an architecture."""
    file = "usr/bin/busybox"
    if arch == host():
        return lab.root().path / file
    return taken(lab, "busybox-static", arch.debian, file, f"busybox for {arch.name}")


def firmware(lab):
    """EFI for arm64, which hands ACPI tables to the kernel."""
    file = "usr/share/qemu-efi-aarch64/QEMU_EFI.fd"
    return taken(lab, "qemu-efi-aarch64", host().debian, file, "EFI firmware for arm64")


def initramfs(lab, name, arch, files, job):
    """An archive file of {path in the guest: host path, bytes or text}, with an init for job.

    It stands with the logs, should a kill leave it: whoever asked for it removes it.
    """
    tree = lab.console.logs / f"{name}.tree"
    archive = lab.console.logs / f"{name}.cpio"
    init = INIT.replace("@JOB@", job).replace("@TERM@", "linux")
    given = {**files, "/bin/busybox": busybox(lab, ARCHES[arch]), "/init": init}
    for inner, content in given.items():
        path = tree / inner.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, Path):
            shutil.copyfile(content, path)
        else:
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        path.chmod(0o755)
    # The kernel opens it for init before devtmpfs is there.
    (tree / "dev").mkdir(exist_ok=True)
    os.mknod(tree / "dev/console", stat.S_IFCHR | 0o600, os.makedev(5, 1))
    for path in tree.rglob("*"):
        os.utime(path, (EPOCH, EPOCH))
    inside = lab.root().inside
    try:
        packed = subprocess.run(
            lab.root().argv(["sh", "-c", PACK, "sh", inside(archive)], cwd=inside(tree)),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
    finally:
        shutil.rmtree(tree)
    if packed.returncode:
        raise Failure(f"initramfs: {packed.stderr.strip()[:200]}")
    return archive


def accelerator(lab, kernel):
    """kvm where a guest really boots with it, else tcg; remembered until the host reboots."""
    if ARCHES[kernel.arch] != host() or not Path("/dev/kvm").exists():
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
    machine=None,
    cma="64M",
    loglevel=4,
    dtb=None,
    acpi=False,
    chardevs=(),
    netdevs=(),
    disk=None,
    throttle=None,
    share=None,
):
    """QEMU's command line, for inside the root.

    numa: a pair (cpus, memory) per node, like ("0-1", "512M") or ("", "64G"); memory is their sum.
    cpu: instead of the machine's usual one; machine: further properties of it, as in QEMU's -M.
    dtb: a device tree instead of the board's own; acpi: firmware, and its tables instead of any.
    chardevs, netdevs: what devices may be joined to; disk: an image that they may, by
    the name disk; what is written stays with QEMU and goes with it. throttle: how many bytes of
    writing it takes in a second. share: a folder that the guest may mount, read-only, by that tag.
    """
    arch = ARCHES[kernel.arch]
    devices = [arch.edu] if devices is None else devices
    if icount:
        accel, smp = "tcg", 1
    accel = accel or accelerator(lab, kernel)
    board = arch.machine
    if accel == "kvm" and arch.machine == "virt":
        board += ",gic-version=host"
    line = f"console={arch.tty} panic=-1 loglevel={loglevel} cma={cma} {append} {arch.append}"
    line += " acpi=force" if acpi else ""
    argv = [
        arch.qemu,
        "-M",
        f"{board},{machine}" if machine else board,
        "-cpu",
        cpu or ("max" if accel == "kvm" else arch.cpu),
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
        " ".join(line.split()),
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
    for netdev in netdevs:
        argv += ["-netdev", netdev]
    if disk:
        limit = f",throttling.bps-write={throttle}" if throttle else ""
        argv += ["-drive", f"file=/tmp/disk,format=raw,if=none,id=disk,snapshot=on{limit}"]
    for device in devices:
        argv += ["-device", device]
    if icount:
        # With a calendar that starts anywhere, no two boots would be in step.
        argv += ["-icount", "shift=0,sleep=off", "-rtc", "base=2026-01-01,clock=vm", *arch.exact]
    binds = [(Path(kernel.image), "/tmp/image"), (archive, "/tmp/initrd")]
    if disk:
        binds.append((disk, "/tmp/disk"))
    if share:
        argv += ["-virtfs", "local,path=/tmp/share,mount_tag=share,security_model=none,readonly=on"]
        binds.append((share, "/tmp/share"))
    if acpi:
        argv += ["-bios", "/tmp/firmware"]
        binds.append((firmware(lab), "/tmp/firmware"))
    if dtb:
        argv += ["-dtb", "/tmp/dtb"]
        binds.append((dtb, "/tmp/dtb"))
    return argv, binds


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


def boot_once(lab, kernel, script, files, echo=None, timeout=120, log=None, disk=0, **options):
    """One attempt.

    echo: called with each line that the script prints, as it comes; disk: MiB of an empty one.
    """
    if options.get("accel") is None and not options.get("icount"):
        options["accel"] = accelerator(lab, kernel)
    unique = f"boot-{threading.get_ident()}-{time.monotonic_ns()}"
    archive = initramfs(lab, unique, kernel.arch, {**(files or {}), "/job": script}, RUN_JOB)
    log = Path(log) if log else lab.console.logs / "console.log"
    image = lab.console.logs / f"{unique}.disk"
    if disk:
        image.touch()
        os.truncate(image, disk << 20)
        options["disk"] = image
    argv, binds = command(lab, kernel, archive, **options)
    argv += ["-serial", "stdio"]
    lines = []
    status = None
    inside = False
    output = []
    expired = threading.Event()
    patience = min(timeout, EXACT_BEGIN_TIMEOUT if options.get("icount") else BEGIN_TIMEOUT)
    try:
        with log.open("w") as file:
            child = spawn(
                lab.root().argv(argv, binds=binds), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
            )

            def expire():
                expired.set()
                kill(child)

            whole = threading.Timer(timeout, expire)
            begin = threading.Timer(patience, expire)
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
        image.unlink(missing_ok=True)
    fatal = [line for line in lines if FATAL.search(line)]
    last = " | ".join(fatal[:2] or [line for line in lines[-4:] if line.strip()])
    if status is None:
        if expired.is_set() and not inside and timeout > patience:
            raise Hung(f"guest: no beginning within {patience} s; {last} (log: {log})")
        if expired.is_set():
            raise Failure(f"guest: no end within {timeout} s; {last} (log: {log})")
        raise Failure(f"guest: ended early (QEMU's status {left}); {last} (log: {log})")
    while output and not output[-1].strip():
        output.pop()
    return Result(status, lines, output, log)
