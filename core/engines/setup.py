"""What the setup does with an engine: the protocol of the module that a description names."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from ..progress import Reporter
from ..weights.slim import Models


class EngineSetup(Protocol):
    """An engine whose packages and weights were just installed.

    Attributes:
        models: What slimming the weights needs of it.
    """

    models: Models

    def check_packages(self) -> None:
        """Look for the engine's packages.

        Raises:
            EngineUnavailable: one is missing.
        """
        ...

    def picture_through_weights(self, folder: Path, device: str, reporter: Reporter) -> bytes:
        """Return a picture, PNG, that went through the weights of a checkpoint folder, on "cpu", "cuda" or "mps".

        Raises:
            FaceLiftError: weights are damaged or do not fit, or numbers became NaN or infinite on the way.
            Cancelled: cancelled through the reporter.
        """
        ...
