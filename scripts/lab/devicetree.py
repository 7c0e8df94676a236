# SPDX-License-Identifier: GPL-2.0
"""A board's device tree with something taken out, through dtc.

QEMU pads what it dumps, and doubles what it loads: an arm64 kernel is silent about a tree of more
than 2 MiB. What dtc writes is packed.
"""

from .arch import ARCHES

# -q: QEMU's own trees have what dtc would warn of.
WITHOUT = r"""
set -e
dtc -q -I dtb -O dts "$1" >/tmp/before.dts
grep -vE "^[[:space:]]*$2;$" /tmp/before.dts >/tmp/after.dts
! cmp -s /tmp/before.dts /tmp/after.dts || { echo "no $2 in the device tree" >&2; exit 1; }
dtc -q -I dts -O dtb -o "$1" /tmp/after.dts
"""


def without(lab, name, arch, taken, machine=None, **options):
    """The file of an architecture's board without a property, in whatever node it is.

    name: of the file; machine, cpu and memory: as in guest.command().
    """
    root = lab.root()
    board = ARCHES[arch]
    path = lab.console.logs / f"{name}.dtb"
    properties = ",".join(filter(None, [board.machine, machine, f"dumpdtb={root.inside(path)}"]))
    words = [board.qemu, "-M", properties, "-display", "none", "-nodefaults"]
    words += ["-cpu", options.get("cpu") or board.cpu, "-m", options.get("memory") or "1G"]
    with lab.console.step(f"device tree {name}") as step:
        step.run(root.argv(words))
        step.run(root.argv(["sh", "-c", WITHOUT, "sh", root.inside(path), taken]))
    return path
