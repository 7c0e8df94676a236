# SPDX-License-Identifier: GPL-2.0
"""`make matrix`: the same measurements on the same device, on every backend of the DMA layer.

Each backend is a boot under -icount, where a nanosecond is an instruction. That
the backend is the one that it is called is read from what memlab says of the
device. QEMU's edu carries bytes on each (TRANSFERS=N), and all of them are
compared. SAVE=FILE keeps the table.
"""

import os
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

from . import devicetree, guest, kernel, matrix_table, module
from .arch import ARCHES
from .console import Failure

SIZES = (64, 4096, 65536, 1 << 20)
# What a driver author chooses between; on the module's own device the first three.
PLAIN = ("dma-coherent", "dma-pool")
DIRECTED = ("dma-single", "dma-sg", "dma-noncoherent", "dma-copy", "dma-iova")
# A program's memory: the sizes between which the one may become dearer than the other.
USER = ("user-pin", "user-copy")
USER_SIZES = tuple(64 << shift for shift in range(0, 15, 2))
BOTH = ("dma-coherent", "dma-single", "dma-sg")
SMALLEST = {"dma-sg": 4096, "dma-iova": 4096}
LARGEST = {"dma-pool": 65536}
DIRECTIONS = ("to-device", "from-device")
KINDS = """
    coherent pool noncoherent noncontiguous single page phys sg iova
""".split()
ITERATIONS = 100
BOUNCED = 256 << 10  # what one piece of the bounce buffer takes, in bytes
# RAM begins at 1 GiB on ARM: QEMU's edu and the module are given 32 bits alike.
EDU = "edu,dma_mask=0xffffffff"
MEMORY = {"arm": "2G"}
KERNELS = {
    "x86_64": lambda lab: kernel.stock(lab),
    "arm": lambda lab: kernel.built(lab, "run-arm", "arm"),
    "arm64": lambda lab: kernel.stock(lab, "arm64"),
}


@dataclass
class Backend:
    """One column of the table."""

    name: str
    proof: dict  # what memlab has to say of the edu
    append: str = ""
    devices: list = field(default_factory=list)
    arch: str = "x86_64"
    platform: bool = False  # whether the module's own device has this backend too
    machine: str = None  # properties of the board

    @property
    def translated(self):
        """Whether an IOMMU gives the device addresses of its own."""
        return self.proof.get("iommu") in ("DMA", "DMA-FQ")

    @property
    def coherent(self):
        return self.proof.get("coherent", "yes") == "yes"


VTD = {"devices": ["intel-iommu"]}
SMMU = {"machine": "iommu=smmuv3", "arch": "arm64"}
VIRTIO = {"devices": ["virtio-iommu-pci"], "arch": "arm64"}
NONE = {"iommu": "none", "swiotlb_force": "no"}
BACKENDS = [
    Backend("direct", {**NONE, "coherent": "yes"}, platform=True),
    Backend("passthrough", {"iommu": "identity"}, "intel_iommu=on iommu=pt", **VTD),
    Backend("lazy", {"iommu": "DMA-FQ"}, "intel_iommu=on iommu.strict=0", **VTD),
    Backend("strict", {"iommu": "DMA"}, "intel_iommu=on iommu.strict=1", **VTD),
    Backend("swiotlb", {"swiotlb_force": "yes"}, "swiotlb=force", platform=True),
    Backend("arm", {**NONE, "coherent": "yes"}, arch="arm"),
    Backend("arm-noncoherent", {**NONE, "coherent": "no"}, arch="arm", platform=True),
    Backend("arm64", {**NONE, "coherent": "yes"}, arch="arm64"),
    Backend("a64-passthrough", {"iommu": "identity"}, "iommu.passthrough=1", **SMMU),
    Backend("a64-lazy", {"iommu": "DMA-FQ"}, "iommu.strict=0", **SMMU),
    Backend("a64-strict", {"iommu": "DMA"}, "iommu.strict=1", **SMMU),
    Backend("a64-virtio", {"iommu": "DMA"}, "iommu.strict=1", **VIRTIO),
    Backend("a64-swiotlb", {"swiotlb_force": "yes"}, "swiotlb=force", arch="arm64"),
    Backend("a64-noncoherent", {**NONE, "coherent": "no"}, arch="arm64", platform=True),
    Backend("a64-nc-strict", {"iommu": "DMA", "coherent": "no"}, "iommu.strict=1", **SMMU),
]
FUNCTIONS = """
[ ! -e /virtio_iommu.ko ] || insmod /virtio_iommu.ko || exit 1
insmod /memlab.ko edu_mask=32 || exit 1
cd /sys/kernel/debug/memlab || exit 1
for device in /sys/bus/pci/devices/*; do
    [ "$(cat $device/vendor):$(cat $device/device)" = 0x1234:0x11e8 ] && edu=${device##*/}
done
echo memlab > /sys/bus/pci/devices/$edu/driver_override
echo $edu > /sys/bus/pci/drivers_probe
# The kernel starts on a clock that is dearer to read, and takes the one it keeps a second later.
source=/sys/devices/system/clocksource/clocksource0/current_clocksource
until grep -qxE "tsc|arch_sys_counter" $source; do sleep 0.1; done
ask() {
    echo "@$1"
    shift
    case $1 in edu) shift; set -- "$@" device=$edu ;; *) shift; set -- "$@" device=memlab ;; esac
    echo "$*" > run
    cat run
}
"""


