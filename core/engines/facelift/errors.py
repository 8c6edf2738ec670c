"""What can go wrong with the FaceLift engine beyond the common errors."""

from __future__ import annotations

from ...errors import EngineUnavailable, FaceLiftError


class CheckpointError(EngineUnavailable):
    """A checkpoint file is missing, damaged or of other shapes; ``details["file"]`` names it."""

    code = "bad-checkpoint"


class NotFiniteError(FaceLiftError):
    """A model returned NaN or infinity."""

    code = "not-finite"


class OutOfMemoryError(FaceLiftError):
    """The device has too little memory, in low-memory mode too; ``details`` has the amounts in bytes."""

    code = "out-of-memory"
