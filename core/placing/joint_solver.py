"""One head from several photos: identity and size in common, pose and expression each photo's own.

A photo tells by its landmarks, by its outline, or by both.

Each photo is seen by its own camera, in which the head has its own pose; the cameras' places in one
head's frame follow from these (:func:`camera_in_frame`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial.transform import Rotation

from ..cameras import Camera
from ..head.landmark_solver import (
    UNBOUNDED,
    Observation,
    Solution,
    bounded_step,
    facing_camera,
    landmark_basis,
    landmark_rows,
    posed_with_moves,
    prior_rows,
    stepped,
)
from ..head.model import HeadModel
from ..head.pose import Pose
from ..system import blocks
from .key_points import KeyPoints, key_point_rows
from .outline import Outline, outline_rows
from .pinned import Pinned, pinned_rows
from .tracks import Tracks, track_rows

ITERATIONS = 6
POSE_ITERATIONS = 8
LEAST_STIFFNESS = 1e-3
"""By which normal equations are stiffened, of their own: what no residual tells stays as it is."""
POSE = 6
"""Unknowns of a photo's own pose: rotation vector 3, translation 3."""
LEVEL_DEVIATION = np.radians([8.0])
"""How level people hold their heads in further photos with a face; the identity that all share tells the rest."""
LANDMARK_TRUST = 0.4
"""Of further photos: landmarks of turned faces err together, so that all of them count less than their number."""
SIDE_DEVIATIONS = np.radians([4.0, 7.0, 15.0])
"""How near a photo that shows no face lies to the side it is said to show: camera's height, turn and tilt."""


@dataclass(frozen=True, eq=False)
class Sight:
    """What one photo tells of the head.

    Attributes:
        camera: The photo's; its world is this photo's own.
        start: Where the search begins: pose in that world, identity and expression.
        expected: [3, 3] the head's rotation in that world that is to be expected: with a face, only how far it nods
            counts. Of no account for the portrait.
        landmarks: [L, 3] as in :class:`~core.head.landmark_solver.Observation`; None where no face was found.
        outline: The matte's outline; None where it is of no use.
        points: Eyes, nose, mouth and ears, coarsely; None where none were found.
        reached: How far a search came before: where this one begins instead.
        pinned: What was pinned by hand; None without. Such a photo only tells identity: camera, pose and expression
            stay as they are given.
    """

    camera: Camera
    start: Solution
    expected: np.ndarray
    landmarks: np.ndarray | None = None
    outline: Outline | None = None
    points: KeyPoints | None = None
    reached: Solution | None = None
    pinned: Pinned | None = None


def solve_together(
    model: HeadModel,
    sights: Sequence[Sight],
    thickness: np.ndarray,
    tracks: Sequence[Tracks] = (),
    iterations: int = ITERATIONS,
) -> list[Solution]:
    """Return the most probable heads of one person in several photos.

    Args:
        model: The head model.
        sights: The portrait's first: its camera fixes the size, and its priors are those of a photo alone.
        thickness: [V] metres by which hair stands off the head.
        tracks: Places seen in two of them.
        iterations: Steps of Gauss-Newton.

    Returns:
        A solution for each, in the world of its own camera; identity and the poses' scale are the same in all.
    """
    first = sights[0].reached or sights[0].start
    own = [first, *(resized(each, first) for each in sights[1:])]
    for _ in range(iterations):
        own = _step(model, sights, own, thickness, tracks)
    return own


def solve_pose(
    model: HeadModel, sight: Sight, start: Solution, thickness: np.ndarray, iterations: int = POSE_ITERATIONS
) -> Solution:
    """Return the most probable pose of a head of known shape in a further photo."""
    solution = start
    for _ in range(iterations):
        residuals, jacobian = _rows(model, sight, solution, thickness, False)
        jacobian = jacobian[:, :POSE]
        normal = jacobian.T @ jacobian
        stiff = normal + LEAST_STIFFNESS * (np.diag(np.diag(normal)) + np.eye(POSE))
        solution = replace(solution, pose=stepped(solution.pose, np.linalg.solve(stiff, jacobian.T @ residuals)))
    return solution


def camera_in_frame(camera: Camera, pose: Pose, frame: Pose) -> Camera:
    """Return a camera, in whose own world the head has ``pose``, in the world in which the head has ``frame``."""
    matrix = np.eye(4)
    matrix[:3, :3] = frame.rotation @ pose.rotation.T
    matrix[:3, 3] = frame.translation - matrix[:3, :3] @ pose.translation
    return camera.moved(matrix)


def resized(sight: Sight, first: Solution) -> Solution:
    """Return where a search starts with the first one's identity and size; the head is seen as large as before."""
    start, camera = sight.reached or sight.start, sight.camera
    ratio = first.pose.scale / start.pose.scale
    place = camera.position + (start.pose.translation - camera.position) * ratio
    return Solution(Pose(start.pose.rotation, place, first.pose.scale), first.identity, start.expression)


