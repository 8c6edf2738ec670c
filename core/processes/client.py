"""Our side of another process: jobs in, results out, never a wait.

Everything happens on the caller's thread inside :meth:`Client.poll`, which Blender calls from a
timer; only the pipes have threads of their own (:mod:`.process`). The process starts when the
first job needs it, and again after a crash.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from ..errors import FaceLiftError
from ..progress import Progress
from . import protocol
from .codec import MALFORMED, Attachment, Message, ProtocolError, as_bytes
from .connection import Connection, Timeouts, WorkerLost
from .job import Job, JobState
from .launch import Launch
from .log import RotatingLog
from .protocol import Method, Notification

POLL_SECONDS = 0.005
"""How long one poll handles messages; the rest waits for the next."""
CLOSE_SECONDS = 2.0
KEPT_NOTICES = 50


class Client:
    """Owns a process and the queue of jobs for it. Use from one thread only.

    That thread must also live as long as the process: on Linux it ends with the thread that
    started it.

    Args:
        launch: How to start the process.
        log_path: File for its stderr, or None.
        timeouts: Patience.

    Attributes:
        launch: May be replaced; the next start uses it.
        notices: The latest warnings that the process sent for the user.
    """

    lanes: Collection[str] = ()
    """Methods of which one job at a time is sent; the next ones wait here, safe from a crash."""

    def __init__(self, launch: Launch, log_path: Path | None = None, timeouts: Timeouts | None = None) -> None:
        self.launch = launch
        self.notices: deque[str] = deque(maxlen=KEPT_NOTICES)
        self._timeouts = timeouts or Timeouts()
        self._log = RotatingLog(log_path)
        self._connection: Connection | None = None
        self._ending: list[Connection] = []
        self._queue: list[Job] = []
        self._sent: dict[int, Job] = {}
        self._cancel_deadlines: dict[Job, float] = {}
        self._changed: dict[Job, None] = {}

    @property
    def log_path(self) -> Path | None:
        """Where the process's stderr goes."""
        return self._log.path

    @property
    def hello(self) -> dict[str, Any] | None:
        """The process's answer to ``hello``, or None while none is ready."""
        return self._connection.hello if self._connection is not None else None

    @property
    def pid(self) -> int | None:
        """Process id, or that of the command that wraps the process; None while none exists."""
        return self._connection.pid if self._connection is not None else None

    @property
    def jobs(self) -> tuple[Job, ...]:
        """Unfinished jobs: those sent, then the queue in its order."""
        return (*self._sent.values(), *self._queue)

    def submit(
        self, method: str, params: Mapping[str, Any] | None = None, attachments: Mapping[str, Attachment] | None = None
    ) -> Job:
        """Queue a request; :meth:`poll` sends it."""
        job = Job(Method(method), dict(params or {}), dict(attachments or {}), self._cancel)
        self._queue.append(job)
        return job

    def unpack(self, method: Method, result: dict[str, Any], attachments: Mapping[str, Attachment]) -> Any:
        """Return what becomes :attr:`.Job.result`: here the result as it came.

        Raises:
            ProtocolError: it is not what was agreed on.
        """
        return result

    def poll(self) -> list[Job]:
        """Handle what the process sent, keep time, send what can be sent. Never blocks.

        Returns:
            Jobs that changed since the last poll.
        """
        self._ending = [connection for connection in self._ending if not connection.ended()]
        try:
            self._receive()
            self._keep_time()
            self._dispatch()
        except (WorkerLost, ProtocolError) as error:
            self._break_off(error)
        changed, self._changed = list(self._changed), {}
        return changed

    def stop(self) -> None:
        """Cancel all jobs and end the process by force. Returns at once; the next job starts another one."""
        for job in self.jobs:
            self._end(job, JobState.CANCELLED)
        self._kill()

    def close(self, timeout: float = CLOSE_SECONDS) -> None:
        """Cancel all jobs and end the process: politely for ``timeout`` seconds, then by force."""
        for job in self.jobs:
            self._end(job, JobState.CANCELLED)
        if self._connection is not None:
            self._connection.shut_down(timeout)
            self._ending.append(self._connection)
            self._connection = None
        for connection in self._ending:
            connection.ended(CLOSE_SECONDS)
        self._ending.clear()
        self._log.close()

    def _receive(self) -> None:
        until = time.monotonic() + POLL_SECONDS
        connection = self._connection
        if connection is None:
            return
        for message in connection.receive():
            content = message.content
            if "method" in content:
                self._handle_notification(content["method"], content.get("params"), message.attachments)
            elif type(content.get("id")) is int and (job := self._sent.get(content["id"])) is not None:
                self._handle_answer(job, message)
            if time.monotonic() > until or self._connection is not connection:
                return

    def _handle_notification(self, name: str, params: Any, attachments: Mapping[str, Attachment]) -> None:
        try:
            job = self._sent.get(params.pop("job", None))
            if name == Notification.LOG:
                self.notices.append(str(params["message"]))
            elif name == Notification.PROGRESS and job is not None:
                job.progress = Progress(**params)
                self._changed[job] = None
            elif name == Notification.PREVIEW and job is not None:
                job.previews[params["kind"]] = as_bytes(attachments["png"])
                self._changed[job] = None
        except MALFORMED as error:
            raise ProtocolError(f"A notification that can't be read: {error!r}.") from error

    def _handle_answer(self, job: Job, message: Message) -> None:
        error, result = message.content.get("error"), message.content.get("result")
        if error is not None:
            error = protocol.received_error(error)
            self._end(job, JobState.CANCELLED if error.code == "cancelled" else JobState.FAILED, error)
            if error.code in protocol.USELESS_AFTER:
                self._replace_process()
        elif isinstance(result, dict):
            job.result = self.unpack(job.method, result, message.attachments)
            self._end(job, JobState.DONE)
        else:
            raise ProtocolError("An answer without a result.")

    def _keep_time(self) -> None:
        now = time.monotonic()
        if any(now > deadline for deadline in self._cancel_deadlines.values()):
            self._kill_cancelled()
        if self._connection is not None:
            self._connection.check()

    def _kill_cancelled(self) -> None:
        """Kill a process that ignores a cancel."""
        for job in list(self._cancel_deadlines):
            self._end(job, JobState.CANCELLED)
        self._replace_process()

    def _replace_process(self) -> None:
        """Kill the process; jobs that it still had go back to the queue, for the next one."""
        for job in self._sent.values():
            job.state, job.progress = JobState.QUEUED, None
            self._changed[job] = None
        self._queue[:0] = self._sent.values()
        self._sent.clear()
        self._kill()

    def _dispatch(self) -> None:
        if self._queue and self._connection is None:
            self._connection = Connection(self.launch, self._log, self._timeouts)
        connection = self._connection
        if connection is None or connection.hello is None:
            return
        for job in list(self._queue):
            if job.method in self.lanes and any(sent.method == job.method for sent in self._sent.values()):
                continue
            self._queue.remove(job)
            self._changed[job] = None
            try:
                self._sent[connection.send(job.method, job.params, job.attachments)] = job
                job.state = JobState.RUNNING
            except ProtocolError as error:
                self._end(job, JobState.FAILED, error)

    def _cancel(self, job: Job) -> None:
        if job.finished or job.cancelling:
            return
        if job.state is JobState.QUEUED:
            self._end(job, JobState.CANCELLED)
            return
        job.cancelling = True
        self._changed[job] = None
        self._cancel_deadlines[job] = time.monotonic() + self._timeouts.cancel
        job_id = next(sent_id for sent_id, sent in self._sent.items() if sent is job)
        if self._connection is not None:
            self._connection.send(Method.CANCEL, {"job": job_id})

    def _end(self, job: Job, state: JobState, error: FaceLiftError | None = None) -> None:
        job.state, job.error, job.cancelling, job.attachments = state, error, False, {}
        self._sent = {sent_id: sent for sent_id, sent in self._sent.items() if sent is not job}
        self._queue = [queued for queued in self._queue if queued is not job]
        self._cancel_deadlines.pop(job, None)
        self._changed[job] = None

    def _break_off(self, error: FaceLiftError) -> None:
        """The process is gone or useless: fail the jobs that it had, or all if it never got ready."""
        if "raw" in error.details:
            self._log.append(error.details["raw"].encode())
        error.details = {"log": self._log.tail(), **error.details}
        for job in list(self._sent.values()) if self.hello is not None else self.jobs:
            self._end(job, JobState.CANCELLED if job.cancelling else JobState.FAILED, error)
        self._kill()

    def _kill(self) -> None:
        """End the process by force, if there is one. Returns at once; :meth:`poll` sees to its end."""
        if self._connection is not None:
            self._connection.kill()
            self._ending.append(self._connection)
            self._connection = None
