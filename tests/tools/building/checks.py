"""What ``build.py lint`` runs: each tool with its settings in pyproject.toml."""

from __future__ import annotations

import sys

from .environments import environment, log, requirements, run

PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"
TOOLS = {
    "style": ("ruff", "check", "."),
    "format": ("ruff", "format", "--check", "."),
    "imports": ("importlinter.cli", "lint"),
    "types": ("mypy",),
}
"""What is checked, and the module with its arguments that does: the quick ones first."""


def lint() -> int:
    """Run every check, also after one failed; return 1 when any did.

    The environment has stubs in the place of bpy, so it is none of a Blender's.
    """
    python = environment("lint", PYTHON, requirements(("lint",)))
    failed = []
    for name, tool in TOOLS.items():
        log(f"\n=== {name}: {' '.join(tool)} ===")
        if run([python, "-m", *tool]):
            failed.append(name)
    log(f"\nlint: {', '.join(failed)} FAILED" if failed else "\nlint: passed")
    return int(bool(failed))
