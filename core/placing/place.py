"""Places the cameras of further photos of a person around the head fitted to the portrait."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..cameras import Camera
from ..errors import Cancelled, FaceLiftError
from ..head.fitting import HeadFit, fit_of, mean_distance, posed_head
from ..head.landmark_solver import Solution
from ..head.model import HeadModel
from ..head.pose import Pose
from ..head.residual_warp import warp_to_picture
from ..head.shape import HeadShape
from ..photo.prepare import Portrait
from ..photo.sides import AUTO, BACK, FRONT, HELP, LEFT_OUT, PLACED
from ..progress import Reporter, crop_preview
from ..system import blocks
from ..system.pictures import png_bytes
from .by_hand import candidate_by_hand
from .candidates import TURNS, Candidate, candidate_of
from .joint_solver import Sight, camera_in_frame, resized, solve_pose, solve_together
from .level import Level
from .mirroring import find_mirrored
from .other_hair import marked
from .outline import Outline, hair_thickness, outline_error
from .sightings import see_whole
from .tracks import Look, Tracks, find_tracks
from .types import PlacedShot, Shot

CHOOSE_SIDE = (
    "This photo shows no face, and its outline does not tell the side. Choose what it shows: left, right or back."
)
UNLIKE = (
    "This face is unlike the portrait's, so nothing of it was used. If it is another person, remove the photo; else "
    "place it by hand."
)
MIRRORED = "This photo looks mirrored, as selfies are: moles and partings would be on the wrong side. Flip it first."
POOR = "The head's outline does not fit this photo. Choose which side it shows, mend its matte, or remove it."
MOST_LANDMARK_ERROR = 9.0
"""Mean distance in pixels of the crop between a face's landmarks and the common head's, above which it is doubted."""
MOST_OUTLINE_ERROR = 12.0
"""Median distance in pixels of the crop between the matte's outline and the head's, above which it is doubted."""
MOST_BETWEEN = 65.0
"""Degrees between the views of two photos up to which places are looked for that both show."""
LOOKING_SECONDS, SOLVING_SECONDS = 1.1, 0.8
"""For each photo: to find the head in it, and to place it with the others."""
PHOTOS_AT_ONCE = 2
"""That are looked at side by side; each takes some 100 MB meanwhile."""
TRACK_ROUNDS, TRACK_ITERATIONS = 2, 3
"""How often such places are looked for, and steps of the solver after each."""


def seconds_for(count: int) -> tuple[float, ...]:
    """Return about how long each part of :func:`place_shots` takes, for the progress, by how many shots it gets."""
    return *[LOOKING_SECONDS] * count, SOLVING_SECONDS * count


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
        reporter: Receives a stage for each photo, one for all of them together, and each photo's crop as a preview.

    Returns:
        What became of each photo, and the head whose identity all photos tell, in the portrait's own expression and
        frame. Whatever is wrong with a photo is said in its message. What the user placed by hand stays there.

    Raises:
        Cancelled: cancelled through the reporter.
    """
    model, outline = fit.model, Outline.of(portrait.alpha)
    first = Solution(fit.pose, fit.identity.astype(np.float64), fit.expression.astype(np.float64))
    thickness = hair_thickness(model, outline, portrait_camera, first)
    candidates: list[Candidate | str] = []
    *looking, placing = reporter.parts(*seconds_for(len(shots)))
    quiet = Reporter(cancel=reporter.cancel_event)
    guesses = blocks.each(lambda shot: _candidate(model, shot, first, thickness, quiet), shots, PHOTOS_AT_ONCE)
    for shot, part in zip(shots, looking, strict=True):
        part.stage(f"Looking at {shot.photo.name}")
        candidates.append(next(guesses))
    placing.stage("Placing the photos")
    found = [each for each in candidates if isinstance(each, Candidate)]
    landmarks = portrait.landmarks.points.astype(np.float64)
    own = Sight(portrait_camera, first, first.pose.rotation, landmarks)
    solutions = [first]
    mirrored: list[Candidate] = []
    if found:
        found, solutions, mirrored = _solved_doubting(model, own, portrait.aligned, found, thickness)
    reporter.check()
    refined = fit_of(model, solutions[0], landmarks, portrait_camera, portrait.alpha > 0.5) if found else fit
    offsets = refined.vertices - posed_head(model, solutions[0])
    others = iter(
        [
            _placed(model, candidate, solution, solutions[0], offsets, thickness, candidate in mirrored)
            for candidate, solution in zip(found, solutions[1:], strict=True)
        ]
    )
    placed = [
        _left_out(shot, refined, portrait_camera, candidate) if isinstance(candidate, str) else next(others)
        for shot, candidate in zip(shots, candidates, strict=True)
    ]
    # Who places a photo by hand wants what it shows.
    unsure = [number for number, shot in enumerate(shots) if shot.placement is None]
    checked = marked(refined, portrait.aligned, thickness, [placed[number] for number in unsure])
    for number, each in zip(unsure, checked, strict=True):
        placed[number] = each
    for number, each in enumerate(placed, 1):
        reporter.preview(crop_preview(number), png_bytes(each.alignment.apply(each.rgb)))
    return tuple(placed), refined


