# SPDX-License-Identifier: GPL-2.0
"""What `make matrix` finds wrong, and which backends it is asked for."""

import os
import unittest
from unittest import mock

from lab import matrix, matrix_table
from lab.console import Failure


def found(name="dma-single", **costs):
    """Tables of one row, by the name of the backend."""
    row = ("edu", name, "to-device", 4096)
    return {
        backend.replace("_", "-"): {row: {"cost": cost, "back": cost // 2}}
        for backend, cost in costs.items()
    }


class Order(unittest.TestCase):
    def test_the_dearer_backend_has_to_be_dearer(self):
        right = found(passthrough=10, lazy=20, strict=30)
        self.assertEqual(matrix_table.order(right), [])
        wrong = matrix_table.order(found(passthrough=10, lazy=30, strict=30))
        self.assertEqual(len(wrong), 2)
        self.assertIn("10, 30, 30 does not rise", wrong[0])

    def test_arm64_has_its_own_order(self):
        costs = {"a64_passthrough": 10, "a64_lazy": 20, "a64_strict": 15}
        self.assertIn("10, 20, 15 does not rise", matrix_table.order(found(**costs))[0])

    def test_unmapping_alone_has_the_order_too(self):
        tables = found(a64_passthrough=10, a64_lazy=20, a64_strict=30)
        for rows in tables.values():
            for facts in rows.values():
                facts["back"] = 5
        wrong = matrix_table.order(tables)
        self.assertEqual(len(wrong), 1)
        self.assertIn("unmapped a64-passthrough, a64-lazy, a64-strict: 5, 5, 5", wrong[0])

    def test_of_a_list_an_iommu_unmaps_one_range(self):
        tables = found("dma-sg", passthrough=10, lazy=20, strict=30)
        tables["passthrough"]["edu", "dma-sg", "to-device", 4096]["back"] = 100
        self.assertEqual(matrix_table.order(tables), [])
        tables["strict"]["edu", "dma-sg", "to-device", 4096]["back"] = 0
        self.assertIn("unmapped lazy, strict: 10, 0", matrix_table.order(tables)[0])

    def test_what_is_not_measured_is_not_compared(self):
        self.assertEqual(matrix_table.order(found(strict=1, a64_strict=1)), [])


class BreakEven(unittest.TestCase):
    def said(self, *costs):
        rows = {}
        for shift, (pin, copy) in enumerate(costs):
            for name, cost in (("user-pin", pin), ("user-copy", copy)):
                rows["edu", name, "to-device", 1024 << shift] = {"cost": cost}
        return matrix_table.break_even(rows, "to-device")

    def test_it_lies_between_the_last_copy_and_the_first_pin(self):
        self.assertEqual(self.said((9, 1), (9, 5), (9, 30)), "2K..4K")

    def test_one_that_lies_beyond_what_was_tried_is_a_bound(self):
        self.assertEqual(self.said((9, 1), (9, 5)), ">2K")
        self.assertEqual(self.said((9, 10), (9, 50)), "<1K")

    def test_to_and_fro_is_none(self):
        self.assertEqual(self.said((9, 1), (9, 50), (9, 5)), "-")


class Choice(unittest.TestCase):
    def chosen(self, **given):
        with mock.patch.dict(os.environ, given):
            return [backend.name for backend in matrix.chosen()]

    def setUp(self):
        for name in ("ARCH", "BACKENDS"):
            os.environ.pop(name, None)

    def test_an_architecture(self):
        self.assertEqual(self.chosen(ARCH="arm"), ["arm", "arm-noncoherent"])
        self.assertEqual(len(self.chosen(ARCH="arm64")), 8)

    def test_some_by_name(self):
        self.assertEqual(self.chosen(BACKENDS="strict,direct"), ["direct", "strict"])

    def test_the_unknown_is_refused(self):
        for given in ({"ARCH": "mips"}, {"BACKENDS": "direct,nope"}):
            with self.assertRaises(Failure):
                self.chosen(**given)

    def test_only_a_bounce_buffer_or_no_iommu_may_refuse(self):
        by_name = {backend.name: backend for backend in matrix.BACKENDS}
        for name in ("direct", "arm64", "a64-strict"):
            self.assertFalse(matrix.refusable(by_name[name], "dma-single", 1 << 20))
        for name in ("swiotlb", "a64-swiotlb"):
            self.assertTrue(matrix.refusable(by_name[name], "dma-single", 1 << 20))
        self.assertFalse(matrix.refusable(by_name["a64-virtio"], "dma-iova", 4096))
        self.assertTrue(matrix.refusable(by_name["a64-passthrough"], "dma-iova", 4096))