def _step(
    model: HeadModel, sights: Sequence[Sight], own: list[Solution], thickness: np.ndarray, tracks: Sequence[Tracks]
) -> list[Solution]:
    """Take one Gauss-Newton step; the unknowns are all poses, the scale, the identity, all expressions."""
    count, identities, expressions = len(own), len(model.identity), len(model.expressions)
    size = POSE * count + 1 + identities + expressions * count
    normal, target = np.zeros((size, size)), np.zeros(size)
    scale_at = POSE * count
    columns = [
        np.concatenate(
            [
                POSE * place + np.arange(POSE),
                scale_at + np.arange(1 + identities),
                scale_at + 1 + identities + expressions * place + np.arange(expressions),
            ]
        )
        for place in range(count)
    ]

    def told_by(place: int) -> tuple[np.ndarray, np.ndarray]:
        return _told(*_rows(model, sights[place], own[place], thickness, place == 0))

    for place, (its_normal, its_target) in enumerate(blocks.each(told_by, range(count))):
        normal[np.ix_(columns[place], columns[place])] += its_normal
        target[columns[place]] += its_target
        if sights[place].pinned is not None:
            still = columns[place][np.r_[0:POSE, POSE + 1 + identities : len(columns[place])]]
            normal[still, still] += 1.0

    def told_by_both(each: Tracks) -> tuple[np.ndarray, np.ndarray]:
        cameras = (sights[each.first].camera, sights[each.second].camera)
        residuals, parts = track_rows(model, each, cameras, (own[each.first], own[each.second]))
        jacobian = np.zeros((len(residuals), size))
        for place, part in zip((each.first, each.second), parts, strict=True):
            jacobian[:, columns[place]] += part
        return _told(residuals, jacobian)

    for its_normal, its_target in blocks.each(told_by_both, tracks):
        normal += its_normal
        target += its_target
    start = scale_at + 1 + identities
    low, high = np.full(size, -UNBOUNDED), np.full(size, UNBOUNDED)
    strengths = np.concatenate([each.expression for each in own])
    low[start:], high[start:] = -strengths, 1 - strengths
    step = bounded_step(normal, target, (low, high))
    identity = own[0].identity + step[scale_at + 1 : start]
    moved = zip(own, step[:scale_at].reshape(count, POSE), step[start:].reshape(count, expressions), strict=True)
    solutions = [
        Solution(stepped(solution.pose, move, step[scale_at]), identity, solution.expression + change)
        for solution, move, change in moved
    ]
    return [
        each if sight.pinned is None else resized(replace(sight, reached=before), solutions[0])
        for sight, before, each in zip(sights, own, solutions, strict=True)
    ]


def _told(residuals: np.ndarray, jacobian: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return what residuals add to normal equations: their matrix and their right side."""
    return jacobian.T @ jacobian, jacobian.T @ residuals


def _rows(
    model: HeadModel, sight: Sight, solution: Solution, thickness: np.ndarray, first: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Return a photo's residuals and their Jacobian by its own pose 6, the scale, identity and its own expression."""
    if sight.pinned is not None:
        return pinned_rows(model, sight.pinned, sight.camera, solution)
    camera = sight.camera
    rows = [_priors(model, sight, solution, first)]
    if sight.landmarks is not None:
        basis = landmark_basis(model)
        local = basis.mean + np.tensordot(solution.shape, basis.directions, 1)
        world, moves = posed_with_moves(local, basis.directions, solution.pose)
        observed = Observation(sight.landmarks, camera)
        seen, moves = camera.to_camera(world), moves @ camera.c2w[:3, :3]
        residuals, jacobian = landmark_rows(model, basis, observed, solution.pose, seen, moves)
        trust = 1.0 if first else LANDMARK_TRUST
        rows.append((trust * residuals, trust * jacobian))
    if sight.outline is not None:
        rows.append(outline_rows(model, sight.outline, camera, solution, thickness))
    if sight.points is not None:
        rows.append(key_point_rows(model, sight.points, camera, solution, ears_only=sight.landmarks is not None))
    residuals, jacobian = (np.concatenate(parts) for parts in zip(*rows, strict=True))
    return residuals, jacobian


def _priors(model: HeadModel, sight: Sight, solution: Solution, first: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return a photo's priors: the first one's are those of a photo alone, others' that they were taken about level."""
    camera = sight.camera
    upright = facing_camera(camera)
    residuals, jacobian = prior_rows(model, camera, upright, solution.pose, solution.shape)
    if first:
        return residuals, jacobian
    if sight.landmarks is None:
        # By the side that was told, about the camera's axes.
        axes, deviations = camera.c2w[:3, :3], SIDE_DEVIATIONS
    else:
        axes, deviations = upright[:, :1], LEVEL_DEVIATION
    turn = Rotation.from_matrix(solution.pose.rotation @ sight.expected.T).as_rotvec() @ axes
    level = np.zeros((axes.shape[1], jacobian.shape[1]))
    level[:, :3] = axes.T / deviations[:, None]
    # Behind turn 3, distance 1, scale 1 and identity come the expression's.
    own = 5 + len(model.identity)
    return np.concatenate([-turn / deviations, residuals[own:]]), np.concatenate([level, jacobian[own:]])
