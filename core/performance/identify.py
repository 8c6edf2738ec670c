"""Who is in the clip, and through which lens: from a sample of its frames.

The neutral face of the person as the networks see it differs from the average by some millimetres, most of it in depth.
It is found together with poses and expressions of the sample: what all frames say alike is the face.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

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

LENSES = (28.0, 40.0, 55.0, 72.0)
"""Horizontal angles of view in degrees that are tried where nobody says."""
USUAL_LENS, LENS_FACTOR = 50.0, 1.6
"""What cameras before faces have: webcams and phones about 60, others 30 to 40; and the factor most differ by."""
LENS_WEIGHT = 0.02
"""Share of the error that a lens unusual by that factor may cost."""
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
        error: Root of the mean square distance in metres that is left in the sample.
    """

    face: PersonFace
    lens_degrees: float
    mean: np.ndarray
    error: float

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
    best: tuple[float, Person] | None = None
    if options.lens_degrees > 0:
        return _fitted(seen, known, options.lens_degrees, options, check)
    for degrees in LENSES:
        check()
        person = _fitted(seen[::2], known, degrees, options, check)
        unusual = abs(np.log(degrees / USUAL_LENS)) / np.log(LENS_FACTOR)
        cost = person.error * (1 + LENS_WEIGHT * unusual**2)
        if best is None or cost < best[0]:
            best = cost, person
    assert best is not None
    return _fitted(seen, known, best[1].lens_degrees, options, check)


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


def _fitted(
    seen: Sequence[SeenFace], face: PersonFace, degrees: float, options: CaptureOptions, check: Callable[[], None]
) -> Person:
    """Return the person with the neutral face as the sample shows it."""
    solver = FrameSolver(face, Lens.of(seen[0].size, degrees))
    average, moments = solver.mean, [solver.solve(one) for one in seen]
    for _ in range(ROUNDS):
        check()
        moments = [solver.solve(one, before) for one, before in zip(seen, moments, strict=True)]
        solver = FrameSolver(face, solver.lens, _corrected(solver, average, seen, moments, options))
    errors = [solver.solve(one, moment).error for one, moment in zip(seen, moments, strict=True)]
    return Person(face, degrees, solver.mean, float(np.sqrt(np.mean(np.square(errors)))))


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
        resting = Moment(moment.rotation, moment.translation, expression, moment.noise, moment.error)
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
