"""A process's log file: bounded in size, the last lines at hand for error messages."""

from __future__ import annotations

import itertools
import threading
from collections import deque
from pathlib import Path
from typing import BinaryIO

MAX_LOG_BYTES = 1 << 20
KEPT_LOGS = 3
"""Older files kept beside the log, as ``worker.log.1`` (the newest) and so on."""
TAIL_LINES = 60
"""Enough for what faulthandler says of all threads when a worker crashes."""
MAX_LINE_BYTES = 1 << 13


class RotatingLog:
    """Appends lines to a file; when it grows too large, moves it aside. Safe between threads.

    Args:
        path: The log file, created with its folder at the first line. None keeps the tail only.
        max_bytes: Size at which the file is moved aside.
        kept: How many older files stay.
    """

    def __init__(self, path: Path | None, max_bytes: int = MAX_LOG_BYTES, kept: int = KEPT_LOGS) -> None:
        self.path = path
        self._max_bytes, self._kept = max_bytes, kept
        self._file: BinaryIO | None = None
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._lock = threading.Lock()

    def append(self, line: bytes) -> None:
        """Add a line. A full disk or a locked file loses log lines, never the job."""
        with self._lock:
            self._tail.append(line.decode("utf-8", "replace").rstrip())
            if self.path is None:
                return
            try:
                self._write(self.path, line)
            except OSError:
                self._close()

    def tail(self) -> list[str]:
        """Return the last lines since :meth:`clear_tail`, oldest first."""
        with self._lock:
            return list(self._tail)

    def clear_tail(self) -> None:
        """Forget the last lines: a new process begins."""
        with self._lock:
            self._tail.clear()

    def close(self) -> None:
        """Close the file; a later line opens it again."""
        with self._lock:
            self._close()

    def _write(self, path: Path, line: bytes) -> None:
        if self._file is None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("ab", buffering=0)
        self._file.write(line if line.endswith(b"\n") else line + b"\n")
        if self._file.tell() >= self._max_bytes:
            self._close()
            self._rotate(path)

    def _rotate(self, path: Path) -> None:
        older = [path, *(path.with_name(f"{path.name}.{i}") for i in range(1, self._kept + 1))]
        for source, target in reversed(list(itertools.pairwise(older))):
            if source.exists():
                source.replace(target)

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
