"""The add-on's side of the worker: jobs in, results out, never a wait.

Everything happens on the caller's thread inside :meth:`WorkerClient.poll`, which Blender calls
from a timer; only the pipes have threads of their own (:mod:`.process`). The worker starts when
the first job needs it, and again after a crash.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import FaceLiftError
from ..progress import Progress
from . import packing, protocol
from .codec import Attachment, Message, ProtocolError
from .job import Job, JobState
from .launch import Launch
from .log import RotatingLog
from .process import Exited, WorkerProcess
from .protocol import Method, Notification

LANES = (Method.PREPARE, Method.GENERATE)
"""Methods of which one job at a time is sent; the next ones wait here, safe from a crash."""
UNPACK = {Method.PREPARE: packing.unpack_prepared, Method.GENERATE: packing.unpack_result}
POLL_SECONDS = 0.005
"""How long one poll handles messages; the rest waits for the next."""
LONGEST_TICK = 1.0
"""More time than this between two polls says nothing about the worker: this process was blocked,
or the computer asleep."""
CLOSE_SECONDS = 2.0
READ_THE_LOG = "Open the worker's log to see why; the next job starts it again."


@dataclass(frozen=True)
class Timeouts:
    """Seconds of patience.

    Attributes:
        start: From start to the worker's first answer; a cluster's queue may need many minutes.
        hang: Without any sign of life.
        cancel: From cancel to the job's end, before the worker is killed.
    """

    start: float = 60.0
    hang: float = 60.0
    cancel: float = 5.0


class WorkerClient:
    """Owns a worker process and the queue of jobs for it. Use from one thread only.

    Args:
        launch: How to start the worker.
        log_path: File for the worker's stderr, or None.
        timeouts: Patience.

    Attributes:
        launch: May be replaced; the next start uses it.
        hello: The worker's answer to ``hello``, or None while none runs.
        notices: The latest warnings that the worker sent for the user.
    """

    def __init__(self, launch: Launch, log_path: Path | None = None, timeouts: Timeouts | None = None) -> None:
        self.launch = launch
        self.timeouts = timeouts or Timeouts()
        self.hello: dict[str, Any] | None = None
        self.notices: deque[str] = deque(maxlen=50)
        self._log = RotatingLog(log_path)
        self._process: WorkerProcess | None = None
        self._dying: list[WorkerProcess] = []
        self._queue: list[Job] = []
        self._sent: dict[int, Job] = {}
        self._cancel_deadlines: dict[int, float] = {}
        self._changed: dict[int, Job] = {}
        self._last_id = self._hello_id = 0
        self._start_deadline = self._last_poll = self._silence = 0.0
        self._bytes_seen = 0

    @property
    def log_path(self) -> Path | None:
        """Where the worker's stderr goes."""
        return self._log.path

    @property
    def running(self) -> bool:
        """Whether a worker process exists, ready or starting."""
        return self._process is not None

    @property
    def jobs(self) -> tuple[Job, ...]:
        """Unfinished jobs: those sent, then the queue in its order."""
        return (*self._sent.values(), *self._queue)

    def submit(
        self, method: str, params: Mapping[str, Any] | None = None, attachments: Mapping[str, Attachment] | None = None
    ) -> Job:
        """Queue a request; :meth:`poll` sends it."""
        job = Job(self._new_id(), Method(method), dict(params or {}), dict(attachments or {}), self._cancel)
        self._queue.append(job)
        return job

    def prepare(self, photo: bytes, photo_name: str, engine: str, settings: Mapping[str, Any]) -> Job:
        """Queue finding and aligning the face; the result is a :class:`.packing.ReceivedPreparation`."""
        return self._submit_photo(Method.PREPARE, photo, photo_name, engine, settings)

    def generate(self, photo: bytes, photo_name: str, engine: str, settings: Mapping[str, Any]) -> Job:
        """Queue making a head of a photo file's bytes; the result is a :class:`.packing.ReceivedHead`."""
        return self._submit_photo(Method.GENERATE, photo, photo_name, engine, settings)

    def poll(self) -> list[Job]:
        """Handle what the worker sent, keep time, send what can be sent. Never blocks.

        Returns:
            Jobs that changed since the last poll.
        """
        now = time.monotonic()
        self._receive(now + POLL_SECONDS)
        self._keep_time(now)
        self._dispatch(now)
        changed, self._changed = list(self._changed.values()), {}
        return changed

    def close(self, timeout: float = CLOSE_SECONDS) -> None:
        """Cancel all jobs and end the worker: politely for ``timeout`` seconds, then by force."""
        for job in self.jobs:
            self._end(job, JobState.CANCELLED)
        if self._process is not None:
            self._process.send(protocol.request(self._new_id(), Method.SHUTDOWN, {}))
            self._process.close_input()
            if not self._process.join(timeout):
                self._process.kill()
            self._let_go()
        for process in self._dying:
            process.join(CLOSE_SECONDS)
        self._dying.clear()
        self._log.close()

    def _new_id(self) -> int:
        self._last_id += 1
        return self._last_id

    def _submit_photo(self, method: Method, photo: bytes, photo_name: str, engine: str, settings: Mapping) -> Job:
        params = {"engine": engine, "settings": dict(settings), "photo_name": photo_name}
        return self.submit(method, params, {"photo": photo})

    # Receiving

    def _receive(self, until: float) -> None:
        while self._process is not None and not self._process.events.empty():
            event = self._process.events.get()
            try:
                self._handle_exit(event) if isinstance(event, Exited) else self._handle(event)
            except ProtocolError as error:
                self._break_off(error)
            if time.monotonic() > until:
                return

    def _handle(self, message: Message) -> None:
        content = message.content
        if "method" in content:
            self._handle_notification(content["method"], content.get("params"), message.attachments)
        elif content.get("id") == self._hello_id and self.hello is None:
            self._handle_hello(content)
        elif (job := self._sent.get(content.get("id"))) is not None:
            self._handle_answer(job, message)

    def _handle_notification(self, name: str, params: Any, attachments: Mapping[str, Attachment]) -> None:
        if not isinstance(params, dict):
            raise ProtocolError("The worker sent a notification without parameters.")
        job = self._sent.get(params.pop("job", None))
        try:
            if name == Notification.LOG:
                self.notices.append(str(params["message"]))
            elif name == Notification.PROGRESS and job is not None:
                job.progress = Progress(**params)
                self._changed[job.id] = job
            elif name == Notification.PREVIEW and job is not None:
                job.previews[params["kind"]] = attachments["png"]
                self._changed[job.id] = job
        except (KeyError, TypeError) as error:
            raise ProtocolError(f"The worker sent a notification that can't be read: {error!r}.") from error

    def _handle_hello(self, content: Mapping[str, Any]) -> None:
        if "error" in content:
            raise ProtocolError(protocol.received_error(content["error"]).message)
        hello = content.get("result")
        theirs = hello.get("protocol") if isinstance(hello, dict) else None
        if theirs != protocol.PROTOCOL_VERSION:
            raise ProtocolError(
                f"The worker speaks protocol {theirs}, this add-on {protocol.PROTOCOL_VERSION}.",
                "Install the same version of FaceLift on both sides.",
                code="worker-version",
            )
        self.hello = hello

    def _handle_answer(self, job: Job, message: Message) -> None:
        error = message.content.get("error")
        if error is not None:
            error = protocol.received_error(error)
            self._end(job, JobState.CANCELLED if error.code == "cancelled" else JobState.FAILED, error)
            return
        result = message.content.get("result")
        if not isinstance(result, dict):
            raise ProtocolError("The worker sent an answer without a result.")
        unpack = UNPACK.get(job.method)
        job.result = result if unpack is None else unpack(result, message.attachments)
        self._end(job, JobState.DONE)

    def _handle_exit(self, event: Exited) -> None:
        error = event.error or FaceLiftError(
            f"The worker stopped unexpectedly ({_describe_exit(event.returncode)}).",
            READ_THE_LOG,
            code="worker-crashed",
        )
        self._break_off(error, returncode=event.returncode)

    # Keeping time

    def _keep_time(self, now: float) -> None:
        tick, self._last_poll = now - self._last_poll, now
        self._dying = [process for process in self._dying if not process.join(0)]
        if self._process is None:
            return
        if self.hello is None:
            if now > self._start_deadline:
                self._break_off(FaceLiftError(
                    f"The worker did not answer within {self.timeouts.start:g} seconds.",
                    "Check the worker's command, or allow it more time.",
                    code="worker-not-started",
                ))  # fmt: skip
            return
        received = self._process.bytes_received
        self._silence = 0.0 if received != self._bytes_seen else self._silence + min(tick, LONGEST_TICK)
        self._bytes_seen = received
        if any(now > deadline for deadline in self._cancel_deadlines.values()):
            self._restart_without_cancelled()
        elif self._silence > self.timeouts.hang:
            self._break_off(FaceLiftError(
                f"The worker gave no sign of life for {self.timeouts.hang:g} seconds and was stopped.",
                READ_THE_LOG,
                code="worker-hung",
            ))  # fmt: skip

    def _restart_without_cancelled(self) -> None:
        """Kill a worker that ignores a cancel; jobs beside the cancelled one go back to the queue."""
        for job in list(self._sent.values()):
            if job.cancelling:
                self._end(job, JobState.CANCELLED)
        innocent = list(self._sent.values())
        for job in innocent:
            job.state, job.progress = JobState.QUEUED, None
            self._changed[job.id] = job
        self._sent.clear()
        self._queue[:0] = innocent
        self._process.kill()
        self._let_go()

    # Sending

    def _dispatch(self, now: float) -> None:
        if self._queue and self._process is None:
            self._start(now)
        if self._process is None or self.hello is None:
            return
        for job in list(self._queue):
            busy = {sent.method for sent in self._sent.values()}
            if job.method in LANES and job.method in busy:
                continue
            self._queue.remove(job)
            self._changed[job.id] = job
            try:
                self._process.send(protocol.request(job.id, job.method, job.params, job.attachments))
            except ProtocolError as error:
                self._end(job, JobState.FAILED, error)
                continue
            job.state = JobState.RUNNING
            self._sent[job.id] = job

    def _start(self, now: float) -> None:
        self._log.clear_tail()
        try:
            self._process = WorkerProcess(self.launch, self._log)
        except (OSError, ValueError) as error:
            self._break_off(FaceLiftError(
                f"The worker could not be started: {error}.",
                "Check the worker's command in the preferences.",
                code="worker-not-started",
            ))  # fmt: skip
            return
        self._start_deadline = now + self.timeouts.start
        self._silence, self._bytes_seen = 0.0, 0
        self._hello_id = self._new_id()
        self._process.send(protocol.request(self._hello_id, Method.HELLO, {"protocol": protocol.PROTOCOL_VERSION}))

    def _cancel(self, job: Job) -> None:
        if job.finished or job.cancelling:
            return
        if job.state is JobState.QUEUED:
            self._end(job, JobState.CANCELLED)
            return
        job.cancelling = True
        self._changed[job.id] = job
        self._cancel_deadlines[job.id] = time.monotonic() + self.timeouts.cancel
        self._process.send(protocol.request(self._new_id(), Method.CANCEL, {"job": job.id}))

    # Ends

    def _end(self, job: Job, state: JobState, error: FaceLiftError | None = None) -> None:
        job.state, job.error, job.cancelling = state, error, False
        job.attachments = {}
        self._sent.pop(job.id, None)
        self._cancel_deadlines.pop(job.id, None)
        if job in self._queue:
            self._queue.remove(job)
        self._changed[job.id] = job

    def _break_off(self, error: FaceLiftError, **details: Any) -> None:
        """The worker is gone or useless: fail the jobs it had, or all when it never got ready."""
        started = self.hello is not None
        if not started and error.code in ("worker-crashed", "worker-protocol"):
            cause, error = error, FaceLiftError(
                f"The worker did not start: {error.message}",
                "Check the worker's command in the preferences, and its log.",
                code="worker-not-started",
            )  # fmt: skip
            error.details = cause.details
        error.details = {**error.details, **details, "log": self._log.tail()}
        for job in list(self._sent.values()) if started else self.jobs:
            self._end(job, JobState.CANCELLED if job.cancelling else JobState.FAILED, error)
        if self._process is not None:
            self._process.kill()
            self._let_go()

    def _let_go(self) -> None:
        self._dying.append(self._process)
        self._process, self.hello = None, None
        self._cancel_deadlines.clear()


def _describe_exit(returncode: int) -> str:
    """Return an exit status in words."""
    return f"signal {-returncode}" if returncode < 0 else f"exit code {returncode}"
