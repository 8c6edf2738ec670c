"""From what the hub's client raises to what a person should do."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import FaceLiftError
from ..system.failures import find
from .errors import WeightsError
from .table import FileTable, WeightFile

RUN_AGAIN = "Check the connection and start the download again: it goes on where it stopped."
REFUSED = (401, 403)
"""HTTP statuses of a server that wants a token, or another one."""


@contextmanager
def explained(file: WeightFile, table: FileTable | None = None) -> Iterator[None]:
    """Tell a person what went wrong while talking to the server."""
    from huggingface_hub.errors import EntryNotFoundError, RepositoryNotFoundError, RevisionNotFoundError

    try:
        yield
    except FaceLiftError:
        raise
    except (EntryNotFoundError, RepositoryNotFoundError, RevisionNotFoundError) as error:
        if _is_refusal(error):
            raise refused(file, error) from error
        place = f" in {table.repository} at {table.revision[:8]}" if table else ""
        raise WeightsError(
            f"The server has no {file.path}{place}.",
            "Check the server's address (HF_ENDPOINT), or choose a folder that holds the weights.",
            files=[file.path],
            raw=_raw(error),
        ) from error
    except Exception as error:  # The client's transport raises classes of its own, which change between versions.
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            raise WeightsError(
                f"The disk is full: {file.path} could not be completed.",
                "Free some space and start the download again: it goes on where it stopped.",
                code="disk-full",
                files=[file.path],
            ) from error
        if _is_refusal(error):
            raise refused(file, error) from error
        raise _failed(file, error) from error


def _failed(file: WeightFile, error: Exception) -> WeightsError:
    """Return what a person should read; the table of failures knows servers, proxies and certificates."""
    raw = _raw(error)
    known = find(raw)
    facts = {"files": [file.path], "raw": raw}
    if known is not None and known.code != "connection":
        return WeightsError(known.message, known.advice, code=known.code, **facts)
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return WeightsError(f"{file.path} could not be downloaded: {reason}", RUN_AGAIN, code="download-failed", **facts)


def _is_refusal(error: Exception) -> bool:
    return getattr(getattr(error, "response", None), "status_code", None) in REFUSED


def refused(file: WeightFile, error: Exception) -> WeightsError:
    """Return the error for a server that wants a token, or another one, of what its client raised."""
    return WeightsError(
        "The server refuses the weights: it asks for a token, or this token may not read them.",
        "Enter a token of that server in the preferences, or set HF_TOKEN.",
        files=[file.path],
        raw=_raw(error),
        code="not-allowed",
    )


def _raw(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
