"""What an engine is: the protocol that the worker, the command line and the add-on speak."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np

from ..cameras import Camera
from ..gaussians import Gaussians
from ..head.shape import HeadShape
from ..photo.decode import Photo
from ..photo.types import FaceBox, PreparedPhoto
from ..progress import Reporter
from .capture import Capture
from .description import Description
from .outcomes import ShotOutcome, check
from .recipe import Recipe

__all__ = ["Engine", "FaceBox", "GenerateResult", "PreparedPhoto"]


@dataclass(frozen=True, eq=False)
class GenerateResult:
    """A finished head.

    Attributes:
        gaussians: In the common world frame (see :class:`~core.gaussians.Gaussians`).
        shots: What became of each shot of the capture, in its order. The first is the portrait, which is always placed.
        recipe: How it was made.
        views: [V, H, W, 3] uint8 views that the head was made from, in the rig's order, then what came beside them;
            None where the engine needs none.
        stage_seconds: Seconds by stage name.
        notes: Sentences for the user.
        shape: The head model as it was fitted to the face, in the Gaussians' frame; None where the
            engine fits none.

    Raises:
        ValueError: the portrait was not placed, or there is not one outcome for each shot.
    """

    gaussians: Gaussians
    shots: tuple[ShotOutcome[np.ndarray], ...]
    recipe: Recipe
    views: np.ndarray | None = None
    stage_seconds: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    shape: HeadShape | None = None

    def __post_init__(self) -> None:
        check(self.shots, len(self.recipe.capture.shots))

    @property
    def aligned(self) -> np.ndarray:
        """[512, 512, 4] uint8 RGBA, the aligned portrait with its matte as alpha."""
        picture = self.shots[0].picture
        assert picture is not None
        return picture

    @property
    def photo_camera(self) -> Camera:
        """The camera through which the head reproduces the aligned portrait."""
        camera = self.shots[0].camera
        assert camera is not None
        return camera


@runtime_checkable
class Engine(Protocol):
    """A generator of heads. One instance serves many jobs, one at a time.

    What goes in is a capture, or a photo alone, which is a capture of one shot (:func:`~.capture.as_capture`).

    Attributes:
        description: What interfaces know of it.
    """

    description: ClassVar[Description]

    def obstacle(self) -> str:
        """Return why it can't run here, now, with the next step; "" when it can. Cheap, loads no model."""
        ...

    def prepare(self, given: Capture[Photo] | Photo, settings: Mapping[str, Any], reporter: Reporter) -> PreparedPhoto:
        """Find the portrait's face, matte and align, without generating.

        Raises:
            PhotoError: no usable face.
            SettingsError: unknown or out-of-range settings, or more photos than it takes.
            Cancelled: cancelled through the reporter.
        """
        ...

    def generate(
        self, given: Capture[Photo] | Photo, settings: Mapping[str, Any], reporter: Reporter
    ) -> GenerateResult:
        """Make a head; the same capture, settings and seed give the same Gaussians.

        Raises:
            As :meth:`prepare`, and EngineUnavailable when it can't run here.
        """
        ...

    def unload(self) -> None:
        """Free the models' memory; the next job loads them again."""
        ...
