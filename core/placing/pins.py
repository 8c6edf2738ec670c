"""Placing by hand: pins hold places of the head at places of the photo.

Each pin asks that a point of the head's surface is seen at a pixel. The pose follows from the present one by damped
Gauss-Newton steps: with one pin the head shifts, with two it also turns and grows, with more its whole pose follows;
what pins leave open stays as it was found. From four pins on the lens may follow, and from :data:`SHAPE_PINS` on the
identity, each where it is allowed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial.transform import Rotation

from ..cameras import Camera
from ..head.landmark_solver import posed_with_moves
from ..head.model import HeadModel
from ..head.pose import Pose

ITERATIONS = 6
LEAST_PINS_LENS = 4
"""Pins from which they can tell how near the camera stood."""
SHAPE_PINS = 3
"""Pins from which the shape may follow: fewer are met by the pose alone."""
PIN_PIXELS = 0.5
"""How exactly pins are met, in pixels of a 512-pixel picture."""
TURN_STIFFNESS = np.radians(8.0)
PLACE_STIFFNESS = 0.1
"""Metres along the view, and across it."""
FOCAL_STIFFNESS = 0.15
"""Of the focal length's logarithm."""
IDENTITY_STIFFNESS = 1.0
"""Standard deviations. All these say how far things give way: what pins leave open stays."""
FOCAL_RANGE = (0.5, 8.0)
"""Focal lengths in widths of the picture that a lens may get."""
NEAREST = 0.15
"""Metres from the camera to the head's centre at least."""


@dataclass(frozen=True)
class Pin:
    """A place of the head that is to be seen at a place of the photo.

    Attributes:
        vertices: Three vertices of the head model.
        weights: Their weights, which add up to 1.
        pixel: (x, y) in the photo's crop.
    """

    vertices: tuple[int, int, int]
    weights: tuple[float, float, float]
    pixel: tuple[float, float]

    @classmethod
    def at_vertex(cls, vertex: int, pixel: tuple[float, float]) -> Pin:
        """Return a pin at a vertex."""
        return cls((vertex, vertex, vertex), (1.0, 0.0, 0.0), pixel)

    def moved(self, pixel: tuple[float, float]) -> Pin:
        """Return the pin at another place of the photo."""
        return replace(self, pixel=pixel)


@dataclass(frozen=True, eq=False)
class Placement:
    """How a photo sees the head.

    Attributes:
        camera: In the frame in which the head's pose is ``pose``.
        identity: [K] of the head.
        error: Largest distance in pixels between a pin and its place; 0 without pins.
    """

    camera: Camera
    identity: np.ndarray
    error: float = 0.0


