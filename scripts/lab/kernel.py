# SPDX-License-Identifier: GPL-2.0
"""A kernel = image + build tree + the make arguments that fit it.

    stock(lab, arch, series)          the distribution's own, metadata regenerated
    stock(lab, way="rt")              another flavour of it: see Arch.flavours
    built(lab, config, arch, series)  ours, from the same source package

Both are kept in the cache and both are a Kernel: nobody else asks which.
"""

import json
import lzma
import os
import re
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from .apt import Index
from .arch import ARCHES, host
from .cache import digest
from .console import Failure
from .root import isolated

SERIES = "7.3"
SUITE = "trixie-backports"
# The source package is for every architecture: an index can be broken.
SOURCES = ((SUITE, "amd64"), (SUITE, "arm64"), ("sid", "amd64"))
UNREACHABLE = re.compile("resolv|[Cc]onnect|[Nn]etwork|timed out|No space")
EXPORTED = re.compile(r"EXPORT_SYMBOL_RUST_GPL\((\w+)\)")


class Unavailable(Failure):
    """The stock packages cannot be had; another way may still work."""


@dataclass(frozen=True)
class Kernel:
    name: str  # unique: the name of its cache entry
    release: str  # uname -r
    arch: str  # a word of ARCHES
    image: str  # host path of what QEMU boots
    source: str  # path inside the root
    build: str  # path inside the root
    make: tuple  # arguments every make on it needs


def version_key(text):
    return [int(part) for part in re.findall(r"\d+", text)]


def jobs():
    return f"-j{len(os.sched_getaffinity(0))}"


def remembered(path):
    """A Kernel as its entry holds it; the cache may have moved since."""
    facts = json.loads((path / "kernel.json").read_text())
    facts["image"] = str(path / facts["image"])
    return Kernel(**{**facts, "make": tuple(facts["make"])})


def remember(path, kernel):
    (path / "kernel.json").write_text(json.dumps(asdict(kernel), indent=1))


def index(lab, suite=SUITE, arch=None):
    """The packages of Debian's architecture, by default the host's."""
    arch = arch or host().debian
    found = Index(lab.cache, suite, arch)
    with lab.console.step(f"package index of {suite}/{arch}") as step:
        try:
            found.update(step)
        except Failure as error:
            if UNREACHABLE.search(str(error)):  # nor would any other index be
                raise
            raise Unavailable(str(error)) from None
    return found


def source(lab, series, version, packages):
    """The unpacked source package, as a path inside the root."""
    package = f"linux-source-{series}"

    def build(path, step):
        deb = packages.download([f"{package}={version}"], path, step)[0]
        step.run(
            [
                *isolated(),
                "bash",
                "-c",
                'set -o pipefail; dpkg-deb --fsys-tarfile "$1" | tar -xO "./usr/src/$2.tar.xz" '
                '| tar -xvJ -C "$3"',
                "bash",
                deb,
                package,
                path,
            ],
            unit="files",
        )
        deb.unlink()

    entry = lab.cache.ensure(f"source-{version}", f"kernel source {version}", 2500, build)
    return f"/cache/{entry.name}/{package}"


def newest(packages, series, debian, flavour):
    """(release, version) of the newest stock kernel that has its source here."""
    pattern = rf"linux-headers-({re.escape(series)}\.\d+\+deb13-{flavour})"
    names = sorted(packages.names(pattern), key=version_key, reverse=True)
    sources = packages.versions(f"linux-source-{series}")
    for name in names:
        for version in packages.versions(name):
            if version in sources:
                return name.removeprefix("linux-headers-"), version
    raise Unavailable(
        f"no stock {series} kernel for {debian} in {SUITE} (its source: "
        f"{', '.join(sources) or 'none'})"
    )


def stock_pointer(lab, arch, series, way):
    """The file that says which release of a series is the one in the cache."""
    flavour = way.removeprefix("stock")
    return lab.cache.path / f"stock-{flavour and flavour + '-'}{arch}-{series}"


