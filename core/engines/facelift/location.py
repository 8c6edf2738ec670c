"""Where the weights are and which packages the engine needs. Importing this loads no torch."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

from ...errors import EngineUnavailable

PACKAGES = ("torch", "diffusers", "transformers", "safetensors")
CHECKPOINT_VARIABLE = "FACELIFT_CHECKPOINT"
"""Environment variable with the checkpoint folder."""


def missing_package() -> str | None:
    """Return the first package that is not installed here, or None."""
    return next((name for name in PACKAGES if find_spec(name) is None), None)


def find_checkpoint(chosen: str | None = None) -> Path:
    """Return the checkpoint folder: the chosen one, or the environment variable's.

    Raises:
        EngineUnavailable: there is none.
    """
    text = chosen or os.environ.get(CHECKPOINT_VARIABLE)
    if not text:
        raise EngineUnavailable(
            "The FaceLift weights are not here.",
            "Download them (they need your consent to their licence), or choose the folder where they are.",
            code="no-checkpoint",
        )
    return Path(text)


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
