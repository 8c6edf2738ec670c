"""The side of the other process: reads requests, answers the quick ones, does the jobs and tells how they go."""

from __future__ import annotations

import faulthandler
import logging
import os
import platform
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BufferedIOBase
from typing import Any

from ..errors import Cancelled, FaceLiftError
from ..progress import Progress, Reporter
from ..version import version
from . import protocol
from .codec import Attachment, Message, MessageReader, ProtocolError, encode
from .lifetime import Parent, claim_streams
from .protocol import Method, Notification, RpcCode

HEARTBEAT_SECONDS = 1.0
PROGRESS_SECONDS = 0.05
"""Shortest time between two progress notifications of one stage; its last step always goes out."""
EXIT_PROTOCOL_ERROR = 2

logger = logging.getLogger(__name__)

Result = tuple[Mapping[str, Any], Mapping[str, Attachment]]
"""What a job returns: the result's object, and what goes with it."""


class InvalidRequest(FaceLiftError):
    """A request that is well-formed JSON-RPC, but asks for nothing that exists."""

    code = "worker-invalid-request"

    def __init__(self, message: str, rpc_code: int) -> None:
        super().__init__(message)
        self.rpc_code = rpc_code


@dataclass(frozen=True, eq=False)
class Request:
    """A request as it came, its form checked: see :mod:`.protocol`."""

    id: int
    method: Method
    params: Mapping[str, Any]
    attachments: Mapping[str, Attachment]


class Server(ABC):
    """Answers requests from one stream on another. A subclass says to what and how.

    Args:
        incoming: Requests come here.
        outgoing: Answers and notifications go here.

    Attributes:
        methods: What is done for a request, by its method: returns the result, or None when
            :meth:`do` or somebody else answers later.
    """

    def __init__(self, incoming: BufferedIOBase, outgoing: BufferedIOBase) -> None:
        self._reader = MessageReader(incoming)
        self._outgoing = outgoing
        self._write_lock = threading.Lock()
        self.methods: dict[Method, Callable[[Request], Mapping[str, Any] | None]] = {
            Method.HELLO: lambda request: {**self.facts(), "methods": [str(method) for method in self.methods]},
            Method.SHUTDOWN: lambda request: {},
        }

    def facts(self) -> dict[str, Any]:
        """Return what a client is told of this process first."""
        return facts()

    @abstractmethod
    def explain(self, error: BaseException) -> FaceLiftError:
        """Return what a person should read for an exception that nobody expected."""

    def leave(self, status: int) -> None:
        """End the process at once: libraries with threads of their own hang or crash in an orderly exit."""
        sys.stderr.flush()
        os._exit(status)

    def send(self, message: Message) -> None:
        """Write a message; safe between threads. Ends the process when nobody reads any more.

        Raises:
            ProtocolError: the message is too large or has no wire form.
        """
        buffers = encode(message)
        try:
            with self._write_lock:
                for buffer in buffers:
                    self._outgoing.write(buffer)
                self._outgoing.flush()
        except OSError:
            self.leave(0)

    def run(self) -> int:
        """Serve until the stream ends or a shutdown is asked; return the exit status."""
        while True:
            try:
                message = self._reader.read()
            except ProtocolError as error:
                # Where the next message would begin is unknown: there is no going on.
                logger.error("%s", error.details["raw"])
                self.send(protocol.error_response(None, error, RpcCode.PARSE))
                return EXIT_PROTOCOL_ERROR
            if message is None or not self._handle(message):
                return 0

    def do(self, job: int, name: str, work: Callable[[Reporter], Result], cancel: threading.Event) -> None:
        """Do a job on this thread: send its progress and previews, and at the end its answer.

        Args:
            job: Id of its request.
            name: Its name, for the log.
            work: Does it.
            cancel: Set to cancel.
        """
        started = time.perf_counter()
        try:
            reporter = Reporter(_ProgressSender(job, self.send), self._preview_sender(job), cancel)
            reporter.check()
            self.send(protocol.response(job, *work(reporter)))
            logger.info("%s %d: done in %.2f s", name, job, time.perf_counter() - started)
        except Cancelled as error:
            logger.info("%s %d: cancelled", name, job)
            self.send(protocol.error_response(job, error))
        except BaseException as error:  # A library's SystemExit must not end the thread either.
            logger.exception("%s %d: failed", name, job)
            try:
                self.send(self._failure(job, error))
            except ProtocolError as unsendable:  # Its details have no JSON form; the log has them.
                logger.exception("%s %d: its error can't be sent", name, job)
                self.send(protocol.error_response(job, unsendable))

    def _handle(self, message: Message) -> bool:
        """Answer a request; return whether to go on."""
        given = message.content.get("id")
        known_id = given if type(given) is int else None
        try:
            request = _checked(message)
            if request.method not in self.methods:
                raise InvalidRequest(f"{request.method} is nothing that is done here.", RpcCode.UNKNOWN_METHOD)
            result = self.methods[request.method](request)
            if result is not None:
                self.send(protocol.response(request.id, result))
            return request.method is not Method.SHUTDOWN
        except InvalidRequest as error:
            self.send(protocol.error_response(known_id, error, error.rpc_code))
        except Exception as error:
            logger.exception("a request failed")
            self.send(self._failure(known_id, error, RpcCode.INTERNAL))
        return True

    def _failure(self, request_id: int | None, error: BaseException, rpc_code: int = RpcCode.APPLICATION) -> Message:
        known = error if isinstance(error, FaceLiftError) else self.explain(error)
        return protocol.error_response(request_id, known, rpc_code, error)

    def _preview_sender(self, job: int) -> Callable[[str, bytes], None]:
        def send(kind: str, png: bytes) -> None:
            self.send(protocol.notification(Notification.PREVIEW, {"job": job, "kind": kind}, {"png": png}))

        return send


