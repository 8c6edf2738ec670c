"""The worker's main loop: reads requests, answers the quick ones, hands jobs to the lanes."""

from __future__ import annotations

import argparse
import faulthandler
import logging
import os
import platform
import sys
import threading
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, BinaryIO

import numpy as np

from ..engines import registry
from ..errors import FaceLiftError
from ..version import version
from . import packing, protocol
from .codec import Attachment, Message, MessageReader, ProtocolError, encode
from .lanes import Lane, Task
from .lifetime import Parent, claim_streams
from .probe import probe, used_memory
from .protocol import Method, Notification, RpcCode

IDLE_SECONDS = 300.0
HEARTBEAT_SECONDS = 1.0
EXIT_PROTOCOL_ERROR = 2

logger = logging.getLogger(__name__)


class InvalidRequest(FaceLiftError):
    """A request that is well-formed JSON-RPC, but asks for nothing that exists."""

    code = "worker-invalid-request"

    def __init__(self, message: str, rpc_code: int) -> None:
        super().__init__(message)
        self.rpc_code = rpc_code


class Server:
    """Answers requests from one stream on another.

    Args:
        incoming: Buffered binary stream of requests.
        outgoing: Binary stream of answers and notifications.
        idle_seconds: After this long without a job, models are unloaded.
    """

    def __init__(self, incoming: BinaryIO, outgoing: BinaryIO, idle_seconds: float = IDLE_SECONDS) -> None:
        self._reader = MessageReader(incoming)
        self._outgoing = outgoing
        self._write_lock = threading.Lock()
        self._lanes = {method: Lane(method, self.send, idle_seconds) for method in (Method.PREPARE, Method.GENERATE)}

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
            leave(0)

    def run(self) -> int:
        """Serve until the stream ends or a shutdown is asked; return the exit status."""
        while True:
            try:
                message = self._reader.read()
            except ProtocolError as error:
                # Where the next message would begin is unknown: there is no going on.
                logger.error("%s", error)
                self.send(protocol.error_response(None, error, RpcCode.PARSE))
                return EXIT_PROTOCOL_ERROR
            if message is None or not self._handle(message):
                return 0

    def _handle(self, message: Message) -> bool:
        """Answer a request; return whether to go on."""
        content = message.content
        request_id = content.get("id")
        try:
            method, params = _checked(content)
            if method in self._lanes:
                self._lanes[method].submit(_task(request_id, method, params, message.attachments))
                return True
            if method is Method.UNLOAD:
                self._unload(request_id)
                return True
            self.send(protocol.response(request_id, self._answer(method, params)))
            return method is not Method.SHUTDOWN
        except InvalidRequest as error:
            known_id = request_id if type(request_id) is int else None
            self.send(protocol.error_response(known_id, error, error.rpc_code))
        except Exception as error:
            logger.exception("a request failed")
            self.send(protocol.error_response(request_id, error, RpcCode.INTERNAL))
        return True

    def _answer(self, method: Method, params: Mapping[str, Any]) -> dict[str, Any]:
        if method is Method.HELLO:
            return hello()
        if method is Method.PROBE:
            return probe()
        if method is Method.CANCEL:
            return {"found": any([lane.cancel(params.get("job")) for lane in self._lanes.values()])}
        return {}

    def _unload(self, request_id: int) -> None:
        """Have all lanes unload; the last one answers how much memory that gave back."""
        before, waiting, lock = used_memory(), set(self._lanes), threading.Lock()

        def done(method: Method) -> None:
            with lock:
                waiting.discard(method)
                if waiting:
                    return
            after = used_memory()
            returned = {kind: max(0, size - after.get(kind, 0)) for kind, size in before.items()}
            self.send(protocol.response(request_id, {"returned": returned}))

        for method, lane in self._lanes.items():
            lane.unload(partial(done, method))


