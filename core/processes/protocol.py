"""The vocabulary between two processes: methods, notifications, JSON-RPC objects and errors.

JSON-RPC 2.0 (https://www.jsonrpc.org/specification). A request carries ``id``; a notification
has none. Notifications about a job name it in ``params["job"]``, the id of its request.
"""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from ..errors import FaceLiftError
from .codec import Attachment, Message, ProtocolError

PROTOCOL_VERSION = 3
"""Raised when old and new sides can't understand each other; both must have the same.

2: a request has any number of photos, each with its options; engines describe their settings in full.
3: a photo's options say which side it shows; a head tells what became of each of its photos.
"""

USELESS_AFTER = ("card-lost",)
"""Codes of errors after which a process can't use its graphics card any more, whatever it does: another one can."""

MAX_TRACEBACK = 20_000
"""Characters of a traceback that travel with an error; the log has all of it."""


class Method(StrEnum):
    """What a client asks for. Which of them a process answers is in its ``hello``."""

    HELLO = "hello"
    """-> protocol, version, python, platform, pid, methods; of a worker also numpy and engines."""
    PROBE = "probe"
    """-> what the machine has: see :mod:`core.worker.probe`."""
    PREPARE = "prepare"
    """engine, settings, whether it may be a further photo without a face (further), and the photos, see
    :func:`core.worker.packing.pack_capture` -> see
    :func:`core.worker.packing.pack_prepared`."""
    GENERATE = "generate"
    """As prepare -> see :func:`core.worker.packing.pack_result`."""
    REFINE = "refine"
    """The second step of Refine to Photos: see :mod:`core.worker.refining` for both sides."""
    CAPTURE = "capture"
    """A face's movement from a clip on this computer: see :mod:`core.worker.capturing` for both sides. Cancelled, it
    answers with what was captured until then."""
    PEOPLE = "people"
    """path, start, end: whose faces a clip on this computer shows: see :mod:`core.worker.capturing`."""
    FRAMES = "frames"
    """path, start, end, whom (a face's corners): a clip's best frames as the photos of a head: see
    :mod:`core.worker.capturing`."""
    MOVING = "moving"
    """path, folder, engine, settings, rate, start, end, suffix, whom (a face's corners): a head a frame of a clip on
    this computer -> first (a path), number (its own), made, there, failed, frame_rate, has_sound, notes: see
    :mod:`core.moving.making`. What was made stays whatever happens."""
    CANCEL = "cancel"
    """job -> found: whether it was queued or running. The job itself ends with a "cancelled" error."""
    UNLOAD = "unload"
    """Free the models' memory once running jobs have ended -> returned: bytes by kind, see
    :func:`core.worker.probe.used_memory`."""
    RUN = "run"
    """task, params: one of :data:`core.runtime.tasks.TASKS` -> what it returns."""
    SHUTDOWN = "shutdown"
    """Answer, then exit; running jobs are lost."""


class Notification(StrEnum):
    """What a process tells unasked."""

    PROGRESS = "progress"
    """job, stage, step, steps, fraction, eta: see :class:`~core.progress.Progress`."""
    PREVIEW = "preview"
    """job, kind; attachment ``png``."""
    LOG = "log"
    """level, message."""
    HEARTBEAT = "heartbeat"
    """The process lives and its interpreter runs."""


class RpcCode:
    """Error numbers that JSON-RPC prescribes, and the one for errors of ours."""

    PARSE = -32700
    INVALID_REQUEST = -32600
    UNKNOWN_METHOD = -32601
    INVALID_PARAMS = -32602
    INTERNAL = -32603
    APPLICATION = -32000


def request(
    request_id: int, method: str, params: Mapping[str, Any], attachments: Mapping[str, Attachment] | None = None
) -> Message:
    """Return a request."""
    content = {"jsonrpc": "2.0", "id": request_id, "method": method, "params": dict(params)}
    return Message(content, attachments or {})


def notification(
    method: str, params: Mapping[str, Any], attachments: Mapping[str, Attachment] | None = None
) -> Message:
    """Return a notification."""
    return Message({"jsonrpc": "2.0", "method": method, "params": dict(params)}, attachments or {})


def response(
    request_id: int, result: Mapping[str, Any], attachments: Mapping[str, Attachment] | None = None
) -> Message:
    """Return the answer to a request."""
    return Message({"jsonrpc": "2.0", "id": request_id, "result": dict(result)}, attachments or {})


def error_response(
    request_id: int | None,
    error: FaceLiftError,
    rpc_code: int = RpcCode.APPLICATION,
    cause: BaseException | None = None,
) -> Message:
    """Return the answer that a request failed.

    ``error["data"]`` has code, message, advice, details and traceback: that of ``cause`` where another
    exception was behind the error.
    """
    trace = "".join(traceback.format_exception(cause or error))[-MAX_TRACEBACK:]
    data = {**error.to_dict(), "traceback": trace}
    content = {"code": rpc_code, "message": error.message, "data": data}
    return Message({"jsonrpc": "2.0", "id": request_id, "error": content})


def received_error(error: Any) -> FaceLiftError:
    """Return the error of an error response; its details include the ``traceback``.

    Raises:
        ProtocolError: the object is not one of :func:`error_response`.
    """
    data = error.get("data") if isinstance(error, Mapping) else None
    if not isinstance(data, Mapping) or not all(
        isinstance(data.get(key), str) for key in ("code", "message", "advice")
    ):
        raise ProtocolError("An error that can't be read.")
    result = FaceLiftError(data["message"], data["advice"], code=data["code"])
    details = data.get("details")
    result.details = {**(details if isinstance(details, dict) else {}), "traceback": data.get("traceback", "")}
    return result
