"""The setup's long work in a process of its own (:mod:`.tasks`), watched without ever waiting: start, poll, cancel."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import FaceLiftError
from ..processes.client import Client
from ..processes.codec import ProtocolError
from ..processes.connection import Timeouts, WorkerLost
from ..processes.job import JobState
from ..processes.launch import module_command
from ..processes.protocol import Method
from ..progress import Progress
from . import advice

BYTES_FROM = 1 << 20
"""A stage of this many steps counts bytes: there are never so many files or packages."""
SPEED_SECONDS = 8.0
"""Over which speed is averaged."""
TIMEOUTS = Timeouts(start=300.0, hang=600.0, cancel=0.7)
"""A disk or a virus scanner may keep PyTorch's libraries for minutes. Of a cancel people shall notice nothing:
everything that a task does can be taken up again."""


@dataclass(frozen=True)
class Status:
    """What a progress bar shows.

    Attributes:
        stage: What is being done.
        fraction: Share of the whole task, 0..1.
        done, total: Bytes of this stage, or None where it does not count bytes.
        speed: Bytes a second, or None while unknown.
        seconds_left: Of this stage where bytes are counted, else of the task; None while unknown.
    """

    stage: str
    fraction: float
    done: int | None = None
    total: int | None = None
    speed: float | None = None
    seconds_left: float | None = None


class BackgroundTask:
    """A task that runs: a client with one job, whose process ends with it.

    Args:
        python: The interpreter that runs it.
        name: One of :data:`.tasks.TASKS`.
        params: Its parameters, JSON-serialisable.

    Attributes:
        name: As given.
        status: The latest progress.
        best_speed: Highest averaged speed seen, bytes a second, or None.
    """

    def __init__(self, python: Path | str, name: str, params: Mapping[str, Any]) -> None:
        self.name, self.status = name, Status("Starting", 0.0)
        self.best_speed: float | None = None
        self._samples: deque[tuple[float, int]] = deque()
        self._client = Client(module_command("runtime.tasks", python), timeouts=TIMEOUTS)
        self._job = self._client.submit(Method.RUN, {"task": name, "params": dict(params)})
        self.poll()

    @property
    def pid(self) -> int | None:
        """Process id of the task, or None where none runs."""
        return self._client.pid

    @property
    def state(self) -> JobState:
        """Where it stands; changes in :meth:`poll`, :meth:`cancel` and :meth:`close` only."""
        return self._job.state

    @property
    def running(self) -> bool:
        """Whether it is still at work."""
        return not self._job.finished

    @property
    def cancelling(self) -> bool:
        """Whether it was cancelled and has not ended yet."""
        return self._job.cancelling

    @property
    def result(self) -> dict[str, Any] | None:
        """Of a task that is done."""
        return self._job.result

    @property
    def error(self) -> FaceLiftError | None:
        """Of one that failed; ``details["raw"]`` has the last words of a process that ended by itself."""
        error = self._job.error
        if not isinstance(error, (WorkerLost, ProtocolError)):
            return error
        status = error.details.get("returncode")
        end = error.message if status is None else f"the task ended with status {status}"
        return advice.explain("\n".join((*error.details.get("log", ()), end)))

    def cancel(self) -> None:
        """Ask it to stop; within a second it has."""
        self._job.cancel()
        if self._job.finished:
            self.close()

    def poll(self) -> bool:
        """Take in what the process told; never waits. Return whether anything changed."""
        changed = bool(self._client.poll())
        if self._job.state is JobState.DONE:
            self.status = Status(self.status.stage, 1.0)
        elif changed and self._job.progress is not None:
            self._take(self._job.progress)
        if self._job.finished:
            self.close()
        return changed

    def close(self) -> None:
        """End the process at once."""
        self._client.stop()

    def _take(self, progress: Progress) -> None:
        if progress.steps < BYTES_FROM:
            self._samples.clear()
            self.status = Status(progress.stage, progress.fraction, seconds_left=progress.eta)
            return
        now, step, steps = time.monotonic(), progress.step, progress.steps
        if progress.stage != self.status.stage or (self._samples and step < self._samples[-1][1]):
            self._samples.clear()
        self._samples.append((now, step))
        while now - self._samples[0][0] > SPEED_SECONDS:
            self._samples.popleft()
        seconds, count = now - self._samples[0][0], step - self._samples[0][1]
        speed = count / seconds if seconds > 1 and count > 0 else None
        self.best_speed = max(filter(None, (self.best_speed, speed)), default=None)
        left = (steps - step) / speed if speed else None
        self.status = Status(progress.stage, progress.fraction, step, steps, speed, left)
