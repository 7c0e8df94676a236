# SPDX-License-Identifier: GPL-2.0
"""The toolchain root: one Debian 13 tree that serves every host.

    root = Root.ensure(cache, console, checkout)
    step.run(root.argv(["make", ...]))        # runs inside it

Inside, the cache is at /cache, the checkout at /src (read-only), the host's
/dev at /dev. Every run has a mount and a pid namespace of its own: killing
the outermost process ends all of it and leaves no mount behind.
"""

import os
import shlex
import shutil
from pathlib import Path

from . import apt
from .cache import digest
from .console import Failure

SUITE = "trixie"
PACKAGES = """
    make gcc-14 bindgen rustc rust-src rust-clippy rustfmt cargo
    clang-19 llvm-19 lld-19 libclang-19-dev flex bison bc cpio kmod zstd xz-utils rsync
    libelf-dev libssl-dev dwarves python3 ca-certificates
    qemu-system-x86 qemu-system-arm busybox-static shellcheck perl
""".split()
# No kernel is built by these: adding one makes a new root, and no kernel anew.
ASIDE = """
    device-tree-compiler
""".split()
# A word more for each change of how entries are made that their keys do not tell: old ones stay
# unused.
RECIPE = ()
# What nobody reads in there is not unpacked; copyright files stay.
LEFT_OUT = ["/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*"]
# Nor what no build reads: two thirds of all files, so not part of the key.
# dpkg takes the last match, and its * crosses slashes.
BULK = [
    "exclude=/usr/src/rustc-*",
    "include=/usr/src/rustc-*/library/*",
    "exclude=/usr/lib/llvm-19/lib/*.a",
]
# dpkg waits for the disk a thousand times, for a tree that is thrown away if it
# is not finished: a volatile overlay, where there can be one, does not wait.
HASTE = """
mkdir "$0/tree" "$0/lower" "$0/work"
mount -t overlay -o "volatile,lowerdir=$0/lower,upperdir=$0/tree,workdir=$0/work" \\
    overlay "$0/tree" 2>/dev/null || true
exec "$@"
"""
PASSED = [
    name + suffix
    for suffix in ("_proxy", "_PROXY")
    for name in ("http", "https", "no", "all", "HTTP", "HTTPS", "NO", "ALL")
]
BUNDLE = "etc/ssl/certs/ca-certificates.crt"


# In a chroot / is no mount point, and unshare cannot keep mounts from the host: that is done from
# the namespace's own root.
PRIVATE = 'nsenter --mount=/proc/self/ns/mnt mount --make-rprivate / && exec "$@"'


def isolated(*options):
    """unshare with what dies together; see unshare(1)."""
    argv = ["unshare", "--mount", "--pid", "--fork", "--kill-child", *options]
    with open("/proc/self/mountinfo") as mounts:
        whole = any(line.split()[4] == "/" for line in mounts)
    return argv if whole else [*argv, "--propagation", "unchanged", "sh", "-c", PRIVATE, "sh"]


class Root:
    def __init__(self, path, cache, checkout):
        self.path = path / "tree"
        self.key = path.name.removeprefix("root-")
        self.cache = cache
        self.checkout = Path(checkout)

    @staticmethod
    def key_of():
        """The key of whatever the compilers in the root have made."""
        return digest(SUITE, *PACKAGES, *LEFT_OUT, *RECIPE)

    @classmethod
    def ensure(cls, cache, checkout):
        key = digest(cls.key_of(), *ASIDE)

        def build(path, step):
            tree = path / "tree"
            mirror = apt.repository()
            names = [*PACKAGES, *ASIDE]
            step.note(f"Debian {SUITE} with {', '.join(names[:3])} and {len(names) - 3} more")
            options = [f"--aptopt={option}" for option in apt.proxy_options()]
            options += [f"--dpkgopt=path-exclude={pattern}" for pattern in LEFT_OUT]
            options += [f"--dpkgopt=path-{rule}" for rule in BULK]

            def count():
                info = tree / "var/lib/dpkg/info"
                if info.is_dir():
                    done = sum(name.endswith(".list") for name in os.listdir(info))
                    if done:
                        return f"{done} packages unpacked"
                archives = os.listdir(tree / "var/cache/apt/archives")
                return f"{sum(name.endswith('.deb') for name in archives)} packages downloaded"

            step.run(
                [
                    *isolated("--mount-proc"),
                    "sh",
                    "-c",
                    HASTE,
                    path,
                    "mmdebstrap",
                    "--mode=root",
                    "--variant=minbase",
                    f"--include={','.join(names)}",
                    *options,
                    SUITE,
                    tree,
                    f"deb {mirror} {SUITE} main",
                ],
                count=count,
            )
            shutil.rmtree(path / "work")
            for name in ("cache", "src"):
                (tree / name).mkdir()

        return cls(cache.ensure(f"root-{key}", "toolchain root", 3000, build), cache, checkout)

    def inside(self, path):
        """Where a path of the cache or of the checkout is seen in the root."""
        for outer, inner in ((self.cache.path, "/cache"), (self.checkout, "/src")):
            if Path(path).is_relative_to(outer):
                return str(Path(inner) / Path(path).relative_to(outer))
        raise Failure(f"{path} is neither in the cache nor in the checkout")

    def argv(self, command, cwd="/", binds=(), env=None):
        """The command line that runs command inside.

        binds: (host path, path inside) pairs, read-only; the path inside has
        to be below /tmp, /cache or /src, and below /tmp it is made.
        """
        tree = shlex.quote(str(self.path))
        script = [
            "set -e",
            f"mount -t proc proc {tree}/proc",
            f"mount --rbind /dev {tree}/dev",
            f"mount -t tmpfs -o mode=1777 tmpfs {tree}/tmp",
            f"mount --bind {shlex.quote(str(self.cache.path))} {tree}/cache",
        ]

        def bind(outer, inner):
            target = shlex.quote(f"{self.path}{inner}")
            script.append(f"mount --bind {shlex.quote(str(outer))} {target}")
            script.append(f"mount -o remount,bind,ro {target}")

        bind(self.checkout, "/src")
        for outer, inner in binds:
            if inner.startswith("/tmp/"):
                target = shlex.quote(f"{self.path}{inner}")
                script.append(
                    f"mkdir -p {target}"
                    if Path(outer).is_dir()
                    else f'mkdir -p "$(dirname {target})"; touch {target}'
                )
            bind(outer, inner)
        for name in ("etc/resolv.conf", "etc/hosts", BUNDLE):
            if Path("/", name).is_file() and (self.path / name).is_file():
                bind(f"/{name}", f"/{name}")
        settings = {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": "/root",
            "LANG": "C.UTF-8",
            "TERM": os.environ.get("TERM", "dumb"),
            "CARGO_HOME": "/cache/cargo",
            "DEBIAN_FRONTEND": "noninteractive",
            **{name: os.environ[name] for name in PASSED if name in os.environ},
            **(env or {}),
        }
        words = [
            "env",
            "-i",
            *(f"{key}={value}" for key, value in settings.items()),
            "sh",
            "-c",
            'cd "$1" && shift && exec "$@"',
            "sh",
            cwd,
            *map(str, command),
        ]
        script.append(f"exec chroot {tree} {shlex.join(words)}")
        return [*isolated(), "sh", "-c", "\n".join(script)]
