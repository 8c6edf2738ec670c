"""A further photo on its way: cut out, with a first guess of its head's pose, and which side of the head it shows."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial.transform import Rotation

from ..cameras import Camera, front_camera
from ..head.canonical import head_angles
from ..head.landmark_solver import Observation, Solution, solve
from ..head.model import HeadModel
from ..head.pose import Pose
from ..photo.alignment import ALIGNED_SIZE
from ..photo.findings import pose_of
from ..photo.sides import AUTO, BACK, FRONTAL, LEFT, RIGHT
from ..progress import Reporter
from .joint_solver import Sight, solve_pose
from .outline import outline_error
from .sightings import CROP_METRES, Sighting, see
from .types import Shot

TURNS = {LEFT: -90.0, RIGHT: 90.0, BACK: 180.0}
"""Degrees about the up axis by which the head is turned against one that looks at the camera."""
NO_PERSON = "Nobody was found in this photo. Place it by hand, or choose one that shows the person, large and sharp."
MOST_UNLIKE, MOST_UNLIKE_BY_TURN = 3.4, 0.03
"""Distance between two photos' identities, in standard deviations, above which they are doubted to be of one person:
of frontal ones, and more by each degree that a face is turned further, as turned ones are measured less surely.
Measured on 181 pairs of one person's photos and 3397 of different people's: of the former none is doubted (the nearest
is 0.3 below), of the latter 35 % where both are frontal, 21 % up to 40 degrees of turn, 14 % beyond. Profiles and backs
have no landmarks, and nothing in them tells people apart."""
NO_HEAD_ERROR = 30.0
"""Median distance in pixels of the crop between the matte's outline and the head's, above which what was cut out is no
head."""
CLEARLY_BETTER = 0.8
"""Of the second best side's misfit, up to which the best one counts as clearly the best."""
FACELESS_PROFILE = 1.5
"""By what the misfit of a profile counts more in which the detector sees no face."""
RECROP = 0.02
"""Shares of the crop by which it is off, from which it is made again."""


@dataclass(frozen=True, eq=False)
class Candidate:
    """A photo on its way.

    Attributes:
        sighting: What it shows.
        sight: What that tells of the head, with a first guess.
        side: What it shows, one of :data:`~core.photo.sides.SIDES`.
        clear: Whether the side is no guess.
        strange: Whether the face is unlike the portrait's: then it is placed, and changes no one else's head.
        by_hand: Whether the user placed it: then the pose is no guess, and stays.
    """

    sighting: Sighting
    sight: Sight
    side: str
    clear: bool = True
    strange: bool = False
    by_hand: bool = False

    @property
    def tells_shape(self) -> bool:
        """Whether it tells something of the head that all photos share."""
        if self.by_hand:
            return self.sight.pinned is not None
        return self.side != BACK and not self.strange


def candidate_of(
    model: HeadModel, shot: Shot, first: Solution, thickness: np.ndarray, reporter: Reporter
) -> Candidate | str:
    """Return a photo with a first guess of its pose, or why it can't be used.

    Args:
        model: The head model.
        shot: The photo.
        first: The portrait's head.
        thickness: [V] metres by which hair stands off it.
        reporter: For cancelling.

    Raises:
        FaceLiftError: it can't be used.
        Cancelled: cancelled through the reporter.
    """
    sighting = see(shot, reporter)
    return NO_PERSON if sighting is None else _guessed(model, shot, sighting, first, thickness)


def _guessed(
    model: HeadModel, shot: Shot, sighting: Sighting, first: Solution, thickness: np.ndarray
) -> Candidate | str:
    """Return a photo with a first guess of its pose, or why there is none."""
    if sighting.landmarks is not None:
        camera = front_camera(fov=shot.lens(sighting.alignment).degrees)
        points = sighting.landmarks.points.astype(np.float64)
        start = solve(model, [Observation(points, camera)])
        sight = Sight(camera, start, _expected(first, 0.0), points, sighting.outline, sighting.points)
        turned = max(abs(pose_of(sighting.landmarks)[0]) - FRONTAL, 0.0)
        unlike = float(np.linalg.norm(start.identity - first.identity))
        return Candidate(sighting, sight, sighting.side, strange=unlike > MOST_UNLIKE + MOST_UNLIKE_BY_TURN * turned)
    # Profiles mostly show a face to the detector: without one, they must fit better than the back.
    sides = tuple(TURNS) if sighting.side == AUTO else (sighting.side,)
    tried = sorted(
        (
            (misfit * (1.0 if side == BACK else FACELESS_PROFILE), candidate)
            for side in sides
            for misfit, candidate in [_by_outline(model, shot, sighting, side, first, thickness)]
        ),
        key=lambda each: each[0],
    )
    best, candidate = tried[0]
    if best > NO_HEAD_ERROR and sighting.points is None:
        return NO_PERSON
    return candidate if len(tried) == 1 else replace(candidate, clear=best < CLEARLY_BETTER * tried[1][0])


def _by_outline(
    model: HeadModel, shot: Shot, sighting: Sighting, side: str, first: Solution, thickness: np.ndarray
) -> tuple[float, Candidate]:
    """Return a photo placed by its outline as seen from a side, and how badly it fits in pixels."""
    expected = _expected(first, TURNS[side])
    start = replace(first, pose=Pose(expected, np.zeros(3), first.pose.scale))

    def solved(seen: Sighting, begin: Solution) -> tuple[Sight, Solution]:
        camera = front_camera(fov=shot.lens(seen.alignment).degrees)
        sight = Sight(camera, start, expected, outline=seen.outline, points=seen.points)
        return sight, solve_pose(model, sight, begin, thickness)

    sight, solution = solved(sighting, start)
    centred = _centred(sighting, sight.camera, solution.pose)
    if centred is not sighting:
        sighting = centred
        sight, solution = solved(centred, replace(start, pose=replace(start.pose, rotation=solution.pose.rotation)))
    error = outline_error(model, sighting.outline, sight.camera, solution, thickness)
    return error, Candidate(sighting, replace(sight, reached=solution), side)


def _expected(first: Solution, turn: float) -> np.ndarray:
    """Return the rotation [3, 3] of a head that nods as the portrait's does, turned by degrees about the up axis.

    Who photographs a head from several sides goes around it at one height; and a fit's nod has an error of its own,
    which is the same all around.
    """
    pitch = head_angles(first.pose)[0]
    return Rotation.from_euler("ZX", [np.radians(turn), pitch]).as_matrix()


def _centred(sighting: Sighting, camera: Camera, pose: Pose) -> Sighting:
    """Return the crop that shows the head where a portrait's shows it, and as large."""
    (center,), (depth,) = camera.project(pose.translation[None])
    side = CROP_METRES * pose.scale * camera.fx / depth
    off = max(abs(side / ALIGNED_SIZE - 1), *np.abs(center / ALIGNED_SIZE - 0.5))
    return sighting if off < RECROP else sighting.recropped(center, float(side))
