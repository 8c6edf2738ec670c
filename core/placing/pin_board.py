"""Placing a photo by hand, step by step: pins that are set, dragged and removed, each step to be undone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..cameras import Camera
from ..head.model import HeadModel
from ..head.shape import HeadShape
from ..photo.edits import Crop
from ..photo.hand_placement import MOST_PINS, HandPlacement
from .by_hand import camera_of, kept, pins_of
from .pins import Pin, PinSolver, Placement
from .seen_mesh import SeenMesh

SNAP = 12.0
"""Pixels of a 512-pixel picture by which the head's outline may be missed."""


@dataclass(frozen=True, eq=False)
class Step:
    """Where placing stands.

    Attributes:
        pins: In the photo's crop.
        placement: What follows from them.
        lens, shape: What may follow beside the pose.
    """

    pins: tuple[Pin, ...]
    placement: Placement
    lens: bool = False
    shape: bool = False


class PinBoard:
    """The steps of placing a photo.

    Args:
        model: The head model.
        shape: The head as it was fitted; its expression is taken for the photo's.
        automatic: The photo's camera as it was found, for the square picture of ``crop``, in the shape's space.
        crop: The part of the photo that the picture shows.
        given: How the user placed the photo before; None where it wasn't.
    """

    def __init__(
        self, model: HeadModel, shape: HeadShape, automatic: Camera, crop: Crop, given: HandPlacement | None = None
    ) -> None:
        self._model, self._head, self._crop = model, shape, crop
        self._modelled = shape.pose.apply(model.vertices(None, shape.expression))
        self._offsets = shape.vertices - self._modelled
        self._automatic = Placement(automatic, np.zeros(len(model.identity)))
        self._step = Step((), self._automatic)
        if given is not None:
            camera = camera_of(given, shape.pose, automatic.width)
            pins = pins_of(given, model, automatic.width)
            self._step = Step(pins, replace(self._automatic, camera=camera), shape=given.shape)
        self._past: list[Step] = []
        self._future: list[Step] = []
        self._seen: SeenMesh | None = None

    @property
    def step(self) -> Step:
        """Where placing stands."""
        return self._step

    @property
    def automatic(self) -> Camera:
        """The photo's camera as it was found."""
        return self._automatic.camera

    @property
    def camera(self) -> Camera:
        """The photo's camera, in the head's space."""
        return self._step.placement.camera

    @property
    def seen(self) -> SeenMesh:
        """The head as the photo's camera sees it."""
        if self._seen is None:
            self._seen = SeenMesh(self._model, self._vertices(), self.camera, self._head.pose.scale)
        return self._seen

    @property
    def is_automatic(self) -> bool:
        """Whether nothing of it is the user's."""
        return not self._step.pins and self._step.placement is self._automatic

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to take back."""
        return bool(self._past)

    @property
    def can_redo(self) -> bool:
        """Whether a step was taken back."""
        return bool(self._future)

    def kept(self) -> HandPlacement | None:
        """Return the placement as it travels; None leaves it to be found."""
        if self.is_automatic:
            return None
        return kept(self.camera, self._head.pose, self._crop, self._step.pins, self._step.shape)

    def near(self, pixel: tuple[float, float], radius: float) -> int | None:
        """Return the number of the nearest pin within some pixels, None where there is none."""
        if not self._step.pins:
            return None
        away = np.linalg.norm(np.array([pin.pixel for pin in self._step.pins]) - pixel, axis=1)
        nearest = int(away.argmin())
        return nearest if away[nearest] <= radius else None

    def pick(self, pixel: tuple[float, float]) -> Pin | None:
        """Return a pin on the surface that is seen at a pixel, not set yet; None where the head is not."""
        found = self.seen.at(pixel, SNAP * self.camera.width / 512)
        if found is None or len(self._step.pins) >= MOST_PINS:
            return None
        vertices, (a, b, c) = found
        return Pin(vertices, (a, b, c), (float(pixel[0]), float(pixel[1])))

    def add(self, pin: Pin) -> int:
        """Set a pin, as one step; return its number."""
        self._remember()
        self._solve((*self._step.pins, pin))
        return len(self._step.pins) - 1

    def grab(self) -> None:
        """Begin a step, of which any number of :meth:`drag` become part."""
        self._remember()

    def drag(self, number: int, pixel: tuple[float, float]) -> None:
        """Move a pin to a pixel, as part of the present step."""
        pins = list(self._step.pins)
        pins[number] = pins[number].moved((float(pixel[0]), float(pixel[1])))
        self._solve(tuple(pins))

    def remove(self, number: int) -> None:
        """Remove a pin, as one step."""
        self._remember()
        self._solve(self._step.pins[:number] + self._step.pins[number + 1 :])

    def reset(self) -> None:
        """Go back to the placement as it was found, without pins, as one step."""
        self._remember()
        self._set(replace(self._step, pins=(), placement=self._automatic))

    def allow(self, lens: bool, shape: bool) -> None:
        """Say what may follow beside the pose, as one step where that is another."""
        if (lens, shape) != (self._step.lens, self._step.shape):
            self._remember()
            self._step = replace(self._step, lens=lens, shape=shape)
            self._solve(self._step.pins)

    def undo(self) -> bool:
        """Take a step back; return whether there was one."""
        return self._travel(self._past, self._future)

    def redo(self) -> bool:
        """Take an undone step again; return whether there was one."""
        return self._travel(self._future, self._past)

    def _travel(self, source: list[Step], target: list[Step]) -> bool:
        if not source:
            return False
        target.append(self._step)
        self._set(source.pop())
        return True

    def _remember(self) -> None:
        self._past.append(self._step)
        self._future.clear()

    def _solve(self, pins: Sequence[Pin]) -> None:
        step = self._step
        present = step.placement
        if not step.shape:
            present = replace(present, identity=self._automatic.identity)
        if not step.lens:
            present = replace(present, camera=_with_lens(present.camera, self._automatic.camera))
        solver = PinSolver(
            self._model,
            self._head.pose,
            self._head.expression,
            self._offsets,
            self._automatic,
            lens=step.lens,
            shape=step.shape,
        )
        self._set(replace(step, pins=tuple(pins), placement=solver.solve(pins, present)))

    def _set(self, step: Step) -> None:
        self._step, self._seen = step, None

    def _vertices(self) -> np.ndarray:
        identity = self._step.placement.identity
        if not identity.any():
            return self._head.vertices
        moved = np.tensordot(identity.astype(np.float32), self._model.identity, 1)
        return self._head.vertices + self._head.pose.scale * moved @ self._head.pose.rotation.T


def _with_lens(camera: Camera, other: Camera) -> Camera:
    return replace(camera, fx=other.fx, fy=other.fy)
