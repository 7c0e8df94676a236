# SPDX-License-Identifier: GPL-2.0
"""What `make test` consists of: one Job per guest, and the kernels that they are booted in."""

from dataclasses import dataclass, field

from . import claims, kernel
from .arch import ARM, ARM64, X86_64
from .test_checks import CHECKS, HELD, OWN, PAGED, PLACES, SLOW, SNAPSHOTS

TWO_NODES = {
    "devices": ["edu,dma_mask=0xffffffffffffffff"],
    "smp": "4,sockets=2",
    "memory": "2G",
    "numa": [("0-1", "1G"), ("2-3", "1G")],
}
# One instruction takes one nanosecond.
EXACT = {"icount": True, "timeout": 300}
# Its ports are joined, so that each hears the other.
PORTS = {
    "chardevs": [
        "socket,id=one,path=/tmp/ports,server=on,wait=off",
        "socket,id=two,path=/tmp/ports",
    ],
    "devices": [
        X86_64.edu,
        "virtio-serial-pci",
        "virtserialport,chardev=one,name=one",
        "virtserialport,chardev=two,name=two",
    ],
}
WIDE_EDU = ["edu,dma_mask=0xffffffff"]
# Debian's own drivers for the disk and the card; two devices are in one IOMMU group.
LENT = {
    "smp": 2,
    "cma": "32M",
    "append": "intel_iommu=on",
    "disk": 64,
    "timeout": 900,
    "netdevs": ["user,id=net", "user,id=other"],
    "devices": [
        "intel-iommu",
        "nvme,serial=memlab,drive=disk,addr=5.0",
        "e1000e,netdev=net,addr=6.0",
        "edu,addr=7.0,multifunction=on",
        "edu,addr=7.1",
        "virtio-net-pci,netdev=other,addr=8.0",
    ],
}
CLAIMS = {**claims.X86_64, "timeout": 1500}
POOL = {"smp": 2, "devices": WIDE_EDU}
EXACT_ARM = {**EXACT, "cpu": ARM.steady}


@dataclass
class Job:
    """A guest: its kernel (a word of KERNELS) and its checks, or KUnit where it has none."""

    label: str
    kernel: str
    checks: list = field(default_factory=list)
    options: dict = field(default_factory=dict)
    twice: tuple = ()  # requests, of which two boots have to say the same
    panics: str = ""  # what it says as it panics
    verdicts: tuple = ()  # boots, comparisons in each, and their line: none contradict each other
    recordings: bool = False  # whether it stands for those of test_recordings
    full: bool = False  # whether only FULL=1, or its name, asks for it

    @property
    def word(self):
        """What GUESTS= calls it."""
        return self.label.replace(" ", "-")

    @property
    def arch(self):
        return KERNELS[self.kernel][0]


# word: (architecture, what prepares it)
KERNELS = {
    "stock": ("x86_64", lambda lab: kernel.stock(lab)),
    "compressed": ("x86_64", lambda lab: kernel.compressed(lab)),
    "rt": ("x86_64", lambda lab: kernel.stock(lab, way="rt")),
    "arm64": ("arm64", lambda lab: kernel.stock(lab, "arm64")),
    "arm64-16k": ("arm64", lambda lab: kernel.stock(lab, "arm64", way="stock16k")),
    "test-x86_64": ("x86_64", lambda lab: kernel.built(lab, "test-x86_64", "x86_64")),
    "test-arm64": ("arm64", lambda lab: kernel.built(lab, "test-arm64", "arm64")),
    "test-arm": ("arm", lambda lab: kernel.built(lab, "test-arm", "arm")),
    "run-arm": ("arm", lambda lab: kernel.built(lab, "run-arm", "arm")),
}
# In whose module the stack frames are measured: one of each architecture, and without KASAN, which
# makes every frame larger.
FRAMES = ("test-x86_64", "run-arm", "arm64")
# In whose module the timed loops are looked at: the one of each architecture that figures are
# taken in.
MEASURING = ("stock", "run-arm", "arm64")
# KUnit's suites are for a boot of their own.
NO_KUNIT = "kunit.enable=0"
# KASAN says only the first thing that it sees unless it is told otherwise.
MULTI_SHOT = "kasan_multi_shot"


