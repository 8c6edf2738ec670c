"""Finds the face of a head of splats of which nothing is known: size, place, and where it looks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..cameras import RIG_RADIUS, Camera, front_camera
from ..errors import FaceLiftError
from ..gaussians import Gaussians
from ..geometry.framing import upright_bounds
from ..head.landmark_solver import UNITS_PER_METRE
from ..head.model import HeadModel
from ..head.pose import Pose
from ..photo.faces import detect_faces
from ..photo.landmarks import Landmarks, detect_landmarks
from ..photo.types import FaceBox
from ..progress import Reporter
from .distance import head_frame
from .views import View, cropped, look, thinned

SEARCHED = 60_000
"""Splats that are drawn to search a face."""
SHOWN = 150_000
"""Splats that are drawn to find its landmarks."""
AZIMUTHS = (270, 225, 315, 180, 0, 135, 45, 90)
"""Degrees around the head from which a face is searched, beginning where faces look in Blender."""
WHOLE, PART = (256, 1), (384, 2)
"""Picture size, and levels of windows that are searched in it: a face that fills a good part of it, or a small one."""
UPS = (
    np.eye(3),
    np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]]),
    np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]]),
    np.array([[-1.0, 0, 0], [0, 1, 0], [0, 0, -1]]),
)
"""Rotations that are tried: upright, Y down, Y up, and upside down."""
FRONTAL = 0.45
"""Sine of the turn up to which a face counts as seen from the front."""
LEAST_SCORE = 0.5
"""Of landmarks; below it, what was found is no face."""
SURE_SCORE = 0.9
"""The same where the face is looked at straight."""
CERTAIN_SCORE = 0.9995
"""The same from which no other way up is tried."""
ROUNDS = 5
"""Of looking at the face straight and finding it better."""
STRAIGHT = np.radians(4.0)
"""Turn of the last round from which no further one is needed."""
ASKEW = np.radians(15.0)
"""Turn from which it was no face, seen by a mistake from below or beside, that never gets straight."""
RIGID_ROUNDS = 6
OUTLIER = 0.012
"""Metres at which a landmark loses half its weight: it was seen on hair, or beside the face."""
FOREHEAD, CHIN, RIGHT_EYE, LEFT_EYE = 10, 152, 33, 263
"""Landmarks of the face mesh network; right and left are the person's."""


@dataclass(frozen=True, eq=False)
class FoundFace:
    """A face, looked at straight.

    Attributes:
        matrix: [4, 4] similarity from the splats' space to the engines' frame: upright, the face
            to -Y, centred, of the size that the engines' cameras expect.
        view: What the rig's front camera sees there.
        landmarks: The face's landmarks in that picture.
    """

    matrix: np.ndarray
    view: View
    landmarks: Landmarks


def find_face(gaussians: Gaussians, upright: np.ndarray, model: HeadModel, reporter: Reporter) -> FoundFace:
    """Find the face.

    Args:
        gaussians: Splats.
        upright: [3, 3] rotation that probably makes them stand upright (+Z), the face to -Y.
        model: The head model.
        reporter: For cancelling; its stage is not changed.

    Raises:
        FaceLiftError: there is none ("no-head-found").
        Cancelled: cancelled through the reporter.
    """
    if not len(gaussians):
        raise _no_head()
    few, best = thinned(gaussians, SEARCHED), None
    for (size, levels), up in (*((WHOLE, up) for up in UPS), (PART, UPS[0])):
        matrix = _search(few, _framed(few, up @ upright), size, levels, model, reporter)
        found = None if matrix is None else _straightened(gaussians, matrix, model, reporter)
        if found is not None and (best is None or found.landmarks.score > best.landmarks.score):
            best = found
        # A face that stands on its head is nearly as good a face: only a certain one ends the search.
        if best is not None and best.landmarks.score >= CERTAIN_SCORE:
            break
    if best is None:
        raise _no_head()
    return best


