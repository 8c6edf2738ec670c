"""Fits the parametric head to a face's landmarks in the aligned photo.

The unknowns are the head's pose, its identity and its expression
(:mod:`~core.head.landmark_solver`). What the model can't express is then taken up by a
smooth displacement of the mesh (:mod:`~core.head.residual_warp`), so that the fitted
mesh meets the photo's landmarks.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..cameras import Camera, front_camera
from .canonical import undo_rotation
from .landmark_solver import Observation, Solution, solve
from .model import HeadModel, load_head_model, vertex_normals
from .pose import Pose
from .posture import level_shoulders
from .residual_warp import warp_to_picture
from .shape import HeadShape


@dataclass(frozen=True, eq=False)
class HeadFit:
    """The head model fitted to a photo.

    The world is the one in which ``camera`` sees the aligned photo: projecting ``vertices``
    through ``camera`` lands on the photo's pixels. With the rig's front camera that is the
    engines' common frame (+Z up, the face looks to about -Y, the head's centre near the origin),
    the head turned as in the photo. ``canonical`` leads to the frame in which it looks straight
    ahead.

    Attributes:
        model: The head model; ``vertices`` are in its order, ``model.triangles`` and
            ``model.regions`` apply.
        camera: The photo's camera.
        vertices: [V, 3] float32 world positions, displaced to meet the landmarks; neck and torso
            do not follow the head's pitch and roll (see ``posture``).
        pose: Rotation, translation and scale from the model's metres to the world;
            ``pose.scale`` is world units per metre, ``pose.translation`` the head's centre.
        identity: [K] float32 coefficients in standard deviations.
        expression: [E] float32 coefficients 0..1, named by ``model.expression_names``.
        landmarks: [L, 2] float32 pixel positions asked for (the photo's landmarks).
        canonical: [4, 4] float64 rigid world transformation that turns the head to look along
            -Y, upright; small estimated angles are left alone (see ``canonical``'s module). The
            pivot is the head's centre, ``pose.translation``, which stays where it is.
        reprojection_error: Mean distance in pixels between the landmarks asked for and those of
            ``vertices``.
        model_error: The same before the residual displacement.
    """

    model: HeadModel
    camera: Camera
    vertices: np.ndarray
    pose: Pose
    identity: np.ndarray
    expression: np.ndarray
    landmarks: np.ndarray
    canonical: np.ndarray
    reprojection_error: float
    model_error: float

    @cached_property
    def normals(self) -> np.ndarray:
        """[V, 3] unit vertex normals of ``vertices``, outward."""
        return vertex_normals(self.vertices, self.model.triangles)

    @property
    def shape(self) -> HeadShape:
        """What is needed to make the head's base mesh, in the world."""
        return HeadShape(self.vertices, self.expression, self.pose)

    @property
    def metres_per_unit(self) -> float:
        """Length of one world unit on this head in metres."""
        return 1 / self.pose.scale


def fit_head(landmarks: np.ndarray, camera: Camera | None = None, silhouette: np.ndarray | None = None) -> HeadFit:
    """Fit the head model to landmarks.

    Args:
        landmarks: [L, 3] landmarks of the face mesh network in the picture of ``camera``:
            x right, y down in pixels; z in the same scale, smaller is nearer. Only their
            differences in z are used, with little weight.
        camera: The picture's camera; the rig's front camera if None.
        silhouette: [H, W] bool, where the picture shows the person (the matte above one half).
            Cheeks and ears that would stick out of it are drawn in; None skips that.
    """
    camera = front_camera() if camera is None else camera
    model = load_head_model()
    return fit_of(model, solve(model, [Observation(landmarks, camera)]), landmarks, camera, silhouette)


def fit_of(
    model: HeadModel, solution: Solution, landmarks: np.ndarray, camera: Camera, silhouette: np.ndarray | None
) -> HeadFit:
    """Return the fit that follows from a solution: shoulders level, landmarks met.

    Args:
        model: The head model.
        solution: Pose in the camera's world, and shape.
        landmarks: As in :func:`fit_head`, as the next two.
        camera: The picture's.
        silhouette: Where it shows the person, or None.
    """
    posed = posed_head(model, solution)
    vertices = warp_to_picture(model, posed, landmarks[:, :2], camera, silhouette)
    return HeadFit(
        model=model,
        camera=camera,
        vertices=vertices.astype(np.float32),
        pose=solution.pose,
        identity=solution.identity.astype(np.float32),
        expression=solution.expression.astype(np.float32),
        landmarks=np.asarray(landmarks[:, :2], np.float32),
        canonical=undo_rotation(solution.pose),
        reprojection_error=mean_distance(model, vertices, landmarks, camera),
        model_error=mean_distance(model, posed, landmarks, camera),
    )


def posed_head(model: HeadModel, solution: Solution) -> np.ndarray:
    """Return a solution's vertices [V, 3] in the world, shoulders level."""
    return level_shoulders(model, solution.vertices(model), solution.pose)


def mean_distance(model: HeadModel, vertices: np.ndarray, landmarks: np.ndarray, camera: Camera) -> float:
    """Return the mean pixel distance between given landmarks and those of a mesh."""
    pixels, _ = camera.project(model.landmarks(vertices))
    return float(np.linalg.norm(pixels - landmarks[:, :2], axis=1).mean())
