# SPDX-License-Identifier: GPL-2.0
"""What stands between two readings of the clock in a module's timed loops, by its object."""

import re
from collections import deque
from dataclasses import dataclass, field

CLOCK = "ktime_get"
RETURN_THUNK = "__x86_return_thunk"


class Unreadable(Exception):
    """A loop whose readings of the clock do not come one after another."""


@dataclass(eq=False)
class Instruction:
    at: int
    text: str
    symbol: str = ""  # that its relocation names
    moves: int = 0  # bytes, by calling a function for a length that is known here
    to: int | None = None  # in its own section, where it names no symbol
    next: list = field(default_factory=list)

    def __str__(self):
        return f"{self.at:x}: {self.text}{f' ({self.symbol})' if self.symbol else ''}"


@dataclass(eq=False)
class Function:
    name: str
    section: str
    code: list = field(default_factory=list)


class X86:
    LENGTH = None  # what is moved by a call is too long to be spelled out, and a copy
    RETURN = re.compile(r"i?ret")
    CALL = re.compile(r"call")
    JUMP = re.compile(r"jmp")
    BRANCH = re.compile(r"j")
    TRAP = re.compile(r"ud[012]|int3")
    COPY = re.compile(r"rep")
    SIZES = {"b": 1, "w": 2, "l": 4, "q": 8}

    @classmethod
    def stored(cls, text):
        """The bytes that it writes to memory; what is written to stands last."""
        if not text.endswith(")") or re.match(r"cmp|test|bt|lea|nop|prefetch|push|call|j", text):
            return 0
        if re.search(r"%[xyz]mm", text):
            return 32
        return cls.SIZES.get(text.split()[0][-1], 8)


class Arm:
    LENGTH = None
    IF = "(eq|ne|hs|cs|lo|cc|mi|pl|vs|vc|hi|ls|ge|lt|gt|le)"
    RETURN = re.compile(r"bx lr|pop .*pc}|ldm\w* .*pc}|mov pc, lr")
    CALL = re.compile(rf"blx?{IF}? ")
    JUMP = re.compile(r"(b|bx) |(ldr|add|mov) pc,")
    BRANCH = re.compile(rf"bx?{IF} |(pop|ldm\w*){IF} .*pc}}")
    TRAP = re.compile(r"udf|trap")
    COPY = re.compile(r"(?!)")

    @staticmethod
    def stored(text):
        if not re.match(r"str|stm|vst", text):
            return 0
        listed = re.search(r"{(.*)}", text)
        if not listed:
            return 8 if re.match(r"str(ex)?d", text) else 4
        count = 0
        for part in listed[1].split(","):
            ends = [int(n) for n in re.findall(r"\d+", part)]
            count += ends[1] - ends[0] + 1 if len(ends) == 2 else 1
        return count * (16 if text.startswith("v") else 4)


class Arm64:
    # The kernel's Rust wants strict alignment here, so that what is longer than four words is moved
    # by a call, whose third argument is in x2.
    LENGTH = re.compile(r"mov w2, #0x([0-9a-f]+)$")
    SETS_LENGTH = re.compile(r"(?!st|cmp|cmn|tst|cb|tb)\w+ [xw]2\b|ldp [xw]\d+, [xw]2\b")
    RETURN = re.compile(r"ret")
    CALL = re.compile(r"blr?(aa|ab)?z? ")
    JUMP = re.compile(r"br? ")
    BRANCH = re.compile(r"b\.|cbn?z|tbn?z")
    TRAP = re.compile(r"udf|brk")
    COPY = re.compile(r"cpy|set[pgme]|dc z")
    SIZES = {"x": 8, "w": 4, "q": 16, "v": 16, "d": 8, "s": 4, "h": 2, "b": 1}

    @classmethod
    def stored(cls, text):
        taken = re.findall(r"\b([xwqvdshb])(?:\d|zr)", text.split("[")[0])
        return sum(cls.SIZES[each] for each in taken) if text.startswith("st") else 0


ARCHES = {"x86_64": X86, "arm": Arm, "arm64": Arm64}


