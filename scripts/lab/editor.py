# SPDX-License-Identifier: GPL-2.0
"""make rust-analyzer: rust-project.json by the kernel's own generator."""

from . import job, module
from .console import Failure


def main(lab):
    which = job.chosen(lab)
    root = lab.root()
    out = module.output(lab, which)
    with lab.console.step("rust-project.json") as step:
        step.run(
            root.argv(
                [
                    "make",
                    "-C",
                    which.build,
                    *which.make,
                    "M=/src",
                    f"MO={root.inside(out)}",
                    "rust-analyzer",
                ]
            )
        )
    made = out / "rust-project.json"
    text = made.read_text()
    if '"/src/rust/memlab.rs"' not in text:
        raise Failure(f"rust-project.json: the generator did not find memlab (log: {step.log})")
    for inner, outer in (("/cache", lab.cache.path), ("/src", lab.checkout)):
        text = text.replace(f'"{inner}/', f'"{outer}/').replace(f'"{inner}"', f'"{outer}"')
    text = text.replace('"/usr/', f'"{root.path}/usr/')
    (lab.checkout / made.name).write_text(text)
    print(lab.checkout / made.name)
    return 0
