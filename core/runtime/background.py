"""Long work in a process of its own, watched without ever waiting: start, poll, cancel.

The process is :mod:`.tasks`. It ends when this one does, because its stdin ends.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from ..errors import Cancelled, FaceLiftError
from . import advice

PACKAGE = Path(__file__).resolve().parents[1]
BYTES_FROM = 1 << 20
"""A stage of this many steps counts bytes: there are never so many files or packages."""
SPEED_SECONDS = 8.0
"""Over which speed is averaged."""
CANCEL_SECONDS = 0.7
"""Patience with a cancelled task before it is killed; everything it does can be taken up again."""
EXIT_SECONDS = 2.0
"""For what the process wrote last; something it started may hold the pipe open."""
KEPT_LOG_LINES = 100


class TaskState(StrEnum):
    """Where a task is."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


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
    """A task that runs.

    Args:
        python: The interpreter that runs it.
        name: One of :data:`.tasks.TASKS`.
        params: Its parameters, JSON-serialisable.

    Attributes:
        name: As given.
        state: Changes in :meth:`poll` only.
        status: The latest progress.
        result: Of a task that is done.
        error: Of one that failed.
        best_speed: Highest averaged speed seen, bytes a second, or None.
    """

    def __init__(self, python: Path | str, name: str, params: Mapping[str, Any]) -> None:
        self.name, self.state = name, TaskState.RUNNING
        self.status = Status("Starting", 0.0)
        self.result: dict[str, Any] | None = None
        self.error: FaceLiftError | None = None
        self.best_speed: float | None = None
        self._samples: deque[tuple[float, int]] = deque()
        self._cancel_deadline: float | None = None
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._log: deque[str] = deque(maxlen=KEPT_LOG_LINES)
        self._process: subprocess.Popen | None = None
        try:
            self._process = _start(python, name)
        except OSError as error:
            self._fail(advice.explain(f"{Path(python).name}: {error}"))
            return
        self._log_reader = threading.Thread(target=self._read_log, name="setup-log", daemon=True)
        self._log_reader.start()
        threading.Thread(target=self._read, name="setup-output", daemon=True).start()
        self._send(json.dumps(dict(params)))

    @property
    def pid(self) -> int | None:
        """Process id of the task, or None where it could not be started."""
        return self._process.pid if self._process is not None else None

    @property
    def running(self) -> bool:
        """Whether it is still at work."""
        return self.state is TaskState.RUNNING

    @property
    def cancelling(self) -> bool:
        """Whether it was cancelled and has not ended yet."""
        return self.running and self._cancel_deadline is not None

    def cancel(self) -> None:
        """Ask it to stop; within a second it has."""
        if self.running and self._cancel_deadline is None:
            self._cancel_deadline = time.monotonic() + CANCEL_SECONDS
            self._send("cancel")

    def poll(self) -> bool:
        """Take in what the process told; never waits. Return whether anything changed."""
        changed = False
        while self.running:
            try:
                line = self._lines.get_nowait()
            except queue.Empty:
                break
            changed = True
            self._handle(line)
        if self.running and self._cancel_deadline is not None and time.monotonic() > self._cancel_deadline:
            self.close()
            self.state, changed = TaskState.CANCELLED, True
        return changed

    def close(self) -> None:
        """End the process at once."""
        if self._process is None:
            return
        if os.name != "posix":
            self._process.kill()
            return
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass  # It ended by itself.

    def _handle(self, line: str | None) -> None:
        if line is None:
            if self._cancel_deadline is not None:
                self.state = TaskState.CANCELLED
            else:
                self._fail(
                    advice.explain("".join(self._log) + f"\nthe task ended with status {self._process.returncode}")
                )
            return
        message = json.loads(line)
        if "progress" in message:
            self._progress(**message["progress"])
        elif "result" in message:
            self.result, self.state = message["result"], TaskState.DONE
            self.status = Status(self.status.stage, 1.0)
        else:
            data = message["error"]
            error = FaceLiftError(data["message"], data["advice"], code=data["code"])
            error.details = data["details"]
            self._fail(error)

    def _fail(self, error: FaceLiftError) -> None:
        self.error = error
        self.state = TaskState.CANCELLED if error.code == Cancelled.code else TaskState.FAILED

    def _progress(self, stage: str, step: int, steps: int, fraction: float, eta: float | None) -> None:
        if steps < BYTES_FROM:
            self._samples.clear()
            self.status = Status(stage, fraction, seconds_left=eta)
            return
        now = time.monotonic()
        if stage != self.status.stage or (self._samples and step < self._samples[-1][1]):
            self._samples.clear()
        self._samples.append((now, step))
        while now - self._samples[0][0] > SPEED_SECONDS:
            self._samples.popleft()
        seconds, count = now - self._samples[0][0], step - self._samples[0][1]
        speed = count / seconds if seconds > 1 and count > 0 else None
        self.best_speed = max(filter(None, (self.best_speed, speed)), default=None)
        self.status = Status(stage, fraction, step, steps, speed, (steps - step) / speed if speed else None)

    def _send(self, line: str) -> None:
        try:
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
        except OSError:
            pass  # It ended; the end of its output says so.

    def _read(self) -> None:
        for line in self._process.stdout:
            self._lines.put(line)
        # The exit status and the last words belong into the error.
        self._process.wait()
        self._log_reader.join(EXIT_SECONDS)
        self._lines.put(None)

    def _read_log(self) -> None:
        self._log.extend(self._process.stderr)


def _start(python: Path | str, name: str) -> subprocess.Popen:
    env = {key: value for key, value in os.environ.items() if not key.upper().startswith("PYTHON")}
    env["PYTHONPATH"], env["PYTHONUTF8"] = str(PACKAGE.parent), "1"
    return subprocess.Popen(
        # -s: no packages from the user's home. -P: nothing from the current folder.
        [str(python), "-s", "-P", "-m", f"{PACKAGE.name}.runtime.tasks", name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=env,
        cwd=PACKAGE.parent,
        text=True,
        encoding="utf-8",
        errors="replace",
        start_new_session=os.name == "posix",
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
    )
