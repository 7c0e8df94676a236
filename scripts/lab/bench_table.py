# SPDX-License-Identifier: GPL-2.0
"""What `make bench` found, as a table; and what has moved since an earlier one."""

STEP = 100  # ns: dma_map_benchmark cuts each sample to it, and then the mean
NEAR = 0.05
MOVED = 0.01
HEAD = (
    f"{'mode':<6} {'pages':>5} {'direction':<13} {'threads':>7} "
    f"{'map_k':>8} {'map_m':>8} {'net':>8} {'m/k':>5} "
    f"{'unmap_k':>8} {'unmap_m':>8} {'net':>8} {'m/k':>5} {'samples':>8}  verdict"
)


def ratio(theirs, ours):
    """To the nearest mean that their figure, cut twice, can stand for."""
    if ours < theirs:
        return ours / theirs
    return max(1.0, ours / (theirs + 2 * STEP - 1))


def near(theirs, ours):
    """Whether the figures are within 5 % or a step of each other, for all that theirs can mean."""
    return abs(ratio(theirs, ours) - 1) <= NEAR or abs(ours - theirs) <= STEP


def row(key, theirs, ours):
    """One line of the table, and whether the two tools agree on it."""
    kind, pages, direction, threads = key.split()
    text = f"{kind:<6} {pages:>5} {direction:<13} {threads:>7} "
    for phase in ("map", "unmap"):
        text += (
            f"{theirs[phase]:>8} {ours[phase]:>8} {ours['net'][phase]:>8} "
            f"{ratio(theirs[phase], ours[phase]):>5.2f} "
        )
    agree = all(near(theirs[phase], ours[phase]) for phase in ("map", "unmap"))
    return f"{text}{ours['samples']:>8}  {'near' if agree else 'apart'}", agree


def show(found):
    """Print everything; the exit status: what is exact has to agree."""
    print(
        f"# Linux {found['kernel']}, means in ns. k: dma_map_benchmark, which cuts each sample\n"
        f"# and then the mean to {STEP} ns; m: memlab, raw; net: less its clock; m/k: to the\n"
        f"# nearest mean that k can stand for; near: within {NEAR:.0%} of it, or {STEP} ns of k, "
        "in both phases.\n"
        "# icount: 1 ns is one instruction. Otherwise: an emulator's wall clock, not hardware."
    )
    status = 0
    for boot, lines in found["lines"].items():
        rows = [row(key, both["kernel"], both["memlab"]) for key, both in lines.items()]
        apart = sum(not agree for _, agree in rows)
        print(f"\n== {boot}: {len(rows) - apart} of {len(rows)} lines near\n{HEAD}")
        print("\n".join(text for text, _ in rows))
        if "icount" in boot and apart:
            status = 1
    print(
        "\n== instructions of one turn of the loop, 1 page, from-device, direct\n"
        f"{'mode':<6} {'tool':<7} {'harness':>8} {'map':>8} {'unmap':>8}"
    )
    for kind, tools in found["harness"].items():
        for who, turn in tools.items():
            print(f"{kind:<6} {who:<7} {turn['harness']:>8} {turn['map']:>8} {turn['unmap']:>8}")
        if tools["memlab"]["harness"] > tools["kernel"]["harness"]:
            print(f"{kind:<6} memlab's harness costs more than dma_map_benchmark's")
            status = 1
    return status


def figures(found):
    """{(where, what): number} of everything that can move."""
    flat = {}
    for boot, lines in found["lines"].items():
        for key, both in lines.items():
            for who, means in both.items():
                for phase in ("map", "unmap"):
                    flat[f"{boot}: {key}", f"{who} {phase}"] = means[phase]
    for kind, tools in found["harness"].items():
        for who, turn in tools.items():
            for part, count in turn.items():
                flat[f"loop: {kind}", f"{who} {part}"] = count
    for what, count in found["size"].items():
        flat["module", what] = count
    return flat


def compare(before, found):
    """Print what moved by over 1 %, and what only one of the two has."""
    old, new = figures(before), figures(found)
    exact = {name for name in new if "icount" in name[0] or name[0].startswith(("loop", "module"))}
    for kind, names in (("exact", exact), ("wall-clock", new.keys() - exact)):
        moved = [
            name
            for name in new
            if name in names and name in old and abs(new[name] - old[name]) > MOVED * old[name]
        ]
        print(f"\n== {len(moved)} of {len(names)} {kind} figures moved by over {MOVED:.0%}")
        for name in moved:
            then, now = old[name], new[name]
            change = f"{(now - then) / then:+.1%}" if then else "from 0"
            print(f"{name[0]:<40} {name[1]:<16} {then:>9} -> {now:>9}  {change}")
    for where, what in sorted(old.keys() ^ new.keys()):
        print(f"{where:<40} {what:<16} is in one of the two only")
