# SPDX-License-Identifier: GPL-2.0
"""Source text as the lints look at it: without comments and literals, its lines kept."""

import re

# One match per comment, string or character, so that none hides in another.
NOT_CODE = re.compile(
    r'//[^\n]*|/\*.*?\*/|b?r(#*)".*?"\1|b?c?"(?:\\.|[^"\\])*"|\'(?:\\.[^\']*|[^\'\\])\'', re.S
)
C_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.S)


def blank(found):
    return "\n" * found[0].count("\n") + '""'


def code_of(text):
    """Rust text with comments and literals blanked out, lines kept."""
    return NOT_CODE.sub(blank, text)


def c_code_of(text):
    """The same of C text, whose literals stay."""
    return C_COMMENT.sub(blank, text)
