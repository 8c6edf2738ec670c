"""Finds pose, identity and expression of the head model from landmarks in one picture or several.

Gauss-Newton on the landmarks' distances in the picture under full perspective, robustly
weighted, with Gaussian priors on everything that a single picture leaves open: the head's
distance, its pitch, and the shape coefficients (whose unit is their standard deviation).
Expressions are bounded to 0..1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.linalg import solve as solve_linear
from scipy.spatial.transform import Rotation

from ..cameras import Camera
from .model import HeadModel, vertex_normals
from .pose import Pose

ITERATIONS = 10
UNBOUNDED = 1e6
"""Stands for no bound on a step; finite, so that arithmetic with inactive bounds stays finite."""
ACTIVE_SET_ITERATIONS = 20
"""A safeguard: the sets settle after three to six."""
UNITS_PER_METRE = 4.8
"""Scale of a head in FaceLift's alignment; the starting value and the centre of the scale's prior."""
SCALE_DEVIATION = 0.15
"""Of the logarithm of the scale. Wide: the landmarks fix it once the distance is known."""
DISTANCE = -0.015
"""World units by which the head's centre lies behind the origin on average, seen from the camera."""
DISTANCE_DEVIATION = 0.03
PITCH_DEVIATION = np.radians(2.0)
"""People hold their heads level; landmarks alone trade pitch for the shape of nose and chin."""
PITCH_TAIL = np.radians(4.0)
"""Beyond, the pitch's prior gives way (Cauchy): some heads do nod."""
TURN_DEVIATION = np.radians(40.0)
"""For yaw and roll, which the landmarks determine well."""
EXPRESSION_DEVIATION = 0.35
LANDMARK_PIXELS = 1.5
"""Noise of a landmark in pixels of a 512-pixel picture, beside its spread on the surface."""
CORRELATION = 4.0
"""Neighbouring landmarks err together: that many count as one independent observation."""
DEPTH_PIXELS = 50.0
"""Noise of the network's z, in the same pixels: a weak hint only."""
OUTLIER = 3.0
"""Standard deviations at which a landmark loses half its weight (Cauchy)."""
CONTOUR_FACING = 0.35
"""Below this cosine between surface normal and view, landmarks slide along the outline."""
SLIDING_WEIGHT = 0.05
"""Weight of the residual along the outline for such landmarks."""
MEASURED_DEPTH = 0.003
"""Metres: noise of a landmark's measured depth."""
HIDDEN_WEIGHT = 0.1
"""Weight of landmarks on the side turned away from the camera."""


@dataclass(frozen=True, eq=False)
class Solution:
    """Pose with identity [K] (standard deviations) and expression [E] (0..1) coefficients."""

    pose: Pose
    identity: np.ndarray
    expression: np.ndarray

    @property
    def shape(self) -> np.ndarray:
        """[K + E] identity, then expression."""
        return np.concatenate([self.identity, self.expression])

    def vertices(self, model: HeadModel) -> np.ndarray:
        """Return the model's vertices [V, 3] in the world."""
        return self.pose.apply(model.vertices(self.identity, self.expression))


@dataclass(frozen=True, eq=False)
class Observation:
    """A face's landmarks in a picture.

    Attributes:
        landmarks: [L, 3] of the face mesh network in the camera's picture, in pixels.
        camera: The picture's camera.
        depths: [L] measured depths along the camera's z in world units, NaN where unknown; None
            leaves it to the landmarks' own z, of which only differences count, with little weight.
    """

    landmarks: np.ndarray
    camera: Camera
    depths: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class LandmarkBasis:
    """The head model reduced to its landmarks: mean [L, 3], directions [K + E, L, 3], normals [L, 3]."""

    mean: np.ndarray
    directions: np.ndarray
    normals: np.ndarray


@lru_cache(maxsize=1)
def landmark_basis(model: HeadModel) -> LandmarkBasis:
    """Return the model's landmark basis; cached, as it is the same for every photo."""
    directions = np.concatenate([model.landmarks(model.identity), model.landmarks(model.expressions)])
    normals = model.landmarks(vertex_normals(model.mean, model.triangles))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    return LandmarkBasis(model.landmarks(model.mean).astype(np.float64), directions.astype(np.float64), normals)


def solve(model: HeadModel, observations: Sequence[Observation]) -> Solution:
    """Return the most probable head for the observations of one face; priors are those of the first one's camera."""
    basis = landmark_basis(model)
    camera = observations[0].camera
    upright = facing_camera(camera)
    pose = Pose(upright, np.zeros(3), UNITS_PER_METRE)
    shape = np.zeros(len(basis.directions))
    for _ in range(ITERATIONS):
        pose, shape = _step(model, basis, observations, upright, pose, shape)
    count = len(model.identity)
    return Solution(pose, shape[:count], shape[count:])