def _candidate(
    model: HeadModel, shot: Shot, first: Solution, thickness: np.ndarray, reporter: Reporter
) -> Candidate | str:
    """Return a photo as it was placed by hand, or else with a first guess; a sentence where it can't be used."""
    try:
        if shot.placement is not None:
            return candidate_by_hand(model, shot, first, thickness, reporter)
        return candidate_of(model, shot, first, thickness, reporter)
    except Cancelled:
        raise
    except FaceLiftError as error:
        return str(error)


def _solved_doubting(
    model: HeadModel, portrait: Sight, picture: np.ndarray, found: list[Candidate], thickness: np.ndarray
) -> tuple[list[Candidate], list[Solution], list[Candidate]]:
    """Return the photos found, with those doubted whose face does not fit the head of all, and as :func:`_solved`.

    Somebody else's face must not stay in the head: without it, all are solved once more.
    """
    solutions, mirrored = _solved(model, portrait, picture, found, thickness)
    errors = [_landmark_error(model, *each) for each in zip(found, solutions[1:], strict=True)]
    misfits = [each.tells_shape and error > MOST_LANDMARK_ERROR for each, error in zip(found, errors, strict=True)]
    if not any(misfits):
        return found, solutions, mirrored
    found = [replace(each, strange=each.strange or misfit) for each, misfit in zip(found, misfits, strict=True)]
    return found, *_solved(model, portrait, picture, found, thickness)


def _landmark_error(model: HeadModel, candidate: Candidate, solution: Solution) -> float:
    """Return the mean distance in pixels of the crop between a photo's landmarks and the head's; 0 without a face."""
    landmarks = candidate.sighting.landmarks
    if landmarks is None or candidate.by_hand:
        return 0.0
    return mean_distance(model, solution.vertices(model), landmarks.points, candidate.sight.camera)


def _solved(
    model: HeadModel, portrait: Sight, picture: np.ndarray, found: Sequence[Candidate], thickness: np.ndarray
) -> tuple[list[Solution], list[Candidate]]:
    """Return the solutions of the portrait and all photos found, and which of those are mirrored.

    The portrait's picture is [512, 512, 4].
    """
    front = [each for each in found if each.tells_shape]
    sights = [portrait, *(each.sight for each in front)]
    pictures = [picture, *(each.sighting.picture for each in front)]
    (first, *others), mirrored = _solved_from_front(model, sights, pictures, thickness)
    own = zip(sights, [first, *others], strict=True)
    level = Level.of([camera_in_frame(sight.camera, each.pose, first.pose) for sight, each in own], first.pose)
    solved = iter(others)
    all_found = [_solved_alone(model, each, first, level, thickness) or next(solved) for each in found]
    return [first, *all_found], [front[number - 1] for number in mirrored]


