# SPDX-License-Identifier: GPL-2.0
"""What the lab knows of an architecture: its Debian, its compilers, its machine in QEMU."""

import os
from dataclasses import dataclass

from .console import Failure


@dataclass(frozen=True)
class Arch:
    name: str  # what ARCH= and the kernel's make call it
    uname: str  # what the kernel itself calls it
    debian: str
    flavours: dict  # Debian's kernels by the word of KERNEL=
    triplet: str  # of Debian's gcc
    image: str  # of a kernel of ours, in its build tree
    qemu: str
    machine: str
    cpu: str  # the one that is emulated; with an accelerator it is the machine's own
    steady: str  # the CPU for boots that must be alike under -icount
    tty: str
    edu: str  # QEMU's edu with a mask that reaches memory
    edu_mask: int  # the same in bits, for the module
    frame: int  # the largest stack frame that CONFIG_FRAME_WARN allows by default
    objdump: str  # which of them checkstack.pl can read
    headers: str  # ARCH= of the kernel's user space headers
    clang: tuple  # the target of programs on nolibc
    narrow: tuple = ()  # the target of 32-bit programs on the 64-bit kernel
    append: str = ""  # the kernel's command line, always
    exact: tuple = ()  # what makes two boots under -icount the same
    numa: bool = True  # whether the machine has nodes

    @property
    def gcc(self):
        """The packages of the compiler that built Debian's kernel, when it is a cross compiler."""
        named = self.triplet.replace("_", "-")
        return [
            f"gcc-14-{named}",
            f"gcc-14-{named}-base",
            f"cpp-14-{named}",
            f"libgcc-14-dev-{self.debian}-cross",
            f"binutils-{named}",
        ]


X86_64 = Arch(
    "x86_64",
    "x86_64",
    "amd64",
    {"stock": "amd64", "rt": "rt-amd64"},
    "x86_64-linux-gnu",
    "arch/x86/boot/bzImage",
    "qemu-system-x86_64",
    "q35",
    # Without these memory is cleared and copied by words: a `rep stosb` is emulated byte by byte,
    # and takes eight times as long, which it does on no CPU.
    "max,erms=off,fsrs=off,fsrm=off",
    # Each byte of a `rep stosb` counts as an instruction. Without random numbers from the CPU every
    # boot is the same.
    "max,fsrs=off,fsrm=off,rdrand=off,rdseed=off",
    "ttyS0",
    "edu",
    28,
    2048,
    "objdump",
    "x86",
    ("--target=x86_64-linux-gnu",),
    ("--target=i386-linux-gnu", "-march=i686"),
    # The kernel gives the timer some ms to tick, which a busy host may not; and half a second of
    # each boot would go into testing its ciphers.
    "no_timer_check cryptomgr.notests",
)
ARM = Arch(
    "arm",
    "armv7l",
    "armhf",
    {"stock": "armmp-lpae"},
    "arm-linux-gnueabihf",
    "arch/arm/boot/zImage",
    "qemu-system-arm",
    "virt",
    "cortex-a15",
    # Its timer steps 16 ns if it is not told otherwise.
    "cortex-a15,cntfrq=1000000000",
    "ttyAMA0",
    # RAM begins at 1 GiB.
    "edu,dma_mask=0xffffffff",
    32,
    1024,
    "llvm-objdump-19",
    "arm",
    ("--target=arm-linux-gnueabihf", "-march=armv7-a"),
    numa=False,
)
ARM64 = Arch(
    "arm64",
    "aarch64",
    "arm64",
    {"stock": "arm64", "stock16k": "arm64-16k", "rt": "rt-arm64"},
    "aarch64-linux-gnu",
    "arch/arm64/boot/Image",
    "qemu-system-aarch64",
    "virt",
    "max",
    # "max" copies any length in three instructions, and has random numbers. Of those without, not
    # all have pages of 16 KiB: on cortex-a57 and a72 such a kernel hangs in silence.
    "cortex-a76,cntfrq=1000000000",
    "ttyAMA0",
    "edu,dma_mask=0xffffffff",
    32,
    2048,
    "llvm-objdump-19",
    "arm64",
    ("--target=aarch64-linux-gnu",),
    (),
    "cryptomgr.notests",
    # The device tree hands the kernel random numbers.
    ("-seed", "1"),
)
ARCHES = {each.name: each for each in (X86_64, ARM, ARM64)}
# Each word of KERNEL= that names a kernel of Debian, on any architecture.
STOCK = tuple(dict.fromkeys(word for each in ARCHES.values() for word in each.flavours))


def host():
    """The architecture of this machine, which is that of the toolchain root."""
    for each in ARCHES.values():
        if each.uname == os.uname().machine:
            return each
    raise Failure(
        f"this host is {os.uname().machine}; the toolchain root is for "
        f"{', '.join(each.uname for each in ARCHES.values())}"
    )
