# SPDX-License-Identifier: GPL-2.0
"""The command memlab: one static binary, for a guest or for this machine."""

import os
import shutil
from pathlib import Path

from .apt import Index
from .arch import ARCHES, host
from .cache import digest
from .console import Failure

# Rust's name for each architecture.
TARGETS = {
    "x86_64": "x86_64-unknown-linux-gnu",
    "arm": "armv7-unknown-linux-gnueabihf",
    "arm64": "aarch64-unknown-linux-gnu",
}
LIBRARIES = ["libstd-rust-dev", "libc6-dev", "libc6", "libgcc-14-dev", "linux-libc-dev"]
SOURCES = ("tools", "rust/model", "rust/report", "rust/front", "include")
PLACE = "/usr/bin/memlab"  # in a guest


def libraries(lab, arch):
    """The cache entry with Rust's and C's libraries of another architecture, beside the root."""
    rust = TARGETS[arch]

    def build(path, step):
        packages = Index(lab.cache, "trixie", ARCHES[arch].debian)
        packages.update(step)
        for deb in packages.download(LIBRARIES, path, step):
            step.run(["dpkg-deb", "-x", deb, path])
            deb.unlink()
        # A sysroot in which rustc finds the target where it looks for its own.
        found = path / "sysroot/lib/rustlib"
        found.mkdir(parents=True)
        (found / rust).symlink_to(f"../../../usr/lib/rustlib/{rust}")

    name = f"libraries-{arch}-{digest(*LIBRARIES, lab.root_key())}"
    return lab.cache.ensure(name, f"libraries for {arch}", 300, build)


def flags(lab, arch):
    """rustc's, for a binary that needs nothing of the system that it runs on."""
    words = ["-C", "target-feature=+crt-static"]
    if arch == host().name:
        return words
    inside = lab.root().inside(libraries(lab, arch))
    words += ["--sysroot", f"{inside}/sysroot", "-C", "linker=clang-19"]
    for word in cross(lab, arch):
        words += ["-C", f"link-arg={word}"]
    return words


def cross(lab, arch):
    """clang's, for a program in C of another architecture than the host's."""
    inside = lab.root().inside(libraries(lab, arch))
    return [f"--target={ARCHES[arch].triplet}", f"--sysroot={inside}", "-fuse-ld=lld"]


def files(lab):
    """Every file that the command is made of."""
    tops = [lab.checkout / name for name in SOURCES]
    found = [path for top in tops for path in top.rglob("*")]
    return sorted(path for path in found if path.is_file() and "target" not in path.parts)


def build(lab, arch):
    """The host path of the binary."""
    rust = TARGETS[arch]
    root = lab.root()
    target = lab.output() / "command"
    target.mkdir(exist_ok=True)
    binary = target / rust / "release/memlab"
    stamp = target / f"{arch}.inputs"
    with lab.cache.lock(f"{lab.output().name}-command", "command"):
        sources = files(lab)
        key = digest(root.key, *sources, *map(str, sources))
        if binary.is_file() and stamp.is_file():
            if stamp.read_text() == f"{key} {binary.stat().st_mtime_ns}":
                return binary
        with lab.console.step(f"command memlab for {arch}") as step:
            stamp.unlink(missing_ok=True)
            step.run(
                root.argv(
                    [
                        "cargo",
                        "build",
                        "--locked",
                        "--release",
                        "--manifest-path",
                        "/src/tools/Cargo.toml",
                        "--package",
                        "memlab",
                        "--target",
                        rust,
                    ],
                    env={
                        "CARGO_TARGET_DIR": root.inside(target),
                        "CARGO_ENCODED_RUSTFLAGS": "\x1f".join(flags(lab, arch)),
                        "CARGO_TERM_COLOR": "never",
                    },
                )
            )
        stamp.write_text(f"{key} {binary.stat().st_mtime_ns}")
    return binary


def attempt(lab, arch):
    """The binary, or None where it cannot be built: the module answers by itself."""
    try:
        return build(lab, arch)
    except Failure as error:
        lab.console.say(
            f"memlab: without the command, whose libraries come from the crates registry: {error}"
        )
        return None


def carried(binary):
    """{path in a guest: host path} of what a guest gets of it."""
    return {PLACE: binary} if binary else {}


def install(lab):
    """make install DESTDIR= PREFIX=: command, man page and completions."""
    destination = Path(os.environ.get("DESTDIR") or "/").absolute()
    prefix = destination / (os.environ.get("PREFIX") or "/usr/local").lstrip("/")
    binary = build(lab, host().name)
    made = lab.output() / "install"
    with lab.console.step("man page and completions") as step:
        step.run([binary, "generate", made])
    places = {
        binary: prefix / "bin/memlab",
        made / "memlab.8": prefix / "share/man/man8/memlab.8",
        made / "memlab.bash": prefix / "share/bash-completion/completions/memlab",
        made / "_memlab": prefix / "share/zsh/site-functions/_memlab",
        made / "memlab.fish": prefix / "share/fish/vendor_completions.d/memlab.fish",
    }
    for source, place in places.items():
        place.parent.mkdir(parents=True, exist_ok=True)
        pending = place.with_name(f".{place.name}.{os.getpid()}")
        shutil.copyfile(source, pending)
        pending.chmod(0o755 if source == binary else 0o644)
        pending.replace(place)  # one that is running keeps its own
        print(place)
    return 0