def testing(word, append=NO_KUNIT, full=True):
    """What is checked end to end where everything is checked."""
    arch = KERNELS[word][0]
    checks = [*(name for name in CHECKS if name not in SLOW), *OWN[arch]]
    options = {"smp": 2, "append": append, "timeout": 1200}
    return Job(f"testing {arch}", word, checks, options, full=full)


def placed(word, cpu, kaslr, full=True):
    """Where a CPU of 48 bits of address, or of 52 ("max"), lets things lie; moved, or as linked."""
    label = f"{word.replace('-', ' ')} {cpu}{'' if kaslr else ' fixed'}"
    return Job(label, word, PLACES, {"cpu": cpu, "append": "" if kaslr else "nokaslr"}, full=full)


# The longest ones first: none of them is left to run alone.
JOBS = [
    testing("test-x86_64", full=False),
    Job("kunit x86_64", "test-x86_64"),
    # Kernels of their own, one of them with KASAN: each is as dear to build as a third of the rest.
    testing("test-arm"),
    Job("kunit arm", "test-arm", full=True),
    Job("kunit arm64", "test-arm64", options={"append": MULTI_SHOT}, full=True),
    testing("test-arm64", f"{NO_KUNIT} {MULTI_SHOT}"),
    Job(
        "arm64",
        "arm64",
        [*CHECKS, "attr", "buffer_import", "buffer_heap", "machine", "boot_log"],
        {"smp": 2, "cma": "32M", "timeout": 1200},
    ),
    Job(
        "arm64 16k",
        "arm64-16k",
        [*PAGED, "attr", "boot_log"],
        {"smp": 2, "cma": "32M", "timeout": 1200},
    ),
    Job(
        "arm64 16k all",
        "arm64-16k",
        [name for name in CHECKS if name not in PAGED],
        {"smp": 2, "cma": "32M"},
        full=True,
    ),
    placed("arm64", "cortex-a57", True, full=False),
    placed("arm64", "cortex-a57", False),
    placed("arm64", "cortex-a72", True),
    placed("arm64", "cortex-a72", False),
    placed("arm64", "max", False),
    placed("arm64-16k", "cortex-a76", True),
    placed("arm64-16k", "cortex-a76", False, full=False),
    placed("arm64-16k", "max", False),
    # Its tables come from firmware, and no device tree is there to be asked.
    Job("arm64 acpi", "arm64", ["uname", "machine"], {"acpi": True, "timeout": 300}),
    Job(
        "exact arm64",
        "arm64",
        ["delays", "disturbed", "cold", "engine", "edu", "edu_ends", "advice"],
        {"append": "exact=1 backend=direct", "cpu": ARM64.steady, **EXACT},
    ),
    Job(
        "alike arm64",
        "arm64",
        options={"cpu": ARM64.steady, **EXACT},
        twice=("kmalloc", "dma-single size=4K", "dma-coherent size=64K", "vmalloc size=1M"),
    ),
    Job("misuse", "test-x86_64", ["misuse"], {"append": NO_KUNIT}),
    Job(
        "stock",
        "stock",
        [
            *CHECKS,
            "buffer_import",
            "charged",
            "classes",
            "command",
            "around",
            "watch",
            "outstanding",
            "release",
            "sweep_orders",
            "laboratory",
            "leak",
            "distorting",
            "virtio",
        ],
        {"smp": 2, "cma": "32M", "timeout": 1200, **PORTS},
    ),
    # The kernel's own drivers take what is memlab's, and memlab what is others'.
    Job(
        "importers",
        "stock",
        ["buffer_heap", "buffer_vgem", "buffer_charged", "view", "buffer_vivid"],
        {"smp": 2, "cma": "32M"},
    ),
    # What unpacks the kernel turns the fifth level of page tables on, where the CPU has one.
    Job("walked 5", "compressed", ["walk_levels", "walk"], {"append": "wanted_levels=5"}),
    Job(
        "walked 4",
        "stock",
        ["walk_levels", "walk_swap", "walk_behind"],
        {"append": "no_hash_pointers wanted_levels=4"},
    ),
    # As often as it takes to be sure: in a kernel as it is used, and where all is checked.
    *(
        Job(
            f"raced {where}".strip(),
            word,
            ["buffer_unbind", "buffer_killed"],
            {
                "smp": 2,
                "cma": "32M",
                "append": f"unbinds=10000 kills={kills} {more}",
                "timeout": 3600,
            },
            full=True,
        )
        for where, word, kills, more in (
            ("", "stock", 1000, ""),
            ("x86_64", "test-x86_64", 250, NO_KUNIT),
            ("arm64", "test-arm64", 250, f"{NO_KUNIT} {MULTI_SHOT}"),
        )
    ),
    Job(
        "bounced",
        "stock",
        ["dma_bounced", "bounced", "buffer_bounced", "advice"],
        {
            "append": "swiotlb=force pci=nomsi backend=bounced",
            "devices": WIDE_EDU,
            **EXACT,
        },
    ),
    Job("above", "stock", ["reach"], {"memory": "6G", "devices": WIDE_EDU}),
    # Without what lies below 16 MiB.
    Job(
        "translated",
        "stock",
        ["translated"],
        {"append": "intel_iommu=on memmap=14M$1M", "devices": ["intel-iommu", *WIDE_EDU]},
    ),
    Job(
        "lending",
        "stock",
        [
            "lend_disk",
            "lend_killed",
            "lend_card",
            "lend_shared",
            "outstanding_card",
            "doctor",
            "bad_input",
            "without_debugfs",
            "locked_command",
        ],
        LENT,
    ),
    Job(
        "maps",
        "stock",
        ["outstanding_virtual"],
        {
            "append": "intel_iommu=on iommu.strict=1",
            "netdevs": ["user,id=net"],
            "devices": [
                "intel-iommu",
                *WIDE_EDU,
                "virtio-net-pci,netdev=net,iommu_platform=on,disable-legacy=on",
            ],
        },
        full=True,
    ),
    Job(
        "leaks",
        "stock",
        ["leak_often"],
        {"smp": 2, "cma": "32M", "timeout": 2400},
        full=True,
    ),
    Job(
        "translated arm64",
        "arm64",
        ["narrow"],
        {"machine": "iommu=smmuv3", "devices": ["edu"]},
    ),
    Job("pool", "stock", ["pool_full"], {"append": "swiotlb=512,force counted=0", **POOL}),
    Job(
        "pool counted",
        "stock",
        ["pool_full"],
        {"append": "swiotlb=512,force,track_hiwater counted=1", **POOL},
    ),
    # What lectures say: huge pages always, as Debian has it, and never.
    # The kernel tells at length of whom it kills.
    # Its 121 rows and their controls are not green on a busy machine each time.
    Job("claims", "stock", ["claims", "lectures"], CLAIMS, full=True),
    # What no command may ask of the machine that it runs on (oom.panic).
    Job("panics", "stock", panics="Out of memory: compulsory panic_on_oom is enabled", full=True),
    Job("outside", "stock", ["outside"], CLAIMS, full=True),
    Job("claims kept", "stock", ["claims_settings", "claims_powerless"], CLAIMS, full=True),
    Job("claims killed", "stock", ["claims_killed"], {**CLAIMS, "timeout": 3000}, full=True),
    # More than half of it is a CMA area's, so that processes get its pages.
    Job(
        "claims small pages",
        "stock",
        ["claims"],
        {
            "smp": 2,
            "cma": "576M",
            "append": "transparent_hugepage=never log_buf_len=4M",
            "timeout": 600,
        },
        full=True,
    ),
    # An area of more than half of the memory, so that processes get its pages.
    Job(
        "lent",
        "stock",
        ["cma_moves", "cma_busy"],
        {"memory": "512M", "cma": "256M"},
    ),
    # What was seen to depend on how busy the machine is.
    Job("cached", "stock", ["cache_in_cma"], {"memory": "512M", "cma": "256M"}, full=True),
    Job("traced", "stock", ["trace_above"], {"smp": 2, "cma": "32M"}, full=True),
    # Next to nothing is left for the kernel itself.
    Job("lent mostly", "stock", ["kills_nobody", "cma_short"], {"memory": "512M", "cma": "384M"}),
    # What the IOMMU's mode costs by threads.
    *(
        Job(
            f"threads {mode}",
            "stock",
            ["sweep_threads"],
            {
                "smp": 8,
                "append": f"intel_iommu=on iommu.strict={strict} backend={mode}",
                "devices": ["intel-iommu", *WIDE_EDU],
            },
            full=True,
        )
        for mode, strict in (("strict", 1), ("lazy", 0))
    ),
    # Little memory, a part of it in a CMA area.
    Job(
        "scenarios",
        "stock",
        [*HELD, "pressure_holds", "greedy"],
        {"memory": "256M", "cma": "32M"},
    ),
    # All that it has is free.
    Job("idle", "stock", ["pressure_holds"], {"memory": "1G"}),
    # Two CPUs take what may not wait at the same time.
    Job("held", "stock", ["hold"], {"memory": "512M", "smp": 2}),
    # Most of it only for what can be moved away.
    Job(
        "movable",
        "stock",
        [
            "movable",
            "pressure_holds",
            "fragmentation",
            "watermarks",
            "meminfo",
            "suspend",
            "powerless",
            "lockdown",
        ],
        {"memory": "1G", "append": "movablecore=750M"},
    ),
    Job(
        "high memory",
        "run-arm",
        [*SNAPSHOTS, *HELD, "allocators", "cma_causes", "walk", "walk_race", "buffer"],
        {"smp": 2, "cma": "16M"},
    ),
    # More than half of what memory costs there is debugging.
    Job(
        "distorted",
        "stock",
        ["distorting"],
        {"append": "slab_debug=FZPU kfence.sample_interval=100 init_on_free=1"},
    ),
    Job("two nodes", "stock", [*SNAPSHOTS, "threads", "cma_nodes"], TWO_NODES),
    # Two thirds of the memory for an area: reserving it fails.
    Job("lost", "stock", ["cma_lost", "clocksource"], {"memory": "512M", "cma": "700M"}),
    Job("spared", "test-x86_64", ["spared"], {"cma": "16M"}, full=True),
    Job(
        "exact",
        "stock",
        [
            "delays",
            "disturbed",
            "cold",
            "watched",
            "overhead",
            "engine",
            "edu",
            "edu_ends",
            "edu_fails",
            "samples",
            "advice",
            "pool_beside",
        ],
        {"append": "exact=1 backend=direct", **EXACT},
    ),
    Job(
        "watched",
        "stock",
        ["watched"],
        {**EXACT, "append": "exact=1 watched=10000", "timeout": 1200},
        full=True,
    ),
    Job(
        "strict",
        "stock",
        ["iova", "buffer_transfer", "advice"],
        {
            "append": "intel_iommu=on iommu.strict=1 backend=strict",
            "devices": ["intel-iommu", *WIDE_EDU],
            **EXACT,
        },
    ),
    *(
        Job(
            f"{label} {backend}",
            "stock",
            options={"append": append, **how},
            verdicts=which,
            full=True,
        )
        for backend, append in (("direct", ""), ("bounced", "swiotlb=force"))
        for label, how, which in (
            ("verdicts", {"timeout": 900}, (5, 1, "")),
            ("verdicts exact", {**EXACT, "cpu": X86_64.steady, "timeout": 3000}, (1, 5, "")),
        )
    ),
    # Three guests, of which one's figures are compared with the others'.
    Job(
        "recordings",
        "stock",
        options={"icount": True, "timeout": 900, "cpu": X86_64.steady},
        recordings=True,
        full=True,
    ),
    Job("exact rt", "rt", ["uname", "engine"], {"append": "exact=1", **EXACT}),
    Job(
        "exact arm",
        "run-arm",
        ["delays", "cold", "engine", "dma_place", "edu", "edu_ends"],
        # The CMA area in low memory.
        {"append": "exact=1", "cma": "64M@0x50000000", **EXACT_ARM},
    ),
]
