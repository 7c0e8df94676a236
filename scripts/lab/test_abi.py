# SPDX-License-Identifier: GPL-2.0
"""The header of the ABI, by every compiler at hand: it stands alone, and has one layout for all.

The samples are built on it and on nolibc, as the root has a C library for one architecture.
"""

import re

from . import test_guest
from .console import Failure

SAMPLES = "run look compare watch"
STRUCTURES = (
    "info run outcome line snapshot device progress stop level walk "
    "buffer_alloc buffer_facts buffer_transfer"
)
COMPILERS = {
    "gcc": ["gcc-14"],
    "gcc -m32": ["gcc-14", "-m32"],
    "clang": ["clang-19"],
    "clang -m32": ["clang-19", "-m32"],
    "clang as C++": ["clang-19", "-x", "c++", "-std=c++11"],
    "clang for arm": ["clang-19", "--target=arm-linux-gnueabihf", "-march=armv7-a"],
    "clang for arm64": ["clang-19", "--target=aarch64-linux-gnu"],
}


def source():
    """A declaration for each structure, whose size is that of an array in the object."""
    lines = ["#include <linux/memlab_buffer.h>", "#include <linux/memlab_walk.h>"]
    for name in STRUCTURES.split():
        lines.append(f"char size_of_{name}[sizeof(struct memlab_{name})];")
    return "\n".join(lines) + "\n"


def run(lab, report, which):
    """Warnings are errors, and no file but the kernel's own headers is there."""
    root = lab.root()
    entry = root.inside(test_guest.headers(lab, which))
    file = lab.output() / "abi.c"
    file.write_text(source())
    sizes = {}
    for name, compiler in COMPILERS.items():
        standard = [] if "-x" in compiler else ["-std=c99"]
        words = [*compiler, "-Wall", "-Wextra", "-Werror", "-S"]
        places = [f"-I{entry}/usr/include", "-idirafter", "/src/include/uapi"]
        alone = [*words, *standard, "-Wpedantic", "-nostdinc", "-fno-common", *places]
        with lab.console.step(f"the header by {name}") as step:
            try:
                step.run(root.argv([*alone, "-o", "-", root.inside(file)]))
                text = step.log.read_text(errors="replace")
                sizes[name] = dict(re.findall(r"\.size\s+(size_of_\w+), (\d+)", text))
                report.add(f"the header by {name}", "" if sizes[name] else f"({step.log})")
            except Failure as error:
                report.add(f"the header by {name}", str(error))
        if "-x" in compiler or "--target" in " ".join(compiler):
            continue  # nolibc is C, and those headers are of the guest's architecture
        nolibc = f"{which.source}/tools/include/nolibc"
        with lab.console.step(f"the samples by {name}") as step:
            try:
                for sample in SAMPLES.split():
                    given = [f"-I{nolibc}", "-include", f"{nolibc}/nolibc.h", *places]
                    step.run(root.argv([*words, *given, "-o", "-", f"/src/samples/{sample}.c"]))
                report.add(f"the samples by {name}")
            except Failure as error:
                report.add(f"the samples by {name}", str(error))
    wrong = [name for name, found in sizes.items() if found != sizes.get("gcc")]
    report.add("the header has one layout", f"another by {', '.join(wrong)}" if wrong else "")
