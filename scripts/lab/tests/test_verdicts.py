# SPDX-License-Identifier: GPL-2.0
"""That a contradiction is found, in a comparison that a guest has printed."""

import unittest
from pathlib import Path

from lab import test_verdicts

KEPT = Path(__file__).parents[3] / "tools/memlab/tests/machine/compare.txt"


class Contradictions(unittest.TestCase):
    def setUp(self):
        self.text = KEPT.read_text()
        self.found = test_verdicts.read(self.text)

    def changed(self, old, new):
        self.assertIn(old, self.text)
        return test_verdicts.read(self.text.replace(old, new))

    def test_what_is_said_is_read(self):
        self.assertEqual(self.found.cheapest[64, "to-device"], {"map", "keep", "copy"})
        self.assertEqual(
            self.found.orders["to-device"],
            [("cannot be told", 64, 1024), ("map", 2048, 1 << 20)],
        )
        self.assertIn((1 << 20, "to-device"), self.found.figures)
        self.assertIn((64, ""), self.found.figures)
        self.assertTrue(test_verdicts.told([self.found]))

    def test_a_comparison_agrees_with_itself(self):
        self.assertEqual(test_verdicts.against_itself(self.found), "")
        self.assertEqual(test_verdicts.against(self.found, self.found), "")

    def test_a_ranking_by_another_figure_is_found(self):
        figures, _ = test_verdicts.ranking("kvmalloc <5954 ~ kmalloc 5898")
        self.found.figures[64, ""] = figures
        self.assertIn("not ranked by what is printed", test_verdicts.against_itself(self.found))

    def test_a_table_that_contradicts_the_ranking_is_found(self):
        self.found.cheapest[65536, "to-device"] = {"copy"}
        self.assertIn("called cheapest", test_verdicts.against_itself(self.found))

    def test_a_break_even_that_contradicts_the_ranking_is_found(self):
        end = " from 2K\n#   to 1M\n# dma-single or dma-copy, from"
        found = self.changed("map" + end, "copy" + end)
        self.assertIn("is the choice", test_verdicts.against_itself(found))
        self.assertIn("the choice is copy or map", test_verdicts.against(self.found, found))

    def test_two_that_contradict_each_other_are_found(self):
        other = test_verdicts.read(self.text)
        subject = 65536, "to-device"
        other.cheaper[subject] = {(dear, cheap) for cheap, dear in self.found.cheaper[subject]}
        self.assertIn("cheaper than each other", test_verdicts.against(self.found, other))
        other = test_verdicts.read(self.text)
        other.cheapest[subject] = {"copy"}
        self.assertIn("cheapest are", test_verdicts.against(self.found, other))

    def test_too_few_samples_are_no_verdict(self):
        _, pairs = test_verdicts.ranking("kmalloc 10158 < vmalloc 15056814 (too few samples)")
        self.assertEqual(pairs, set())
