"""Who is in the clip, and through which lens: from a sample of its frames.

The neutral face of the person as the networks see it differs from the average by some millimetres, most of it in depth.
It is found together with poses and expressions of the sample: what all frames say alike is the face.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..avatar.base_mesh import BaseMesh
from ..avatar.face_search import expected_box
from ..cameras import front_camera
from ..head.landmark_solver import Observation, solve
from ..head.model import load_head_model
from ..head.shape import HeadShape
from ..photo.types import FaceBox
from .faces import face_of
from .solver import FrameSolver, Lens, Moment
from .types import CaptureOptions, PersonFace, SeenFace

LENSES = (30.0, 40.0, 48.0, 57.0, 70.0)
"""Angles of view in degrees, across the longer side, that are tried where nobody says."""
USUAL_LENS, LENS_FACTOR = 60.0, 1.6
"""What cameras before faces have: webcams and phones about 60, others 30 to 40; and the factor most differ by."""
LENS_WEIGHT = 0.5
"""Cost of a lens unusual by that factor, to that of a frame: a face of its own shape looks much like another lens."""
ROUNDS = 3
"""Of solving the sample and correcting the face."""
SEEN_DEVIATION = 0.0008
"""Metres, of a point in one frame."""
ACTIVE = 3.0
"""A frame's weight falls with the sum of its coefficients, times this: the face at rest tells most of the face."""
LEAST_FACING = 0.2
"""Cosine between surface and view from which a point counts."""
PORTRAIT_LENS = 27.0
"""Degrees: the angle at which a portrait's camera sees it, for an identity without a known camera."""
STRAIGHT_COUNT = 5
"""Frames, of those that look most straight, from which the head model is fitted to somebody unknown."""


@dataclass(frozen=True, eq=False)
class Person:
    """Who is in the clip.

    Attributes:
        face: The person's face.
        lens_degrees: The camera's horizontal angle of view.
        mean: [P, 3] metres where the points of the neutral face are seen.
        cost: Mean of the sample's frames, of how improbable they are (:meth:`.solver.FrameSolver.cost`).
    """

    face: PersonFace
    lens_degrees: float
    mean: np.ndarray
    cost: float

    def solver(self, size: tuple[int, int]) -> FrameSolver:
        """Return what solves frames of (width, height) pixels."""
        return FrameSolver(self.face, Lens.of(size, self.lens_degrees), self.mean)


def identify(
    seen: Sequence[SeenFace],
    face: PersonFace | None,
    options: CaptureOptions,
    check: Callable[[], None] = lambda: None,
) -> Person:
    """Find person and lens.

    Args:
        seen: Frames from all over the clip, at least one.
        face: The avatar's face, if it is the avatar's person; None finds the face of whoever it is.
        options: A lens that was chosen; the moment at rest.
        check: Called between steps; raises to cancel.
    """
    known = face or stranger(seen)
    degrees = options.lens_degrees if options.lens_degrees > 0 else _lens(seen, known, options, check)
    return _fitted(seen, known, degrees, options, check).person


def _lens(seen: Sequence[SeenFace], face: PersonFace, options: CaptureOptions, check: Callable[[], None]) -> float:
    """Return the horizontal angle of view in degrees under which every other frame is most probable."""
    fit, costs = None, []
    horizontal = [_horizontal(degrees, seen[0].size) for degrees in LENSES]
    for across, degrees in zip(LENSES, horizontal, strict=True):
        fit = _fitted(seen[::2], face, degrees, options, check, fit)
        unusual = np.log(across / USUAL_LENS) / np.log(LENS_FACTOR)
        costs.append(fit.person.cost + LENS_WEIGHT * unusual**2)
    return _least(horizontal, costs)


def _horizontal(degrees: float, size: tuple[int, int]) -> float:
    """Return the angle across the width of (width, height) where that across the longer side is given."""
    return float(2 * np.degrees(np.arctan(np.tan(np.radians(degrees) / 2) * size[0] / max(size))))


def _least(lenses: Sequence[float], costs: Sequence[float]) -> float:
    """Return the lens of the least cost: where a parabola over the lenses' logarithms has it, near the best of them."""
    best = int(np.clip(np.argmin(costs), 1, len(lenses) - 2))
    near = slice(best - 1, best + 2)
    places = np.log(lenses[near])
    curve, slope, _ = np.polyfit(places, costs[near], 2)
    least = -slope / (2 * curve) if curve > 0 else np.log(lenses[int(np.argmin(costs))])
    return float(np.exp(np.clip(least, places[0], places[-1])))


