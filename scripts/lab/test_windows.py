# SPDX-License-Identifier: GPL-2.0
"""Between two readings of the clock stands the operation, and nothing else: in the built module."""

import re

from . import module, windows
from .console import Failure

LIST = "scripts/test-windows.txt"
LOOP = re.compile(r"bench::measure::Worker<(.+)> as .*Hands>::measure$")
# Where one cannot go on; and what the kernel takes out again while it starts.
NOWHERE = re.compile(r"core::(panicking|option|result|slice::index|cell)::|__stack_chk_fail$")
TRACED = {"__fentry__", "__gnu_mcount_nc", "_mcount"}
# Of the loop itself, as far as `Empty` has it too: whether the run is to end.
HARNESS = {"atomic_read"}
# The kernel crate's own, which turn a number into an error.
ERRORS = re.compile(r"kernel::error::(to_result|Error>::from_errno)")
COPY = re.compile(r"_*(aeabi_)?(mem(cpy|move|set|clr)\w*|(copy|clear)_page)$")
# The most bytes that one way through a window writes, one by one and (True) in batches: what is
# kept of a turn, a result by value and, in a batch, its move into the vector and out. A copy that
# the compiler has spelled out is more.
STORED = {False: 72, True: 256}


def rows(text):
    """{experiment: the names of each of the three columns}, with groups put in."""
    lines = {}
    for number, line in enumerate(text.splitlines(), 1):
        line = line.split("#")[0].strip()
        if not line:
            continue
        name, colon, rest = line.partition(":")
        columns = [set(column.split()) for column in rest.split("|")]
        if not colon or len(columns) > 3 or name in lines:
            raise ValueError(f"{LIST}:{number}: expected a new `experiment: a | b | c`: {line}")
        lines[name] = columns + [set()] * (3 - len(columns))

    def put_in(column):
        groups = {word for word in column if word.startswith("@")}
        return column.difference(groups).union(*(lines[group][0] for group in groups))

    return {
        name: [put_in(column) for column in columns]
        for name, columns in lines.items()
        if not name.startswith("@")
    }


def short(path):
    """`Kmalloc` for memlab::experiment::allocating::Allocating<...::kmalloc::Kmalloc>."""
    path = re.sub(r"\b(\w+::)+", "", path)
    return re.sub(r"^(Allocating|Lending)<(.*)>$", r"\2", path)


class Check:
    """Holds the loops of one module to the list."""

    def __init__(self, arch, listing, names, allowed):
        self.object = windows.Object(arch, listing)
        self.names = names
        self.allowed = allowed
        self.found = {}  # experiments with their windows
        self.wrong = []

    def name(self, symbol):
        """A function as the list has it: Rust's helpers stand for what is inline in C."""
        if symbol.startswith("__x86_indirect_thunk"):
            return ""  # what a register points to
        return self.names.get(symbol, symbol).removeprefix("rust_helper_")

    def run(self):
        for symbol, function in self.object.functions.items():
            loop = LOOP.search(self.name(symbol))
            if loop and not symbol.startswith("__pfx_"):
                experiment = short(loop[1])
                try:
                    self.loop(experiment, function)
                except windows.Unreadable as error:
                    self.wrong.append(f"{experiment}: {error}")
        return self.wrong

    def loop(self, experiment, function):
        acquires, releases, idle = self.allowed.get(experiment, [set()] * 3)
        if experiment not in self.allowed:
            self.wrong.append(f"{experiment}: not in {LIST}")
        for found in windows.windows(function):
            in_batches = any(self.ends(i) for _, code in found for i in code)
            for phase, code in found:
                self.found.setdefault(experiment, set()).add((in_batches, phase))
                allowed = releases | idle | (acquires if phase == "acquire" else set())
                where = f"{experiment}, {phase}{' in batches' if in_batches else ''}"
                self.calls(where, function, code, allowed, set())
                if "loop" not in allowed:
                    self.stores(where, function, code, in_batches)

    def ends(self, i):
        """Whether it asks if the run is to end, which is done within batches only."""
        return self.name(i.symbol) in HARNESS

    def stores(self, where, function, code, in_batches):
        """A copy that the compiler has spelled out."""
        stored = windows.most_stored(code, self.object.isa)
        if stored > STORED[in_batches]:
            at = f"{code[0].at:x} to {code[-1].at:x}"
            self.wrong.append(f"{where}: writes {stored} bytes, at most {STORED[in_batches]}, {at}")
        for group in windows.loops(code):
            calls = any(self.object.calls(function, i) for i in group)
            stores = any(self.object.isa.stored(i.text) for i in group)
            if stores and not calls and not in_batches:
                self.wrong.append(f"{where}: a loop that writes, {group[0]}")

    def calls(self, where, function, code, allowed, seen):
        """Whatever is called is listed; what is the module's own is gone through in turn."""
        for i in code:
            if self.object.isa.COPY.match(i.text):
                self.wrong.append(f"{where}: a copy, {i}")
            called = self.object.calls(function, i)
            if called is None:
                continue
            name = self.name(called)
            own = self.object.functions.get(called)
            if own:
                if called not in seen and not NOWHERE.search(name):
                    seen.add(called)
                    via = f"{where}, in {short(name)}"
                    self.calls(via, own, own.code, allowed, seen)
            elif (name or "dyn") in allowed or NOWHERE.search(name) or ERRORS.search(name):
                pass
            elif COPY.match(name):
                i.moves = self.object.length(function, i) or 0
                if not 0 < i.moves <= STORED[False]:
                    self.wrong.append(f"{where}: a copy, {i}")
            elif name not in TRACED and name not in HARNESS:
                what = f"calls {name}" if name else "calls what a pointer points to"
                self.wrong.append(f"{where}: {what}, {i}")


