# SPDX-License-Identifier: GPL-2.0
"""The guest that a person asks for by flag: what make's variables make of guest.boot()'s options.

    result = guest.boot(lab, which, script, files, **options.asked(lab, which.arch))

What is wrong is refused by the name of its variable, before anything is built.
"""

import os
import re
import subprocess

from . import claims
from .arch import ARCHES
from .console import Failure

NAMES = ("CLAIMS", "MEMORY", "SMP", "CMA", "NODES", "DEVICES", "MACHINE", "APPEND", "CPU")
MIB = {"M": 1, "G": 1 << 10, "T": 1 << 20}
SIZE = re.compile(r"([1-9][0-9]{0,6})([MGT])")
LEAST = 128  # MiB, in which a stock kernel and its initramfs come up
CPUS = 255


def mebibytes(name, text, least):
    """A size as a number of MiB."""
    found = SIZE.fullmatch(text)
    size = found and int(found[1]) * MIB[found[2]]
    if not size or size < least:
        raise Failure(f"{name}={text}: a size like 512M or 4G, {least}M at least")
    return size


def number(name, text, most):
    if not re.fullmatch("[1-9][0-9]{0,3}", text) or int(text) > most:
        raise Failure(f"{name}={text}: a number from 1 to {most}")
    return int(text)


def reserved(text):
    """The kernel's own grammar of cma=: a size and perhaps where it has to lie."""
    if not re.fullmatch(r"(0|[1-9][0-9]*[KMG])(@0x[0-9a-f]+(-0x[0-9a-f]+)?)?", text):
        raise Failure(f"CMA={text}: a size like 0 or 64M, or like 64M@0x50000000")
    return text


def one_line(name, text):
    if "\n" in text:
        raise Failure(f"{name}= has more than one line")
    return text


def nodes(arch, count, memory, smp):
    """What is given to each of the nodes, as command() takes it: equal parts of all there is."""
    if not ARCHES[arch].numa:
        raise Failure(f"NODES={count}: ARCH={arch} has one node")
    if memory % count:
        raise Failure(f"NODES={count}: MEMORY={memory}M cannot be divided by it")
    if smp % count and smp > count:
        raise Failure(f"NODES={count}: SMP={smp} cannot be divided by it")
    each = max(smp // count, 1)
    parts = []
    for first in range(0, each * count, each):
        cpus = f"{first}-{first + each - 1}" if each > 1 else str(first)
        parts.append((cpus if first < smp else "", f"{memory // count}M"))
    return parts


def parse(arch, given):
    """The options, from {name: text} of what is given."""
    found = {}
    memory = mebibytes("MEMORY", given.get("MEMORY", "1G"), LEAST)
    smp = number("SMP", given.get("SMP", "1"), CPUS)
    if "MEMORY" in given:
        found["memory"] = f"{memory}M"
    if "SMP" in given:
        found["smp"] = smp
    if "NODES" in given:
        count = number("NODES", given["NODES"], CPUS)
        found["numa"] = nodes(arch, count, memory, smp)
        if smp > count:
            found["smp"] = f"{smp},sockets={count}"
    if "CMA" in given:
        found["cma"] = reserved(given["CMA"])
    if "DEVICES" in given:
        found["devices"] = given["DEVICES"].split()
    for name in ("MACHINE", "APPEND", "CPU"):
        if name in given:
            found[name.lower()] = one_line(name, given[name]).strip()
    return found


def offered(lab, arch, option):
    """The first words of what QEMU lists for one of its options."""
    words = [arch.qemu, "-M", arch.machine, option, "help"]
    said = subprocess.run(
        lab.root().argv(words), stdin=subprocess.DEVNULL, capture_output=True, text=True
    ).stdout
    return set(re.findall(r'(?:^name "|^  |alias ")([\w.-]+)', said, re.M))


def known(lab, arch, name, text, option):
    """Refuse what QEMU does not have; properties, behind a comma, it refuses itself."""
    if text.partition(",")[0] not in offered(lab, arch, option):
        raise Failure(f"{name}={text}: {arch.qemu} has no such thing; {option} help lists them")


def asked(lab, arch):
    """The options of guest.boot() and guest.command() that the environment asks for."""
    given = {name: os.environ[name] for name in NAMES if os.environ.get(name)}
    found = parse(arch, given)
    if claims.wanted(arch):
        found = claims.options(found)
    for device in found.get("devices", ()):
        known(lab, ARCHES[arch], "DEVICES", device, "-device")
    if "cpu" in found:
        known(lab, ARCHES[arch], "CPU", found["cpu"], "-cpu")
    return found
