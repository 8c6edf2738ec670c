"""Errors that a person reads: a code, a sentence, and what to do next."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar


class FaceLiftError(Exception):
    """An expected failure, told in plain words.

    Args:
        message: One sentence that says what is wrong, for an artist.
        advice: One sentence that says what to do next; may be empty.
        code: A stable kebab-case identifier for programs and tests. Subclasses set a default.
        details: JSON-serialisable facts behind the message (counts, sizes, names).
    """

    code = "error"

    def __init__(self, message: str, advice: str = "", *, code: str | None = None, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice
        self.details = details
        if code is not None:
            self.code = code

    def __str__(self) -> str:
        return f"{self.message} {self.advice}".strip()

    def to_dict(self) -> dict[str, Any]:
        """Return the error as it travels over the worker's protocol."""
        return {"code": self.code, "message": self.message, "advice": self.advice, "details": self.details}


class Cancelled(FaceLiftError):
    """The user cancelled the job. Not a failure: callers leave everything as it was."""

    code = "cancelled"

    def __init__(self, message: str = "Cancelled.", advice: str = "") -> None:
        super().__init__(message, advice)


class FormatError(FaceLiftError):
    """A file is damaged, hostile or of a kind that the reader does not know."""

    code = "bad-file"


class PhotoError(FaceLiftError):
    """A photo can't be used: not decodable, no face, face too small."""

    code = "bad-photo"


class SettingsError(FaceLiftError):
    """A setting is unknown or outside its range."""

    code = "bad-settings"


class EngineUnavailable(FaceLiftError):
    """The engine can't run here: missing weights, packages or hardware."""

    code = "engine-unavailable"


E = TypeVar("E", bound=FaceLiftError)


def unreadable(kind: type[E], name: str | Path, error: OSError, **details: Any) -> E:
    """Return what to tell where a file can't be opened ("file-unreadable").

    Args:
        kind: Of error.
        name: The file, as it is told.
        error: What the system said.
        details: Facts behind the message.
    """
    return kind(
        f"{name} could not be opened: {error.strerror or error}.",
        "Check that the file exists and that you may read it.",
        code="file-unreadable",
        **details,
    )
