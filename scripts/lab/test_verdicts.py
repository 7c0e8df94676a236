# SPDX-License-Identifier: GPL-2.0
"""Whether comparisons say the same: none contradicts itself, nor another of the same machine.

What a comparison cannot tell contradicts nothing.
"""

import re
from dataclasses import dataclass, field
from itertools import combinations

from . import guest

BEGIN, END = "memlab-verdicts: begin", "memlab-verdicts: end"
SCRIPT = f"""
insmod /memlab.ko || exit 1
for number in $(seq @TIMES@); do
    echo "@LINE@" >/sys/kernel/debug/memlab/compare || exit 1
    echo "{BEGIN}"
    cat /sys/kernel/debug/memlab/compare
    echo "{END}"
done
"""
# What each column of the answer is measured by: the cheapest of these.
WAYS = {
    "map": {"dma-single", "dma-page", "dma-phys", "dma-sg", "dma-iova"},
    "keep": {"dma-sync"},
    "copy": {"dma-copy"},
}
DIRECTION = r"(?:to-device|from-device|bidirectional)"
TABLE = re.compile(rf"# +(\d+[KMG]?) ({DIRECTION}) +.* (\S+)$")
RANKING = re.compile(rf"# (\d+[KMG]?)( {DIRECTION})?: (?:to get memory: )?(.+)$")
PLACE = re.compile(r"(^| ~ | < )([a-z][a-z-]*) (<?)(\d+)( \(too few samples\))?")
ORDER = re.compile(rf"# dma-single or dma-copy, ({DIRECTION}): (.+)$")
RUN = re.compile(r"(copy|map|cannot be told) (?:at|from) (\d+[KMG]?)(?: to (\d+[KMG]?))?")


def number(size):
    units = {"K": 10, "M": 20, "G": 30}
    return int(size[:-1]) << units[size[-1]] if size[-1] in units else int(size)


@dataclass
class Verdicts:
    """What a comparison says, by subject: a size in bytes and a direction, "" for memory."""

    figures: dict = field(default_factory=dict)  # subject: [(name, ns)] in its order
    cheaper: dict = field(default_factory=dict)  # subject: {(cheaper, dearer)}
    cheapest: dict = field(default_factory=dict)  # subject: ways, which are told from the others
    orders: dict = field(default_factory=dict)  # direction: [(choice, from, to)]


def sentences(text):
    """The lines of the answer, a broken one as one; a row of the table begins with its size."""
    lines = []
    for line in text.splitlines():
        if re.match(r"#   +", line) and not TABLE.match(line) and lines:
            lines[-1] += " " + line[1:].strip()
        else:
            lines.append(line)
    return lines


def ranking(text):
    """[(name, ns)] and {(cheaper, dearer)} of a line of the advice."""
    figures, pairs = [], set()
    for between, name, _, ns, few in PLACE.findall(text):
        if between == " < " and not few:
            pairs |= {(before, name) for before, _ in figures}
        figures.append((name, int(ns)))
    return figures, pairs


def read(text):
    """The Verdicts of what the file `compare` shows."""
    found = Verdicts()
    for line in sentences(text):
        row, rank, order = TABLE.match(line), RANKING.match(line), ORDER.match(line)
        if order:
            runs = RUN.findall(order[2])
            found.orders[order[1]] = [
                (choice, number(first), number(last or first)) for choice, first, last in runs
            ]
        elif row and set(row[3].split("~")) <= set(WAYS):
            found.cheapest[number(row[1]), row[2]] = set(row[3].split("~"))
        elif rank and PLACE.match(rank[3]):
            subject = number(rank[1]), (rank[2] or "").strip()
            found.figures[subject], found.cheaper[subject] = ranking(rank[3])
    return found


def choice(found, size, direction):
    """What is said of mapping and copying at a size; "" where nothing is."""
    runs = found.orders.get(direction, ())
    return next((what for what, first, last in runs if first <= size <= last), "")