@dataclass(frozen=True, eq=False)
class PinSolver:
    """Solves a photo's placement by pins.

    Attributes:
        model: The head model.
        pose: The head's pose, which stays: it is the camera that moves.
        expression: [E] of the photo.
        offsets: [V, 3] in the pose's world, what the head has beyond the model.
        automatic: The placement as it was found: what counts without pins, and what they leave open.
        lens, shape: What may follow beside the pose.
    """

    model: HeadModel
    pose: Pose
    expression: np.ndarray
    offsets: np.ndarray
    automatic: Placement
    lens: bool = False
    shape: bool = False

    def solve(self, pins: Sequence[Pin], present: Placement | None = None) -> Placement:
        """Return the placement in which pins are met.

        Args:
            pins: None of them gives back the automatic placement.
            present: Where the search starts, as while dragging; None for the automatic placement.
        """
        if not pins:
            return self.automatic
        vertices = np.array([pin.vertices for pin in pins])
        weights = np.array([pin.weights for pin in pins])
        targets = np.array([pin.pixel for pin in pins], np.float64)
        anchors = _Anchors.of(self, vertices, weights)
        state = present or self.automatic
        for _ in range(ITERATIONS):
            state = self._step(anchors, targets, state)
        error = np.linalg.norm(anchors.seen(state) - targets, axis=1)
        return replace(state, error=float(error.max()))

    def _step(self, anchors: _Anchors, targets: np.ndarray, state: Placement) -> Placement:
        """Take one step; the unknowns are the camera's turn and move in its own axes, its focal length, identity."""
        camera, scale = state.camera, self.pose.scale
        points, by_shape = anchors.points(state.identity)
        local = camera.to_camera(points)
        center = camera.to_camera(self.pose.translation[None])[0]
        by_place = camera.jacobians(local)
        # The head turns about its centre, as seen by the camera.
        turns = np.cross(np.eye(3)[:, None], local - center).transpose(1, 2, 0)
        parts = [by_place @ turns, scale * by_place]
        stiffness = [*[TURN_STIFFNESS] * 3, *[PLACE_STIFFNESS] * 3]
        away = list(self._away(state, center))
        lens = self.lens and len(targets) >= LEAST_PINS_LENS
        if lens:
            seen = camera.to_pixels(local) - [camera.cx, camera.cy]
            # A longer lens from farther away: the head stays as large.
            parts.append(seen[..., None] + by_place @ np.array([[0.0], [0.0], [center[2]]]))
            stiffness.append(FOCAL_STIFFNESS)
            away.append(float(np.log(camera.fx / self.automatic.camera.fx)))
        shape = self.shape and len(targets) >= SHAPE_PINS
        if shape:
            parts.append(by_place @ (by_shape @ camera.c2w[:3, :3]).transpose(1, 2, 0))
            stiffness += [IDENTITY_STIFFNESS] * len(state.identity)
            away += (state.identity - self.automatic.identity).tolist()
        jacobian = np.concatenate(parts, axis=2).reshape(2 * len(targets), -1)
        residuals = (targets - camera.to_pixels(local)).ravel()
        unit = PIN_PIXELS * camera.width / 512
        normal = jacobian.T @ jacobian / unit**2
        right = jacobian.T @ residuals / unit**2
        held = 1 / np.array(stiffness) ** 2
        step = np.linalg.solve(normal + np.diag(held), right - held * np.array(away))
        return self._moved(state, center, step, lens, shape)

    def _away(self, state: Placement, center: np.ndarray) -> np.ndarray:
        """Return how far the head lies from its automatic place in the camera's axes: turn 3, move 3 in metres."""
        automatic = self.automatic.camera
        turn = state.camera.c2w[:3, :3].T @ automatic.c2w[:3, :3]
        before = automatic.to_camera(self.pose.translation[None])[0]
        # A lens that changed moved the head along the view without a change of its size.
        before = before * [1, 1, state.camera.fx / automatic.fx]
        return np.concatenate([Rotation.from_matrix(turn).as_rotvec(), (center - before) / self.pose.scale])

    def _moved(self, state: Placement, center: np.ndarray, step: np.ndarray, lens: bool, shape: bool) -> Placement:
        """Return a placement after a step."""
        camera, scale = state.camera, self.pose.scale
        turn = Rotation.from_rotvec(_limited(step[:3], 0.5)).as_matrix()
        factor = 1.0
        if lens:
            low, high = (bound * camera.width / camera.fx for bound in FOCAL_RANGE)
            factor = float(np.clip(np.exp(np.clip(step[6], -0.3, 0.3)), low, high))
        place = center * [1, 1, factor] + scale * _limited(step[3:6], 0.3)
        place[2] = max(place[2], NEAREST * scale)
        rotation = turn @ camera.c2w[:3, :3].T
        c2w = np.eye(4)
        c2w[:3, :3] = rotation.T
        c2w[:3, 3] = self.pose.translation - rotation.T @ place
        identity = state.identity + step[-len(state.identity) :] if shape else state.identity
        return Placement(replace(camera, fx=camera.fx * factor, fy=camera.fy * factor, c2w=c2w), identity)


def _limited(step: np.ndarray, most: float) -> np.ndarray:
    return step * min(1.0, most / max(float(np.linalg.norm(step)), 1e-12))


@dataclass(frozen=True, eq=False)
class _Anchors:
    """The pins' places on the head.

    Attributes:
        still: [N, 3] on the head without identity, in the world.
        directions: [K, N, 3] by identity, in the world.
    """

    still: np.ndarray
    directions: np.ndarray

    @classmethod
    def of(cls, solver: PinSolver, vertices: np.ndarray, weights: np.ndarray) -> _Anchors:
        def at(values: np.ndarray) -> np.ndarray:
            return (values[..., vertices, :] * weights[..., None]).sum(-2)

        model, pose = solver.model, solver.pose
        local = at(model.mean) + np.tensordot(solver.expression, at(model.expressions), 1)
        directions = at(model.identity)
        still, moves = posed_with_moves(local.astype(np.float64), directions, pose)
        return cls(still + at(solver.offsets), moves[7:])

    def points(self, identity: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the places [N, 3] in the world, and how they move with identity [K, N, 3]."""
        return self.still + np.tensordot(identity, self.directions, 1), self.directions

    def seen(self, placement: Placement) -> np.ndarray:
        """Return where they are seen, [N, 2]."""
        return placement.camera.project(self.points(placement.identity)[0])[0]
