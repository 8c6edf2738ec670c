"""From Gaussians in the world to splats on the screen: EWA projection as 3DGS does it.

Sources: Zwicker et al., "EWA Volume Splatting", 2001; Kerbl et al., "3D Gaussian Splatting
for Real-Time Radiance Field Rendering", 2023, whose constants these are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from ..cameras import Camera
from ..gaussians import Gaussians
from ..geometry import quaternions
from ..splats import spherical_harmonics as harmonics

NEAR = 0.2
"""Gaussians with a centre at this depth or nearer are culled."""
BLUR = 0.3
"""Square pixels added to the diagonal of the 2D covariance: no splat is thinner than a pixel."""
MIN_ALPHA = 1 / 255
"""Weaker contributions are skipped."""
FRUSTUM_MARGIN = 1.3
"""The Jacobian is evaluated at most this many half fields of view off the axis, where it stays tame."""


@dataclass(frozen=True, eq=False)
class Splats:
    """M visible Gaussians on the screen, front to back.

    Attributes:
        centers: [M, 2] float64, pixel coordinates.
        conics: [M, 3] float64, entries xx, xy, yy of the inverse 2D covariance, per square pixel.
        extents: [M, 2] float64, half width and height in pixels of the region where alpha
            reaches :data:`MIN_ALPHA`.
        log_opacities: [M] float64, natural logarithms.
        depths: [M] float32, along the camera's z.
        colors: [M, 3] float32 as seen from the camera, >= 0.
        indices: [M] int64, which of the projected Gaussians each of them is.
    """

    centers: np.ndarray
    conics: np.ndarray
    extents: np.ndarray
    log_opacities: np.ndarray
    depths: np.ndarray
    colors: np.ndarray
    indices: np.ndarray

    def __len__(self) -> int:
        return len(self.depths)

    def select(self, index: np.ndarray | slice) -> Splats:
        """Return the splats of an index array [L], in that order, or of a slice."""
        return Splats(*(getattr(self, item.name)[index] for item in fields(self)))

    def layers(self, width: int, height: int) -> float:
        """Return how many splats lie over a pixel of a picture on average, by their bounding boxes.

        What drawing them costs a renderer that follows a ray from splat to splat: about 50 for a
        head, thousands for noise of large Gaussians.
        """
        size = (width, height)
        low, high = np.clip(self.centers - self.extents, 0, size), np.clip(self.centers + self.extents, 0, size)
        return float((high - low).prod(axis=1).sum() / (width * height))


def project(gaussians: Gaussians, camera: Camera) -> Splats:
    """Project what can be seen: in front of the near plane, not too faint, touching the picture."""
    points = camera.to_camera(gaussians.means)
    candidates = np.flatnonzero((points[:, 2].astype(np.float32) > NEAR) & (gaussians.opacities >= MIN_ALPHA))
    points = points[candidates]
    centers, depths = camera.to_pixels(points), points[:, 2]
    xx, xy, yy = _screen_covariances(points, gaussians.rotations[candidates], gaussians.scales[candidates], camera)
    determinant = xx * yy - xy * xy
    log_opacities = np.log(gaussians.opacities[candidates].astype(np.float64))
    # opacity * exp(-r^2 / 2) = MIN_ALPHA at r standard deviations.
    reach = np.sqrt(2 * np.maximum(log_opacities - np.log(MIN_ALPHA), 0))
    extents = reach[:, None] * np.sqrt(np.stack([xx, yy], axis=1))
    size = (camera.width, camera.height)
    touches = np.logical_and(*((centers + extents > 0) & (centers - extents < size)).T)
    visible = np.flatnonzero(touches & (determinant > 0) & np.isfinite(determinant))
    visible = visible[np.argsort(depths[visible].astype(np.float32), kind="stable")]
    conics = np.stack([yy, -xy, xx], axis=1)[visible] / determinant[visible, None]
    indices = candidates[visible]
    offsets = gaussians.means[indices] - camera.position
    directions = offsets / np.linalg.norm(offsets, axis=1, keepdims=True)
    return Splats(
        centers[visible],
        conics,
        extents[visible],
        log_opacities[visible],
        depths[visible].astype(np.float32),
        harmonics.evaluate(gaussians.sh[indices], directions.astype(np.float32)),
        indices,
    )


def _screen_covariances(
    points: np.ndarray, rotations: np.ndarray, scales: np.ndarray, camera: Camera
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the entries xx, xy, yy of the blurred 2D covariances, each [N], in square pixels.

    Args:
        points: [N, 3] centres in camera axes.
        rotations: [N, 4] to the world.
        scales: [N, 3].
        camera: Where from.
    """
    x, y, z = points.T
    limit_x = FRUSTUM_MARGIN * camera.width / (2 * camera.fx)
    limit_y = FRUSTUM_MARGIN * camera.height / (2 * camera.fy)
    slope_x = np.clip(x / z, -limit_x, limit_x)
    slope_y = np.clip(y / z, -limit_y, limit_y)
    right, down, forward = camera.c2w[:3, :3].T
    xx, xy, yy = np.zeros((3, 1))
    # The columns of the Gaussians' rotations, each three contiguous arrays: several times as fast as small matrices.
    axes = zip(*quaternions.matrix_entries(rotations.astype(np.float64)), strict=True)
    for axis, scale in zip(axes, scales.T, strict=True):
        # A column times the world-to-camera rotation, times the perspective Jacobian.
        ahead = _dot(forward, axis)
        u = camera.fx / z * scale * (_dot(right, axis) - slope_x * ahead)
        v = camera.fy / z * scale * (_dot(down, axis) - slope_y * ahead)
        xx, xy, yy = xx + u * u, xy + u * v, yy + v * v
    return xx + BLUR, xy, yy + BLUR


def _dot(vector: np.ndarray, axis: Sequence[np.ndarray]) -> np.ndarray:
    """Return the products [N] of one vector [3] and vectors that are given as three arrays [N]."""
    return vector[0] * axis[0] + vector[1] * axis[1] + vector[2] * axis[2]
