"""A process's ties to its parent: pipes that nothing can break, and no life of its own."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Callable
from io import BufferedReader, BufferedWriter

PR_SET_PDEATHSIG = 1
"""prctl(2): the signal that the kernel sends when the parent ends."""


def end_with_parent() -> Callable[[], None] | None:
    """Return what a process calls to be killed when the thread that started it ends; None where only Linux can.

    Made beforehand, because between fork and exec nothing may be loaded.
    """
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl
    return lambda: prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def claim_streams() -> tuple[BufferedReader, BufferedWriter]:
    """Take stdin and stdout for the protocol alone and return them.

    Whatever a library or a child process prints then goes to stderr, also from C, and whoever
    reads stdin finds it empty: descriptors 0 and 1 themselves point elsewhere afterwards.
    """
    sys.stdout.flush()
    incoming, outgoing = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    if sys.platform == "win32":
        import msvcrt

        for descriptor in (incoming, outgoing):
            msvcrt.setmode(descriptor, os.O_BINARY)
    return os.fdopen(incoming, "rb"), os.fdopen(outgoing, "wb")


class Parent:
    """The process that started this one, watched so that this one never outlives it.

    Linux tells by signal, even while this process is stuck in C; elsewhere :attr:`gone` is
    asked now and then. On Windows the parent's job object does the work (:mod:`.windows_job`).
    The end of stdin comes on top everywhere.
    """

    def __init__(self) -> None:
        self._pid = os.getppid()
        if bind := end_with_parent():
            bind()

    @property
    def gone(self) -> bool:
        """Whether the parent ended. Also catches one that ended just before the signal was set."""
        return os.name == "posix" and os.getppid() != self._pid
