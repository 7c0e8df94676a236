# SPDX-License-Identifier: GPL-2.0
"""What `make matrix` found, as a table; and whether the backends are in order."""

# Families of backends, the cheapest first; what is not measured is not compared.
STEPS = (
    ("passthrough", "lazy", "strict"),
    ("a64-passthrough", "a64-lazy", "a64-strict", "a64-nc-strict"),
    ("direct", "swiotlb"),
    ("arm64", "a64-swiotlb"),
)
# Those of them in whose order unmapping costs too: an IOMMU forgets an address at once, or many
# together later, or has none to forget. Of a list the dearest ones only: an IOMMU unmaps its range
# of addresses, where without one each of the pieces is unmapped.
BACK = {"dma-single": STEPS[:2], "dma-sg": [backends[1:] for backends in STEPS[:2]]}
# What is mapped for a device, and so unmapped.
MAPPED = ("dma-single", "dma-sg", "dma-iova")
# What costs by its size, and what does not.
RISING = ("swiotlb", "arm-noncoherent", "a64-swiotlb", "a64-noncoherent")
FLAT = ("arm", "arm64")
DEARER = (("arm", "arm-noncoherent"), ("arm64", "a64-noncoherent"))  # mapped for the device
UNITS = ((1 << 20, "M"), (1 << 10, "K"))
NAMED = f"{'on':<8} {'experiment':<22} {'direction':<11} {'size':>4}"


def size_of(size):
    if not size:
        return ""
    for unit, suffix in UNITS:
        if size >= unit:
            return f"{size // unit}{suffix}"
    return str(size)


def row(key, cells):
    who, name, direction, size = key
    return f"{who:<8} {name:<22} {direction:<11} {size_of(size):>4}" + "".join(
        f" {cell:>{width}}" for cell, width in cells
    )


def table(kernels, found, transfers):
    """The lines of both parts: what an operation costs, and what was carried."""
    backends = list(found)
    keys = list(dict.fromkeys(key for rows in found.values() for key in rows))
    widths = {name: max(9, len(name)) for name in backends}
    heads = [(name, widths[name]) for name in backends]
    releases = ", ".join(f"Linux {which.release} on {arch}" for arch, which in kernels.items())
    lines = [
        f"# EMULATED under -icount, {releases}: 1 ns is one instruction, and no cache is modelled.",
        "# ns of getting and giving back together, net of the clock, at their least: what the",
        "# kernel's timer and other threads take is no part of it; -: refused, or not there",
        NAMED + "".join(f" {name:>{width}}" for name, width in heads),
    ]

    def part(wanted, value):
        for key in keys:
            if wanted(key[1]):
                cells = [(found[name].get(key), width) for name, width in heads]
                cells = [(value(facts) if facts else "-", width) for facts, width in cells]
                lines.append(row(key, cells))

    def carries(name):
        return name.startswith("transfer-")

    part(lambda name: not carries(name), lambda facts: facts["cost"])
    lines += ["", "# ns of unmapping alone, of these"]
    part(lambda name: name in MAPPED, lambda facts: facts["back"])
    lines += [
        "",
        "# from a program's memory: the sizes between which pinning becomes the cheaper one",
    ]
    for direction in dict.fromkeys(key[2] for key in keys if key[1] == "user-pin"):
        cells = [(break_even(found[name], direction), width) for name, width in heads]
        lines.append(row(("edu", "user-pin", direction, ""), cells))
    lines += ["", f"# operations of {transfers} in which edu carried every byte right"]
    part(carries, lambda facts: facts["samples"])
    return lines


def break_even(rows, direction):
    """The last size at which copying is the cheaper one, and the first at which pinning is."""
    sizes = sorted(key[3] for key in rows if key[1:3] == ("user-pin", direction))
    pins = []
    for size in sizes:
        pin, copy = (rows.get(("edu", name, direction, size)) for name in ("user-pin", "user-copy"))
        if pin and copy:
            pins.append((size, pin["cost"] < copy["cost"]))
    first = next((size for size, pin in pins if pin), None)
    copied = [size for size, pin in pins if not pin]
    if not pins or (first and any(size > first for size in copied)):
        return "-"
    if first is None:
        return f">{size_of(pins[-1][0])}"
    return f"{size_of(copied[-1])}..{size_of(first)}" if copied else f"<{size_of(first)}"


def order(found):
    """Sentences that say what is not as it must be."""
    wrong = []

    def cost(backend, key, which="cost"):
        facts = found[backend].get(key)
        return facts and facts[which]

    def rising(what, values):
        known = [value for value in values if value is not None]
        if len(known) < 2 or any(a >= b for a, b in zip(known, known[1:])):
            wrong.append(f"{what}: {', '.join(map(str, values))} does not rise")

    keys = dict.fromkeys(
        key
        for rows in found.values()
        for key in rows
        if key[0] == "edu" and key[1] in ("dma-single", "dma-sg")
    )

    def compared(backends, key, which="cost"):
        """The costs of those that were measured and not refused."""
        values = [cost(name, key, which) for name in backends if name in found]
        if all(value is not None for value in values) and len(values) > 1:
            what = " ".join(
                (*key[1:3], size_of(key[3]), *(["unmapped"] if which == "back" else []))
            )
            rising(f"{what} {', '.join(name for name in backends if name in found)}", values)

    for key in keys:
        for backends in STEPS:
            compared(backends, key)
        for backends in BACK[key[1]]:
            compared(backends, key, "back")
    single = sorted(key for key in keys if key[1:3] == ("dma-single", "to-device"))
    for name in RISING:
        if name in found:
            rising(f"{name} by size", [cost(name, key) for key in single])
    for name in FLAT:
        flat = [cost(name, key) for key in single] if name in found else [0]
        if max(flat) - min(flat) > max(flat) // 10:
            wrong.append(f"{name} by size: {', '.join(map(str, flat))} is not flat")
    for key in single:
        for backends in DEARER:
            compared(backends, key)
    return wrong
