# SPDX-License-Identifier: GPL-2.0
"""Breaches that the lint must find: a rule that finds nothing looks like a clean tree."""

from . import lint_circles, lint_floors

# (file, its text, what is said of it)
PLANTED = (
    ("rust/facts/a.rs", "use crate::bench::run;", "may not name `bench`"),
    ("rust/facts/a.rs", "const V: &str = crate::VERSION;", "may not name `VERSION`"),
    ("rust/facts/a.rs", "use crate::{model, module_parameters};", "may not name `module_param"),
    ("rust/facts/a.rs", "use super::super::front;", "may not name `front`"),
    ("rust/facts/a_tests.rs", "use super::super::super::super::front;", "may not name `front`"),
    ("rust/front/snapshots.rs", "use crate::{probe, sys};", "a read shows may not name `probe`"),
    ("rust/experiment/a.rs", 'about: "the same, uncached",', "leans on another row"),
    ("rust/facts/a.rs", "unsafe { f() };", "`unsafe` outside"),
    ("rust/sys/a.rs", "// SAFETY: As above.", "justifies nothing"),
    ("rust/sys/a.rs", "// SAFETY: Takes nothing.", "justifies nothing"),
    ("rust/model/a.rs", "use kernel::prelude::*;", "in a pure room"),
    ("rust/cellar/a.rs", "", "is no room of the design"),
    ("rust/helpers/a.c", "#ifdef CONFIG_X86_64", "outside rust/helpers/arch/"),
    ("rust/sys/a.rs", '#[cfg(target_arch = "arm")]', "outside rust/helpers/arch/"),
)
# The same for the command's own rules.
COMMAND = (
    ("tools/memlab/src/commands/a.rs", "unsafe { f() };", "outside the command's src/sys"),
    ("tools/memlab/src/picture/a.rs", 'read("/proc/iomem");', "outside the command's src/evidence"),
    (
        "tools/memlab/src/commands/a.rs",
        "use procfs::Meminfo;",
        "outside the command's src/evidence",
    ),
    ("tools/memlab/src/picture/a.rs", "use crate::commands::b;", "may not name `commands`"),
    ("tools/memlab/src/sys/a.rs", "use crate::{error, evidence::b};", "may not name `evidence`"),
    ("tools/memlab/src/output/a.rs", "use super::super::document;", "may not name `document`"),
)
# Files in a circle, one of them by a nested group.
CIRCLE = {
    "rust/sys/a.rs": "use super::b::F;",
    "rust/sys/b.rs": "use crate::{model::c, sys::{d, e::{G, H}}};",
    "rust/sys/e.rs": "fn f() { crate::sys::a::f() }",
}
COMMAND_CIRCLE = {
    "tools/memlab/src/main.rs": "mod commands; use commands::{a, b};",
    "tools/memlab/src/commands/a.rs": "use super::b::F;",
    "tools/memlab/src/commands/b.rs": "use crate::{commands::a::G, error};",
}
# What is none: a room's face names what is in it, tests see all, a word in a comment is no arrow.
NO_CIRCLE = {
    "rust/sys/mod.rs": "pub(crate) use self::a::F;",
    "rust/sys/a.rs": "use super::G; // super::b",
    "rust/sys/b.rs": "use super::a::F;",
    "rust/sys/a_tests.rs": "use super::super::b; use crate::sys::a;",
}


def complaints():
    """A sentence for each rule that does not find what was planted for it."""
    missed = []
    for name, text, want in PLANTED:
        check = lint_floors.rust_complaints if name.endswith(".rs") else lambda *_: ()
        said = [*check(name, text), *lint_floors.arch_complaints(name, text)]
        if not any(want in why for _, why in said):
            missed.append(f"lint_planted: nothing says '{want}' of: {text}")
    for name, text, want in COMMAND:
        if not any(want in why for _, why in lint_floors.command_complaints(name, text)):
            missed.append(f"lint_planted: nothing says '{want}' of: {text}")
    for circle in (CIRCLE, COMMAND_CIRCLE):
        if len(lint_circles.complaints(circle)) != 1:
            missed.append(f"lint_planted: a planted circle is not found: {', '.join(circle)}")
    if lint_circles.complaints(NO_CIRCLE):
        missed.append("lint_planted: a circle is found where there is none")
    return missed
