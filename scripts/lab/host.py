# SPDX-License-Identifier: GPL-2.0
"""make host: the module for the kernel that runs here, or for RELEASE=."""

import gzip
import os
import re
import shutil
import subprocess
from pathlib import Path

from . import command, kernel, module
from .arch import ARCHES, host
from .console import Failure

OLDEST = (7, 2)
# "-amd64", "-cloud-amd64", "-arm64-16k", "-armmp-lpae"
DEBIAN = re.compile(r"(\d+\.\d+)\.\d+\+deb13-(?:\w+-)?(amd64|arm64|armmp)(?:-\w+)?")


def number(text):
    return tuple(int(part) for part in re.findall(r"\d+", text)[:2])


def option(config, name):
    """The value of CONFIG_name, without quotes; None where it is off."""
    found = re.search(rf'^CONFIG_{name}="?(.*?)"?$', config, re.MULTILINE)
    return found.group(1) if found else None


def configuration(release, running):
    """The text of a kernel's configuration, or None."""
    for path in (
        f"/lib/modules/{release}/config",
        f"/boot/config-{release}",
        f"/lib/modules/{release}/build/.config",
    ):
        if Path(path).is_file():
            return Path(path).read_text()
    if running and Path("/proc/config.gz").is_file():
        return gzip.decompress(Path("/proc/config.gz").read_bytes()).decode()
    return None


def hosts_rust(release, config):
    """Refuse, by name, a kernel that no Rust module of ours can be loaded into."""
    if number(release) < OLDEST:
        raise Failure(
            f"kernel {release} cannot host memlab: it is older than "
            f"{'.'.join(map(str, OLDEST))}, whose Rust interfaces memlab needs"
        )
    if config is not None:
        for name in ("MODULES", "RUST"):
            if option(config, name) != "y":
                raise Failure(
                    f"kernel {release} cannot host memlab: it was built without CONFIG_{name}"
                )


def unlocked(release):
    """Refuse where the running kernel takes signed modules only."""
    lockdown = Path("/sys/kernel/security/lockdown")
    enforce = Path("/sys/module/module/parameters/sig_enforce")
    why = None
    if lockdown.is_file() and "[none]" not in lockdown.read_text():
        why = "it is locked down"
    elif enforce.is_file() and enforce.read_text().strip() == "Y":
        why = "it enforces module signatures"
    if why:
        raise Failure(
            f"kernel {release} cannot host memlab: {why} and there is no key; "
            "give SIGN_KEY= and SIGN_CERT= of one that it trusts"
        )


def shipped(lab, release, config):
    """With the metadata that the headers ship and the compiler on this host."""
    build = Path(f"/lib/modules/{release}/build").resolve()
    theirs = option(config, "RUSTC_VERSION_TEXT") or "unknown"
    ours = "no rustc"
    if shutil.which("rustc"):
        ours = subprocess.run(
            ["rustc", "--version"], capture_output=True, text=True, check=False
        ).stdout.strip()
    if ours != theirs:
        raise Failure(
            f"kernel {release} cannot host memlab: it was built by '{theirs}' "
            f"and this host has '{ours}'"
        )
    out = lab.output() / f"host-{release}"
    out.mkdir(exist_ok=True)
    with lab.console.step(f"memlab.ko for {release}") as step:
        step.run(["make", "-C", build, f"M={lab.checkout}", f"MO={out}", "modules"])
    return out / "memlab.ko", build / "scripts/sign-file"


def regenerated(lab, release):
    """Debian's headers ship no metadata: from the same source, in the toolchain root."""
    series, flavour = DEBIAN.fullmatch(release).groups()
    arch = next(each for each in ARCHES.values() if each.flavours["stock"].startswith(flavour))
    name = kernel.stock_name(lab, release)
    if lab.cache.complete(name):
        which = kernel.remembered(lab.cache.path / name)
    else:
        packages = kernel.index(lab, arch=arch.debian)
        versions = [
            version
            for version in packages.versions(f"linux-headers-{release}")
            if version in packages.versions(f"linux-source-{series}")
        ]
        if not versions:
            raise Failure(
                f"kernel {release} cannot host memlab: {kernel.SUITE} has no headers "
                "and source of it any more; boot a newer kernel or use KDIR="
            )
        which = kernel.stock_release(lab, packages, arch.name, series, release, versions[0])
    built = lab.cache.path / name / "build"
    return module.build(lab, which), built / "scripts/sign-file", arch.name


def keys():
    """The key and the certificate to sign with, or nothing."""
    given = [os.environ.get(name) for name in ("SIGN_KEY", "SIGN_CERT")]
    if not any(given):
        return []
    for path in given:
        if not path or not Path(path).is_file():
            raise Failure(f"SIGN_KEY= and SIGN_CERT= have to be files; '{path}' is none")
    return [Path(path).absolute() for path in given]


def sign(lab, ko, tool, pair):
    """A signed copy: Kbuild's own output stays as Kbuild knows it."""
    signed = ko.parent / "signed" / ko.name
    signed.parent.mkdir(exist_ok=True)
    command = [tool, "sha256", *pair, ko, signed]
    if tool.is_relative_to(lab.cache.path):
        root = lab.root()
        inside = [f"/tmp/{name}" for name in ("key", "cert")]
        command = root.argv(
            [root.inside(tool), "sha256", *inside, root.inside(ko), root.inside(signed)],
            binds=list(zip(pair, inside, strict=True)),
        )
    with lab.console.step("signature") as step:
        step.run(command)
    return signed


def main(lab):
    running = os.uname().release
    release = os.environ.get("RELEASE") or running
    config = configuration(release, release == running)
    hosts_rust(release, config)
    pair = keys()
    if release == running and not pair:
        unlocked(release)
    arch = host().name
    metadata = Path(f"/lib/modules/{release}/build/rust/libkernel.rmeta")
    if metadata.is_file() and config is not None:
        ko, tool = shipped(lab, release, config)
    elif DEBIAN.fullmatch(release):
        ko, tool, arch = regenerated(lab, release)
    else:
        raise Failure(
            f"kernel {release} cannot host memlab: its headers ship no Rust metadata "
            "and it is none of Debian 13's; use make KDIR=its build tree"
        )
    if pair:
        ko = sign(lab, ko, tool, pair)
    binary = command.attempt(lab, arch)
    beside = ko.parent / "memlab"
    if binary:
        pending = beside.with_name(f"{beside.name}.{os.getpid()}")
        shutil.copy2(binary, pending)
        pending.replace(beside)
    lab.console.table()
    print(f"{ko}\nload it: insmod {ko}")
    if binary:
        print(f"ask it: {beside} advise")
    return 0