def stock_before(lab, arch, series, way="stock"):
    """The stock kernel of a series that is ready in the cache, or None."""
    pointer = stock_pointer(lab, arch, series, way)
    if pointer.is_file():
        name = stock_name(lab, pointer.read_text().strip())
        if lab.cache.complete(name):
            return remembered(lab.cache.path / name)
    return None


def stock(lab, arch="x86_64", series=SERIES, way="stock"):
    """The newest stock kernel of a series, in the flavour that Arch.flavours has for a word."""
    ready = stock_before(lab, arch, series, way)
    if ready:
        return ready
    flavours = ARCHES[arch].flavours
    if way not in flavours:
        raise Unavailable(f"KERNEL={way}: on {arch} Debian has {', '.join(flavours)}")
    debian = ARCHES[arch].debian
    packages = index(lab, arch=debian)
    release, version = newest(packages, series, debian, flavours[way])
    kernel = stock_release(lab, packages, arch, series, release, version)
    pointer = stock_pointer(lab, arch, series, way)
    pending = pointer.with_name(f"{pointer.name}.{os.getpid()}")
    pending.write_text(f"{release}\n")
    pending.replace(pointer)
    return kernel


def compiler(lab, arch):
    """The make arguments for the compiler that built Debian's kernel."""
    here, there = host(), ARCHES[arch]
    if here == there:
        return ["CC=gcc-14"]

    def build(path, step):
        # Unpacked beside the root, as only these kernels need it.
        packages = Index(lab.cache, "trixie", here.debian)
        packages.update(step)
        for deb in packages.download(there.gcc, path, step):
            step.run(["dpkg-deb", "-x", deb, path])
            deb.unlink()

    entry = lab.cache.ensure(
        f"cross-{digest(here.debian, *there.gcc)}", f"cross compiler for {arch}", 300, build
    )
    usr = f"/cache/{entry.name}/usr"
    prefix = f"{usr}/bin/{there.triplet}-"
    return [
        f"ARCH={arch}",
        f"CROSS_COMPILE={prefix}",
        f"CC={prefix}gcc-14",
        f"LD_LIBRARY_PATH={usr}/lib/{here.triplet}",
    ]


def stock_name(lab, release):
    return f"stock-{release}-{lab.root_key()}"


def stock_release(lab, packages, arch, series, release, version):
    name = stock_name(lab, release)
    if lab.cache.complete(name):
        return remembered(lab.cache.path / name)
    with lab.meanwhile(source, lab, series, version, packages) as unpacked:
        root = lab.root()
        toolchain = compiler(lab, arch)
        tree = unpacked()

    def build(path, step):
        step.note("the Rust metadata that the headers package leaves out")
        parts = [f"linux-{part}-{release}={version}" for part in ("base", "binary", "headers")]
        for deb in packages.download(parts, path, step):
            step.run(["dpkg-deb", "-x", deb, path / "packages"])
            deb.unlink()
        unpacked = path / "packages/usr"
        (path / "build").mkdir()
        (path / "build/.config").write_bytes(
            (unpacked / "lib/modules" / release / "config").read_bytes()
        )
        # Debug information is an eighth of the work, and a module is stripped of it.
        make = [*toolchain, f"KERNELRELEASE={release}", "KRUSTFLAGS=-Cdebuginfo=0"]
        prefix = ["make", "-C", tree, f"O=/cache/{name}/build", *make]
        step.run(root.argv([*prefix, "olddefconfig"]))
        step.run(root.argv([*prefix, jobs(), "prepare", "modules_prepare"]))
        symvers = (unpacked / "src" / f"linux-headers-{release}" / "Module.symvers").read_text()
        agree(path / "build/rust", symvers, release)
        (path / "build/Module.symvers").write_text(symvers)
        image = f"packages/usr/lib/modules/{release}/vmlinuz"
        if arch == "x86_64":
            image = unpack(root, path, image, tree, step)
        remember(
            path,
            Kernel(
                name,
                release,
                arch,
                image,
                tree,
                f"/cache/{name}/build",
                tuple(make),
            ),
        )

    return remembered(lab.cache.ensure(name, f"stock kernel {release}", 1000, build))


