"""How a process is started: the command, its environment and its folder."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PACKAGE_DIR = Path(__file__).resolve().parents[1]

REMOVED_PREFIX = "PYTHON"
"""Environment variables that would turn a process's Python into another one (PYTHONHOME, ...)."""


@dataclass(frozen=True)
class Launch:
    """What to start.

    Attributes:
        argv: Program and arguments.
        env: The whole environment, or None for this process's own.
        cwd: Folder to start in, or None for this process's own.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str] | None = None
    cwd: Path | None = None


def module_command(
    module: str, python: Path | str, site_folders: Sequence[Path | str] = (), arguments: Sequence[str] = ()
) -> Launch:
    """Return how to run a module of this very copy of the code on this computer.

    The folder that contains ``core`` is on its path. Inside Blender that folder is the extension's,
    whose own ``__init__`` imports ``bpy``: the process never imports it, because for it ``core`` is a
    top-level package.

    Args:
        module: Its name below ``core``, such as "runtime.tasks".
        python: The interpreter: Blender's own (``sys.executable`` inside Blender) or a runtime's.
        site_folders: Further folders with packages, such as Blender's
            ``extensions/.local/lib/python3.X/site-packages``, where the zip's wheels are.
        arguments: Its arguments.
    """
    env = {name: value for name, value in os.environ.items() if not name.upper().startswith(REMOVED_PREFIX)}
    env["PYTHONPATH"] = os.pathsep.join(map(str, (PACKAGE_DIR.parent, *site_folders)))
    env["PYTHONUTF8"] = "1"
    # -s: no packages from the user's home. -P: nothing from the current folder.
    argv = (str(python), "-s", "-P", "-m", f"{PACKAGE_DIR.name}.{module}", *arguments)
    return Launch(argv, env, PACKAGE_DIR.parent)
