"""Running a tool that can be cancelled within a moment, and that does not outlive this process."""

from __future__ import annotations

import queue
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ..processes.group import ProcessGroup
from ..processes.launch import Launch
from ..processes.lifetime import end_with_parent
from ..progress import Reporter

TICK_SECONDS = 0.1
"""How often a running tool looks at the cancel flag."""
KEPT_LINES = 200
"""Lines of a tool's output that are kept for the error report."""


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
    process = ProcessGroup(
        Launch(tuple(map(str, argv)), env, cwd),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        preexec_fn=end_with_parent(),
    )
    lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(process.stdout, lines), name="tool-output", daemon=True).start()
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
            process.kill()
            process.wait()
        process.release()


def _read(output: IO[str], lines: queue.SimpleQueue[str | None]) -> None:
    for line in output:
        lines.put(line)
    lines.put(None)
