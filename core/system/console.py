"""What a command shows while it works: one line that changes on a terminal, a line a stage elsewhere."""

from __future__ import annotations

import shutil
from typing import TextIO

from ..progress import Progress

CLEAR_LINE = "\r\x1b[K"


class Console:
    """Prints progress and messages without letting them overwrite each other.

    Args:
        stream: Where to print, usually stderr.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._terminal = stream.isatty()
        self._stage = ""

    def progress(self, label: str, progress: Progress) -> None:
        """Show how far a job is.

        Args:
            label: What the job works on ("[2/5] anna.jpg").
            progress: The engine's progress.
        """
        if self._terminal:
            left = "" if progress.eta is None else f", {progress.eta:.0f} s left"
            line = f"{label}: {progress.stage} ({progress.fraction:.0%}{left})"
            width = shutil.get_terminal_size().columns
            print(CLEAR_LINE + line[: width - 1], end="", file=self._stream, flush=True)
        elif progress.stage != self._stage:
            self.message(f"{label}: {progress.stage}")
        self._stage = progress.stage

    def message(self, text: str) -> None:
        """Print a line that stays."""
        print(f"{CLEAR_LINE if self._terminal else ''}{text}", file=self._stream, flush=True)
        self._stage = ""
