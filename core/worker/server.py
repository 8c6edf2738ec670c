"""The worker's side: engines, probe and memory behind the requests of a client."""

from __future__ import annotations

import argparse
import logging
import os
import platform
import sys
import threading
from collections.abc import Sequence
from functools import partial
from io import BufferedIOBase
from pathlib import Path
from typing import Any

import numpy as np

from ..engines import registry
from ..errors import FaceLiftError
from ..photo.types import corners_of, face_at
from ..processes import protocol
from ..processes import server as processes
from ..processes.codec import ProtocolError
from ..processes.protocol import Method, Notification, RpcCode
from ..processes.server import InvalidRequest, Request
from ..runtime import advice
from ..version import version
from . import capturing, packing, refining
from .lanes import CaptureTask, EngineTask, FramesTask, Lane, MovingTask, PeopleTask, RefiningTask, Task
from .probe import probe, used_memory

IDLE_SECONDS = 300.0
LANES = (Method.PREPARE, Method.GENERATE, Method.CAPTURE)
"""What is done side by side: a photo can be prepared, a head generated and a clip captured at once."""

logger = logging.getLogger(__name__)


class Server(processes.Server):
    """Serves engines.

    Args:
        incoming: Buffered binary stream of requests.
        outgoing: Binary stream of answers and notifications.
        idle_seconds: After this long without a job, models are unloaded.
    """

    def __init__(self, incoming: BufferedIOBase, outgoing: BufferedIOBase, idle_seconds: float = IDLE_SECONDS) -> None:
        super().__init__(incoming, outgoing)
        self._lanes = {method: Lane(method, self, idle_seconds) for method in LANES}
        self._lane_of = {
            **self._lanes,
            Method.REFINE: self._lanes[Method.GENERATE],
            # Quick, and whoever waits for it must choose before anything else can begin.
            Method.PEOPLE: self._lanes[Method.PREPARE],
            Method.FRAMES: self._lanes[Method.CAPTURE],
            Method.MOVING: self._lanes[Method.GENERATE],
        }
        self.methods |= {
            Method.PROBE: lambda request: probe(),
            Method.CANCEL: self._cancel,
            Method.UNLOAD: self._unload,
            **dict.fromkeys(self._lane_of, self._submit),
        }

    def facts(self) -> dict[str, Any]:
        """Return what a client is told of this worker first."""
        return hello()

    def explain(self, error: BaseException) -> FaceLiftError:
        """Return what a person should read for an exception."""
        return advice.explained(error)

    def _submit(self, request: Request) -> None:
        self._lane_of[request.method].submit(_task(request))

    def _cancel(self, request: Request) -> dict[str, bool]:
        job = request.params.get("job")
        return {"found": type(job) is int and any([lane.cancel(job) for lane in self._lanes.values()])}

    def _unload(self, request: Request) -> None:
        """Have all lanes unload; the last one answers how much memory that gave back."""
        before, waiting, lock = used_memory(), set(self._lanes), threading.Lock()

        def done(method: Method) -> None:
            with lock:
                waiting.discard(method)
                if waiting:
                    return
            after = used_memory()
            returned = {kind: max(0, size - after.get(kind, 0)) for kind, size in before.items()}
            self.send(protocol.response(request.id, {"returned": returned}))

        for method, lane in self._lanes.items():
            lane.unload(partial(done, method))


def hello() -> dict[str, Any]:
    """Return who this worker is, and its engines."""
    return {
        **processes.facts(),
        "numpy": np.__version__,
        "engines": [_describe_engine(engine_id) for engine_id in registry.ENGINES],
    }


def _describe_engine(engine_id: str) -> dict[str, Any]:
    """Return an engine's description, and whether it can run here; one that can't even be imported can't."""
    try:
        reason = registry.create_engine(engine_id).obstacle()
    except Exception as error:
        if not isinstance(error, FaceLiftError):
            logger.exception("the engine %s can't be used", engine_id)
        reason = str(advice.explained(error))
    return {**registry.describe(engine_id).to_dict(), "available": not reason, "reason": reason}


