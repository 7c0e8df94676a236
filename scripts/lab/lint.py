# SPDX-License-Identifier: GPL-2.0
"""make lint and make fmt: every tool runs, every complaint is shown, one verdict."""

import shutil
import subprocess

from . import kernel, lint_floors, lint_planted
from .apt import Index
from .arch import host
from .console import Failure, reap, spawn

RUFF = "ruff==0.14.5"
# A module that builds for two kernels has to ask which one it is; kmap() is what it measures.
OUT_OF_TREE = "LINUX_VERSION_CODE,CONSTANT_COMPARISON,DEPRECATED_API"
# What a program has no macro for, or means: it sees what others do to a page.
PROGRAM = f"{OUT_OF_TREE},BIT_MACRO,PREFER_DEFINED_ATTRIBUTE_MACRO,VOLATILE,EMBEDDED_FUNCTION_NAME"
RULES = "--select=E,F,W,I,UP"  # style, mistakes, order of imports, modern forms
WIDTH = "--line-length=100"


def tracked(lab, *patterns):
    """The project's own files, new ones too."""
    done = subprocess.run(
        [
            "git",
            "-c",
            f"safe.directory={lab.checkout}",
            "-C",
            lab.checkout,
            "ls-files",
            "--cached",
            "--others",
            "--exclude-standard",
            "--",
            *patterns,
        ],
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise Failure(f"git ls-files: {done.stderr.strip()}")
    return [
        name
        for name in sorted(set(done.stdout.split("\n")))
        if name and (lab.checkout / name).is_file()
    ]


def ruff(lab):
    """The path of ruff inside the root; Debian 13 has no package of it, PyPI has."""

    def build(path, step):
        packages = Index(lab.cache, "trixie", host().debian)
        packages.update(step)
        deb = packages.download(["python3-pip-whl"], path, step)[0]
        step.run(["dpkg-deb", "-x", deb, path / "pip"])
        deb.unlink()
        wheel = next(path.glob("pip/usr/share/python-wheels/pip-*.whl"))
        inside = lab.root().inside
        step.run(
            lab.root().argv(
                [
                    "python3",
                    f"{inside(wheel)}/pip",
                    "install",
                    "--target",
                    inside(path / "python"),
                    "--no-cache-dir",
                    "--disable-pip-version-check",
                    "--root-user-action=ignore",
                    "--only-binary=:all:",
                    RUFF,
                ]
            )
        )

    entry = lab.cache.ensure(f"lint-{RUFF.replace('==', '-')}", "ruff", 100, build)
    return lab.root().inside(entry / "python/bin/ruff")


def shells(lab):
    """Shell scripts by suffix or by their first line."""

    def is_shell(name):
        if name.endswith(".sh"):
            return True
        with (lab.checkout / name).open("rb") as file:
            first = file.readline()
        return first.startswith(b"#!") and first.split()[0].rsplit(b"/")[-1] in (b"sh", b"bash")

    return [f"/src/{name}" for name in tracked(lab, "scripts", ".ci") if is_shell(name)]


def rustfmt(source, *arguments):
    return ["rustfmt", "--color", "never", "--config-path", f"{source}/.rustfmt.toml", *arguments]


# Through stdin, because rustfmt would follow `mod` from each file into the others.
EACH_FORMATTED = """
files=$1; shift; bad=0
for file in $files; do "$@" <"$file" || { echo "$file"; bad=1; }; done
exit $bad
"""


def complain(lab, name, command):
    """Run a tool; what it said is the Failure."""
    with lab.console.step(name) as step:
        with step.log.open("wb") as log:
            status = reap(spawn(lab.root().argv(command, cwd="/src"), stdout=log, stderr=log))
        if status:
            raise Failure(step.log.read_text(errors="replace").rstrip())


def checkpatch(source, ignored, names):
    """What looks at C as the kernel's own checker does."""
    words = ["perl", f"{source}/scripts/checkpatch.pl", "--no-tree", "--strict", "--terse"]
    words += ["--show-types", "--max-line-length=100", f"--ignore={ignored}", "-f"]
    return [*words, *(f"/src/{name}" for name in names)]


def lint(lab):
    source = kernel.stock(lab).source
    # Those that `make test` has anyway.
    which = [kernel.built(lab, "test-x86_64"), kernel.built(lab, "run-arm", "arm")]
    which.append(kernel.stock(lab, "arm64"))
    rust = [f"/src/{name}" for name in tracked(lab, "*.rs")]
    python = [f"/src/{name}" for name in tracked(lab, "*.py")]
    checks = {
        "rustfmt": ["sh", "-c", EACH_FORMATTED, "sh", " ".join(rust), *rustfmt(source, "--check")],
        "ruff": [ruff(lab), "check", "--no-cache", RULES, WIDTH, *python],
        "ruff format": [ruff(lab), "format", "--check", "--no-cache", WIDTH, *python],
        "shellcheck": ["shellcheck", *shells(lab)],
        "checkpatch": checkpatch(source, OUT_OF_TREE, tracked(lab, "rust/*.c", "rust/*.h")),
        "checkpatch of programs": checkpatch(
            source,
            PROGRAM,
            tracked(lab, "include/*.h", "samples/*.c", "scripts/*.c", "scripts/*.h"),
        ),
    }
    manifest = ["--manifest-path", "/src/tools/Cargo.toml", "--workspace", "--locked"]
    target = lab.root().inside(lab.output()) + "/cargo"
    checks["clippy of the command"] = [
        "env",
        f"CARGO_TARGET_DIR={target}",
        "cargo",
        "clippy",
        *manifest,
        "--all-targets",
        "--",
        "-Dwarnings",
    ]
    for each in which:
        # Clippy looks only at what is compiled, so its tree is emptied first; W=e makes
        # warnings of C and of Rust errors.
        tree = lab.output() / f"clippy-{each.arch}"
        checks[f"clippy {each.arch}"] = [
            "sh",
            "-c",
            'rm -rf "$1" && mkdir -p "$1" && dir=$1 && shift && exec "$@" MO="$dir"',
            "sh",
            lab.root().inside(tree),
            "make",
            "-C",
            each.build,
            *each.make,
            "M=/src",
            "CLIPPY=1",
            "W=e",
            "modules",
        ]
    wrong = 0
    for name, command in checks.items():
        try:
            complain(lab, name, command)
        except Failure as error:
            wrong += 1
            print(f"--- {name}:\n{error}")
    floors = lint_floors.complaints(lab.checkout, tracked(lab)) + lint_planted.complaints()
    for line in floors:
        print(line)
    wrong += bool(floors)
    print(f"lint: {wrong} of {len(checks) + 1} checks complain" if wrong else "lint: clean")
    return 1 if wrong else 0


def fmt(lab):
    """Format in place; the root sees the checkout read-only, so on a copy that comes back."""
    tools = ruff(lab)
    source = kernel.stock(lab).source
    copy = lab.output() / "fmt"
    shutil.rmtree(copy, ignore_errors=True)
    names = tracked(lab, "*.rs", "*.py")
    for name in names:
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(lab.checkout / name, copy / name)
    inside = lab.root().inside

    def those(suffix):
        return [inside(copy / name) for name in names if name.endswith(suffix)]

    with lab.console.step("formatting") as step:
        step.run(lab.root().argv(rustfmt(source, *those(".rs"))))
        step.run(lab.root().argv([tools, "format", "--no-cache", WIDTH, *those(".py")]))
    for name in names:
        new = (copy / name).read_bytes()
        if new != (lab.checkout / name).read_bytes():
            (lab.checkout / name).write_bytes(new)
            print(f"formatted {name}")
    return 0