def _solved_alone(
    model: HeadModel, candidate: Candidate, first: Solution, level: Level, thickness: np.ndarray
) -> Solution | None:
    """Return the solution of a photo that changes no one else; None of one that does."""
    if candidate.tells_shape:
        return None
    if candidate.by_hand or candidate.strange:
        return resized(candidate.sight, first)
    return _solved_from_behind(model, candidate.sight, first, level, thickness)


def _solved_from_behind(
    model: HeadModel, sight: Sight, first: Solution, level: Level, thickness: np.ndarray
) -> Solution:
    """Return the solution of a photo from behind.

    Hair and the back of a skull tell nothing of the face: such a photo is placed, and changes no one else.
    """
    expected = level.rotation_from(sight.camera, first.pose, TURNS[BACK])
    start = replace(first, pose=Pose(expected, np.zeros(3), first.pose.scale))
    return solve_pose(model, replace(sight, expected=expected), start, thickness)


def _solved_from_front(
    model: HeadModel, sights: list[Sight], pictures: list[np.ndarray], thickness: np.ndarray
) -> tuple[list[Solution], list[int]]:
    """Return the solutions of photos that show something of the face, and which of them look mirrored."""
    solutions = solve_together(model, sights, thickness)
    looks = [Look.of(picture, sight.camera) for picture, sight in zip(pictures, sights, strict=True)]
    tracks: list[Tracks] = []
    for _ in range(TRACK_ROUNDS):
        both = zip(solutions, sights, strict=True)
        ways = np.array([each.pose.rotation.T @ sight.camera.c2w[:3, 2] for each, sight in both])
        angles = np.degrees(np.arccos(np.clip(ways @ ways.T, -1, 1)))
        pairs = [
            (a, b)
            for a in range(len(sights))
            for b in range(a + 1, len(sights))
            if angles[a, b] < MOST_BETWEEN and sights[a].pinned is None and sights[b].pinned is None
        ]
        tracks = find_tracks(model, looks, solutions, pairs)
        sights = [replace(sight, reached=solution) for sight, solution in zip(sights, solutions, strict=True)]
        solutions = solve_together(model, sights, thickness, tracks, TRACK_ITERATIONS)
    return solutions, find_mirrored(model, looks, solutions, tracks)


def _placed(
    model: HeadModel,
    candidate: Candidate,
    solution: Solution,
    first: Solution,
    offsets: np.ndarray,
    thickness: np.ndarray,
    mirrored: bool,
) -> PlacedShot:
    """Return a placed photo.

    Args:
        model: The head model.
        candidate: The photo.
        solution: Its own.
        first: The portrait's.
        offsets: [V, 3] what the portrait's head has beyond the model.
        thickness: [V] metres of hair.
        mirrored: Whether it looks mirrored.
    """
    sighting, sight = candidate.sighting, candidate.sight
    camera = camera_in_frame(sight.camera, solution.pose, first.pose)
    landmarks = None if sighting.landmarks is None else sighting.landmarks.points
    state, message = PLACED, MIRRORED if mirrored else ""
    if candidate.by_hand:
        vertices, expression, error = posed_head(model, first) + offsets, first.expression, float("nan")
    elif landmarks is None:
        assert sight.outline is not None
        vertices, expression = posed_head(model, first) + offsets, first.expression
        error = outline_error(model, sight.outline, sight.camera, solution, thickness)
        if not candidate.clear:
            state, message = HELP, CHOOSE_SIDE
        elif error > MOST_OUTLINE_ERROR:
            state, message = HELP, POOR
    else:
        expression = solution.expression
        vertices = posed_head(model, replace(solution, pose=first.pose)) + offsets
        error = _landmark_error(model, candidate, solution)
        vertices = warp_to_picture(model, vertices, landmarks[:, :2], camera)
        if candidate.strange:
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
    side = FRONT if shot.options.side == AUTO else shot.options.side
    whole = see_whole(shot.photo)
    return PlacedShot(
        whole.picture, camera, fit.shape, None, side, LEFT_OUT, message, whole.alignment, whole.rgb, whole.matte
    )
