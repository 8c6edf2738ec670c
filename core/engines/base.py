"""What an engine is: the protocol that the worker, the command line and the add-on speak."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np

from ..cameras import Camera
from ..gaussians import Gaussians
from ..head.shape import HeadShape
from ..photo.decode import Photo
from ..photo.types import FaceBox, PreparedPhoto
from ..progress import Reporter

__all__ = ["Engine", "EngineInfo", "FaceBox", "GenerateResult", "PreparedPhoto"]


@dataclass(frozen=True)
class EngineInfo:
    """What a user interface needs to know of an engine.

    Attributes:
        id: Stable identifier ("draft", "facelift").
        label: Name shown to the user.
        description: One sentence on what it does and its limits.
        licence: Licence of its results' source ("CC0 / Apache-2.0", "Adobe Research License").
        available: Whether it can run here, now.
        reason: Why not, with the next step; empty when available.
    """

    id: str
    label: str
    description: str
    licence: str
    available: bool
    reason: str = ""


@dataclass(frozen=True, eq=False)
class GenerateResult:
    """A finished head.

    Attributes:
        gaussians: In the common world frame (see :class:`~core.gaussians.Gaussians`).
        aligned: [512, 512, 4] uint8 RGBA, the aligned photo with its matte as alpha.
        photo_camera: The camera through which the head reproduces ``aligned``.
        recipe: JSON-serialisable facts to make it again: engine, version, settings, seed,
            photo name and sha256.
        views: [V, H, W, 3] uint8 generated views in the rig's order, or None.
        stage_seconds: Seconds by stage name.
        notes: Sentences for the user.
        shape: The head model as it was fitted to the face, in the Gaussians' frame; None where the
            engine fits none.
    """

    gaussians: Gaussians
    aligned: np.ndarray
    photo_camera: Camera
    recipe: Mapping[str, Any]
    views: np.ndarray | None = None
    stage_seconds: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    shape: HeadShape | None = None


@runtime_checkable
class Engine(Protocol):
    """A generator of heads. One instance serves many jobs, one at a time.

    Attributes:
        settings_type: The dataclass of its settings, fields declared as in :mod:`.settings`;
            user interfaces and the command line are built from it.
    """

    settings_type: type

    def info(self) -> EngineInfo:
        """Describe the engine; cheap, loads no model."""
        ...

    def prepare(self, photo: Photo, settings: Mapping[str, Any], reporter: Reporter) -> PreparedPhoto:
        """Find the face, matte and align, without generating.

        Raises:
            PhotoError: no usable face.
            SettingsError: unknown or out-of-range settings.
            Cancelled: cancelled through the reporter.
        """
        ...

    def generate(self, photo: Photo, settings: Mapping[str, Any], reporter: Reporter) -> GenerateResult:
        """Make a head; the same photo, settings and seed give the same Gaussians.

        Raises:
            As :meth:`prepare`, and EngineUnavailable when it can't run here.
        """
        ...

    def unload(self) -> None:
        """Free the models' memory; the next job loads them again."""
        ...