def hello() -> dict[str, Any]:
    """Return who this worker is and what it can do."""
    return {
        "protocol": protocol.PROTOCOL_VERSION,
        "version": version(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "platform": platform.platform(),
        "pid": os.getpid(),
        "methods": [str(method) for method in Method],
        "engines": [_describe_engine(engine_id) for engine_id in registry.ENGINES],
    }


def _describe_engine(engine_id: str) -> dict[str, Any]:
    """Return an engine's description, and whether it can run here; one that can't even be imported can't."""
    try:
        reason = registry.create_engine(engine_id).obstacle()
    except Exception as error:
        if not isinstance(error, FaceLiftError):
            logger.exception("the engine %s can't be used", engine_id)
        reason = str(protocol.as_facelift_error(error))
    return {**registry.describe(engine_id).to_dict(), "available": not reason, "reason": reason}


def _checked(content: Mapping[str, Any]) -> tuple[Method, Mapping[str, Any]]:
    params = content.get("params", {})
    if content.get("jsonrpc") != "2.0" or type(content.get("id")) is not int or not isinstance(params, dict):
        raise InvalidRequest("This is no JSON-RPC 2.0 request with a whole number as id.", RpcCode.INVALID_REQUEST)
    try:
        return Method(content.get("method")), params
    except ValueError:
        raise InvalidRequest(f"There is no method {content.get('method')!r}.", RpcCode.UNKNOWN_METHOD) from None


def _task(request_id: int, method: Method, params: Mapping[str, Any], attachments: Mapping[str, Attachment]) -> Task:
    engine, settings = params.get("engine"), params.get("settings", {})
    if not isinstance(engine, str) or not isinstance(settings, dict):
        raise InvalidRequest(f"{method} needs engine (text) and settings (object).", RpcCode.INVALID_PARAMS)
    try:
        capture = packing.unpack_capture(params, attachments)
    except ProtocolError as error:
        raise InvalidRequest(f"{method} needs photos. {error.message}", RpcCode.INVALID_PARAMS) from error
    return Task(request_id, method, engine, settings, capture)


class _NoticeHandler(logging.Handler):
    """Forwards warnings of our own code to the client, for the user to see."""

    def __init__(self, server: Server) -> None:
        super().__init__(logging.WARNING)
        self._server = server

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno > logging.WARNING:
            return  # Errors reach the client as answers.
        params = {"level": record.levelname.lower(), "message": record.getMessage()}
        self._server.send(protocol.notification(Notification.LOG, params))


def _beat(server: Server, parent: Parent, seconds: float) -> None:
    pause = threading.Event()
    while not pause.wait(seconds):
        if parent.gone:
            leave(0)
        server.send(protocol.notification(Notification.HEARTBEAT, {}))


def leave(status: int) -> None:
    """End the process at once: libraries with threads of their own hang or crash in an orderly exit."""
    sys.stderr.flush()
    os._exit(status)


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve on stdin and stdout until stdin ends, the parent is gone or a shutdown is asked.

    Args:
        arguments: ``--idle-seconds`` until models are unloaded, ``--heartbeat-seconds`` between
            two signs of life; the process's own by default.
    """
    parent = Parent()
    incoming, outgoing = claim_streams()
    faulthandler.enable()
    parser = argparse.ArgumentParser(prog="core.worker", description=__doc__)
    parser.add_argument("--idle-seconds", type=float, default=IDLE_SECONDS)
    parser.add_argument("--heartbeat-seconds", type=float, default=HEARTBEAT_SECONDS)
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    logger.info("worker %d: version %s, Python %s", os.getpid(), version(), platform.python_version())
    server = Server(incoming, outgoing, options.idle_seconds)
    logging.getLogger(__package__.rpartition(".")[0]).addHandler(_NoticeHandler(server))
    threading.Thread(
        target=_beat, args=(server, parent, options.heartbeat_seconds), name="heartbeat", daemon=True
    ).start()
    leave(server.run())