def modules(lab, kernel, names):
    """{path in a guest: content} of a stock kernel's own modules, each behind what it needs."""
    version = kernel.source.split("/")[2].removeprefix("source-")

    def build(path, step):
        packages = index(lab, arch=ARCHES[kernel.arch].debian)
        wanted = f"linux-modules-{kernel.release}={version}"
        for deb in packages.download([wanted], path, step):
            step.run(["dpkg-deb", "-x", deb, path])
            deb.unlink()

    name = f"modules-{kernel.release}"
    entry = lab.cache.ensure(name, f"modules of {kernel.release}", 300, build)
    there = {}
    for path in entry.rglob("*.ko.xz"):
        there[path.name.removesuffix(".ko.xz").replace("-", "_")] = path
    found = {}

    def add(name):
        # What no file has is built in.
        if name in found or name not in there:
            return
        content = lzma.decompress(there[name].read_bytes())
        needs = re.search(rb"\0depends=([\w,-]*)\0", content)
        for other in needs[1].decode().replace("-", "_").split(",") if needs else ():
            add(other)
        found[name] = content

    for name in names:
        if name not in there:
            raise Failure(f"{kernel.release} has no module {name}")
        add(name)
    return {
        f"/modules/{number:02}-{name}.ko": content
        for number, (name, content) in enumerate(found.items())
    }


def unpack(root, path, image, tree, step):
    """The same kernel without its compression, which an emulator unpacks for a second or two."""
    inside = f"/cache/{path.name}"
    script = f"scripts/extract-vmlinux {inside}/{image} > {inside}/vmlinux"
    step.run(root.argv(["sh", "-c", script], cwd=tree))
    return "vmlinux"


def compressed(lab):
    """The stock kernel as Debian ships it: what unpacks it also lays out its tables."""
    which = stock(lab)
    image = lab.cache.path / which.name / f"packages/usr/lib/modules/{which.release}/vmlinuz"
    return replace(which, image=str(image))


def agree(rust, symvers, release):
    """The regenerated Rust objects export what the stock kernel exports."""
    theirs = {line.split("\t")[1] for line in symvers.splitlines()}
    ours = {
        symbol
        for file in rust.glob("exports_*_generated.h")
        for symbol in EXPORTED.findall(file.read_text())
    }
    strange = ours - theirs
    if not ours:
        raise Unavailable(f"stock kernel {release}: its configuration lost CONFIG_RUST here")
    if strange:
        raise Unavailable(
            f"stock kernel {release}: {len(strange)} of {len(ours)} regenerated Rust symbols are "
            "not in it, so another compiler built it"
        )


def any_source(lab, series):
    """The source that is here already, else the newest that an index offers."""
    here = sorted(
        (
            path.name
            for path in lab.cache.path.glob(f"source-{series}.*")
            if lab.cache.complete(path.name)
        ),
        key=version_key,
    )
    if here:
        return here[-1].removeprefix("source-"), f"/cache/{here[-1]}/linux-source-{series}"
    reasons = []
    for suite, arch in SOURCES:
        try:
            packages = index(lab, suite, arch)
        except Unavailable as error:
            reasons.append(str(error))
            continue
        versions = packages.versions(f"linux-source-{series}")
        if versions:
            version = max(versions, key=version_key)
            return version, source(lab, series, version, packages)
        reasons.append(f"no linux-source-{series} in {suite}/{arch}")
    raise Failure(
        f"no source of Linux {series} in any of {len(SOURCES)} indexes; the first: {reasons[0]}"
    )


def built_before(lab, config, series):
    """The newest kernel of this configuration that is ready in the cache, or None."""
    fragment = configuration(lab, config)
    key = digest(fragment, lab.root_key())
    for path in sorted(
        lab.cache.path.glob(f"built-{config}-{series}.*-{key}"),
        reverse=True,
        key=lambda path: version_key(path.name),
    ):
        if lab.cache.complete(path.name):
            return remembered(path)
    return None


def configuration(lab, config):
    path = lab.checkout / "scripts/configs" / f"{config}.config"
    if not path.is_file():
        raise Failure(f"no configuration {path.name} in scripts/configs")
    return path


