"""How a worker is started: the command, its environment and its folder.

The local worker runs ``python -m core.worker`` with the folder that contains ``core`` on its
path. Inside Blender that folder is the extension's, whose own ``__init__`` imports ``bpy``: the
worker never imports it, because for the worker ``core`` is a top-level package.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PACKAGE_DIR = Path(__file__).resolve().parents[1]

REMOVED_PREFIX = "PYTHON"
"""Environment variables that would turn the worker's Python into another one (PYTHONHOME, ...)."""

NUMPY_THREADS = ("OPENBLAS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
"""Thread counts of numpy's matrix products, 1 unless the user says otherwise: the draft engine's are
small, and more threads make it a third slower. torch has its own setting and is not touched."""


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


def worker_command(
    python: Path | str, site_folders: Sequence[Path | str] = (), arguments: Sequence[str] = ()
) -> Launch:
    """Return how to start a worker on this computer from this very copy of the code.

    Args:
        python: The interpreter: Blender's own (``sys.executable`` inside Blender) or a runtime's.
        site_folders: Further folders with packages, such as Blender's
            ``extensions/.local/lib/python3.X/site-packages``, where the zip's wheels are.
        arguments: Arguments for the worker (see :func:`~core.worker.server.main`).
    """
    env = {name: value for name, value in os.environ.items() if not name.upper().startswith(REMOVED_PREFIX)}
    env["PYTHONPATH"] = os.pathsep.join(map(str, (PACKAGE_DIR.parent, *site_folders)))
    env["PYTHONUTF8"] = "1"
    for variable in NUMPY_THREADS:
        env.setdefault(variable, "1")
    # -s: no packages from the user's home. -P: nothing from the current folder.
    argv = (str(python), "-s", "-P", "-m", f"{PACKAGE_DIR.name}.worker", *arguments)
    return Launch(argv, env, PACKAGE_DIR.parent)


def custom_command(command: str) -> Launch:
    """Return how to start a worker with a command line of the user's (``ssh host ...``, ``srun ...``).

    Args:
        command: Program and arguments; quoting as in a POSIX shell, on Windows with plain
            backslashes.

    Raises:
        ValueError: the quoting is unbalanced or the command empty.
    """
    argv = tuple(shlex.split(command, posix=os.name == "posix"))
    if os.name != "posix":
        # Without POSIX rules, which would eat backslashes, shlex leaves the quotes on.
        argv = tuple(part[1:-1] if len(part) > 1 and part[0] == part[-1] == '"' else part for part in argv)
    if not argv:
        raise ValueError("the worker's command is empty")
    return Launch(argv)