def _task(request: Request) -> Task:
    match request.method:
        case Method.REFINE:
            return _refining_task(request)
        case Method.CAPTURE:
            return _capture_task(request)
        case Method.PEOPLE | Method.FRAMES:
            return _part_task(request)
        case Method.MOVING:
            return _moving_task(request)
    return _engine_task(request)


def _engine_task(request: Request) -> EngineTask:
    params = request.params
    engine, settings = params.get("engine"), params.get("settings", {})
    if not isinstance(engine, str) or not isinstance(settings, dict):
        raise InvalidRequest(f"{request.method} needs engine (text) and settings (object).", RpcCode.INVALID_PARAMS)
    try:
        capture = packing.unpack_capture(params, request.attachments)
    except ProtocolError as error:
        fault = error.details["raw"]
        raise InvalidRequest(f"{request.method} needs photos. {fault}", RpcCode.INVALID_PARAMS) from error
    return EngineTask(request.id, request.method, engine, settings, capture, params.get("further") is True)


def _refining_task(request: Request) -> RefiningTask:
    try:
        refined, views = refining.unpack_refined(request.params, request.attachments)
    except ProtocolError as error:
        fault = error.details["raw"]
        raise InvalidRequest(f"{request.method} needs splats and photos. {fault}", RpcCode.INVALID_PARAMS) from error
    return RefiningTask(request.id, request.method, refined, views)


def _capture_task(request: Request) -> CaptureTask:
    try:
        clip = capturing.unpack_clip(request.params, request.attachments)
    except ProtocolError as error:
        fault = error.details["raw"]
        raise InvalidRequest(f"{request.method} needs a clip. {fault}", RpcCode.INVALID_PARAMS) from error
    return CaptureTask(request.id, request.method, *clip)


def _part_task(request: Request) -> PeopleTask:
    try:
        path, start, end = (request.params[name] for name in ("path", "start", "end"))
        part = Path(path), float(start), capturing.unpacked_end(float(end))
        if request.method is Method.FRAMES:
            return FramesTask(request.id, request.method, *part, face_at(request.params["whom"]))
        return PeopleTask(request.id, request.method, *part)
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidRequest(f"{request.method} needs path, start and end.", RpcCode.INVALID_PARAMS) from error


def _moving_task(request: Request) -> MovingTask:
    params = request.params
    try:
        path, folder, engine = Path(params["path"]), Path(params["folder"]), str(params["engine"])
        recipe = {name: float(params[name]) for name in ("rate", "start", "end")}
        return MovingTask(
            request.id,
            request.method,
            path,
            folder,
            engine,
            dict(params["settings"]),
            recipe,
            str(params["suffix"]),
            corners_of(face_at(params.get("whom", ()))),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidRequest(f"{request.method} needs a clip and a folder.", RpcCode.INVALID_PARAMS) from error


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


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve engines on stdin and stdout until stdin ends, the parent is gone or a shutdown is asked.

    Args:
        arguments: ``--idle-seconds`` until models are unloaded, ``--heartbeat-seconds`` between
            two signs of life; the process's own by default.
    """
    parser = argparse.ArgumentParser(prog="core.worker", description=__doc__)
    parser.add_argument("--idle-seconds", type=float, default=IDLE_SECONDS)
    parser.add_argument("--heartbeat-seconds", type=float, default=processes.HEARTBEAT_SECONDS)
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    logger.info("worker %d: version %s, Python %s", os.getpid(), version(), platform.python_version())

    def make(incoming: BufferedIOBase, outgoing: BufferedIOBase) -> Server:
        server = Server(incoming, outgoing, options.idle_seconds)
        logging.getLogger(__package__.rpartition(".")[0]).addHandler(_NoticeHandler(server))
        return server

    processes.serve(make, options.heartbeat_seconds)
