# SPDX-License-Identifier: GPL-2.0
"""Counts the instructions of one turn of a benchmark's loop, one by one.

QEMU's debug stub steps the guest from one entry of the mapping function to the
next, with interrupts held back: what lies between is one whole turn, whatever
tool runs it. What is inside the map and the unmap function is the operation;
all the rest is the harness.
"""

import socket
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass

from . import guest
from .console import Failure, reap, spawn

CALLS = {
    "single": ("dma_map_page_attrs", "dma_unmap_page_attrs"),
    "sg": ("dma_map_sg_attrs", "dma_unmap_sg_attrs"),
}
SKIPPED = 16  # turns, until caches and counters are warm
COUNTED = 8  # turns
LONGEST = 100_000  # instructions of a turn


@dataclass(frozen=True)
class Cpu:
    """What the stub calls an architecture's registers, and how a function is left there."""

    mark: str  # the guest's sync, which announces a run
    sp: int
    pc: int
    link: int | None  # the register with the return address, or None: on the stack
    popped: int  # bytes that a return takes off the stack


CPUS = {
    "x86_64": Cpu("__x64_sys_sync", 7, 16, None, 8),
    "arm64": Cpu("__arm64_sys_sync", 31, 32, 30, 0),
}


class Stub:
    """The few packets of GDB's remote protocol that are needed."""

    def __init__(self, channel, cpu):
        self.channel = channel
        self.cpu = cpu
        self.stream = channel.makefile("rb")
        self.ask("Qqemu.sstep=7")  # no interrupts nor timers while stepping

    def send(self, packet):
        self.channel.sendall(b"$%s#%02x" % (packet.encode(), sum(packet.encode()) % 256))

    def answer(self):
        byte = self.stream.read(1)
        while byte == b"+":
            byte = self.stream.read(1)
        data = bytearray()
        while byte and (byte := self.stream.read(1)) != b"#":
            data += byte
        if not byte:
            raise Failure("the guest ended while its instructions were counted")
        self.stream.read(2)
        self.channel.sendall(b"+")
        return data.decode()

    def ask(self, packet):
        self.send(packet)
        answer = self.answer()
        if answer.startswith("E") or (answer == "" and packet[0] in "QZz"):
            raise Failure(f"QEMU's debug stub refuses {packet}: '{answer}'")
        return answer

    def register(self, number):
        return int.from_bytes(bytes.fromhex(self.ask(f"p{number:x}")), "little")

    def word(self, address):
        return int.from_bytes(bytes.fromhex(self.ask(f"m{address:x},8")), "little")

    def step(self):
        self.ask("s")
        return self.register(self.cpu.pc)

    def reach(self, address):
        """Let the guest run up to an address."""
        self.step()
        self.ask(f"Z1,{address:x},1")
        self.ask("c")
        if self.register(self.cpu.pc) != address:
            raise Failure("the guest stopped elsewhere than at the breakpoint")
        self.ask(f"z1,{address:x},1")

    def function(self):
        """Step to the return of the function just entered: the instructions inside."""
        stack = self.register(self.cpu.sp)
        link = self.cpu.link
        back = self.word(stack) if link is None else self.register(link)
        count = 1
        while self.step() != back or self.register(self.cpu.sp) != stack + self.cpu.popped:
            count += 1
            if count > LONGEST:
                raise Failure(f"no return within {LONGEST} instructions")
        return count

    def turn(self, start, end):
        """From the entry of the map function to the next: (harness, map, unmap)."""
        mapped, unmapped, harness = self.function(), 0, 0
        at = self.register(self.cpu.pc)
        while at != start:
            if at == end:
                unmapped += self.function()
                at = self.register(self.cpu.pc)
            else:
                harness += 1
                at = self.step()
            if harness > LONGEST:
                raise Failure(f"no end of the loop within {LONGEST} instructions")
        return harness, mapped, unmapped


def symbols(kernel, lab):
    """The addresses that the kernel's System.map gives."""
    path = lab.cache.path / kernel.build.removeprefix("/cache/") / "System.map"
    wanted = {CPUS[kernel.arch].mark, *(name for pair in CALLS.values() for name in pair)}
    rows = (line.split() for line in path.read_text().splitlines())
    found = {name: int(address, 16) for address, _, name in rows if name in wanted}
    if wanted - found.keys():
        raise Failure(f"{path}: has no {', '.join(sorted(wanted - found.keys()))}")
    return found


@contextmanager
def machine(lab, kernel, script, files, log, **options):
    """A guest that waits for what is said on the Stub."""
    files = {**files, "/job": script}
    archive = guest.initramfs(lab, log.stem, kernel.arch, files, guest.RUN_JOB)
    argv, binds = guest.command(lab, kernel, archive, icount=True, **options)
    ours, theirs = socket.socketpair()
    argv += [
        "-serial",
        "stdio",
        "-S",
        "-chardev",
        f"socket,id=gdb,fd={theirs.fileno()}",
        "-gdb",
        "chardev:gdb",
    ]
    try:
        with ours, log.open("w") as file:
            with theirs:
                child = spawn(
                    lab.root().argv(argv, binds=binds),
                    stdout=file,
                    stderr=subprocess.STDOUT,
                    pass_fds=[theirs.fileno()],
                )
            ours.settimeout(60)
            try:
                yield Stub(ours, CPUS[kernel.arch])
                reap(child, 60)
            except (TimeoutError, OSError, subprocess.TimeoutExpired):
                raise Failure(f"counting instructions: the guest is silent (log: {log})")
            finally:
                child.kill()
                reap(child)
    finally:
        archive.unlink(missing_ok=True)


def count(lab, kernel, script, files, runs, log, **options):
    """The turns of every run: {(tool, kind): [(harness, map, unmap), ...]}.

    runs: (tool, kind) in the order in which the script makes them, each after a sync.
    """
    at = symbols(kernel, lab)
    turns = {}
    with machine(lab, kernel, script, files, log, **options) as stub:
        for run in runs:
            start, end = (at[name] for name in CALLS[run[1]])
            stub.reach(at[CPUS[kernel.arch].mark])
            for _ in range(SKIPPED):
                stub.reach(start)
            turns[run] = [stub.turn(start, end) for _ in range(COUNTED)]
        stub.send("D")
    return turns
