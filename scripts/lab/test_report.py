# SPDX-License-Identifier: GPL-2.0
"""What passed and what failed, and the last line that says so."""

import threading


class Report:
    """Collects results from any thread; a failure has a name and a reason."""

    def __init__(self):
        self.passes: list[str] = []
        self.failures: list[tuple[str, str]] = []
        self._lock = threading.Lock()

    def add(self, name: str, why: str = ""):
        """A test with its reason to fail; an empty one is a pass."""
        with self._lock:
            if why:
                self.failures.append((name, why))
            else:
                self.passes.append(name)

    def finish(self, out) -> int:
        """Print each failure, then the totals alone on the last line; the exit status."""
        for name, why in self.failures:
            print(f"FAILED {name}: {why}", file=out)
        if not self.passes and not self.failures:
            print("FAILED no test was run", file=out)
        print(f"{len(self.passes)} passed, {len(self.failures)} failed", file=out, flush=True)
        return 1 if self.failures or not self.passes else 0
