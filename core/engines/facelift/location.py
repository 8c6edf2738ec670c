"""Where the weights are and which packages the engine needs. Importing this loads no torch."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from ...progress import Reporter
from ...weights.record import HashRecord
from ...weights.resolve import resolve
from ...weights.verify import verify
from ..description import lacking
from .description import DESCRIPTION

PACKAGES = ("torch", "diffusers", "transformers", "safetensors")
OFFICIAL_SOURCES = ("downloaded", "hub-cache")
"""Places that hold the official checkpoint."""


def missing_package() -> str | None:
    """Return the first package that is not installed here, or None."""
    return next((name for name in PACKAGES if find_spec(name) is None), None)


def find_checkpoint(chosen: str | None = None) -> Path:
    """Return the checkpoint folder: the chosen one, or one of the usual places.

    Raises:
        EngineUnavailable: there is none.
    """
    return resolve(chosen).folder


def checked_checkpoint(chosen: str | None, reporter: Reporter) -> Path:
    """Return the checkpoint folder after a look at its files' hashes, remembered until the files change.

    A slimmed checkpoint brings its own table of hashes; downloads and the Hugging Face cache must
    agree with the official one. A folder that a person names in the original form is taken as it
    is, because it may hold weights of their own.

    Args:
        chosen: A folder, or None for the usual places.
        reporter: Progress in bytes while hashing, and cancelling.

    Raises:
        EngineUnavailable: there is no checkpoint, or one of its files is missing or damaged.
        Cancelled: cancelled through the reporter.
    """
    location = resolve(chosen)
    if location.slimmed or location.source in OFFICIAL_SOURCES:
        verify(location.folder, reporter=reporter, record=HashRecord.of_user()).require()
    return location.folder


def check_packages() -> None:
    """Check that the engine's packages are installed.

    Raises:
        EngineUnavailable: one is missing.
    """
    name = missing_package()
    if name is not None:
        raise lacking(DESCRIPTION.label, name)
