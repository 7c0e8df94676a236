# SPDX-License-Identifier: GPL-2.0
"""Circles between the files of a crate: whoever reads one of them has to read them all."""

import re

from .lint_source import code_of

SOURCES = re.compile(r"^(?:rust|tools/memlab/src)/")
TESTS = re.compile(r"(^|/|_)tests\.rs$")
PATH = re.compile(r"\b(?:crate|self|super)\b(?=\s*::)")
TOKEN = re.compile(r"\w+|::|[{},*]")


def module_of(name):
    """The path of the module that a file is, as a tuple; () for the crate's root."""
    parts = SOURCES.sub("", name).removesuffix(".rs").split("/")
    if parts[-1] == "mod":
        parts.pop()
    return () if parts in (["memlab"], ["main"]) else tuple(parts)


def group(tokens, prefix):
    """The paths in a brace group that was just opened."""
    path, paths = list(prefix), []
    for token in tokens:
        if token == "::":
            continue
        if token == "{":
            paths += group(tokens, path)
            path = list(prefix)
        elif token in ("}", ","):
            if len(path) > len(prefix):
                paths.append(tuple(path))
            path = list(prefix)
            if token == "}":
                return paths
        else:
            path.append(token)
    return paths


def paths(code):
    """Every path that begins with crate, self or super, its words in a tuple."""
    for found in PATH.finditer(code):
        words, at = [found[0]], found.end()
        while True:
            step = re.compile(r"\s*::\s*(\w+|\{|\*)").match(code, at)
            if not step:
                yield tuple(words)
                break
            if step[1] == "{":
                tokens = (token[0] for token in TOKEN.finditer(code, step.end()))
                yield from group(tokens, words)
                break
            words.append(step[1])
            at = step.end()


def absolute(words, module):
    """The path from the crate's root, of one that is written in a file of `module`."""
    base = list(module) if words[0] != "crate" else []
    for at, word in enumerate(words):
        if word == "super":
            base = base[:-1]
        elif word not in ("crate", "self"):
            return (*base, *words[at:])
    return tuple(base)


def arrows(sources):
    """{file: the files that it names}, of {name: text}; a room's face may name what is in it."""
    files = {module_of(name): name for name in sources}
    found = {}
    for name, text in sources.items():
        module, to = module_of(name), set()
        for words in paths(code_of(text)):
            path = absolute(words, module)
            while path and path not in files:
                path = path[:-1]
            inside = name.endswith("/mod.rs") and path[: len(module)] == module
            if path and files[path] != name and not inside:
                to.add(files[path])
        found[name] = to
    return found


def circles(graph):
    """The groups of files that reach each other, each as a sorted list (Tarjan)."""
    order, low, stack, found = {}, {}, [], []

    def visit(node):
        order[node] = low[node] = len(order)
        stack.append(node)
        for other in sorted(graph[node]):
            if other not in order:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], order[other])
        if low[node] == order[node]:
            members = []
            while node not in members:
                members.append(stack.pop())
            if len(members) > 1:
                found.append(sorted(members))

    for node in sorted(graph):
        if node not in order:
            visit(node)
    return found


def complaints(sources):
    """file:1: sentence, for every circle between files; tests stand outside, and see all."""
    kept = {name: text for name, text in sources.items() if not TESTS.search(name)}
    return [
        f"{members[0]}:1: in a circle of files with {', '.join(members[1:])}"
        for members in circles(arrows(kept))
    ]