class _ProgressSender:
    """Sends a job's progress, but not more often than anyone can see."""

    def __init__(self, job: int, send: Callable[[Message], None]) -> None:
        self._job, self._send = job, send
        self._stage, self._next = "", 0.0

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        if progress.stage == self._stage and progress.step < progress.steps and now < self._next:
            return
        self._stage, self._next = progress.stage, now + PROGRESS_SECONDS
        self._send(protocol.notification(Notification.PROGRESS, {"job": self._job, **progress.to_dict()}))


def facts() -> dict[str, Any]:
    """Return what this process is: protocol, version, Python, platform and process id."""
    return {
        "protocol": protocol.PROTOCOL_VERSION,
        "version": version(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "pid": os.getpid(),
    }


def serve(
    make: Callable[[BufferedIOBase, BufferedIOBase], Server], heartbeat_seconds: float = HEARTBEAT_SECONDS
) -> None:
    """Serve on stdin and stdout until stdin ends, the parent is gone or a shutdown is asked; then end the process.

    Args:
        make: Makes the server of the two streams.
        heartbeat_seconds: Between two signs of life.
    """
    parent = Parent()
    server = make(*claim_streams())
    faulthandler.enable()
    beat = threading.Thread(target=_beat, args=(server, parent, heartbeat_seconds), name="heartbeat", daemon=True)
    beat.start()
    server.leave(server.run())


def _beat(server: Server, parent: Parent, seconds: float) -> None:
    pause = threading.Event()
    while not pause.wait(seconds):
        if parent.gone:
            server.leave(0)
        server.send(protocol.notification(Notification.HEARTBEAT, {}))


def _checked(message: Message) -> Request:
    content = message.content
    method, params = content.get("method"), content.get("params", {})
    if content.get("jsonrpc") != "2.0" or type(content.get("id")) is not int or not isinstance(params, dict):
        raise InvalidRequest("This is no JSON-RPC 2.0 request with a whole number as id.", RpcCode.INVALID_REQUEST)
    if method not in list(Method):
        raise InvalidRequest(f"There is no method {method!r}.", RpcCode.UNKNOWN_METHOD)
    return Request(content["id"], Method(method), params, message.attachments)
