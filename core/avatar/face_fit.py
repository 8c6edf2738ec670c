"""Fits the head model to a face found in splats: landmarks of rendered views, and their depths."""

from __future__ import annotations

import numpy as np

from ..cameras import RIG_RADIUS, VIEW_AZIMUTHS, Camera
from ..gaussians import Gaussians
from ..head.landmark_solver import UNITS_PER_METRE, Observation, solve
from ..head.model import HeadModel
from ..head.residual_warp import warp_to_picture
from ..head.shape import HeadShape
from ..photo.landmarks import Landmarks, detect_landmarks
from ..progress import Reporter
from .distance import CRISP, OPAQUE
from .face_search import LEAST_SCORE, FoundFace, expected_box
from .views import View, look

TURNS = (-35.0, 35.0)
"""Degrees to both sides of the front at which the face is looked at too."""


def fit_face(gaussians: Gaussians, face: FoundFace, model: HeadModel, reporter: Reporter) -> HeadShape:
    """Return the head model fitted to a face, in the engines' frame.

    Args:
        gaussians: In the engines' frame.
        face: Its face.
        model: The head model.
        reporter: For cancelling.
    """
    observations = [_observation(face.view, face.landmarks)]
    for turn in TURNS:
        reporter.check()
        camera = Camera.orbit(VIEW_AZIMUTHS[0] + turn)
        view = look(gaussians, camera, reach=RIG_RADIUS)
        landmarks = detect_landmarks(view.image, expected_box(model, camera))
        if landmarks.score >= LEAST_SCORE:
            observations.append(_observation(view, landmarks))
    solution = solve(model, observations)
    posed = solution.pose.apply(model.vertices(solution.identity, solution.expression))
    vertices = warp_to_picture(model, posed, face.landmarks.points[:, :2], face.view.camera)
    return HeadShape(vertices, solution.expression, solution.pose)


def _observation(view: View, landmarks: Landmarks) -> Observation:
    """Return landmarks with the depths of the surface where it is clear."""
    pixels = landmarks.points[:, :2]
    depths = view.at(view.depth, pixels)
    limit = CRISP * UNITS_PER_METRE
    clear = (view.at(view.alpha, pixels) > OPAQUE) & (view.at(view.spread, pixels) < limit)
    return Observation(landmarks.points, view.camera, np.where(clear, depths, np.nan))