def facing_camera(camera: Camera) -> np.ndarray:
    """Return the rotation of a head that looks towards the camera, level and upright in the world."""
    up = np.array([0.0, 0.0, 1.0])
    back = np.cross(up, camera.c2w[:3, 0])
    back /= np.linalg.norm(back)
    return np.stack([np.cross(back, up), back, up], axis=1)


def _step(
    model: HeadModel,
    basis: LandmarkBasis,
    observations: Sequence[Observation],
    upright: np.ndarray,
    pose: Pose,
    shape: np.ndarray,
) -> tuple[Pose, np.ndarray]:
    """Take one Gauss-Newton step; the unknowns are rotation 3, translation 3, log scale 1, shape."""
    local = basis.mean + np.tensordot(shape, basis.directions, 1)
    world, moves = posed_with_moves(local, basis.directions, pose)
    rows = []
    for observed in observations:
        in_camera = observed.camera.to_camera(world)
        seen_moves = moves @ observed.camera.c2w[:3, :3]
        rows.append(landmark_rows(model, basis, observed, pose, in_camera, seen_moves))
    rows.append(prior_rows(model, observations[0].camera, upright, pose, shape))
    residuals, jacobian = (np.concatenate(parts) for parts in zip(*rows, strict=True))
    step = bounded_step(jacobian.T @ jacobian, jacobian.T @ residuals, _step_bounds(model, shape))
    return stepped(pose, step[:6], step[6]), shape + step[7:]


def posed_with_moves(points: np.ndarray, directions: np.ndarray, pose: Pose) -> tuple[np.ndarray, np.ndarray]:
    """Return points of the model's frame in the world, and how they move there with all unknowns.

    Args:
        points: [N, 3].
        directions: [S, N, 3] their derivatives by the shape's coefficients.
        pose: Where the head is.

    Returns:
        [N, 3] and [7 + S, N, 3]: by rotation vector 3, translation 3, logarithm of the scale 1 and shape.
    """
    turned = pose.scale * points @ pose.rotation.T
    moves = np.concatenate(
        [
            np.cross(np.eye(3)[:, None], turned),
            np.broadcast_to(np.eye(3)[:, None], (3, *turned.shape)),
            turned[None],
            pose.scale * directions @ pose.rotation.T,
        ]
    )
    return turned + pose.translation, moves


def stepped(pose: Pose, step: np.ndarray, growth: float = 0.0) -> Pose:
    """Return a pose after a step [6]: rotation vector and translation; the scale's logarithm grows by ``growth``."""
    rotation = Rotation.from_rotvec(step[:3]).as_matrix() @ pose.rotation
    return Pose(rotation, pose.translation + step[3:], pose.scale * np.exp(growth))


