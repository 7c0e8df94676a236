# SPDX-License-Identifier: GPL-2.0
"""Steps that a person can follow, and the processes that they run.

    with console.step("kernel source") as step:
        step.run(argv)                    # counts the lines of its log
        step.run(argv, unit="files")      # and calls them files
        step.run(argv, count=callable)    # or shows whatever callable returns

Failure carries the one line a user reads; every log is a file that it names.
"""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

TELLING = re.compile(
    r"^fatal|\berror\b[:\[]|: not found|No such file|Killed|undefined!"
    r"|cannot |failed",
    re.IGNORECASE,
)
HEARTBEAT = 15.0  # seconds between plain lines of one step


class Failure(Exception):
    """One line that names the cause."""


class Interrupted(BaseException):
    """A signal asked us to stop."""

    def __init__(self, number):
        super().__init__(signal.Signals(number).name)
        self.number = number


_children = set()
_guard = threading.Lock()
_stopping = False


def spawn(argv, **options):
    """Start a process that dies with us, whatever kills us."""
    with _guard:
        if _stopping:
            raise Failure("stopped")
        child = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *map(str, argv)],
            start_new_session=True,
            **{"stdin": subprocess.DEVNULL, **options},
        )
        _children.add(child)
    return child


def reap(child, timeout=None):
    status = child.wait(timeout)
    _children.discard(child)
    return status


def kill(child):
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def stop_all():
    """Kill what runs, each with its group; unshare's --kill-child takes the rest."""
    global _stopping
    with _guard:
        _stopping = True
        running = list(_children)
    for child in running:
        kill(child)
    for child in running:
        child.wait()


def catch_signals():
    def stop(number, _frame):
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(each, signal.SIG_IGN)
        raise Interrupted(number)

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # nohup
        signal.signal(signal.SIGHUP, stop)


def telling_line(text):
    """The line of a program's output that most likely says why."""
    if "No space left on device" in text:
        return "no space left on device"
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    # What apt itself says is surer than any other word.
    found = [line for line in lines if line.startswith("E: ")]
    found = found or [line for line in lines if TELLING.search(line)]
    if found:
        return found[0][:200]
    # What stands right above make's first complaint.
    made = [above for above, line in zip(lines, lines[1:], strict=False) if ": *** [" in line]
    return [*made, *lines[-1:], "it said nothing"][0][:200]


class Step:
    def __init__(self, number, name, log, console):
        self.number = number
        self.name = name
        self.log = log
        self.console = console
        self.began = time.monotonic()
        self.seconds = None
        self.count = None
        self._unit = "lines"
        self._seen = 0
        self._lines = 0

    def lines(self):
        """How many lines the log has grown to; reads only what is new."""
        with self.log.open("rb") as file:
            file.seek(self._seen)
            new = file.read()
        self._seen += len(new)
        self._lines += new.count(b"\n")
        return f"{self._lines} {self._unit}"

    def state(self):
        elapsed = int(time.monotonic() - self.began)
        text = f"[{self.number}] {self.name} {elapsed // 60}:{elapsed % 60:02d}"
        try:
            count = self.count() if self.count else ""
        except OSError:
            count = ""
        return f"{text} {count}".rstrip()

    def note(self, text):
        """A line about this step for people."""
        self.console.say(f"[{self.number}] {self.name}: {text}")

    def run(self, argv, count=None, unit="lines", cwd=None, env=None):
        """Run to the end with its output in the log, or raise Failure."""
        self.lines()
        self._lines, self._unit = 0, unit
        self.count = count or self.lines
        with self.log.open("ab") as log:
            log.write(f"+ {shlex.join(map(str, argv))}\n".encode())
            log.flush()
            start = log.tell()
            child = spawn(argv, stdout=log, stderr=log, cwd=cwd, env=env)
            status = reap(child)
        if status:
            said = self.log.read_bytes()[start:].decode(errors="replace")
            raise Failure(f"{self.name}: {telling_line(said)} (log: {self.log})")


class Console:
    """Writes progress to stderr: one moving line on a terminal, else plain lines."""

    def __init__(self, logs, stream=sys.stderr):
        self.logs = Path(logs)
        self.stream = stream
        self.fancy = stream.isatty()
        self.steps = []
        self.active = []
        self.began = time.monotonic()
        self._lock = threading.RLock()
        self._ticker = None

    def say(self, text):
        with self._lock:
            self._clear()
            print(text, file=self.stream, flush=True)

    @contextmanager
    def step(self, name):
        with self._lock:
            number = len(self.steps) + 1
            slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
            self.logs.mkdir(parents=True, exist_ok=True)
            log = self.logs / f"{number:02d}-{slug}.log"
            log.write_bytes(b"")
            step = Step(number, name, log, self)
            self.steps.append(step)
            self.active.append(step)
            if not self._ticker:
                self._ticker = threading.Thread(target=self._tick, daemon=True)
                self._ticker.start()
        if not self.fancy:
            self.say(f"[{number}] {name} ...")
        try:
            yield step
        except BaseException as error:
            self._finish(step, "failed" if isinstance(error, Exception) else "stopped")
            raise
        self._finish(step, "done")

    def _finish(self, step, word):
        state = step.state()
        with self._lock:
            step.seconds = time.monotonic() - step.began
            self.active.remove(step)
            self.say(f"{state}, {word}")

    def _clear(self):
        if self.fancy:
            self.stream.write("\r\x1b[K")

    def _tick(self):
        told = time.monotonic()
        while True:
            time.sleep(0.2)
            with self._lock:
                if not self.active:
                    told = time.monotonic()
                    continue
                if self.fancy:
                    self._clear()
                    room = shutil.get_terminal_size().columns - 1
                    self.stream.write("  ".join(s.state() for s in self.active)[:room])
                    self.stream.flush()
                elif time.monotonic() - told > HEARTBEAT:
                    told = time.monotonic()
                    for step in self.active:
                        self.say(step.state())

    def table(self):
        """What every step took."""
        setup = float(os.environ.get("MEMLAB_SETUP_SECONDS", 0))
        total = time.monotonic() - self.began + setup
        width = max([len(s.name) for s in self.steps] + [13])
        self.say("")
        if setup:
            self.say(f"   0  {'host packages':<{width}} {setup:8.1f} s")
        for step in self.steps:
            if step.seconds is not None:
                self.say(f"{step.number:4}  {step.name:<{width}} {step.seconds:8.1f} s")
        self.say(f"      {'total':<{width}} {total:8.1f} s")