def _framed(gaussians: Gaussians, up: np.ndarray) -> np.ndarray:
    """Return the similarity [4, 4] that turns splats by a rotation and brings them before the rig's cameras."""
    bounds = upright_bounds([gaussians.means @ up.T])
    scale = RIG_RADIUS / bounds.distance(256 / front_camera().fx)
    matrix = np.eye(4)
    matrix[:3, :3] = scale * up
    matrix[:3, 3] = -scale * bounds.center
    return matrix


def _search(
    few: Gaussians, frame: np.ndarray, size: int, levels: int, model: HeadModel, reporter: Reporter
) -> np.ndarray | None:
    """Return the way [4, 4] to the engines' frame by the face that is seen best from all around, or None."""
    framed = few.transform(frame)
    best, least = None, np.inf
    for azimuth in AZIMUTHS:
        reporter.check()
        view = look(framed, Camera.orbit(azimuth, size=size))
        for landmarks in _faces(view, levels):
            turn = _turn(landmarks)
            pose = _rigid(view, landmarks, model) if turn < least else None
            if pose is not None:
                best, least = head_frame(pose) @ frame, turn
        if least < FRONTAL:
            break
    return best


def _faces(view: View, levels: int) -> list[Landmarks]:
    """Return the landmarks of the faces in a picture."""
    found = [detect_landmarks(view.image, box) for box in detect_faces(view.image, levels)]
    return [landmarks for landmarks in found if landmarks.score >= LEAST_SCORE]


def _turn(landmarks: Landmarks) -> float:
    """Return the sine, 0..1, of the angle between a face's direction and the camera."""
    points = landmarks.points.astype(np.float64)
    normal = np.cross(points[LEFT_EYE] - points[RIGHT_EYE], points[CHIN] - points[FOREHEAD])
    return float(np.linalg.norm(normal[:2]) / np.linalg.norm(normal))


def _straightened(gaussians: Gaussians, matrix: np.ndarray, model: HeadModel, reporter: Reporter) -> FoundFace | None:
    """Look at a face from where it looks to until it looks straight; None where there is none after all."""
    for _ in range(ROUNDS):
        reporter.check()
        view = look(cropped(gaussians, matrix, SHOWN), front_camera())
        landmarks = detect_landmarks(view.image, expected_box(model, view.camera))
        pose = _rigid(view, landmarks, model)
        if landmarks.score < LEAST_SCORE or pose is None:
            return None
        turn = np.arccos(np.clip((np.trace(pose.rotation) - 1) / 2, -1, 1))
        found = FoundFace(matrix, view, landmarks)
        if turn < STRAIGHT:
            break
        matrix = head_frame(pose) @ matrix
    return found if turn < ASKEW and landmarks.score >= SURE_SCORE else None


def expected_box(model: HeadModel, camera: Camera) -> FaceBox:
    """Return where a camera sees the face of the average head in the engines' frame."""
    average = Pose(np.eye(3), np.zeros(3), UNITS_PER_METRE)
    pixels, _ = camera.project(average.apply(model.landmarks(model.mean)))
    (x0, y0), (x1, y1) = pixels.min(axis=0), pixels.max(axis=0)
    return FaceBox(x0, y0, x1, y1, 1.0, 0.0)


def _rigid(view: View, landmarks: Landmarks, model: HeadModel) -> Pose | None:
    """Return the pose of the average head that meets the landmarks on the surface; None where too little is seen."""
    pixels = landmarks.points[:, :2].astype(np.float64)
    seen = view.at(view.alpha, pixels) > 0.5
    if seen.mean() < 0.5:
        return None
    model_points, surface = model.landmarks(model.mean)[seen].astype(np.float64), view.surface(pixels)[seen]
    weights = 1 / (1 + (model.landmark_spread[seen] / 0.004) ** 2)
    for _ in range(RIGID_ROUNDS):
        pose = Pose.between(model_points, surface, weights)
        errors = np.linalg.norm(pose.apply(model_points) - surface, axis=1) / pose.scale
        weights = 1 / (1 + (errors / OUTLIER) ** 2) ** 2
    return pose


def _no_head() -> FaceLiftError:
    return FaceLiftError(
        "No face was found in these splats.",
        "They must show one whole face, and stand upright: turn the object so that the head's top points up.",
        code="no-head-found",
    )
