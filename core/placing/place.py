"""Places the cameras of further photos of a person around the head fitted to the portrait."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial.transform import Rotation

from ..cameras import Camera, front_camera
from ..errors import Cancelled, FaceLiftError
from ..head.canonical import head_angles
from ..head.fitting import HeadFit, fit_of
from ..head.landmark_solver import Observation, Solution, solve
from ..head.model import HeadModel
from ..head.pose import Pose
from ..head.posture import level_shoulders
from ..head.residual_warp import warp_to_picture
from ..head.shape import HeadShape
from ..photo.alignment import ALIGNED_SIZE, Alignment
from ..photo.prepare import Portrait, over_white
from ..photo.sides import AUTO, BACK, FRONT, HELP, LEFT, LEFT_OUT, PLACED, RIGHT
from ..progress import Reporter
from .joint_solver import Sight, camera_in_frame, resized, solve_pose, solve_together
from .level import Level
from .outline import Outline, border_of, hair_thickness, raised
from .sightings import CROP_METRES, Sighting, see
from .tracks import Look, find_tracks
from .types import PlacedShot, Shot

TURNS = {LEFT: -90.0, RIGHT: 90.0, BACK: 180.0}
"""Degrees about the up axis by which the head is turned against one that looks at the camera."""
NO_PERSON = "Nobody was found in this photo. Choose one that shows the person, large and sharp."
CHOOSE_SIDE = (
    "This photo shows no face, and its outline does not tell the side. Choose what it shows: left, right or back."
)
UNLIKE = "This face is unlike the portrait's: is it another person? Then remove it."
POOR = "The head's outline does not fit this photo. Choose which side it shows, mend its matte, or remove it."
MOST_LANDMARK_ERROR = 9.0
"""Mean distance in pixels of the crop between a face's landmarks and the common head's, above which it is doubted."""
MOST_OUTLINE_ERROR = 12.0
"""Median distance in pixels of the crop between the matte's outline and the head's, above which it is doubted."""
MOST_UNLIKE = 3.4
"""Distance between two frontal photos' identities, in standard deviations, above which they are doubted to be of one
person. Measured: up to 2.7 for one person's photos, 1.6 to 4 for different people's, who can't be told surely."""
NO_HEAD_ERROR = 30.0
"""The same, above which what was cut out is no head."""
CLEARLY_BETTER = 0.8
"""Of the second best side's misfit, up to which the best one counts as clearly the best."""
FACELESS_PROFILE = 1.5
"""By what the misfit of a profile counts more in which the detector sees no face."""
RECROP = 0.02
"""Shares of the crop by which it is off, from which it is made again."""


MOST_BETWEEN = 65.0
"""Degrees between the views of two photos up to which places are looked for that both show."""
TRACK_ROUNDS, TRACK_ITERATIONS = 2, 3
"""How often such places are looked for, and steps of the solver after each."""


@dataclass(frozen=True, eq=False)
class _Candidate:
    """A photo on its way; ``clear`` unless its side is guessed, ``strange`` where the face is unlike the portrait's."""

    sighting: Sighting
    sight: Sight
    degrees: float
    side: str
    clear: bool = True
    strange: bool = False


def place_shots(
    portrait: Portrait,
    fit: HeadFit,
    portrait_camera: Camera,
    shots: Sequence[Shot],
    reporter: Reporter,
) -> tuple[tuple[PlacedShot, ...], HeadFit]:
    """Find where the cameras of further photos of a person stood.

    Args:
        portrait: The prepared portrait.
        fit: The head fitted to it.
        portrait_camera: The portrait's camera, ``fit.camera``.
        shots: The further photos.
        reporter: Receives one stage with a step for each photo.

    Returns:
        What became of each photo, and the head whose identity all photos tell, in the portrait's own expression and
        frame. Whatever is wrong with a photo is said in its message.

    Raises:
        Cancelled: cancelled through the reporter.
    """
    model, outline = fit.model, Outline.of(portrait.alpha)
    first = Solution(fit.pose, fit.identity.astype(np.float64), fit.expression.astype(np.float64))
    thickness = hair_thickness(model, outline, portrait_camera, first.pose, first.identity, first.expression)
    candidates: list[_Candidate | str] = []
    for shot in shots:
        reporter.check()
        candidates.append(_candidate(model, shot, first, thickness, reporter))
        reporter.step()
    found = sorted((each for each in candidates if isinstance(each, _Candidate)), key=lambda each: each.side == BACK)
    landmarks = portrait.landmarks.points.astype(np.float64)
    sights = [Sight(portrait_camera, first, first.pose.rotation, landmarks), *(each.sight for each in found)]
    pictures = [portrait.aligned, *(each.sighting.picture for each in found)]
    solutions = _solved(model, sights, pictures, thickness) if found else [first]
    reporter.check()
    refined = fit_of(model, solutions[0], landmarks, portrait_camera, portrait.alpha > 0.5) if found else fit
    offsets = refined.vertices - _posed(model, solutions[0])
    solved = dict(zip(map(id, found), solutions[1:], strict=True))
    placed = []
    for shot, candidate in zip(shots, candidates, strict=True):
        if isinstance(candidate, str):
            placed.append(_left_out(shot, refined, portrait_camera, candidate))
        else:
            # Somebody else's face must not change this one: it is placed, and changes no one else.
            solution = solved.get(id(candidate)) or resized(candidate.sight, solutions[0])
            placed.append(_placed(model, candidate, solution, solutions[0], offsets, thickness))
    return tuple(placed), refined


