# SPDX-License-Identifier: GPL-2.0
"""The floor rules of Documentation/design: who may know whom, who may say `unsafe`."""

import re

from . import lint_circles
from .lint_circles import TESTS
from .lint_source import c_code_of, code_of

LONGEST = 500  # lines of a file

# Each room of rust/ with the rooms that it may name; an arrow that points up is not here.
MAY_NAME = {
    "front": {
        "front",
        "report",
        "bench",
        "experiment",
        "scenario",
        "buffers",
        "probe",
        "facts",
        "devices",
        "sys",
        "model",
        "compat",
        "settings",
    },
    "report": {"report", "model"},
    "bench": {"bench", "experiment", "probe", "facts", "devices", "sys", "model", "settings"},
    "experiment": {"experiment", "probe", "facts", "devices", "sys", "model", "compat"},
    "scenario": {"scenario", "probe", "facts", "devices", "sys", "model", "settings"},
    "buffers": {"buffers", "facts", "devices", "sys", "model", "compat"},
    "probe": {"probe", "facts", "devices", "sys", "model"},
    "facts": {"facts", "devices", "sys", "model", "settings"},
    "devices": {"devices", "sys", "model", "compat", "settings"},
    "sys": {"sys", "bindings", "model", "compat"},
    "bindings": {"bindings"},
    "compat": {"compat"},
    "settings": {"settings"},
    "model": {"model", "heap"},
    "heap": set(),
}
MAY_SAY_UNSAFE = {"sys", "bindings"}
# What a read shows: it changes nothing, so that it finds out nothing by taking it.
SHOWN = re.compile(r"rust/front/(snapshots|files)\.rs$")
# What the host compiles too: `core` alone.
PURE = re.compile(r"rust/(model|report)/|rust/front/grammar")

# The command: the rooms that each may name, who may say `unsafe`, and who may read what the kernel
# says.
COMMAND = re.compile(r"tools/memlab/src/(?P<room>\w+)")
COMMAND_MAY_NAME = {
    "error": set(),
    "sys": {"sys", "error"},
    "output": {"output", "error"},
    "evidence": {"evidence", "output", "sys", "error"},
    "picture": {"picture", "evidence", "output", "error"},
    "claims": {"claims", "evidence", "output", "sys", "error"},
    "commands": {"commands", "claims", "picture", "evidence", "output", "sys", "error"},
    "document": {"commands", "claims", "evidence", "output", "error"},
}
KERNELS_FILES = re.compile(r'"/(?:proc|sys|dev)/|\bprocfs::')

ROOT = re.compile(r"\b(?P<root>crate|super(?:::super)*)::(?P<next>\w+|\{)")
# What leaves it to the reader to find out why something is sound.
LAZY = re.compile(r"(?:SAFETY|INVARIANT): *(?:As above|See above|Likewise|Takes \w+\b)[^\n]*")
# A description that says nothing where its row stands alone.
LEANING = re.compile(r'"(?:[Tt]he same|[Ll]ikewise|[Aa]s above|[Dd]itto)\b[^"\n]*')
# What differs by architecture has one home.
ARCH_HOME = "rust/helpers/arch/"
ARCH = re.compile(
    r"\b(?:CONFIG_(?:X86|ARM|ARM64|RISCV|LOONGARCH|PPC|S390|MIPS)(?:_64|_32)?|target_arch"
    r"|__(?:x86_64|i386|arm|aarch64|riscv)__|__LINUX_ARM_ARCH__)\b"
)
SPDX = re.compile(r"SPDX-License-Identifier: GPL-2\.0")
SOURCE = re.compile(r"\.(rs|c|h|py|sh|config)$|(^|/)(Makefile|Kbuild)$")
GENERATED = re.compile(r"Cargo\.lock$|^LICENSE$|^tools/memlab/(?:schema\.json|tests/golden/)")


def room_of(name):
    """The room that a file of rust/ is: its folder, or its own name; "" for the crate's root."""
    parts = name.split("/")[1:]
    if len(parts) > 1:
        return parts[0]
    stem = parts[0].removesuffix(".rs")
    return "" if stem == "memlab" else "bindings" if stem.startswith("bindings") else stem


def heads(code, start):
    """The first word of each item in the brace group that begins before `start`."""
    depth, found, fresh = 1, [], True
    for word in re.finditer(r"\w+|[{},]", code[start:]):
        if word[0] == "{":
            depth += 1
        elif word[0] == "}":
            depth -= 1
            if not depth:
                break
        elif word[0] == ",":
            fresh = fresh or depth == 1
        elif fresh and depth == 1:
            found.append(word[0])
            fresh = False
    return found


