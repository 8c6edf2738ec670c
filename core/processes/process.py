"""One running process as its client sees it: three threads around three pipes.

The client's thread never waits for the process: a reader thread turns stdout into events, a
writer thread empties a queue into stdin, a third copies stderr into the log. All of them end
with the process, and the reader reaps it, so nothing is left behind.
"""

from __future__ import annotations

import queue
import subprocess
import threading
from dataclasses import dataclass
from io import BufferedReader

from .codec import Message, MessageReader, ProtocolError, StreamEnded, encode
from .group import ProcessGroup
from .launch import Launch
from .log import MAX_LINE_BYTES, RotatingLog
from .protocol import Notification

EXIT_SECONDS = 2.0
"""Between the end of a process's stdout and its end, before it is killed."""


@dataclass(frozen=True)
class Exited:
    """The last event of a process.

    Attributes:
        returncode: As subprocess has it: negative for a signal on POSIX.
        error: Why its output could not be understood, or None.
    """

    returncode: int
    error: ProtocolError | None = None


class ServingProcess:
    """A started process that speaks :mod:`.protocol`.

    Args:
        launch: What to start.
        log: Receives stderr.

    Attributes:
        events: Every :class:`~.codec.Message` received, then one :class:`Exited`.

    Raises:
        OSError: the program could not be started.
    """

    def __init__(self, launch: Launch, log: RotatingLog) -> None:
        self.events: queue.SimpleQueue[Message | Exited] = queue.SimpleQueue()
        self._outgoing: queue.SimpleQueue[list[bytes | memoryview] | None] = queue.SimpleQueue()
        self._log = log
        pipe = subprocess.PIPE
        self._process = ProcessGroup(launch, stdin=pipe, stdout=pipe, stderr=pipe)
        stdin, stdout, stderr = self._process.stdin, self._process.stdout, self._process.stderr
        # Popen's types know neither that they are pipes nor that those are buffered.
        assert stdin is not None and isinstance(stdout, BufferedReader) and stderr is not None
        self._stdin, self._stdout, self._stderr = stdin, stdout, stderr
        self._messages = MessageReader(stdout)
        self._threads = [
            threading.Thread(target=target, name=f"process-{name}", daemon=True)
            for name, target in (("log", self._copy_log), ("writer", self._write), ("reader", self._read))
        ]
        for thread in self._threads:
            thread.start()

    @property
    def pid(self) -> int:
        """Process id, or that of the command that wraps it."""
        return self._process.pid

    @property
    def bytes_received(self) -> int:
        """Bytes that came so far: a sign of life within long messages."""
        return self._messages.bytes_read

    def send(self, message: Message) -> None:
        """Queue a message; returns at once.

        Raises:
            ProtocolError: it is too large or has no wire form.
        """
        self._outgoing.put(encode(message))

    def close_input(self) -> None:
        """Close stdin once everything queued is written: the process then exits."""
        self._outgoing.put(None)

    def kill(self) -> None:
        """End the process and what it started. Returns at once; the reader reaps it."""
        self._outgoing.put(None)
        self._process.kill()

    def join(self, timeout: float) -> bool:
        """Wait for the process and the threads; return whether all ended."""
        self._threads[-1].join(timeout)
        return not self._threads[-1].is_alive()

    def _read(self) -> None:
        error = None
        try:
            while (message := self._messages.read()) is not None:
                # A heartbeat says only that bytes came, and nobody may be polling for hours.
                if message.content.get("method") != Notification.HEARTBEAT:
                    self.events.put(message)
        except StreamEnded:
            pass  # Its exit code tells more.
        except ProtocolError as caught:
            error = caught
            self.kill()
        except OSError:
            pass  # The pipe broke; so did the process.
        except MemoryError:
            error = ProtocolError(
                "MemoryError",
                "There is not enough memory to take the head in.",
                "Close other programs, then try again.",
            )
            self.kill()
        try:
            self._process.wait(EXIT_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
        returncode = self._process.wait()
        self._outgoing.put(None)
        # The log's last lines belong into the error; what outlives the process may hold the pipe open.
        for thread in self._threads[:-1]:
            thread.join(EXIT_SECONDS)
        self._stdout.close()
        self._process.release()
        self.events.put(Exited(returncode, error))

    def _write(self) -> None:
        try:
            with self._stdin as pipe:
                while (buffers := self._outgoing.get()) is not None:
                    for buffer in buffers:
                        pipe.write(buffer)
                    pipe.flush()
        except OSError:
            pass  # The process is gone, which the reader tells; closing flushes and fails as well.

    def _copy_log(self) -> None:
        with self._stderr as pipe:
            while line := pipe.readline(MAX_LINE_BYTES):
                self._log.append(line)
