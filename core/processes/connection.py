"""One started process, from its first answer to its end: the handshake and the signs of life."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import FaceLiftError
from ..version import version
from . import protocol
from .codec import Attachment, Message, ProtocolError
from .launch import Launch
from .log import RotatingLog
from .process import Exited, ServingProcess
from .protocol import Method

LONGEST_TICK = 1.0
"""More time than this between two checks says nothing about the other process: this one was
blocked, or the computer asleep."""
NAME = "FaceLift's background process"
"""What people read for the process at the other end: heads are made in it, and it installs things."""
CHECK_COMMAND = "Try again, and open the log in the preferences; if a command is set there, check it."
MAYBE_MEMORY = "Perhaps the system ran out of memory: close other programs, then try again."
SIGKILL = 9
"""As a number, because Windows has no signal.SIGKILL."""
READ_LOG = "Try again, it starts anew; if it stays, the log in the preferences says why."


@dataclass(frozen=True)
class Timeouts:
    """Seconds of patience.

    Attributes:
        start: From start to the first answer; a cluster's queue may need many minutes.
        hang: Without any sign of life.
        cancel: From a cancel to the job's end, before the process is killed.
    """

    start: float = 60.0
    hang: float = 60.0
    cancel: float = 5.0


class WorkerLost(FaceLiftError):
    """The process ended, went silent or spoke nonsense: this connection is of no more use."""

    code = "worker-crashed"


class Connection:
    """A process that was asked ``hello``.

    Args:
        launch: What to start.
        log: Receives its stderr.
        timeouts: Patience.

    Attributes:
        hello: Its answer, or None before it came.

    Raises:
        WorkerLost: the program could not be started.
    """

    def __init__(self, launch: Launch, log: RotatingLog, timeouts: Timeouts) -> None:
        self.hello: dict[str, Any] | None = None
        self._log, self._timeouts = log, timeouts
        self._last_id = 0
        log.clear_tail()
        try:
            self._process = ServingProcess(launch, log)
        except (OSError, ValueError) as error:
            raise WorkerLost(
                f"{NAME} could not be started: {error}.", CHECK_COMMAND, code="worker-not-started"
            ) from error
        self._last_check = time.monotonic()
        self._deadline = self._last_check + timeouts.start
        self._silence, self._bytes_seen = 0.0, 0
        self._hello_id = self.send(Method.HELLO, {})

    @property
    def pid(self) -> int:
        """Process id, or that of the command that wraps the process."""
        return self._process.pid

    def send(self, method: str, params: Mapping[str, Any], attachments: Mapping[str, Attachment] | None = None) -> int:
        """Queue a request for writing and return its id.

        Raises:
            ProtocolError: it is too large or has no wire form.
        """
        self._last_id += 1
        self._process.send(protocol.request(self._last_id, method, params, attachments))
        return self._last_id

    def receive(self) -> Iterator[Message]:
        """Yield what came since the last time, without waiting.

        Raises:
            WorkerLost: the process ended, or its first answer shows that it is none of ours.
        """
        while not self._process.events.empty():
            event = self._process.events.get()
            if isinstance(event, Exited):
                raise self._lost(event)
            if self.hello is None and event.content.get("id") == self._hello_id:
                self.hello = _checked_hello(event.content)
            else:
                yield event

    def check(self) -> None:
        """Keep time; to be called regularly, after :meth:`receive`.

        Raises:
            WorkerLost: no first answer in time, or no sign of life for too long.
        """
        now = time.monotonic()
        tick, self._last_check = now - self._last_check, now
        if self.hello is None:
            if now > self._deadline:
                raise WorkerLost(
                    f"{NAME} did not answer within {self._timeouts.start:g} seconds.",
                    CHECK_COMMAND,
                    code="worker-not-started",
                )
            return
        received = self._process.bytes_received
        self._silence = 0.0 if received != self._bytes_seen else self._silence + min(tick, LONGEST_TICK)
        self._bytes_seen = received
        if self._silence > self._timeouts.hang:
            raise WorkerLost(
                f"{NAME} gave no sign of life for {self._timeouts.hang:g} seconds and was stopped.",
                READ_LOG,
                code="worker-hung",
            )

    def kill(self) -> None:
        """End the process by force. Returns at once."""
        self._process.kill()

    def shut_down(self, timeout: float) -> None:
        """Ask the process to end, wait ``timeout`` seconds, then end it by force."""
        self.send(Method.SHUTDOWN, {})
        self._process.close_input()
        if not self.ended(timeout):
            self.kill()

    def ended(self, timeout: float = 0.0) -> bool:
        """Wait at most ``timeout`` seconds; return whether the process and its threads ended."""
        return self._process.join(timeout)

    def _lost(self, event: Exited) -> WorkerLost:
        advice = MAYBE_MEMORY if event.returncode == -SIGKILL else READ_LOG
        error = WorkerLost(f"{NAME} stopped unexpectedly ({_describe_exit(event.returncode)}).", advice)
        if event.error is not None:
            error = WorkerLost(event.error.message, event.error.advice, code=event.error.code, **event.error.details)
        if self.hello is None:
            error = WorkerLost(
                f"{NAME} did not start. {error.message}",
                error.advice if event.error else CHECK_COMMAND,
                code="worker-not-started",
                **error.details,
            )
        error.details["log"] = self._log.tail()
        if event.error is None:  # Else we have killed it, and its status says nothing.
            error.details["returncode"] = event.returncode
        return error


def _describe_exit(returncode: int) -> str:
    if returncode < 0:
        return f"signal {-returncode}, {signal.strsignal(-returncode)}"
    # Windows has its exceptions' numbers there, which are known in hexadecimal.
    return f"exit code {returncode if returncode < 256 else hex(returncode)}"


def _checked_hello(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return a first answer's result if we can talk to such a process."""
    hello = content.get("result")
    if not isinstance(hello, dict) or (theirs := hello.get("protocol")) is None:
        raise ProtocolError("A first answer that can't be read.", advice=CHECK_COMMAND)
    ours = protocol.PROTOCOL_VERSION
    if theirs != ours:
        age = "older" if isinstance(theirs, int) and theirs < ours else "newer"
        raise WorkerLost(
            f"FaceLift on the other computer is {age}: it is version {hello.get('version', '?')}, this one is "
            f"version {version()}.",
            f"Install FaceLift {version()} on the other computer." if age == "older" else "Update this add-on.",
            code="worker-version",
            raw=f"protocol {theirs!r}, here {ours}",
        )
    return hello
