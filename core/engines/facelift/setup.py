"""What the setup does with the engine, as :class:`core.engines.setup.EngineSetup` says. Importing this loads torch."""

from __future__ import annotations

from . import slimming as models
from .location import check_packages
from .trial import picture_through_weights

__all__ = ["check_packages", "models", "picture_through_weights"]
