# SPDX-License-Identifier: GPL-2.0
"""`memlab record` in guests that differ in one thing, and what `memlab diff` says of that."""

import base64
import io
import json
import subprocess
import tarfile

from . import command, guest
from .arch import X86_64
from .console import Failure

BEGIN, END = "memlab-recordings: begin", "memlab-recordings: end"
# The recordings leave as text. They are of edu: the module's own device has no IOMMU.
SCRIPT = f"""
insmod /memlab.ko edu_mask=32 || exit 1
for file in /sys/bus/pci/devices/*/device; do
    [ "$(cat $file)" = 0x11e8 ] && edu=$(basename $(dirname $file))
done
memlab lend $edu || exit 1
cat /sys/kernel/debug/memlab/device
cd /tmp
for number in @NUMBERS@; do
    memlab record $number.json --device $edu --rounds 3 --time @TIME@ >/dev/null || exit 1
done
echo "{BEGIN}"
tar -cz *.json | base64
echo "{END}"
"""
EDU = "edu,dma_mask=0xffffffff"
# word: (how many recordings, ms of a round, what its guest has)
GUESTS = {
    "direct": (2, 150, {"devices": [EDU]}),
    "strict": (
        1,
        150,
        {"devices": ["intel-iommu", EDU], "append": "intel_iommu=on iommu.strict=1"},
    ),
    "other": (1, 100, {"devices": [EDU], "cpu": "SandyBridge"}),
}
# What stands between a device and memory is no matter of these.
ALONE = ("kmalloc ", "vmalloc ")
LENT = ("map p50", "unmap p50")


def recorded(lab, label, which, ko, binary, word, options):
    """The paths of what one guest recorded."""
    count, time, own = GUESTS[word]
    numbers = " ".join(f"{word}-{number}" for number in range(1, count + 1))
    script = SCRIPT.replace("@NUMBERS@", numbers).replace("@TIME@", str(time))
    log = lab.output() / f"{label}-{word}.log"
    files = {"/memlab.ko": ko, **command.carried(binary)}
    with lab.console.step(f"{label}, {word}"):
        result = guest.boot(lab, which, script, files, log=log, **{**options, **own})
    output = result.output
    if result.status or BEGIN not in output or END not in output:
        raise Failure(f"{word}: its script ended with {result.status} (log: {log})")
    packed = base64.b64decode("".join(output[output.index(BEGIN) + 1 : output.index(END)]))
    folder = lab.output() / label
    folder.mkdir(exist_ok=True)
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(folder, filter="data")
    return [folder / f"{name}.json" for name in numbers.split()]


def diff(binary, one, other):
    """(exit code, the document) of `memlab diff`."""
    done = subprocess.run(
        [binary, "diff", one, other, "--json"], capture_output=True, text=True, check=False
    )
    return done.returncode, json.loads(done.stdout)


def moved(document):
    """{name of a figure: what became of it}"""
    return {row["name"]: row["verdict"] for row in document["found"]["diff"]["rows"]}


def judge(add, same, strict, other):
    """What has to be so of the three differences."""
    code, document = same
    rows = moved(document) if code == 0 else {}
    away = [name for name, verdict in rows.items() if verdict != "same"]
    add("two of one kind: nothing moved", "" if rows and not away else f"{code} {away[:3]}")

    code, document = strict
    rows = moved(document) if code == 0 else {}
    lent = {n: v for n, v in rows.items() if n.startswith("dma-single ") and n.endswith(LENT)}
    wrong = [f"{name}: {verdict}" for name, verdict in lent.items() if verdict != "dearer"]
    add("VT-d: map and unmap are dearer", "" if lent and not wrong else f"{code} {wrong[:3]}")
    alone = {n: v for n, v in rows.items() if n.startswith(ALONE)}
    wrong = [f"{name}: {verdict}" for name, verdict in alone.items() if verdict != "same"]
    add("VT-d: kmalloc and vmalloc did not move", "" if alone and not wrong else f"{wrong[:3]}")
    machines = " ".join(document["found"]["diff"]["machines"]) if code == 0 else ""
    add("VT-d: what differs is named", "" if "iommu: " in machines else machines or str(code))

    code, document = other
    said = str(document.get("failed"))
    right = code == 5 and "cannot be compared: the CPU is " in said
    add("another CPU is refused with the reason", "" if right else f"{code} {said}")


def run(lab, report, label, kernel, ko, **options):
    """Boot each guest once, and compare what they recorded."""
    binary = command.build(lab, X86_64.name)
    files = {word: recorded(lab, label, kernel, ko, binary, word, options) for word in GUESTS}
    one, two = files["direct"]
    judge(
        lambda name, why: report.add(
            f"{label} {name}", f"{why} (files: {one.parent})" if why else ""
        ),
        diff(binary, one, two),
        diff(binary, one, files["strict"][0]),
        diff(binary, one, files["other"][0]),
    )