def _solved(model: HeadModel, sights: list[Sight], pictures: list[np.ndarray], thickness: np.ndarray) -> list[Solution]:
    """Return all photos' solutions: first by what each shows, then by what pairs of them show, too."""
    front = [sight for sight in sights if not sight.from_behind]
    solutions = _solved_from_front(model, front, pictures[: len(front)], thickness)
    level = Level.of(
        [camera_in_frame(a.camera, b.pose, solutions[0].pose) for a, b in zip(front, solutions, strict=True)],
        solutions[0].pose,
    )
    for sight in sights[len(front) :]:
        # Hair and the back of a skull tell nothing of the face: such a photo is placed, and changes no one else.
        expected = level.rotation_from(sight.camera, solutions[0].pose, TURNS[BACK])
        start = replace(solutions[0], pose=Pose(expected, np.zeros(3), solutions[0].pose.scale))
        solutions.append(solve_pose(model, replace(sight, expected=expected), start, thickness))
    return solutions


def _solved_from_front(
    model: HeadModel, sights: list[Sight], pictures: list[np.ndarray], thickness: np.ndarray
) -> list[Solution]:
    """Return the solutions of photos that show something of the face."""
    solutions = solve_together(model, sights, thickness)
    looks = [Look.of(picture, sight.camera) for picture, sight in zip(pictures, sights, strict=True)]
    for _ in range(TRACK_ROUNDS):
        both = zip(solutions, sights, strict=True)
        ways = np.array([each.pose.rotation.T @ sight.camera.c2w[:3, 2] for each, sight in both])
        angles = np.degrees(np.arccos(np.clip(ways @ ways.T, -1, 1)))
        tracks = [
            find_tracks(model, (looks[a], looks[b]), (solutions[a], solutions[b]), (a, b))
            for a in range(len(sights))
            for b in range(a + 1, len(sights))
            if angles[a, b] < MOST_BETWEEN
        ]
        sights = [replace(sight, reached=solution) for sight, solution in zip(sights, solutions, strict=True)]
        solutions = solve_together(model, sights, thickness, tracks, TRACK_ITERATIONS)
    return solutions


def _candidate(
    model: HeadModel, shot: Shot, first: Solution, thickness: np.ndarray, reporter: Reporter
) -> _Candidate | str:
    """Return a photo with a first guess of its pose, or why it can't be used."""
    try:
        sighting = see(shot, reporter)
        return NO_PERSON if sighting is None else _guessed(model, shot, sighting, first, thickness)
    except Cancelled:
        raise
    except FaceLiftError as error:
        return str(error)


