"""What ``build.py lint`` runs: each tool with its settings in pyproject.toml."""

from __future__ import annotations

import os
import sys

from .environments import environment, log, requirements, run

PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"
TOOLS = {
    "style": ("ruff", "check", "."),
    "format": ("ruff", "format", "--check", "."),
    "imports": ("lint-imports",),
    "types": ("mypy",),
}
"""What is checked, and the command that does: the quick ones first."""


def lint() -> int:
    """Run every check, also after one failed; return 1 when any did.

    The environment has stubs in the place of bpy, so it is none of a Blender's.
    """
    programs = environment("lint", PYTHON, requirements(("lint",))).parent
    failed = []
    for name, (program, *arguments) in TOOLS.items():
        log(f"\n=== {name}: {' '.join((program, *arguments))} ===")
        if run([programs / (f"{program}.exe" if os.name == "nt" else program), *arguments]):
            failed.append(name)
    log(f"\nlint: {', '.join(failed)} FAILED" if failed else "\nlint: passed")
    return int(bool(failed))