class Object:
    """The functions of a module, from what llvm-objdump -tdr --no-show-raw-insn prints of it."""

    def __init__(self, arch, listing):
        self.isa = ARCHES[arch]
        self.functions = {}
        self.at = {}  # by section and address
        aliases = []
        section = current = None
        for line in listing:
            if named := re.match(r"Disassembly of section (\S+):", line):
                section = named[1]
            elif head := re.match(r"([0-9a-f]+) <(.+)>:$", line):
                current = Function(head[2], section)
                self.functions[head[2]] = current
                self.at[section, int(head[1], 16)] = current
            elif symbol := re.match(
                r"([0-9a-f]+) .{6}[F ] (\S+)\s+[0-9a-f]+ (?:\.hidden )?(\S+)$", line
            ):
                aliases.append((symbol[2], int(symbol[1], 16), symbol[3]))
            elif relocation := re.match(r"\s+[0-9a-f]+:\s+(R_\w+)\s+(\S+)$", line):
                name, sign, addend = re.match(
                    r"(.+?)(?:([+-])0x([0-9a-f]+))?$", relocation[2]
                ).groups()
                code = current.code[-1]
                if not name.startswith("."):
                    code.symbol = name
                elif addend and re.search(r"PLT32|PC32", relocation[1]):
                    code.symbol = f"{name}+{int(sign + addend, 16) + 4:x}"
                elif re.search(r"CALL|JUMP24|PC24", relocation[1]):
                    code.symbol = f"{name}+{code.to or 0:x}"
            elif current and (code := re.match(r"\s*([0-9a-f]+):\s+(\S.*)", line)):
                text = re.split(r"\s+(?:#|@|//) |\s*<", code[2])[0].replace("\t", " ").strip()
                to = re.search(r"(?:^|[ ,])(?:0x|#)?(?:0x)?([0-9a-f]+)$", text)
                to = int(to[1], 16) if to and "<" in code[2] else None
                current.code.append(Instruction(int(code[1], 16), text, to=to))
        for function in self.functions.values():
            self.link(function)
        # What compiles to the same code may be there once, with several names.
        for section, at, name in aliases:
            if (section, at) in self.at:
                self.functions.setdefault(name, self.at[section, at])

    def length(self, function, i):
        """How many bytes a call moves, where that is said right before it; else None."""
        targets = {each.to for each in function.code if not each.symbol}
        if not self.isa.LENGTH or i.at in targets:
            return None
        for each in reversed(function.code[: function.code.index(i)]):
            if self.isa.SETS_LENGTH.match(each.text):
                said = self.isa.LENGTH.match(each.text)
                return int(said[1], 16) if said else None
            if self.isa.CALL.match(each.text) or each.at in targets:
                return None
        return None

    def called(self, function, i):
        """The name of what it calls: "" for a pointer."""
        if re.match(r"\.\S+\+[0-9a-f]+$", i.symbol):
            section, _, at = i.symbol.rpartition("+")
            found = self.at.get((section, int(at, 16)))
            return found.name if found else i.symbol
        if i.symbol or i.to is None:
            return i.symbol
        found = self.at.get((function.section, i.to))
        return found.name if found else f"{function.section}+{i.to:x}"

    def link(self, function):
        """Each instruction's successors within its function."""
        isa = self.isa
        by_address = {i.at: i for i in function.code}
        after = dict(zip(function.code, function.code[1:]))
        for i in function.code:
            follows = [after[i]] if i in after else []
            if isa.RETURN.match(i.text) or isa.TRAP.match(i.text) or i.symbol == RETURN_THUNK:
                i.next = []
            elif isa.CALL.match(i.text):
                i.next = follows
            elif isa.JUMP.match(i.text):
                i.next = [by_address[i.to]] if not i.symbol and i.to in by_address else []
            elif isa.BRANCH.match(i.text):
                taken = [by_address[i.to]] if not i.symbol and i.to in by_address else []
                i.next = taken + follows
            else:
                i.next = follows

    def calls(self, function, i):
        """What it calls or ends in: a name, "" for a pointer, None if it does neither."""
        isa = self.isa
        if isa.RETURN.match(i.text) or i.symbol == RETURN_THUNK:
            return None
        if isa.CALL.match(i.text):
            return self.called(function, i)
        jumps = isa.JUMP.match(i.text) or isa.BRANCH.match(i.text)
        if not jumps:
            return None
        if not i.symbol and i.to is not None and any(i.to == each.at for each in i.next):
            return None
        if isa.BRANCH.match(i.text) and not i.symbol and i.to is None:
            return None  # a return under a condition
        return self.called(function, i)


