"""The vocabulary of the worker: methods, notifications, JSON-RPC objects and errors.

JSON-RPC 2.0 (https://www.jsonrpc.org/specification). A request carries ``id``; a notification
has none. Notifications about a job name it in ``params["job"]``, the id of its request.
"""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from ..errors import FaceLiftError
from ..runtime import advice
from .codec import Attachment, Message, ProtocolError

PROTOCOL_VERSION = 2
"""Raised when old and new sides can't understand each other; both must have the same.

2: a request has any number of photos, each with its options; engines describe their settings in full.
"""

USELESS_AFTER = ("card-lost",)
"""Codes of errors after which a process can't use its graphics card any more, whatever it does: another one can."""

MAX_TRACEBACK = 20_000
"""Characters of a traceback that travel with an error; the log has all of it."""


class Method(StrEnum):
    """What a client asks for."""

    HELLO = "hello"
    """-> protocol, version, python, platform, pid, engines, methods."""
    PROBE = "probe"
    """-> what the machine has: see :mod:`.probe`."""
    PREPARE = "prepare"
    """engine, settings and the photos, see :func:`.packing.pack_capture` -> see :func:`.packing.pack_prepared`."""
    GENERATE = "generate"
    """As prepare -> see :func:`.packing.pack_result`."""
    CANCEL = "cancel"
    """job -> found: whether it was queued or running. The job itself ends with a "cancelled" error."""
    UNLOAD = "unload"
    """Free the models' memory once running jobs have ended -> returned: bytes by kind, see
    :func:`.probe.used_memory`."""
    SHUTDOWN = "shutdown"
    """Answer, then exit; running jobs are lost."""


class Notification(StrEnum):
    """What a worker tells unasked."""

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


def error_response(request_id: int | None, error: BaseException, rpc_code: int = RpcCode.APPLICATION) -> Message:
    """Return the answer that a request failed.

    ``error["data"]`` has code, message, advice, details and traceback. Errors that nobody
    expected are looked up in the table of failures, else become the code "internal".
    """
    known = as_facelift_error(error)
    trace = "".join(traceback.format_exception(error))[-MAX_TRACEBACK:]
    data = {**known.to_dict(), "traceback": trace}
    content = {"code": rpc_code, "message": known.message, "data": data}
    return Message({"jsonrpc": "2.0", "id": request_id, "error": content})


def as_facelift_error(error: BaseException) -> FaceLiftError:
    """Return what a person should read for any exception."""
    if isinstance(error, FaceLiftError):
        return error
    if isinstance(error, MemoryError):
        return FaceLiftError(
            "The computer ran out of memory.",
            "Close other programs or choose a smaller setting, then try again.",
            code="out-of-memory",
        )
    text = f"{type(error).__name__}: {error}"
    if advice.find(text) is not None:
        return advice.explain(text)
    return FaceLiftError(
        f"Something went wrong inside ({type(error).__name__}: {error}).",
        "Open the log and report it, please.",
        code="internal",
    )


def received_error(error: Any) -> FaceLiftError:
    """Return the error of an error response; its details include the ``traceback``.

    Raises:
        ProtocolError: the object is not one of :func:`error_response`.
    """
    data = error.get("data") if isinstance(error, Mapping) else None
    if not isinstance(data, Mapping) or not all(
        isinstance(data.get(key), str) for key in ("code", "message", "advice")
    ):
        raise ProtocolError("The worker sent an error that can't be read.")
    result = FaceLiftError(data["message"], data["advice"], code=data["code"])
    details = data.get("details")
    result.details = {**(details if isinstance(details, dict) else {}), "traceback": data.get("traceback", "")}
    return result
