"""What ``build.py lint`` runs: each tool with its settings in pyproject.toml."""

from __future__ import annotations

import sys

from .environments import environment, log, requirements, run

PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"
TOOLS = {
    "style": ("-m", "ruff", "check", "."),
    "format": ("-m", "ruff", "format", "--check", "."),
    "imports": ("-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"),
    "types": ("-m", "mypy"),
}
"""What is checked, and what Python is started with for it: the quick ones first.

Not the environment's own programs: they hold the path where it was made, and break when a checkout moves.
"""


def lint() -> int:
    """Run every check, also after one failed; return 1 when any did.

    The environment has stubs in the place of bpy, so it is none of a Blender's.
    """
    python = environment("lint", PYTHON, requirements(("lint",)))
    failed = []
    for name, arguments in TOOLS.items():
        log(f"\n=== {name}: python {' '.join(arguments)} ===")
        if run([python, *arguments]):
            failed.append(name)
    log(f"\nlint: {', '.join(failed)} FAILED" if failed else "\nlint: passed")
    return int(bool(failed))
