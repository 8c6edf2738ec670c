"""Running a tool that can be cancelled within a moment, and that does not outlive this process."""

from __future__ import annotations

import ctypes
import os
import queue
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..progress import Reporter

TICK_SECONDS = 0.1
"""How often a running tool looks at the cancel flag."""
KEPT_LINES = 200
"""Lines of a tool's output that are kept for the error report."""
PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Outcome:
    """How a tool ended.

    Attributes:
        status: Its exit status.
        output: The last lines of what it wrote, stdout and stderr together.
    """

    status: int
    output: str


def run(
    argv: Sequence[str | Path],
    reporter: Reporter,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    on_tick: Callable[[], None] = lambda: None,
) -> Outcome:
    """Run a tool to its end.

    Args:
        argv: Program and arguments, never interpreted by a shell.
        reporter: Carries the cancel flag.
        env: Its environment; this process's own by default.
        cwd: Folder to run in.
        on_tick: Called about every :data:`TICK_SECONDS` while it runs.

    Raises:
        Cancelled: cancelled through the reporter; the tool and its children are gone.
        OSError: it could not be started.
    """
    process = subprocess.Popen(
        [str(part) for part in argv],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=env,
        cwd=cwd,
        text=True,
        encoding="utf-8",
        errors="replace",
        start_new_session=os.name == "posix",
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        preexec_fn=_end_with_parent() if sys.platform == "linux" else None,
    )
    lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(process, lines), name="tool-output", daemon=True).start()
    kept: deque[str] = deque(maxlen=KEPT_LINES)
    try:
        while True:
            reporter.check()
            on_tick()
            try:
                line = lines.get(timeout=TICK_SECONDS)
            except queue.Empty:
                continue
            if line is None:
                return Outcome(process.wait(), "".join(kept))
            kept.append(line)
    finally:
        if process.poll() is None:
            _kill(process)
            process.wait()


def _read(process: subprocess.Popen, lines: queue.SimpleQueue) -> None:
    for line in process.stdout:
        lines.put(line)
    lines.put(None)


def _kill(process: subprocess.Popen) -> None:
    if os.name != "posix":
        process.kill()
        return
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass  # It ended by itself in between.


def _end_with_parent() -> Callable[[], None]:
    """Return what a Linux child does before it becomes the tool: ask to be killed when we are."""
    prctl = ctypes.CDLL(None).prctl  # Looked up here: between fork and exec nothing may be loaded.
    return lambda: prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