def built(lab, config="run-x86_64", arch="x86_64", series=SERIES):
    """A kernel of scripts/configs/CONFIG.config, merged over allnoconfig."""
    ready = built_before(lab, config, series)
    if ready:
        return ready
    fragment = configuration(lab, config)
    with lab.meanwhile(any_source, lab, series) as found:
        root = lab.root()
        version, tree = found()
    name = f"built-{config}-{version}-{digest(fragment, lab.root_key())}"
    make = ["LLVM=-19", f"ARCH={arch}"]

    def build(path, step):
        output = merge(root, tree, make, path, fragment.read_text(), step)
        kept(fragment, (path / "build/.config").read_text())
        image = ARCHES[arch].image
        step.run(
            root.argv(
                ["make", "-C", tree, f"O={output}", *make, jobs(), Path(image).name, "modules"]
            )
        )
        release = (path / "build/include/config/kernel.release").read_text().strip()
        remember(path, Kernel(name, release, arch, f"build/{image}", tree, output, tuple(make)))

    return remembered(lab.cache.ensure(name, f"kernel {config} {version}", 1500, build))


def merge(root, tree, make, path, fragment, step):
    """The configuration that a fragment makes of allnoconfig, in a new build tree."""
    (path / "build").mkdir()
    (path / "fragment").write_text(fragment)
    output = f"/cache/{path.name}/build"
    script = ["scripts/kconfig/merge_config.sh", "-n", "-O", output, f"/cache/{path.name}/fragment"]
    step.run(root.argv(["env", *make, *script], cwd=tree))
    return output


def configured(lab, label, arch="x86_64", config=None, off=(), on=(), gcc=False):
    """A tree in which modules build and that nothing boots.

    CONFIG.config without the options in `off` and with those in `on`, or defconfig with the
    kernel's own rust.config; the C side by clang or by gcc.
    """
    version, tree = any_source(lab, SERIES)
    root = lab.root()
    fragment = configuration(lab, config).read_text() if config else ""
    fragment += "".join(f"# CONFIG_{option} is not set\n" for option in off)
    fragment += "".join(f"CONFIG_{option}=y\n" for option in on)
    name = f"config-{label}-{version}-{digest(fragment, lab.root_key())}"
    make = compiler(lab, arch) if gcc else ["LLVM=-19", f"ARCH={arch}"]

    def build(path, step):
        prefix = ["make", "-C", tree, f"O=/cache/{name}/build", *make]
        if config:
            merge(root, tree, make, path, fragment, step)
        else:
            (path / "build").mkdir()
            step.run(root.argv([*prefix, "defconfig", "rust.config"]))
        have = (path / "build/.config").read_text()
        left = [option for option in off if f"\nCONFIG_{option}=" in have]
        left += [f"no {option}" for option in ("RUST", *on) if f"\nCONFIG_{option}=y" not in have]
        if left:
            raise Failure(f"{label}: the kernel kept {', '.join(left)}")
        step.run(root.argv([*prefix, jobs(), "prepare", "modules_prepare"]))
        # There is no kernel to ask for its symbols: modpost warns of all that it does not find.
        make_module = (*make, "KBUILD_MODPOST_WARN=1")
        release = (path / "build/include/config/kernel.release").read_text().strip()
        remember(path, Kernel(name, release, arch, "", tree, f"/cache/{name}/build", make_module))

    return remembered(lab.cache.ensure(name, f"configuration {label} {version}", 700, build))


def kept(fragment, config):
    """Every option that the fragment asks for is in the configuration."""
    have = set(config.splitlines())
    lost = []
    for line in fragment.read_text().splitlines():
        unset = re.fullmatch(r"# (CONFIG_\w+) is not set", line)
        if unset:
            if any(other.startswith(f"{unset.group(1)}=") for other in have):
                lost.append(line.removeprefix("# "))
        elif line.startswith("CONFIG_") and line not in have:
            lost.append(line)
    if lost:
        raise Failure(f"{fragment.name}: the kernel did not accept {', '.join(lost)}")
