"""Eyes, nose, mouth and ears, as the face detector sees them: coarse, but in profile, too.

The face mesh network needs a face that looks about at the camera. The detector's six key points hold on to profiles:
one look is off by some centimetres, so many are taken, each with other borders and mirrored, and the median counts.
The visible ear's place against the face tells the turn, which neither outline nor face tell well.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ..cameras import Camera
from ..head.landmark_solver import Solution, landmark_basis, posed_with_moves
from ..head.model import HeadModel
from ..photo.faces import key_points
from ..photo.landmarks import EYE_OUTLINES
from ..photo.sampling import Square

RIGHT_EYE, LEFT_EYE, NOSE, MOUTH, RIGHT_EAR, LEFT_EAR = range(6)
NOSE_TIP, INNER_LIPS = 1, (13, 14)
"""Landmarks of the face mesh at the nose's tip, and between the lips."""
EAR_VERTICES = (2527, 5110)
"""The head model's vertices at the entry of the right and of the left ear."""
SIDES = (1.7, 2.1, 2.5, 3.0)
"""Sides of the windows, in sides of the face's box."""
SHIFTS = ((0.0, -0.1), (0.12, 0.0), (-0.12, 0.0))
"""Of the windows, in the same unit."""
NOISE_PIXELS = 5.0
"""Noise of a median in pixels of a 512-pixel picture, beside what the looks' scatter tells."""
POINT_PIXELS = 4.0
"""What heads differ in that the model's few points don't tell, in the same pixels."""
LEAST_SCORE = 0.5
"""Mean probability of a face below which its key points mean nothing."""
LEAST_TURN = 25.0
"""Degrees of turn from which an ear is seen well enough."""


@dataclass(frozen=True, eq=False)
class KeyPoints:
    """Key points in a picture.

    Attributes:
        pixels: [6, 2]: the person's right eye, left eye, nose, mouth, right ear, left ear.
        scatter: [6] of the looks' medians, in the same pixels.
        score: The looks' mean probability of a face.
    """

    pixels: np.ndarray
    scatter: np.ndarray
    score: float

    @property
    def turn(self) -> float:
        """How far the face looks to the picture's right, -1..1; about -1 and 1 are profiles."""
        eyes, ears = self.pixels[:2].mean(0), self.pixels[4:].mean(0)
        across = max(float(np.abs(self.pixels[4:, 0] - self.pixels[NOSE, 0]).max()), 1e-6)
        return float(np.clip((eyes[0] - ears[0]) / across, -1, 1))

    def mapped(self, scale: float, offset: tuple[float, float]) -> KeyPoints:
        """Return them in another picture, whose pixels are these times ``scale`` plus ``offset`` (x, y)."""
        return KeyPoints(self.pixels * scale + np.array(offset), self.scatter * scale, self.score)


def find_key_points(rgb: np.ndarray, center: tuple[float, float], side: float) -> KeyPoints:
    """Return a face's key points.

    Args:
        rgb: [H, W, 3] uint8 sRGB.
        center: Of the face's box (x, y) in pixels.
        side: Of that box.
    """
    looks = [
        key_points(rgb, Square(center[0] + x * side, center[1] + y * side, times * side), mirrored)
        for times in SIDES
        for x, y in SHIFTS
        for mirrored in (False, True)
    ]
    points = np.array([look[1] for look in looks])
    median = np.median(points, axis=0)
    away = np.median(np.linalg.norm(points - median, axis=2), axis=0)
    return KeyPoints(median, away / np.sqrt(len(SIDES)), float(np.mean([look[0] for look in looks])))


@lru_cache(maxsize=1)
def _basis(model: HeadModel) -> tuple[np.ndarray, np.ndarray]:
    """Return the key points on the model's mean [6, 3] and their directions [K + E, 6, 3]."""
    basis, ears = landmark_basis(model), list(EAR_VERTICES)
    shapes = np.concatenate([model.identity[:, ears], model.expressions[:, ears]])
    face = ([*EYE_OUTLINES[0]], [*EYE_OUTLINES[1]], [NOSE_TIP], [*INNER_LIPS])
    mean = np.concatenate([[basis.mean[each].mean(0) for each in face], model.mean[ears]])
    directions = [basis.directions[:, each].mean(1) for each in face]
    return mean.astype(np.float64), np.concatenate([np.stack(directions, axis=1), shapes], axis=1).astype(np.float64)


def key_point_rows(
    model: HeadModel,
    seen: KeyPoints,
    camera: Camera,
    solution: Solution,
    ears_only: bool,
) -> tuple[np.ndarray, np.ndarray]:
    """Return weighted residuals [12] of the key points and their Jacobian [12, 7 + K + E], as landmarks' are ordered.

    Args:
        model: The head model.
        seen: In the camera's picture.
        camera: The camera.
        solution: The head, in the camera's world.
        ears_only: Leave the face to its landmarks.
    """
    mean, directions = _basis(model)
    world, moves = posed_with_moves(mean + np.tensordot(solution.shape, directions, 1), directions, solution.pose)
    inside = camera.to_camera(world)
    slopes = camera.pixel_moves(inside, moves @ camera.c2w[:3, :3])
    # What lies on the side turned away is guessed by the detector; ears seen from the front are mere rims.
    aside = solution.pose.rotation[:, 0] @ camera.c2w[:3, 2]
    enough = np.sin(np.radians(LEAST_TURN))
    right, left = aside > enough, aside < -enough
    counts = np.array([not ears_only and not left, not ears_only and not right, *[not ears_only] * 2, right, left])
    unit = camera.width / 512
    variance = (NOISE_PIXELS**2 + POINT_PIXELS**2) * unit**2 + seen.scatter**2
    error = seen.pixels - camera.to_pixels(inside)
    robust = 1 / (1 + (error**2).sum(1) / variance / 9)
    root = np.sqrt(np.where(counts, robust / variance, 0.0))
    residuals = (root[:, None] * error).ravel()
    return residuals, (root[:, None] * slopes).reshape(len(slopes), -1).T