def named(code, depth):
    """(line, word) of everything below the crate's root that a file at `depth` names."""
    for found in ROOT.finditer(code):
        if found["root"] != "crate" and found["root"].count("super") < depth:
            continue  # within its own room
        line = code.count("\n", 0, found.start()) + 1
        words = heads(code, found.end()) if found["next"] == "{" else [found["next"]]
        for word in words:
            yield line, word


def arch_complaints(name, text):
    """(line, sentence) for each word that asks for an architecture outside its home."""
    code = code_of(text) if name.endswith(".rs") else c_code_of(text)
    for found in ARCH.finditer(code):
        line = code.count("\n", 0, found.start()) + 1
        yield line, f"`{found[0]}` outside {ARCH_HOME}"


def rust_complaints(name, text):
    room = room_of(name)
    code = code_of(text)
    # A file of tests is a module of what it tests, and has another in it.
    depth = len(name.split("/")) - 1 - name.endswith("/mod.rs") + 2 * bool(TESTS.search(name))
    if room not in MAY_SAY_UNSAFE:
        for found in re.finditer(r"\bunsafe\b", code):
            line = code.count("\n", 0, found.start()) + 1
            yield line, "`unsafe` outside rust/sys and the bindings"
    if room:
        for line, word in named(code, depth):
            word = "bindings" if word.startswith("bindings") else word
            if word not in MAY_NAME.get(room, set()):
                yield line, f"`{room}` may not name `{word}`"
            elif word == "probe" and SHOWN.match(name):
                yield line, "what a read shows may not name `probe`"
    for found in LEANING.finditer(text) if room == "experiment" else ():
        line = text.count("\n", 0, found.start()) + 1
        yield line, f"`{found[0]}` leans on another row: say what this one does"
    for found in LAZY.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        yield line, f"`{found[0].strip()}` justifies nothing: say why this one is sound"
    if room and room not in MAY_NAME:
        yield 1, f"`{room}` is no room of the design"
    if PURE.match(name):
        for found in re.finditer(r"\b(?:kernel|bindings|alloc)::(?!macros::kunit_tests)", code):
            line = code.count("\n", 0, found.start()) + 1
            yield line, f"`{found[0]}` in a pure room"


def without_tests(text):
    """The command's tests stand at the end of the file that they test."""
    return text.partition("#[cfg(test)]")[0]


def command_complaints(name, text):
    """The command's own rules; a test may name any file."""
    room = COMMAND.match(name)["room"]
    text = without_tests(text)
    code = code_of(text)
    # The crate's root is the one file that knows all rooms.
    if room != "main":
        depth = len(name.split("/")) - 3 - name.endswith("/mod.rs")
        for line, word in named(code, depth):
            if word not in COMMAND_MAY_NAME.get(room, set()):
                yield line, f"`{room}` of the command may not name `{word}`"
    if room != "sys":
        for found in re.finditer(r"\bunsafe\b", code):
            line = code.count("\n", 0, found.start()) + 1
            yield line, "`unsafe` outside the command's src/sys"
    if room not in ("evidence", "sys"):
        for number, line in enumerate(text.splitlines(), 1):
            if KERNELS_FILES.search(line) and not line.lstrip().startswith("//"):
                yield number, "a file of the kernel's outside the command's src/evidence"


def complaints(checkout, names):
    """file:line: sentence, for every rule that is broken."""
    found, rust, command = [], {}, {}
    for name in names:
        try:
            text = (checkout / name).read_text()
        except UnicodeDecodeError:
            continue
        lines = text.count("\n")
        if lines > LONGEST and not GENERATED.search(name):
            found.append(f"{name}:{lines}: longer than {LONGEST} lines: two rooms")
        if SOURCE.search(name) and not SPDX.search("\n".join(text.splitlines()[:2])):
            found.append(f"{name}:1: no SPDX line at its head")
        if name.startswith("rust/") and not name.startswith(ARCH_HOME):
            found += [f"{name}:{line}: {why}" for line, why in arch_complaints(name, text)]
        if name.startswith("rust/") and name.endswith(".rs"):
            found += [f"{name}:{line}: {why}" for line, why in rust_complaints(name, text)]
            rust[name] = text
        if COMMAND.match(name) and name.endswith(".rs"):
            found += [f"{name}:{line}: {why}" for line, why in command_complaints(name, text)]
            command[name] = without_tests(text)
    return found + lint_circles.complaints(rust) + lint_circles.complaints(command)
