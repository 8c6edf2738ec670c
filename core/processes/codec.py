r"""Framing: JSON messages with a Content-Length header, binary attachments as raw bytes behind.

One message on the wire::

    Content-Length: <bytes of JSON>\r\n
    \r\n
    <JSON, UTF-8><attachment 0><attachment 1>...

as in the Language Server Protocol's base protocol, with one addition: the JSON object's member
``"attachments"`` lists what follows it, each entry with ``name``, ``dtype``, ``shape`` and
``bytes``. Arrays travel little endian in C order; the dtype ``"bytes"`` is an opaque blob.
Nothing is pickled and nothing is evaluated; every length is checked before memory is taken.

numpy is imported by those who send or get arrays only: some of our processes run in a bare Python.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BufferedIOBase
from typing import TYPE_CHECKING, Any, TypeAlias

from ..errors import FaceLiftError

if TYPE_CHECKING:
    import numpy as np

HEADER_NAME = b"Content-Length:"
MAX_HEADER_LINE = 256
MAX_HEADER_LINES = 8
MAX_JSON_BYTES = 4 << 20
MAX_ATTACHMENTS = 64
MAX_ATTACHMENT_BYTES = 1 << 30
"""Of one message's attachments together: a 100 megapixel 16 bit photo, or five million Gaussians."""
MAX_DIMENSIONS = 8
READ_CHUNK = 1 << 18
SHOWN_BYTES = 80
"""How much of an unintelligible line an error shows."""

BLOB = "bytes"
WIDTHS = {
    "bool": 1,
    **{f"{kind}{8 * width}": width for kind in ("int", "uint") for width in (1, 2, 4, 8)},
    **{f"float{8 * width}": width for width in (2, 4, 8)},
}
"""Bytes of an item, by the types of arrays that travel."""

MALFORMED = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What taking a message's content apart raises when it is not what was agreed on."""

Attachment: TypeAlias = "np.ndarray | bytes"


class ProtocolError(FaceLiftError):
    """A message can't be read or sent.

    Args:
        fault: What is wrong with it, for the log and for reports: ``details["raw"]``.
        message: The same for a person, where there is something that a person can do about it.
        advice: What that is.
        details: Further facts.
    """

    code = "worker-protocol"

    def __init__(
        self,
        fault: str,
        message: str = "FaceLift's background process sent something that can't be read.",
        advice: str = "Try again; if it stays, report it with the log.",
        **details: Any,
    ) -> None:
        super().__init__(message, advice, raw=fault, **details)
        # Tracebacks in logs tell notes.
        self.add_note(fault)


def unsendable(fault: str) -> ProtocolError:
    """Return the error that a message of ours has no form in which it could travel."""
    return ProtocolError(
        fault,
        "Something can't be passed on between Blender and FaceLift's background process.",
        "Report it with the log, please.",
    )


class StreamEnded(ProtocolError):
    """The stream ended inside a message: the other side is gone."""

    code = "worker-stream-ended"


@dataclass(frozen=True, eq=False)
class Message:
    """One message: a JSON-RPC 2.0 object and its attachments.

    Attributes:
        content: The JSON object, without its ``attachments`` member.
        attachments: Arrays or bytes by name, in the order of the wire.
    """

    content: Mapping[str, Any]
    attachments: Mapping[str, Attachment] = field(default_factory=dict)


def as_bytes(value: Attachment | None) -> bytes:
    """Return an attachment that must be bytes.

    Raises:
        TypeError: it is an array, or missing.
    """
    if not isinstance(value, bytes):
        raise TypeError("expected bytes")
    return value


def as_array(value: Attachment | None) -> np.ndarray:
    """Return an attachment that must be an array.

    Raises:
        TypeError: it is bytes, or missing.
    """
    if value is None or isinstance(value, bytes):
        raise TypeError("expected an array")
    return value


