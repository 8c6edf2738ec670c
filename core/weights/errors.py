"""What can be wrong with weights."""

from __future__ import annotations

from ..errors import EngineUnavailable


class WeightsError(EngineUnavailable):
    """Weights are missing, damaged or can't be fetched or written; ``details`` names the files."""

    code = "bad-weights"