def questions(backend, transfers):
    """{key: (who, request)} of one boot; a key is a row of the table."""
    asked = {}
    for who, name, size in product(("edu", "platform"), (*PLAIN, *DIRECTED), SIZES):
        if who == "platform" and not (backend.platform and name in BOTH):
            continue
        if not SMALLEST.get(name, 0) <= size <= LARGEST.get(name, size):
            continue
        line = f"{name} size={size} iterations={ITERATIONS} warmup=20 mode=op time=60000"
        for direction in DIRECTIONS if name in DIRECTED else ("-",):
            with_it = f" direction={direction}" if name in DIRECTED else ""
            asked[who, name, direction, size] = line + with_it
    for name, size, direction in product(USER, USER_SIZES, DIRECTIONS):
        line = f"{name} size={size} direction={direction} iterations={ITERATIONS} warmup=20"
        asked["edu", name, direction, size] = line + " mode=op time=60000"
    for kind in KINDS:
        for direction in DIRECTIONS:
            line = f"transfer-{kind} direction={direction} iterations={transfers} warmup=0"
            line += " time=3600000" + (" entries=4" if kind == "sg" else "")
            asked["edu", f"transfer-{kind}", direction, 4096] = line
    return asked


def outcome(text):
    """What the text of one run says; None where it was refused."""
    if re.search(r"^refused ", text, re.M) or not text.strip():
        return None
    facts = dict(re.findall(r"^(\w+) +(\S+)$", text, re.M))
    rows = (line.split() for line in text.splitlines())
    least = [row[2] for row in rows if len(row) == 10 and row[1] == "net"]
    raw = [line.split()[9] for line in text.splitlines() if re.match(r"\S+ +raw +", line)]
    if len(raw) != 2 or facts.get("ending") not in ("complete", "time"):
        raise Failure(f"matrix: no outcome in: {' | '.join(text.splitlines())[:300]}")
    costs = [0 if ns.startswith("<") else int(ns) for ns in least]
    facts["cost"], facts["back"] = sum(costs), costs[-1]
    facts["samples"] = int(raw[0])
    return facts


def measure(lab, backend, which, ko, transfers):
    """{key: outcome} of one boot."""
    asked = questions(backend, transfers)
    script = FUNCTIONS + "".join(
        f'ask "{" ".join(map(str, key))}" {key[0]} {line}\n' for key, line in asked.items()
    )
    arch = ARCHES[backend.arch]
    options = {
        "cpu": arch.steady,
        "memory": MEMORY.get(backend.arch),
        "machine": backend.machine,
    }
    files = {"/memlab.ko": ko}
    if not backend.coherent:
        options["dtb"] = devicetree.without(
            lab, backend.name, backend.arch, "dma-coherent", **options
        )
    if backend.devices == VIRTIO["devices"]:
        files["/virtio_iommu.ko"] = module.shipped(lab, which, arch.debian, "virtio_iommu")
    with lab.console.step(f"guest {backend.name}"):
        result = guest.boot(
            lab,
            which,
            f"echo\n{script}",
            files,
            timeout=900 + transfers,
            append=f"nokaslr {backend.append}".strip(),
            icount=True,
            devices=[*backend.devices, EDU],
            log=lab.console.logs / f"matrix-{backend.name}.log",
            **options,
        )
    if result.status:
        raise Failure(f"matrix: {backend.name}: its script ended early (log: {result.log})")
    parts = "\n".join(result.output).split("\n@")[1:]
    texts = dict(part.partition("\n")[::2] for part in parts)
    found = {key: outcome(texts.get(" ".join(map(str, key)), "")) for key in asked}
    prove(backend, found, result.log)
    return found