def landmark_rows(
    model: HeadModel,
    basis: LandmarkBasis,
    observed: Observation,
    pose: Pose,
    in_camera: np.ndarray,
    moves: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Return weighted residuals [3 L] (target minus model) and their Jacobian [3 L, P].

    Args:
        model: The head model.
        basis: Its landmarks.
        observed: What was seen.
        pose: The head's pose in the world of the observation's camera.
        in_camera: [L, 3] the model's landmarks in the camera's axes.
        moves: [P, L, 3] how they move there with each of P unknowns.
    """
    landmarks, camera = np.asarray(observed.landmarks, np.float64), observed.camera
    z = in_camera[:, 2]
    slopes = camera.pixel_moves(in_camera, moves)
    normals = basis.normals @ pose.rotation.T @ camera.c2w[:3, :3]
    facing = -(normals * in_camera).sum(1) / np.linalg.norm(in_camera, axis=1)
    across = normals[:, :2] / np.maximum(np.linalg.norm(normals[:, :2], axis=1, keepdims=True), 1e-6)
    along = across[:, ::-1] * [1, -1]
    error = landmarks[:, :2] - camera.to_pixels(in_camera)
    unit = camera.width / 512
    variance = (LANDMARK_PIXELS * unit) ** 2 + (model.landmark_spread * pose.scale * camera.fx / z) ** 2
    robust = 1 / (1 + (error**2).sum(1) / variance / OUTLIER**2)
    weight = robust / variance / CORRELATION * np.where(facing < 0, HIDDEN_WEIGHT, 1.0)
    sliding = np.where(facing < CONTOUR_FACING, SLIDING_WEIGHT, 1.0)
    residuals, rows = [], []
    for axis, factor in ((across, 1.0), (along, sliding)):
        root = np.sqrt(weight * factor)
        residuals.append(root * (error * axis).sum(1))
        rows.append(root * (slopes * axis).sum(-1))
    if observed.depths is not None:
        root, error = _measured_depths(observed.depths, z, facing, MEASURED_DEPTH * pose.scale)
        residuals.append(root * error)
        rows.append(root * moves[..., 2])
        return np.concatenate(residuals), np.concatenate(rows, axis=1).T
    # The network's z has an unknown zero, so only deviations from the mean are compared.
    magnification = camera.fx / z.mean()
    depth_error = landmarks[:, 2] - magnification * z
    depth_slope = magnification * moves[..., 2]
    root = np.sqrt(1 / CORRELATION) / (DEPTH_PIXELS * unit)
    residuals.append(root * (depth_error - depth_error.mean()))
    rows.append(root * (depth_slope - depth_slope.mean(1, keepdims=True)))
    return np.concatenate(residuals), np.concatenate(rows, axis=1).T


def _measured_depths(
    depths: np.ndarray, z: np.ndarray, facing: np.ndarray, deviation: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the roots of weights [L] and errors [L] of measured depths; what is seen edge-on does not count."""
    usable = np.isfinite(depths) & (facing > CONTOUR_FACING)
    error = np.where(usable, depths - z, 0.0)
    robust = 1 / (1 + (error / deviation / OUTLIER) ** 2)
    return np.sqrt(np.where(usable, robust * facing / CORRELATION, 0.0)) / deviation, error


def prior_rows(
    model: HeadModel, camera: Camera, upright: np.ndarray, pose: Pose, shape: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return residuals and Jacobian of the priors: turn 3, distance 1, scale 1, shape K + E."""
    count = len(shape)
    jacobian = np.zeros((5 + count, 7 + count))
    # The axes of ``upright`` are the head's right, back and up: pitch turns about the first.
    turn = Rotation.from_matrix(pose.rotation @ upright.T).as_rotvec() @ upright
    pitch_deviation = PITCH_DEVIATION * np.sqrt(1 + (turn[0] / PITCH_TAIL) ** 2)
    deviations = np.array([pitch_deviation, TURN_DEVIATION, TURN_DEVIATION])
    jacobian[:3, :3] = upright.T / deviations[:, None]
    forward = camera.c2w[:3, 2]
    jacobian[3, 3:6] = forward / DISTANCE_DEVIATION
    jacobian[4, 6] = 1 / SCALE_DEVIATION
    identities = len(model.identity)
    weights = np.where(np.arange(count) < identities, 1.0, 1 / EXPRESSION_DEVIATION)
    jacobian[5:, 7:] = np.diag(weights)
    residuals = np.concatenate(
        [
            -turn / deviations,
            [(DISTANCE - forward @ pose.translation) / DISTANCE_DEVIATION],
            [-np.log(pose.scale / UNITS_PER_METRE) / SCALE_DEVIATION],
            -weights * shape,
        ]
    )
    return residuals, jacobian


def _step_bounds(model: HeadModel, shape: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return lower and upper bounds of a step that keep expressions in 0..1."""
    identities = len(model.identity)
    low, high = np.full(7 + len(shape), -UNBOUNDED), np.full(7 + len(shape), UNBOUNDED)
    low[7 + identities :] = -shape[identities:]
    high[7 + identities :] = 1 - shape[identities:]
    return low, high


def bounded_step(normal: np.ndarray, target: np.ndarray, bounds: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Return the step [P] of normal equations, ``normal`` [P, P] times step is ``target`` [P], within bounds.

    The primal-dual active set method (Hintermueller, Ito and Kunisch 2003): guess which bounds
    hold, solve for the rest, and correct the guess by the sign of the multipliers. The priors
    keep the normal equations positive definite.
    """
    low, high = bounds
    stiffness = np.diag(normal)
    step, multiplier = np.zeros_like(target), np.zeros_like(target)
    guess = None
    for _ in range(ACTIVE_SET_ITERATIONS):
        at_high = multiplier + stiffness * (step - high) > 0
        at_low = multiplier + stiffness * (step - low) < 0
        if guess is not None and np.array_equal(guess, (at_high, at_low)):
            break
        guess = (at_high, at_low)
        free = ~(at_high | at_low)
        step = np.where(at_high, high, np.where(at_low, low, 0.0))
        step[free] = solve_linear(normal[np.ix_(free, free)], target[free] - normal[free] @ step, assume_a="pos")
        multiplier = np.where(free, 0.0, target - normal @ step)
    return np.clip(step, low, high)
