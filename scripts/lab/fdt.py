# SPDX-License-Identifier: GPL-2.0
"""Takes a property out of a flattened device tree (see the Devicetree Specification)."""

import struct

from .console import Failure

BEGIN_NODE, END_NODE, PROP, NOP, END = 1, 2, 3, 4, 9


def cells(blob, at, count):
    return struct.unpack_from(f">{count}I", blob, at)


def string(blob, at):
    return blob[at : blob.index(b"\0", at)].decode()


def without(blob, name):
    """The tree without the property `name`, in whatever node."""
    tree = bytearray(blob)
    at, names = cells(blob, 8, 2)
    found = 0
    while True:
        (token,) = cells(blob, at, 1)
        start, at = at, at + 4
        if token == BEGIN_NODE:
            at = blob.index(b"\0", at) + 1
        elif token == PROP:
            size, offset = cells(blob, at, 2)
            at += 8 + size
            if string(blob, names + offset) == name:
                end = (at + 3) & ~3
                tree[start:end] = struct.pack(">I", NOP) * ((end - start) // 4)
                found += 1
        elif token == END:
            break
        elif token not in (END_NODE, NOP):
            raise Failure(f"device tree: token {token} at {start}")
        at = (at + 3) & ~3
    if not found:
        raise Failure(f"device tree: no {name} in it")
    return bytes(tree)