def encode(message: Message) -> list[bytes | memoryview]:
    """Return the buffers to write, in order. Attachments are not copied if already contiguous.

    Raises:
        ProtocolError: a limit is exceeded, or a value has no JSON or wire form.
    """
    entries, buffers = [], []
    for name, value in message.attachments.items():
        entry, buffer = _encode_attachment(name, value)
        entries.append(entry)
        buffers.append(buffer)
    total = sum(entry["bytes"] for entry in entries)
    if len(entries) > MAX_ATTACHMENTS or total > MAX_ATTACHMENT_BYTES:
        raise ProtocolError(
            f"A message with {len(entries)} attachments of {total} bytes is too large to send.",
            "This photo or head is too large to be passed on.",
            f"At most {MAX_ATTACHMENTS} attachments of {MAX_ATTACHMENT_BYTES} bytes together travel at once.",
        )
    content = {**message.content, "attachments": entries} if entries else dict(message.content)
    try:
        text = json.dumps(content, default=_plain, allow_nan=False, separators=(",", ":")).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise unsendable(f"A message can't be written as JSON: {error}.") from error
    if len(text) > MAX_JSON_BYTES:
        raise unsendable(f"A message of {len(text)} bytes is too large to send.")
    return [b"%s %d\r\n\r\n" % (HEADER_NAME, len(text)) + text, *buffers]


def _encode_attachment(name: str, value: Attachment) -> tuple[dict[str, Any], bytes | memoryview]:
    if isinstance(value, (bytes, bytearray, memoryview)):
        buffer = memoryview(value).cast("B")
        return {"name": name, "dtype": BLOB, "shape": [len(buffer)], "bytes": len(buffer)}, buffer
    import numpy as np

    array = np.asarray(value)
    if array.dtype.name not in WIDTHS:
        raise unsendable(f"Arrays of type {array.dtype} can't be sent.")
    wire = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).reshape(array.shape)
    entry = {"name": name, "dtype": array.dtype.name, "shape": list(array.shape), "bytes": wire.nbytes}
    # A memoryview can't be cast when a dimension is zero, hence through a flat view of bytes.
    return entry, wire.reshape(-1).view(np.uint8).data if wire.size else b""


def _plain(value: Any) -> Any:
    """Return the JSON form of numpy values, and of anything else its text."""
    return value.tolist() if hasattr(value, "tolist") else str(value)


class MessageReader:
    """Reads messages from a blocking binary stream.

    Args:
        stream: Where they come from.

    Attributes:
        bytes_read: Bytes received so far. Another thread may watch it to see that the other
            side lives while one large message is on its way.
    """

    def __init__(self, stream: BufferedIOBase) -> None:
        self._stream = stream
        self.bytes_read = 0

    def read(self) -> Message | None:
        """Return the next message, or None when the stream ended between two messages.

        Raises:
            StreamEnded: the stream ended inside a message.
            ProtocolError: what came is no message, or exceeds a limit.
        """
        length = self._read_header()
        if length is None:
            return None
        content = _parse(self._read_exactly(length))
        entries = content.pop("attachments", [])
        sizes = _checked_entries(entries)
        attachments = {
            entry["name"]: _decode_attachment(entry, self._read_exactly(size))
            for entry, size in zip(entries, sizes, strict=True)
        }
        return Message(content, attachments)

    def _read_header(self) -> int | None:
        """Return the JSON's length, or None at the end of the stream."""
        length = None
        for count in range(MAX_HEADER_LINES):
            line = self._stream.readline(MAX_HEADER_LINE)
            self.bytes_read += len(line)
            if not line and count == 0:
                return None
            if line == b"\r\n" and length is not None:
                return length
            name, colon, value = line.partition(b":")
            value = value.strip(b" \t\r\n")
            if not line.endswith(b"\r\n") or not colon:
                if _is_cut_short(line):
                    raise StreamEnded("The stream ended inside a message's header.")
                raise _unintelligible(line)
            if name.lower() != b"content-length":
                continue
            if not (value.isdigit() and len(value) <= len(str(MAX_JSON_BYTES))) or int(value) > MAX_JSON_BYTES:
                raise _unintelligible(line)
            length = int(value)
        raise ProtocolError("A message's header has too many lines.")

    def _read_exactly(self, count: int) -> bytearray:
        buffer = bytearray(count)
        view = memoryview(buffer)
        while view:
            got = self._stream.readinto(view[:READ_CHUNK])
            if not got:
                raise StreamEnded("The stream ended inside a message.")
            self.bytes_read += got
            view = view[got:]
        return buffer