def reach(starts, stop):
    """Everything that can come after `starts`, up to and with what `stop` holds for."""
    seen = set()
    queue = deque(starts)
    while queue:
        i = queue.popleft()
        if i in seen:
            continue
        seen.add(i)
        if not stop(i):
            queue.extend(i.next)
    return seen


def windows(function):
    """Of each timed loop of a function, the windows: [(phase, its instructions), ...].

    The reading that is come to first begins acquiring. The one after it ends that and begins
    releasing; from there the next is either the end, or, where acquiring failed, the start of
    another turn. Where what was acquired is arranged before it is released, one more reading stands
    before the end: releasing begins with that then, and what stands before it is in no window.
    """

    def clock(i):
        return i.symbol == CLOCK

    def readings(starts):
        return {i for start in starts for i in reach([start], clock) if clock(i)}

    def after(some):
        return readings(following for i in some for following in i.next)

    begins = readings(function.code[:1])
    if not begins:
        raise Unreadable("no reading of the clock")
    before = {}
    for i in function.code:
        for following in i.next:
            before.setdefault(following, []).append(i)

    def between(start, finish):
        ahead = reach(start.next, clock)
        seen = set()
        queue = [end for end in finish if end in ahead]
        while queue:
            for previous in before.get(queue.pop(), []):
                if previous in ahead and previous not in seen and not clock(previous):
                    seen.add(previous)
                    queue.append(previous)
        return sorted(seen, key=lambda i: i.at)

    known = set(begins)
    for begin in sorted(begins, key=lambda i: i.at):
        held = after([begin])
        ends = after(held) - begins
        again = {i for i in ends if (after([i]) - begins) & ends}
        ends -= again
        if not held or not ends or held & begins or held & (ends | again):
            raise Unreadable(f"not three readings in a row, {begin}")
        known |= held | again | ends
        found = [("acquire", between(begin, held))]
        found += [("release", between(i, ends)) for i in sorted(held | again, key=lambda i: i.at)]
        yield [window for window in found if window[1]]
    if strange := [i for i in function.code if clock(i) and i not in known]:
        raise Unreadable(f"a reading that belongs to no phase, {strange[0]}")


def components(code):
    """The strongly connected parts of a window, in an order in which nothing leads back."""
    inside = set(code)
    order, seen = [], set()
    for root in code:
        stack = [(root, iter(root.next))] if root not in seen else []
        seen.add(root)
        while stack:
            i, following = stack[-1]
            for each in following:
                if each in inside and each not in seen:
                    seen.add(each)
                    stack.append((each, iter(each.next)))
                    break
            else:
                order.append(i)
                stack.pop()
    back = {}
    for i in code:
        for each in i.next:
            if each in inside:
                back.setdefault(each, []).append(i)
    part = {}
    for number, root in enumerate(reversed(order)):
        queue = [root] if root not in part else []
        while queue:
            i = queue.pop()
            if i not in part:
                part[i] = number
                queue.extend(each for each in back.get(i, []) if each not in part)
    groups = {}
    for i in code:
        groups.setdefault(part[i], []).append(i)
    return [groups[number] for number in sorted(groups)]


def most_stored(code, isa):
    """The most bytes that one way through a window writes, a loop counted once."""
    inside = set(code)
    groups = components(code)
    number = {i: n for n, group in enumerate(groups) for i in group}
    best = [0] * len(groups)
    for n in range(len(groups) - 1, -1, -1):
        onward = [
            best[number[each]]
            for i in groups[n]
            for each in i.next
            if each in inside and number[each] != n
        ]
        own = sum(i.moves or isa.stored(i.text) for i in groups[n])
        best[n] = own + max(onward, default=0)
    return max(best, default=0)


def loops(code):
    """The loops of a window."""
    for group in components(code):
        if len(group) > 1 or group[0] in group[0].next:
            yield group
