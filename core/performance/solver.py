"""Solves a frame: where the head is, and which expressions it shows.

Gauss-Newton on the points' distances in the picture under full perspective, robustly weighted. The expressions move
the points as the networks see it (:mod:`.responses`); their coefficients are bounded to 0..1, and each costs a little
(an L1 norm, which is linear where nothing is negative), so that a face at rest shows none.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from ..head.landmark_solver import bounded_step
from .priors import priors_of
from .responses import EYE_POINTS, MESH_POINTS, Responses, load_responses, points_of, view_terms
from .types import PersonFace, SeenFace

RIGID_ITERATIONS, FIRST_ITERATIONS, ITERATIONS = 6, 12, 3
CORRELATION = 80.0
"""Neighbouring points err together beyond the learned patterns: that many count as one observation."""
LID_CORRELATION, IRIS_CORRELATION = 24.0, 1.5
"""The same of the points around the eyes, which are seen close up, and of irises, which are alone."""
SEEN_DEVIATION, EYE_DEVIATION = 8e-4, 6e-4
"""Metres by which points of the face and around the eyes err in faces and light that nothing was learned from."""
OUTLIER = 4.0
"""Standard deviations at which a point loses half its weight (Cauchy)."""
EDGE_FACING, EDGE_WEIGHT, HIDDEN_WEIGHT = 0.2, 0.1, 0.01
"""Below this cosine between surface and view points slide along the outline: they count less, those behind least."""
MODE_STEADINESS = 2.0
"""Precision of the change of a pattern of noise from frame to frame, against 1 of the pattern itself."""
POSE_PRECISION = 1e-3
"""Keeps the equations solvable."""
UNBOUNDED = 1e3


@dataclass(frozen=True, eq=False)
class Lens:
    """A pinhole camera that looks along +z, x right, y down; no distortion.

    Attributes:
        focal: Focal length in pixels.
        center: [2] where its axis meets the picture, in pixels.
    """

    focal: float
    center: np.ndarray

    @classmethod
    def of(cls, size: tuple[int, int], degrees: float) -> Lens:
        """Return the lens of frames of (width, height) pixels with a horizontal angle of view."""
        return cls(float(size[0] / 2 / np.tan(np.radians(degrees) / 2)), np.array(size) / 2)

    def pixels(self, points: np.ndarray) -> np.ndarray:
        """Return the pixels [N, 2] of points [N, 3] in the camera's axes."""
        return self.focal * points[:, :2] / points[:, 2:] + self.center


@dataclass(frozen=True, eq=False)
class Moment:
    """What a frame shows.

    Attributes:
        rotation: [3, 3] from the head model's axes to the camera's.
        translation: [3] metres, the head's centre in the camera's axes.
        expression: [E] coefficients 0..1.
        noise: [M] strengths of the patterns of noise.
    """

    rotation: np.ndarray
    translation: np.ndarray
    expression: np.ndarray
    noise: np.ndarray