def _guessed(
    model: HeadModel, shot: Shot, sighting: Sighting, first: Solution, thickness: np.ndarray
) -> _Candidate | str:
    """Return a photo with a first guess of its pose, or why there is none."""
    if sighting.landmarks is not None:
        degrees = shot.lens(sighting.alignment).degrees
        camera = front_camera(fov=degrees)
        points = sighting.landmarks.points.astype(np.float64)
        start = solve(model, [Observation(points, camera)])
        sight = Sight(camera, start, _expected(first, 0.0), points, Outline.of(sighting.alpha), sighting.points)
        unlike = float(np.linalg.norm(start.identity - first.identity))
        # Turned faces are measured less surely: they are never doubted.
        strange = sighting.side == FRONT and unlike > MOST_UNLIKE
        return _Candidate(sighting, sight, degrees, sighting.side, strange=strange)
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
) -> tuple[float, _Candidate]:
    """Return a photo placed by its outline as seen from a side, and how badly it fits in pixels."""
    points = sighting.points if side in (LEFT, RIGHT) else None
    sighting = replace(sighting, points=points)
    for attempt in range(2):
        degrees = shot.lens(sighting.alignment).degrees
        camera = front_camera(fov=degrees)
        expected = _expected(first, TURNS[side])
        start = Solution(Pose(expected, np.zeros(3), first.pose.scale), first.identity, first.expression)
        sight = Sight(
            camera,
            start,
            expected,
            outline=Outline.of(sighting.alpha),
            points=sighting.points,
            from_behind=side == BACK,
        )
        solution = solve_pose(model, sight, start, thickness)
        if attempt == 0:
            sighting = _centred(sighting, camera, solution.pose)
    error = _outline_error(model, sight, solution, thickness)
    return error, _Candidate(sighting, replace(sight, reached=solution), degrees, side)


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


def _outline_error(model: HeadModel, sight: Sight, solution: Solution, thickness: np.ndarray) -> float:
    """Return the median distance in pixels between the matte's border and the head's; NaN without a border."""
    assert sight.outline is not None
    vertices = raised(model, solution.identity, solution.expression, thickness)
    border = border_of(model, solution.pose.apply(vertices), sight.camera)
    distance, _ = sight.outline.at(border.pixels)
    known = np.abs(distance[np.isfinite(distance)])
    return float(np.median(known)) if len(known) else float("inf")


def _posed(model: HeadModel, solution: Solution, pose: Pose | None = None) -> np.ndarray:
    """Return a solution's vertices [V, 3], shoulders level."""
    pose = pose or solution.pose
    return level_shoulders(model, pose.apply(model.vertices(solution.identity, solution.expression)), pose)


def _placed(
    model: HeadModel,
    candidate: _Candidate,
    solution: Solution,
    first: Solution,
    offsets: np.ndarray,
    thickness: np.ndarray,
) -> PlacedShot:
    """Return a placed photo.

    Args:
        model: The head model.
        candidate: The photo.
        solution: Its own.
        first: The portrait's.
        offsets: [V, 3] what the portrait's head has beyond the model.
        thickness: [V] metres of hair.
    """
    sighting, sight = candidate.sighting, candidate.sight
    camera = camera_in_frame(sight.camera, solution.pose, first.pose)
    landmarks = None if sighting.landmarks is None else sighting.landmarks.points
    state, message = PLACED, ""
    if landmarks is None:
        vertices, expression = _posed(model, first) + offsets, first.expression
        error = _outline_error(model, sight, solution, thickness)
        if not candidate.clear:
            state, message = HELP, CHOOSE_SIDE
        elif error > MOST_OUTLINE_ERROR:
            state, message = HELP, POOR
    else:
        expression = solution.expression
        vertices = _posed(model, replace(solution, pose=first.pose)) + offsets
        pixels = sight.camera.project(
            model.landmarks(solution.pose.apply(model.vertices(solution.identity, expression)))
        )[0]
        error = float(np.linalg.norm(pixels - landmarks[:, :2], axis=1).mean())
        vertices = warp_to_picture(model, vertices, landmarks[:, :2], camera)
        if candidate.strange or error > MOST_LANDMARK_ERROR:
            state, message = HELP, UNLIKE
    shape = HeadShape(vertices.astype(np.float32), expression.astype(np.float32), first.pose)
    return PlacedShot(
        sighting.picture,
        camera,
        shape,
        landmarks,
        candidate.side,
        state,
        message,
        sighting.alignment,
        sighting.rgb,
        sighting.matte,
        error,
    )


def _left_out(shot: Shot, fit: HeadFit, camera: Camera, message: str) -> PlacedShot:
    """Return a photo that is of no use."""
    rgb = over_white(shot.photo)
    side = FRONT if shot.options.side == AUTO else shot.options.side
    size = (rgb.shape[1], rgb.shape[0])
    empty = np.zeros((ALIGNED_SIZE, ALIGNED_SIZE, 4), np.uint8)
    matte = np.zeros(rgb.shape[:2], np.uint8)
    return PlacedShot(empty, camera, fit.shape, None, side, LEFT_OUT, message, Alignment.stretched(size), rgb, matte)
