# SPDX-License-Identifier: GPL-2.0
"""How large the module is: what the kernel keeps of it when it has been loaded."""

import re

# [Nr] name type address offset size entry-size flags
SECTION = re.compile(
    r"^\s*\[\s*\d+\] (?P<name>\S+) +\S+ +[0-9a-f]+ +[0-9a-f]+ +(?P<size>[0-9a-f]+) +[0-9a-f]+"
    r" +(?P<flags>[A-Za-z]*)",
    re.M,
)


def of(lab, ko):
    """Bytes of its code, and of all that stays: what is for loading alone goes again."""
    with lab.console.step(f"size of {ko.name}") as step:
        inside = lab.root().inside(ko)
        step.run(lab.root().argv(["llvm-readelf-19", "--sections", "--wide", inside]))
        found = SECTION.finditer(step.log.read_text())
    kept = [
        (int(section["size"], 16), "X" in section["flags"])
        for section in found
        if "A" in section["flags"] and not section["name"].startswith(".init")
    ]
    return {
        "text": sum(size for size, code in kept if code),
        "resident": sum(size for size, _ in kept),
    }


def show(size):
    """One line of it."""
    print(f"\n== module: text {size['text']} bytes, resident {size['resident']} bytes")
