# SPDX-License-Identifier: GPL-2.0
"""What is read from the disassembly of a timed loop."""

import unittest

from lab import windows

# A function whose last instruction calls memcpy(), from its other lines.
LISTING = """Disassembly of section .text:
0000000000000000 <f>:
{}
      40: bl 0x40 <f+0x40>
\t\t0000000000000040:  R_AARCH64_CALL26\tmemcpy
"""


def length(*lines):
    text = "\n".join(f"      {4 * at:x}: {line}" for at, line in enumerate(lines))
    found = windows.Object("arm64", LISTING.format(text).splitlines())
    function = found.functions["f"]
    return found.length(function, function.code[-1])


class Length(unittest.TestCase):
    def test_a_move_says_how_long_it_is(self):
        self.assertEqual(length("mov w2, #0x28               // =40"), 40)
        self.assertEqual(length("mov w2, #0x28", "mov x0, x19", "str x2, [sp]"), 40)

    def test_what_is_not_known_is_no_length(self):
        self.assertIsNone(length("mov x0, x19"))
        self.assertIsNone(length("mov x2, x22"))
        self.assertIsNone(length("mov w2, #0x28", "add x2, x2, x1"))
        self.assertIsNone(length("mov w2, #0x28", "ldp x1, x2, [sp]"))
        self.assertIsNone(length("mov w2, #0x28", "bl 0x900"))

    def test_what_another_way_leads_to_has_none(self):
        self.assertIsNone(length("cbz x0, 0x8 <f+0x8>", "mov w2, #0x28", "mov x0, x1"))
