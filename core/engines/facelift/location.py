"""Where the weights are and which packages the engine needs. Importing this loads no torch."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from ...errors import EngineUnavailable
from ...weights.resolve import resolve

PACKAGES = ("torch", "diffusers", "transformers", "safetensors")


def missing_package() -> str | None:
    """Return the first package that is not installed here, or None."""
    return next((name for name in PACKAGES if find_spec(name) is None), None)


def find_checkpoint(chosen: str | None = None) -> Path:
    """Return the checkpoint folder: the chosen one, or one of the usual places.

    Raises:
        EngineUnavailable: there is none.
    """
    return resolve(chosen).folder


def check_packages() -> None:
    """Check that the engine's packages are installed.

    Raises:
        EngineUnavailable: one is missing.
    """
    name = missing_package()
    if name is not None:
        raise EngineUnavailable(
            f"The FaceLift engine needs the Python package {name!r}, which is not installed here.",
            "Install its runtime in the preferences, or choose the draft engine.",
            code="no-runtime",
        )