def refusable(backend, name, size):
    """Whether a backend may refuse an experiment: one without an IOMMU, or a bounce buffer."""
    if name.endswith("-iova"):
        return not backend.translated
    bounced = backend.proof.get("swiotlb_force") == "yes"
    return bounced and name == "dma-single" and size > BOUNCED


def prove(backend, found, log):
    """The device says that it has the backend, and what it carried is right."""
    for (who, name, direction, size), facts in found.items():
        where = f"matrix: {backend.name}: {name} {direction} {size} on {who}"
        if facts is None and refusable(backend, name, size):
            continue
        if facts is None:
            raise Failure(f"{where}: was refused (log: {log})")
        wrong = {
            key: facts.get(key) for key in backend.proof if facts.get(key) != backend.proof[key]
        }
        if who == "edu" and wrong:
            raise Failure(f"{where}: not this backend, but {wrong} (log: {log})")
        if facts["failures"] != "0" or not facts["samples"]:
            raise Failure(f"{where}: {facts['failures']} failures (log: {log})")
        if name.startswith("transfer-") and str(facts["samples"]) != facts["iterations"]:
            raise Failure(f"{where}: carried {facts['samples']} times (log: {log})")


def chosen():
    """The backends of ARCH=, or of BACKENDS=, or all."""
    arch, names = os.environ.get("ARCH"), (os.environ.get("BACKENDS") or "").split(",")
    if arch and arch not in KERNELS:
        raise Failure(f"ARCH={arch}: it is one of {', '.join(KERNELS)}")
    there = [each for each in BACKENDS if arch in (None, "", each.arch)]
    for name in filter(None, names):
        if name not in (each.name for each in there):
            raise Failure(f"BACKENDS={name}: it is one of {', '.join(e.name for e in there)}")
    return [each for each in there if names == [""] or each.name in names]


def main(lab):
    asked = os.environ.get("TRANSFERS") or "10"
    if not re.fullmatch("[1-9][0-9]{0,5}", asked):
        raise Failure(f"TRANSFERS={asked}: a number from 1 to 999999")
    transfers = int(asked)
    save = os.environ.get("SAVE")
    if save and not os.access(Path(save).absolute().parent, os.W_OK):
        raise Failure(f"SAVE={save}: cannot be written there")
    wanted = chosen()
    kernels = {arch: KERNELS[arch](lab) for arch in dict.fromkeys(each.arch for each in wanted)}
    modules = {arch: module.build(lab, which) for arch, which in kernels.items()}
    pool = ThreadPoolExecutor(2)
    try:
        running = {
            backend.name: pool.submit(
                measure, lab, backend, kernels[backend.arch], modules[backend.arch], transfers
            )
            for backend in wanted
        }
        found = {name: job.result() for name, job in running.items()}
    finally:
        # After an interrupt, or a failure, nobody waits for the guests: the caller kills them.
        pool.shutdown(wait=False, cancel_futures=True)
    lines = matrix_table.table(kernels, found, transfers)
    wrong = matrix_table.order(found)
    lines += [f"# wrong: {sentence}" for sentence in wrong] or ["# every order is as it must be"]
    text = "\n".join(lines) + "\n"
    print(text, end="")
    path = Path(save) if save else lab.output() / "matrix.txt"
    path.write_text(text)
    lab.console.table()
    lab.console.say(f"memlab: the table is in {path}")
    return 1 if wrong else 0
