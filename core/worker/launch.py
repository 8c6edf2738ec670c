"""How a worker is started: on this computer, or with a command of the user's wherever it leads."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ..processes.launch import Launch, module_command

NUMPY_THREADS = ("OPENBLAS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
"""Thread counts of numpy's matrix products, 1 unless the user says otherwise: those of fitting a head
are small, and more threads make it a third slower. torch has its own setting and is not touched."""


def worker_command(
    python: Path | str, site_folders: Sequence[Path | str] = (), arguments: Sequence[str] = ()
) -> Launch:
    """Return how to start a worker on this computer; arguments as of :func:`~core.processes.launch.module_command`."""
    launch = module_command("worker", python, site_folders, arguments)
    return replace(launch, env={**dict.fromkeys(NUMPY_THREADS, "1"), **(launch.env or {})})


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
        raise ValueError("it is empty")
    return Launch(argv)