def against_itself(found):
    """The first contradiction within a comparison, or ""."""
    for subject, figures in found.figures.items():
        size, direction = subject
        costs = [ns for _, ns in figures]
        if costs != sorted(costs):
            return f"{subject} is not ranked by what is printed: {figures}"
        pairs = found.cheaper[subject]
        cost = dict(figures)
        for way in found.cheapest.get(subject, ()):
            its = WAYS[way] & cost.keys()
            for other in cost.keys() & set().union(*WAYS.values()) - its:
                if its and all((other, name) in pairs for name in its):
                    return f"{subject}: {way} is called cheapest, and {other} is cheaper"
        said = choice(found, size, direction)
        ways = {"map": ("dma-single", "dma-copy"), "copy": ("dma-copy", "dma-single")}
        if not said or not all(name in cost for name in ways["map"]):
            continue
        if said in ways:
            cheap, dear = ways[said]
            if (dear, cheap) in pairs or cost[cheap] > cost[dear]:
                return f"{subject}: {said} is the choice, and {dear} is cheaper"
        elif pairs.intersection(ways.values()):
            return f"{subject}: map or copy cannot be told, and is"
    return ""


def against(one, other):
    """The first contradiction between two comparisons, or ""."""
    for subject in one.cheaper.keys() & other.cheaper.keys():
        turned = {(dear, cheap) for cheap, dear in other.cheaper[subject]}
        for cheap, dear in sorted(one.cheaper[subject] & turned):
            return f"{subject}: {cheap} and {dear} are cheaper than each other"
    for subject in one.cheapest.keys() & other.cheapest.keys():
        if not one.cheapest[subject] & other.cheapest[subject]:
            return f"{subject}: cheapest are {one.cheapest[subject]}, or {other.cheapest[subject]}"
    for direction in one.orders.keys() & other.orders.keys():
        for size in (1 << shift for shift in range(40)):
            said = {choice(one, size, direction), choice(other, size, direction)}
            if said == {"map", "copy"}:
                return f"({size}, {direction}): the choice is {' or '.join(sorted(said))}"
    return ""


def told(all_of_them):
    """How many verdicts all comparisons have in common."""
    common = None
    for found in all_of_them:
        pairs = {(subject, pair) for subject, each in found.cheaper.items() for pair in each}
        common = pairs if common is None else common & pairs
    return len(common or ())


def comparisons(console):
    """The text of each comparison on a console."""
    texts, inside = [], None
    for line in console:
        if line == BEGIN:
            inside = []
        elif line == END and inside is not None:
            texts.append("\n".join(inside))
            inside = None
        elif inside is not None:
            inside.append(line)
    return texts


def run(lab, report, label, kernel, ko, how, **options):
    """Compare so many times in each of so many boots; how: (boots, times, line)."""
    boots, times, line = how
    script = SCRIPT.replace("@TIMES@", str(times)).replace("@LINE@", line)
    texts = []
    for boot in range(1, boots + 1):
        log = lab.output() / f"{label.replace(' ', '-')}-{boot}.log"
        with lab.console.step(f"{label}, boot {boot}"):
            result = guest.boot(lab, kernel, script, {"/memlab.ko": ko}, log=log, **options)
        if result.status:
            report.add(f"{label} boot {boot}", f"its script ended early (log: {log})")
            return
        texts += comparisons(result.output)
    all_of_them = [read(text) for text in texts]
    complete = len(texts) == boots * times and all(found.figures for found in all_of_them)
    report.add(f"{label}: all is compared", "" if complete else f"{len(texts)} texts (log: {log})")
    common = told(all_of_them)
    lab.console.say(f"{label}: {len(texts)} comparisons have {common} verdicts in common")
    report.add(f"{label}: something is told", "" if common else f"nothing by all (log: {log})")
    for at, found in enumerate(all_of_them, 1):
        report.add(f"{label}: comparison {at} does not contradict itself", against_itself(found))
    for (at, one), (to, other) in combinations(enumerate(all_of_them, 1), 2):
        report.add(f"{label}: nor do {at} and {to}", against(one, other))
