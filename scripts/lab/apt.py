# SPDX-License-Identifier: GPL-2.0
"""Debian packages through the host's apt, in a state of our own.

The host's sources stay untouched; its mirror, its proxy and its keys are used,
and apt checks every signature.
"""

import os
import re
import shutil
import subprocess

from .console import Failure


def repository():
    """The mirror from which this host takes its own release."""
    with open("/etc/os-release") as file:
        found = re.search(r'^VERSION_CODENAME="?(\w+)', file.read(), re.MULTILINE)
    codename = found.group(1) if found else ""
    targets = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE)"],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    for line in targets.splitlines():
        uri, _, release = line.partition(" ")
        if release == codename:
            return uri
    raise Failure(f"apt on this host has no source for its own release '{codename}'")


def proxy_options():
    """The host's proxy settings, as apt options."""
    dump = subprocess.run(
        ["apt-config", "dump", "--format", "%F %v%n"], capture_output=True, text=True, check=False
    ).stdout
    pairs = (line.partition(" ") for line in dump.splitlines())
    return [
        f'{key} "{value}";'
        for key, _, value in pairs
        if value and re.match(r"Acquire::https?::(.*::)?(Proxy|CaInfo|Verify-Peer)\b", key)
    ]


class Index:
    """The packages of one suite and architecture."""

    def __init__(self, cache, suite, arch):
        self.state = cache.path / "apt" / f"{suite}-{arch}"
        self.cache = cache
        self.suite = suite
        self.arch = arch
        self.options = []
        for key, value in {
            "Dir::Etc::sourcelist": self.state / "sources.list",
            "Dir::Etc::sourceparts": "-",
            "Dir::Etc::preferences": "-",
            "Dir::Etc::preferencesparts": "-",
            "Dir::State": self.state,
            "Dir::State::status": "/dev/null",
            "Dir::Cache": self.state,
            "APT::Architecture": arch,
            "APT::Architectures": arch,
            "APT::Sandbox::User": "root",
            "Acquire::Languages": "none",
            "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled": "false",
            "Acquire::Retries": "2",
        }.items():
            self.options += ["-o", f"{key}={value}"]

    def lock(self):
        """Two clones may be at the same state."""
        return self.cache.lock(f"apt-{self.suite}-{self.arch}", "package index")

    def ask(self, *words):
        with self.lock():
            return subprocess.run(
                ["apt-cache", *self.options, *words], capture_output=True, text=True, check=False
            ).stdout

    def update(self, step):
        with self.lock():
            (self.state / "lists" / "partial").mkdir(parents=True, exist_ok=True)
            (self.state / "archives" / "partial").mkdir(parents=True, exist_ok=True)
            (self.state / "sources.list").write_text(
                f"deb [arch={self.arch}] {repository()} {self.suite} main\n"
            )
            step.run(["apt-get", *self.options, "-o", "APT::Update::Error-Mode=any", "update"])

    def names(self, pattern):
        """Package names that match a regular expression."""
        return [name for name in self.ask("pkgnames").split() if re.fullmatch(pattern, name)]

    def versions(self, package):
        rows = (line.split("|") for line in self.ask("madison", package).splitlines())
        return [row[1].strip() for row in rows if len(row) == 3]

    def download(self, packages, target, step):
        """Put the .deb files of packages ("name" or "name=version") into target."""
        partial = target / "download"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)

        def count():
            size = sum(entry.stat().st_size for entry in os.scandir(partial))
            return f"{size >> 20} MiB"

        with self.lock():
            step.run(["apt-get", *self.options, "download", *packages], cwd=partial, count=count)
        return sorted(partial.glob("*.deb"))