def stranger(seen: Sequence[SeenFace]) -> PersonFace:
    """Return the face of whoever is in some frames: the head model's identity that meets their landmarks."""
    model, camera = load_head_model(), front_camera(fov=PORTRAIT_LENS)
    straight = sorted(seen, key=_turn)[:STRAIGHT_COUNT]
    expected = expected_box(model, camera)
    landmarks = np.mean([_as_portrait(one.landmarks.points, expected) for one in straight], axis=0)
    solution = solve(model, [Observation(landmarks, camera)])
    vertices = solution.pose.apply(model.vertices(solution.identity))
    at_rest = np.zeros(len(model.expressions), np.float32)
    return face_of(BaseMesh.from_shape(HeadShape(vertices, at_rest, solution.pose), model))


def _as_portrait(points: np.ndarray, expected: FaceBox) -> np.ndarray:
    """Return landmarks [L, 3] moved and scaled to where a portrait's camera sees the average face."""
    low, high = points[:, :2].min(axis=0), points[:, :2].max(axis=0)
    scale = expected.size / float((high - low).mean())
    middle = [*((low + high) / 2), 0.0]
    placed: np.ndarray = (points.astype(np.float64) - middle) * scale + [*expected.center, 0.0]
    return placed


def _turn(seen: SeenFace) -> float:
    """Return how far a face is turned from the camera, by the network's three dimensions."""
    points = seen.landmarks.points.astype(np.float64)
    across = points[263] - points[33]
    return float(abs(across[2]) / np.linalg.norm(across[:2]))


@dataclass(frozen=True, eq=False)
class _Fit:
    """A person, and what each frame of a sample shows of them."""

    person: Person
    moments: Sequence[Moment]


def _fitted(
    seen: Sequence[SeenFace],
    face: PersonFace,
    degrees: float,
    options: CaptureOptions,
    check: Callable[[], None],
    near: _Fit | None = None,
) -> _Fit:
    """Return the person with the neutral face as the sample shows it through a lens; begins where another ended."""
    lens = Lens.of(seen[0].size, degrees)
    solver = FrameSolver(face, lens)
    average = solver.mean
    if near is None:
        moments = [solver.solve(one) for one in seen]
    else:
        # Through a longer lens the head is farther away, and all else is much the same.
        factor = lens.focal / Lens.of(seen[0].size, near.person.lens_degrees).focal
        moments = [replace(each, translation=each.translation * [1, 1, factor]) for each in near.moments]
        solver = FrameSolver(face, lens, near.person.mean)
    for _ in range(ROUNDS):
        check()
        moments = [solver.solve(one, before) for one, before in zip(seen, moments, strict=True)]
        solver = FrameSolver(face, lens, _corrected(solver, average, seen, moments, options))
    moments = [solver.solve(one, before) for one, before in zip(seen, moments, strict=True)]
    cost = np.mean([solver.cost(one, moment) for one, moment in zip(seen, moments, strict=True)])
    return _Fit(Person(face, degrees, solver.mean, float(cost)), moments)


def _corrected(
    solver: FrameSolver,
    average: np.ndarray,
    seen: Sequence[SeenFace],
    moments: Sequence[Moment],
    options: CaptureOptions,
) -> np.ndarray:
    """Return the neutral face's points [P, 3] by what is left of all frames, near to the average person's."""
    precision = np.diag(1 / solver.responses.spread**2)
    system = np.broadcast_to(precision, (len(average), 3, 3)).copy()
    target = (average - solver.mean) @ precision
    for one, moment in zip(seen, moments, strict=True):
        at_rest = 0 <= options.neutral and abs(one.time - options.neutral) < 0.5
        expression = np.zeros_like(moment.expression) if at_rest else moment.expression
        resting = Moment(moment.rotation, moment.translation, expression, moment.noise)
        noise = np.tensordot(moment.noise, solver.responses.modes, 1) / 2
        left = solver.residuals(one, resting) - noise
        places = solver.shape(expression) @ moment.rotation.T + moment.translation
        slopes = moment.rotation[None, :2] - (places[:, :2] / places[:, 2:])[..., None] * moment.rotation[2]
        counts = (solver.facing(resting) > LEAST_FACING) & np.isfinite(left).all(axis=1)
        weights = counts / SEEN_DEVIATION**2 / (1 + ACTIVE * expression.sum()) * (len(seen) if at_rest else 1)
        system += weights[:, None, None] * np.einsum("pij,pik->pjk", slopes, slopes)
        target += weights[:, None] * np.einsum("pij,pi->pj", slopes, np.nan_to_num(left))
    corrected: np.ndarray = solver.mean + np.linalg.solve(system, target[..., None])[..., 0]
    return corrected
