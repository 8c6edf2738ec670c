"""A try whether a worker can be reached, and what it is."""

from __future__ import annotations

import time

from ...core.errors import FaceLiftError
from ...core.processes.job import Job
from ...core.processes.protocol import Method
from ..making import connection

GIB = 1 << 30


class Trial:
    """Asks a worker who it is.

    Attributes:
        lines: What it answered, as sentences.
        error: Why it did not.
    """

    def __init__(self) -> None:
        self.lines: tuple[str, ...] = ()
        self.error: FaceLiftError | None = None
        self._job: Job | None = None
        self._seat = connection.Seat.BLENDER
        self._begin = 0.0

    @property
    def busy(self) -> bool:
        """Whether an answer is awaited."""
        return self._job is not None

    @property
    def seconds(self) -> float:
        """Since it began."""
        return time.monotonic() - self._begin

    def start(self) -> None:
        """Ask the worker that has the most to run with; starts it where it does not run."""
        self.lines, self.error = (), None
        self._begin = time.monotonic()
        self._seat = connection.strongest_seat()
        try:
            self._job = connection.client(self._seat).submit(Method.PROBE)
        except ValueError as error:
            self.error = FaceLiftError(f"The command can't be read: {error}.", "Correct it.", code="bad-command")
            return
        connection.poll()

    def cancel(self) -> None:
        """Stop waiting; the worker that did not answer is ended."""
        if self.busy:
            self._job = None
            connection.client(self._seat).stop()

    def tick(self) -> None:
        """Look whether the answer is there."""
        if self._job is None or not self._job.finished:
            return
        if self._job.error is not None:
            self.error = self._job.error
        elif self._job.result is not None:
            self.lines = self._told(connection.client(self._seat).hello or {}, self._job.result)
        self._job = None

    def _told(self, hello: dict, probed: dict) -> tuple[str, ...]:
        memory = probed.get("memory_total")
        room = f", {memory / GIB:.0f} GB of memory" if memory else ""
        lines = [
            f"It answers after {self.seconds:.1f} s: FaceLift {hello.get('version')}, Python {hello.get('python')}.",
            f"{hello.get('platform')}, {probed.get('cpu_count')} processors{room}.",
        ]
        for engine in hello.get("engines", ()):
            lines.append(f"{engine['label']}: {'ready' if engine['available'] else engine['reason']}")
        return tuple(lines)


trial = Trial()