class FrameSolver:
    """Solves frames of one person, one after the other.

    Args:
        face: The person.
        lens: The camera.
        mean: [P, 3] metres where the points of the person's neutral face are seen; as on average if None.
    """

    def __init__(self, face: PersonFace, lens: Lens, mean: np.ndarray | None = None) -> None:
        self.face, self.lens = face, lens
        self.responses: Responses = load_responses()
        self.mean = self.responses.mean(face) if mean is None else mean
        self._normals = self.responses.of_points(face.normals.astype(np.float64))
        self._flat = self.responses.moves.reshape(len(face.names), -1)
        self._priors = priors_of(face.names)
        unknown = _per_point(SEEN_DEVIATION, EYE_DEVIATION, EYE_DEVIATION)
        self._variance = (self.responses.variance + unknown[:, None] ** 2) * _correlations()[:, None]

    def solve(self, seen: SeenFace, before: Moment | None = None) -> Moment:
        """Return what a frame shows.

        Args:
            seen: The face in it.
            before: The frame before, where the search begins and from which little changes; None begins anew.
        """
        points = points_of(seen)
        if before is not None:
            return self._refined(points, before, before, ITERATIONS)
        moment = self._start(seen)
        for _ in range(RIGID_ITERATIONS):
            moment = self._step(points, moment, None, rigid=True)
        return self._refined(points, moment, None, FIRST_ITERATIONS)

    def shape(self, expression: np.ndarray) -> np.ndarray:
        """Return where the points of an expression are seen, [P, 3] in the head model's axes."""
        return self.mean + (expression @ self._flat).reshape(-1, 3)

    def residuals(self, seen: SeenFace, moment: Moment) -> np.ndarray:
        """Return what expression and view don't explain: [P, 2] metres on the head in the picture's plane."""
        places = self.shape(moment.expression) @ moment.rotation.T + moment.translation
        return self._errors(points_of(seen), places, moment.rotation)

    def facing(self, moment: Moment) -> np.ndarray:
        """Return the cosines [P] between the surface and the directions to the camera."""
        places = self.shape(moment.expression) @ moment.rotation.T + moment.translation
        return _facing(self._normals @ moment.rotation.T, places)

    def cost(self, seen: SeenFace, moment: Moment) -> float:
        """Return how improbable a moment is: the negative logarithm of its probability, but for a constant."""
        residuals = self.residuals(seen, moment) - np.tensordot(moment.noise, self.responses.modes, 1)
        counts = np.isfinite(residuals).all(axis=1) & (self.facing(moment) > EDGE_FACING)
        distances = (residuals[counts] ** 2 / self._variance[counts]).sum(1)
        of_points = OUTLIER**2 * np.log1p(distances / OUTLIER**2).sum() * len(residuals) / max(1, counts.sum())
        shown, priors = moment.expression, self._priors
        beforehand = shown @ priors.precision @ shown + 2 * priors.cost @ shown + moment.noise @ moment.noise
        return float(of_points + beforehand) / 2

    def _refined(self, points: np.ndarray, moment: Moment, before: Moment | None, iterations: int) -> Moment:
        for _ in range(iterations):
            moment = self._step(points, moment, before, rigid=False)
        return moment

    def _start(self, seen: SeenFace) -> Moment:
        """Return a moment turned as the network's three dimensions show it, as far away as the face is small."""
        landmarks, mean = seen.landmarks.points.astype(np.float64), self.mean[:MESH_POINTS]
        turn, _ = Rotation.align_vectors(landmarks - landmarks.mean(axis=0), mean - mean.mean(axis=0))
        rotation = turn.as_matrix()
        real = np.ptp((mean @ rotation.T)[:, :2], axis=0).max()
        distance = self.lens.focal * real / np.ptp(landmarks[:, :2], axis=0).max()
        middle = (landmarks[:, :2].mean(axis=0) - self.lens.center) * distance / self.lens.focal
        translation = np.array([*middle, distance]) - rotation @ mean.mean(axis=0)
        at_rest = np.zeros(len(self.face.names)), np.zeros(len(self.responses.modes))
        return Moment(rotation, translation, *at_rest)

    def _errors(self, points: np.ndarray, places: np.ndarray, rotation: np.ndarray) -> np.ndarray:
        metres = places[:, 2:] / self.lens.focal
        view = np.tensordot(view_terms(rotation), self.responses.views, 1)
        return (points - self.lens.pixels(places)) * metres - view

    def _step(self, points: np.ndarray, moment: Moment, before: Moment | None, *, rigid: bool) -> Moment:
        """Take one Gauss-Newton step; the unknowns are rotation 3, translation 3, expression E and noise M."""
        turned = self.shape(moment.expression) @ moment.rotation.T
        places = turned + moment.translation
        errors = self._errors(points, places, moment.rotation)
        seen = np.isfinite(errors).all(axis=1)
        errors = np.where(seen[:, None], errors, 0.0)
        residuals = errors - np.tensordot(moment.noise, self.responses.modes, 1)
        facing = _facing(self._normals @ moment.rotation.T, places)
        robust = 1 / (1 + (residuals**2 / self._variance).sum(1) / OUTLIER**2)
        turned_away = np.where(facing < 0, HIDDEN_WEIGHT, np.where(facing < EDGE_FACING, EDGE_WEIGHT, 1.0))
        weights = (robust * turned_away * seen)[:, None] / self._variance
        slopes = self._slopes(turned, places, moment.rotation, rigid).reshape(-1, 2 * len(points))
        weighted = slopes * weights.ravel()
        normal, target = weighted @ slopes.T, weighted @ residuals.ravel()
        normal[np.diag_indices(6)] += POSE_PRECISION
        if rigid:
            step = np.concatenate([np.linalg.solve(normal, target), np.zeros(len(moment.expression))])
            noise = moment.noise
        else:
            step = self._bounded(normal, target, moment, before)
            noise = moment.noise + step[6 + len(moment.expression) :]
        return Moment(
            rotation=Rotation.from_rotvec(step[:3]).as_matrix() @ moment.rotation,
            translation=moment.translation + step[3:6],
            expression=np.clip(moment.expression + step[6 : 6 + len(moment.expression)], 0, 1),
            noise=noise,
        )

    def _slopes(self, turned: np.ndarray, places: np.ndarray, rotation: np.ndarray, rigid: bool) -> np.ndarray:
        """Return how the points move in the picture's plane with the unknowns: [U, P, 2] metres."""
        moves = [np.cross(np.eye(3)[:, None], turned), np.broadcast_to(np.eye(3)[:, None], (3, *turned.shape))]
        if not rigid:
            moves.append((self.responses.moves.reshape(-1, 3) @ rotation.T).reshape(self.responses.moves.shape))
        in_space = np.concatenate(moves)
        slopes = in_space[..., :2] - places[:, :2] / places[:, 2:] * in_space[..., 2:]
        return slopes if rigid else np.concatenate([slopes, self.responses.modes])

    def _bounded(self, normal: np.ndarray, target: np.ndarray, moment: Moment, before: Moment | None) -> np.ndarray:
        """Add what is believed beforehand, and return the step within the bounds."""
        priors, expression = self._priors, moment.expression
        shape = slice(6, 6 + len(expression))
        noise = np.arange(shape.stop, len(target))
        normal[shape, shape] += priors.precision
        target[shape] -= priors.precision @ expression + priors.cost
        normal[noise, noise] += 1
        target[noise] -= moment.noise
        if before is not None:
            index = np.arange(shape.start, shape.stop)
            normal[index, index] += priors.steadiness
            target[shape] += priors.steadiness * (before.expression - expression)
            normal[noise, noise] += MODE_STEADINESS
            target[noise] += MODE_STEADINESS * (before.noise - moment.noise)
        low, high = np.full(len(target), -UNBOUNDED), np.full(len(target), UNBOUNDED)
        low[shape], high[shape] = -expression, 1 - expression
        return bounded_step(normal, target, (low, high))


def _facing(normals: np.ndarray, places: np.ndarray) -> np.ndarray:
    cosines: np.ndarray = -(normals * places).sum(1) / np.linalg.norm(places, axis=1)
    return cosines


def _correlations() -> np.ndarray:
    """Return how many points count as one observation, [P]."""
    return _per_point(CORRELATION, LID_CORRELATION, IRIS_CORRELATION)


def _per_point(mesh: float, lid: float, iris: float) -> np.ndarray:
    """Return values [P] for the points of the face mesh, around the eyes, and of the irises."""
    eye = np.full(EYE_POINTS, lid)
    eye[-1] = iris
    return np.concatenate([np.full(MESH_POINTS, mesh), eye, eye])