def _is_cut_short(line: bytes) -> bool:
    """Whether a line is the beginning of a header that the stream's end cut off."""
    return line == b"\r" or (not line.endswith(b"\n") and HEADER_NAME.startswith(line[: len(HEADER_NAME)]))


def _unintelligible(line: bytes) -> ProtocolError:
    shown = line[:SHOWN_BYTES].decode("utf-8", "backslashreplace").strip()
    return ProtocolError(
        f"Not a message: {shown!r}",
        f"Other text got between the answers of FaceLift's background process: {shown!r}.",
        "The command that starts it must print nothing of its own.",
        received=shown,
    )


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _parse(text: bytearray) -> dict[str, Any]:
    try:
        content = json.loads(text.decode("utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"A message is not valid JSON: {error}.") from error
    if not isinstance(content, dict):
        raise ProtocolError("A message must be a JSON object.")
    return content


def _checked_entries(entries: Any) -> list[int]:
    """Return the attachments' sizes in bytes after checking everything that the entries claim."""
    if not isinstance(entries, list) or len(entries) > MAX_ATTACHMENTS:
        raise ProtocolError(f"Attachments must be a list of at most {MAX_ATTACHMENTS} entries.")
    names, sizes = set(), []
    for entry in entries:
        if not isinstance(entry, dict) or set(entry) != {"name", "dtype", "shape", "bytes"}:
            raise ProtocolError("An attachment needs exactly name, dtype, shape and bytes.")
        name, dtype, shape, size = entry["name"], entry["dtype"], entry["shape"], entry["bytes"]
        if not isinstance(name, str) or name in names:
            raise ProtocolError(f"Attachment name {name!r} is no text, or is used twice.")
        if not isinstance(dtype, str) or (dtype != BLOB and dtype not in WIDTHS):
            raise ProtocolError(f"Attachment {name!r} has the unknown type {dtype!r}.")
        if not isinstance(shape, list) or len(shape) > MAX_DIMENSIONS or not all(map(_is_length, [*shape, size])):
            raise ProtocolError(f"Attachment {name!r} has an impossible shape or size.")
        width = 1 if dtype == BLOB else WIDTHS[dtype]
        if math.prod(shape) * width != size or (dtype == BLOB and len(shape) != 1):
            raise ProtocolError(f"Attachment {name!r} has {size} bytes, which is not what its shape needs.")
        names.add(name)
        sizes.append(size)
    if sum(sizes) > MAX_ATTACHMENT_BYTES:
        raise ProtocolError(f"Attachments of {sum(sizes)} bytes exceed the limit of {MAX_ATTACHMENT_BYTES}.")
    return sizes


def _is_length(value: Any) -> bool:
    return type(value) is int and 0 <= value <= MAX_ATTACHMENT_BYTES


def _decode_attachment(entry: Mapping[str, Any], data: bytearray) -> Attachment:
    if entry["dtype"] == BLOB:
        return bytes(data)
    import numpy as np

    try:
        array = np.ndarray(entry["shape"], np.dtype(entry["dtype"]).newbyteorder("<"), data)
    except ValueError as error:
        raise ProtocolError(f"Attachment {entry['name']!r} has an impossible shape.") from error
    return array.astype(array.dtype.newbyteorder("="), copy=False)
