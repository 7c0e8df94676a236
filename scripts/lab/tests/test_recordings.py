# SPDX-License-Identifier: GPL-2.0
"""What has to be so of recordings that differ in one thing, and that it can fail."""

import unittest

from lab import test_recordings

ROWS = {
    "kmalloc 64 alloc p50": "same",
    "vmalloc 4K alloc p50": "same",
    "dma-single 4K to-device map p50": "same",
    "dma-single 4K to-device unmap p50": "same",
}
DEARER = {name: "dearer" for name in ROWS if name.startswith("dma-single")}


def found(rows, *machines):
    rows = [{"name": name, "verdict": verdict} for name, verdict in rows.items()]
    return 0, {"found": {"diff": {"rows": rows, "machines": list(machines)}}}


SAME = found(ROWS)
STRICT = found({**ROWS, **DEARER}, "iommu: none -> DMA")
OTHER = 5, {"failed": {"message": "these cannot be compared: the CPU is a in one and b"}}


def wrong(same, strict, other):
    """The names of what is not so."""
    said = {}
    test_recordings.judge(said.__setitem__, same, strict, other)
    assert len(said) == 5
    return [name for name, why in said.items() if why]


class Judgement(unittest.TestCase):
    def test_all_is_as_it_has_to_be(self):
        self.assertEqual(wrong(SAME, STRICT, OTHER), [])

    def test_what_moves_between_two_of_one_kind_is_seen(self):
        moved = found({**ROWS, "kmalloc 64 alloc p50": "cheaper"})
        self.assertEqual(wrong(moved, STRICT, OTHER), ["two of one kind: nothing moved"])
        self.assertEqual(wrong(found({}), STRICT, OTHER), ["two of one kind: nothing moved"])

    def test_an_iommu_that_costs_nothing_is_seen(self):
        self.assertEqual(
            wrong(SAME, SAME, OTHER),
            ["VT-d: map and unmap are dearer", "VT-d: what differs is named"],
        )
        dearer = found({name: "dearer" for name in ROWS}, "iommu: none -> DMA")
        self.assertEqual(wrong(SAME, dearer, OTHER), ["VT-d: kmalloc and vmalloc did not move"])

    def test_another_cpu_that_is_compared_is_seen(self):
        self.assertEqual(wrong(SAME, STRICT, SAME), ["another CPU is refused with the reason"])
        failed = 7, {"failed": {"message": "no such file"}}
        self.assertEqual(len(wrong(failed, failed, failed)), 5)
