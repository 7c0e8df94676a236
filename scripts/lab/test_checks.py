# SPDX-License-Identifier: GPL-2.0
"""Checks that several guests of `make test` are asked: functions of scripts/test/ by name."""

SNAPSHOTS = [
    "buddy",
    "zones",
    "free_lists",
    "watermarks",
    "fragmentation",
    "cma",
    "layout",
    "meminfo",
    "events",
]
CHECKS = [
    "uname",
    "files",
    *SNAPSHOTS,
    "allocators",
    "refusals",
    "two_writers",
    "compare",
    "dma",
    "dma_refusals",
    "ioctl",
    "session",
    "walk",
    "walk_race",
    "buffer",
    "buffer_transfer",
    "buffer_race",
    "buffer_unbind",
    "user",
    "page_pool",
    "above",
    "nothing",
    "abi_sample",
    "limits",
    "cma_causes",
    "own_device",
    "rmmod_while_open",
    "reload",
]
# Where memory and the kernel lie, with all bits of address that a CPU has.
PLACES = ["uname", "cpu_name", "layout", "boot_log", "zones", "buddy"]
# What pages of another size change.
PAGED = [
    "uname",
    "files",
    *SNAPSHOTS,
    "allocators",
    "refusals",
    "dma_refusals",
    "walk",
    "buffer",
    "buffer_transfer",
    "user",
    "page_pool",
    "above",
    "limits",
]
# In the testing kernels; on ARM there is high memory to map.
OWN = {
    "x86_64": ["faults", "leaks"],
    "arm": ["fixmap", "stack", "leaks", "view"],
    "arm64": ["kasan"],
}
# Of what is free, most is taken for them.
HELD = ["fragment", "pressure"]
# What takes minutes where everything is checked: in kernels that do not.
SLOW = {
    *SNAPSHOTS,
    "rmmod_while_open",
    "allocators",
    "cma_causes",
    "buffer_unbind",
}