def read(lab, which, ko):
    """What the disassembler prints, and {symbol: its name in the source}."""
    root = lab.root()
    with lab.console.step(f"timed windows for {which.name}") as step:
        step.run(root.argv(["llvm-objdump-19", "-tdr", "--no-show-raw-insn", root.inside(ko)]))
        text = step.log.read_text()
        symbols = sorted(set(re.findall(r"\b_R\w+", text)))
        names = lab.console.logs / f"symbols-{which.name}"
        names.write_text("\n".join(symbols) + "\n")
    with lab.console.step(f"names for {which.name}") as step:
        argv = ["sh", "-c", "llvm-cxxfilt-19 </tmp/names | paste -d' ' /tmp/names -"]
        step.run(root.argv(argv, binds=[(names, "/tmp/names")]))
        pairs = [line.split(" ", 1) for line in step.log.read_text().splitlines()]
    names.unlink()
    return text.splitlines(), dict(pair for pair in pairs if pair[0] in set(symbols))


def checked(lab, which, ko, allowed):
    listing, names = read(lab, which, ko)
    check = Check(which.arch, listing, names, allowed)
    check.run()
    return check


def planted(lab):
    """The source with a copy between two readings, of the loop that has nothing there."""
    top = lab.output() / "planted"
    for path in module.inputs(lab, None):
        to = top / path.relative_to(lab.checkout)
        data = path.read_bytes()
        if to.name == "empty.rs":
            text, count = re.subn(
                r"fn acquire\(.*\{\n",
                r"\g<0>        black_box(*black_box(&[0usize; 100]));\n",
                data.decode(),
            )
            if count != 1:
                raise Failure(f"{path}: no place to plant a copy in")
            data = text.encode()
        if not to.is_file() or to.read_bytes() != data:
            to.parent.mkdir(parents=True, exist_ok=True)
            to.write_bytes(data)
    return top


def run(lab, report, which, ko):
    """The windows of this module hold nothing else; and a copy that is planted there is found."""
    label = f"timed windows on {which.arch}"
    allowed = rows((lab.checkout / LIST).read_text())
    wrong = []
    check = checked(lab, which, ko, allowed)
    wrong += check.wrong
    for name, found in check.found.items():
        if len(found) != 4:  # acquiring and releasing, one by one and in batches
            wrong.append(f"{name}: {len(found)} of 4 windows")
    if missing := set(allowed) - set(check.found):
        wrong.append(f"no loop in the module: {', '.join(sorted(missing))}")
    report.add(label, "; ".join(wrong))
    copied = checked(lab, which, module.build(lab, which, planted(lab)), allowed)
    found = [each for each in copied.wrong if re.match(r"Empty, acquire.*: a copy", each)]
    # One by one, and in batches.
    report.add(f"a planted copy on {which.arch}", "" if len(found) >= 2 else f"found {found}")
