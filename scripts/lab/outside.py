# SPDX-License-Identifier: GPL-2.0
"""Programs that nobody here wrote, for a guest that memlab is compared with them in: a Debian tree
that the guest mounts, read-only, and what the kernel's own source has.
"""

from . import apt
from .cache import digest
from .root import LEFT_OUT, SUITE, isolated

PACKAGES = ("procps", "smem", "sysstat", "bpftrace", "valgrind", "libasan8", "libc6-dbg")
# How the guest reaches the tree, and what its kernel needs for that.
DRIVERS = ("9p", "9pnet_virtio")
SAMPLE = "leak"


def tree(lab):
    """The cache entry with the tree."""

    def build(path, step):
        options = [f"--aptopt={option}" for option in apt.proxy_options()]
        options += [f"--dpkgopt=path-exclude={pattern}" for pattern in LEFT_OUT]
        step.run(
            [
                *isolated("--mount-proc"),
                "mmdebstrap",
                "--mode=root",
                "--variant=minbase",
                f"--include={','.join(PACKAGES)}",
                *options,
                SUITE,
                path / "tree",
                f"deb {apt.repository()} {SUITE} main",
            ]
        )
        for name in ("check", "scratch"):
            (path / "tree" / name).mkdir()

    name = f"outside-{digest(SUITE, *PACKAGES, *LEFT_OUT)}"
    return lab.cache.ensure(name, "Debian tree of other programs", 600, build) / "tree"


def programs(lab, kernel, headers):
    """{path in a guest: binary} of the kernel tree's own tools, and of the sample that leaks.

    headers: the cache entry with the kernel's, for programs.
    """
    root, folder = lab.root(), lab.output() / "outside"
    folder.mkdir(exist_ok=True)
    source = kernel.source
    sample = f"/src/samples/lectures/{SAMPLE}.c"
    lines = {
        "page-types": [
            "-static",
            "-D_GNU_SOURCE",
            *(f"-I{source}/tools/{name}" for name in ("lib", "lib/api", "include")),
            f"{source}/tools/mm/page-types.c",
            *(f"{source}/tools/lib/{name}.c" for name in ("api/fs/fs", "api/debug", "str_error_r")),
        ],
        "getdelays": [
            "-static",
            f"-I{root.inside(headers)}/usr/include",
            f"{source}/tools/accounting/getdelays.c",
        ],
        SAMPLE: ["-g", sample],
        f"{SAMPLE}-asan": ["-g", "-fsanitize=address", sample],
    }
    with lab.console.step("programs to compare with") as step:
        for name, words in lines.items():
            out = root.inside(folder / name)
            step.run(root.argv(["gcc-14", "-O1", "-w", "-o", out, *words]))
    return {f"/check/{name}": folder / name for name in lines}
