# SPDX-License-Identifier: GPL-2.0
"""Scan a guest's console for what a healthy kernel never prints."""

import re

BAD = re.compile(
    r"WARNING: |\bBUG: |kernel BUG at|\bOops\b|Internal error: |Kernel panic"
    r"|[Cc]all [Tt]race:|Unable to handle kernel|general protection fault"
    r"|panicked at"  # a Rust panic
    r"|possible circular locking|possible recursive locking|inconsistent lock state"
    r"|possible irq lock inversion|suspicious RCU usage|Invalid wait context"
    r"|held when returning to user space|lock held when|bad unlock balance"
    r"|sleeping function called|scheduling while atomic|DEBUG_LOCKS_WARN_ON"
    r"|DMA-API: |ODEBUG: |KASAN: |KFENCE: |UBSAN: |KCSAN: |refcount_t: "
    r"|list_(add|del) corruption|Object already free|Redzone|Poison overwritten"
    r"|Bad page state|page allocation failure|Objects remaining in"
    r"|suspicious memory leaks|unreferenced object"
    r"|soft lockup|hard LOCKUP|blocked for more than|detected stalls|self-detected stall"
    r"|Unknown symbol|disagrees about version|nobody cared"
)

# What these very configurations always print, and nothing wider than that.
HARMLESS = re.compile(
    r"DMA-API: preallocated \d+ debug entries$"
    r"|DMA-API: debugging enabled by kernel config$"
)

# What the checks in the guest say of their own failures.
OURS = re.compile(r"^memlab-test: ")

# What scripts/test/faults.c asks for: vmalloc tells of a failure at length, and an allocation
# of the DMA debugging itself may be the one that fails.
FAULTS = "memlab-test: check faults"
ASKED_FOR = re.compile(
    r"faults: vmalloc error: .*?</TASK>"
    r"|DMA-API: cacheline tracking ENOMEM, dma-debug disabled"
    # Of loading a module without memory: its static branches, and the fields of its trace event.
    r"|WARNING: kernel/(?:jump_label|trace/trace_events)\.c:.*?end trace",
    re.S,
)

# What scripts/test/greedy.c asks for: it is killed, and the kernel says at length why.
GREEDY = "memlab-test: check greedy"
KILLED = re.compile(
    r"invoked oom-killer: .*?Killed process \d+ \(greedy\)"
    r"|greedy: page allocation failure: .*?</TASK>",  # as it dies
    re.S,
)

# What scripts/test/claims.sh and outside.sh ask for: children of the command are killed in a cgroup
# of their own.
CLAIMS = re.compile("memlab-test: check (claims|outside)")
LIMITED = re.compile(
    r"invoked oom-killer: .*?Memory cgroup out of memory: "
    r"Killed process \d+ \((?:memlab|lecture-\w+)\)",
    re.S,
)

# What check_watch asks for: a process that takes more than its cgroup has.
WATCH = "memlab-test: check watch"
WATCHED = re.compile(
    r"invoked oom-killer: .*?Memory cgroup out of memory: Killed process \d+ \(awk\)", re.S
)

# A line may be on the console twice (as it happened, and in the final dmesg).
STAMP = re.compile(r"^(boot: )?(<\d+>)?\[ *\d+\.\d+\](\[ *[CT]\d+\])? *")


def complaints(console: str) -> list[str]:
    """The lines of `console` that a healthy kernel would not have printed, each once."""
    if FAULTS in console:
        console = ASKED_FOR.sub("", console)
    if GREEDY in console:
        console = KILLED.sub("", console)
    if CLAIMS.search(console):
        console = LIMITED.sub("", console)
    if WATCH in console:
        console = WATCHED.sub("", console)
    found: dict[str, None] = {}
    for line in console.splitlines():
        line = line.rstrip()
        if OURS.search(line):
            continue
        if BAD.search(line) and not HARMLESS.search(line):
            found.setdefault(STAMP.sub("", line))
    return list(found)
