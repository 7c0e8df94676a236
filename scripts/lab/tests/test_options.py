# SPDX-License-Identifier: GPL-2.0
"""What the flags of a guest become, and that what is wrong is refused by name."""

import unittest

from lab import options
from lab.console import Failure


def refusal(arch="x86_64", **given):
    """The sentence with which the flags are refused, or None."""
    try:
        options.parse(arch, given)
    except Failure as error:
        return str(error)
    return None


class Options(unittest.TestCase):
    def test_nothing_asked_is_nothing_changed(self):
        self.assertEqual(options.parse("x86_64", {}), {})

    def test_each_flag_becomes_its_option(self):
        given = {
            "MEMORY": "6G",
            "SMP": "3",
            "CMA": "64M@0x50000000",
            "DEVICES": "intel-iommu edu,dma_mask=0xffffffff",
            "MACHINE": "iommu=smmuv3",
            "APPEND": " swiotlb=512,force ",
            "CPU": "cortex-a57",
        }
        self.assertEqual(
            options.parse("x86_64", given),
            {
                "memory": "6144M",
                "smp": 3,
                "cma": "64M@0x50000000",
                "devices": ["intel-iommu", "edu,dma_mask=0xffffffff"],
                "machine": "iommu=smmuv3",
                "append": "swiotlb=512,force",
                "cpu": "cortex-a57",
            },
        )

    def test_nodes_have_equal_parts(self):
        found = options.parse("x86_64", {"MEMORY": "4G", "SMP": "4", "NODES": "2"})
        self.assertEqual(found["numa"], [("0-1", "2048M"), ("2-3", "2048M")])
        self.assertEqual(found["smp"], "4,sockets=2")

    def test_a_node_may_have_no_cpu(self):
        found = options.parse("arm64", {"MEMORY": "4G", "SMP": "1", "NODES": "4"})
        self.assertEqual([cpus for cpus, _ in found["numa"]], ["0", "", "", ""])

    def test_what_is_wrong_is_refused_by_name(self):
        wrong = {
            "MEMORY": ("4", "4g", "0G", "-1G", "64M", "1K", "x"),
            "SMP": ("0", "256", "two", "4,sockets=2", "-1"),
            "NODES": ("0", "3", "x"),
            "CMA": ("64", "64M@5", "lots", "64M mem=1G"),
            "APPEND": ("a\nb",),
        }
        for name, values in wrong.items():
            for value in values:
                said = refusal(**{name: value, "MEMORY": value if name == "MEMORY" else "1G"})
                self.assertIsNotNone(said, f"{name}={value} is taken")
                self.assertTrue(said.startswith(f"{name}="), said)

    def test_cpus_that_cannot_be_divided_are_refused(self):
        self.assertIn("SMP=3", refusal(SMP="3", NODES="2"))

    def test_a_machine_without_nodes_says_so(self):
        self.assertEqual(refusal("arm", NODES="2"), "NODES=2: ARCH=arm has one node")
