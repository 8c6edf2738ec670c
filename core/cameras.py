"""Pinhole cameras, FaceLift's six-view rig and turntables.

Camera axes are OpenCV's: x right, y down, z forward. Pixel coordinates have pixel (column i,
row j) centred at (i + 0.5, j + 0.5); the picture spans [0, width] x [0, height].
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .system import blocks

VIEW_NAMES = ("front", "front_right", "right", "back", "left", "front_left")
"""The six views of FaceLift, in the order of its tensors."""
VIEW_AZIMUTHS = (270.0, 225.0, 180.0, 90.0, 0.0, 315.0)
"""Degrees; the position is radius * (cos a, sin a, 0), so the front camera stands at -Y."""
RIG_RADIUS = 2.7
RIG_FOV = 50.0
"""Horizontal field of view in degrees."""
RIG_SIZE = 512
RIG_HALF_WIDTH = RIG_RADIUS * math.tan(math.radians(RIG_FOV / 2))
"""Half of what the rig's cameras see at the origin, in world units; photos of any lens show as much."""


@dataclass(frozen=True, eq=False)
class Camera:
    """A pinhole camera.

    Attributes:
        width, height: picture size in pixels.
        fx, fy, cx, cy: intrinsics in pixels.
        c2w: [4, 4] float64 extrinsics, camera to world, OpenCV axes.
    """

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float
    c2w: np.ndarray

    def __post_init__(self) -> None:
        c2w = np.array(self.c2w, np.float64)
        if c2w.shape != (4, 4):
            raise ValueError(f"c2w has shape {c2w.shape}, expected (4, 4)")
        c2w.flags.writeable = False
        object.__setattr__(self, "c2w", c2w)

    @classmethod
    def orbit(
        cls,
        azimuth: float,
        elevation: float = 0.0,
        radius: float = RIG_RADIUS,
        fov: float = RIG_FOV,
        size: int = RIG_SIZE,
    ) -> Camera:
        """Return a square camera on a sphere around the origin, looking at it, world up +Z.

        Args:
            azimuth: Degrees; 270 is the front (-Y).
            elevation: Degrees above the horizon, -90 < elevation < 90.
            radius: Distance to the origin, in world units.
            fov: Horizontal field of view in degrees.
            size: Width and height in pixels.
        """
        a, e = np.radians(azimuth), np.radians(elevation)
        position = radius * np.array([np.cos(a) * np.cos(e), np.sin(a) * np.cos(e), np.sin(e)])
        forward = -position / np.linalg.norm(position)
        right = np.cross(forward, [0.0, 0.0, 1.0])
        right /= np.linalg.norm(right)
        c2w = np.eye(4)
        c2w[:3] = np.stack([right, np.cross(forward, right), forward, position], axis=1)
        focal = size / 2 / np.tan(np.radians(fov) / 2)
        return cls(size, size, focal, focal, size / 2, size / 2, c2w)

    @property
    def w2c(self) -> np.ndarray:
        """[4, 4] float64, world to camera."""
        return np.linalg.inv(self.c2w)

    @property
    def position(self) -> np.ndarray:
        """[3] the camera's centre in the world."""
        return self.c2w[:3, 3]

    def to_camera(self, points: np.ndarray) -> np.ndarray:
        """Return points [N, 3] in camera axes."""
        offsets = np.asarray(points, np.float64) - self.position
        turned = np.empty_like(offsets)
        blocks.multiply(offsets, self.c2w[:3, :3], turned)
        return turned

    def project(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return pixel coordinates [N, 2] and depths along z [N] of world points [N, 3]."""
        local = self.to_camera(points)
        return self.to_pixels(local), local[:, 2]

    def to_pixels(self, points: np.ndarray) -> np.ndarray:
        """Return pixel coordinates [N, 2] of points [N, 3] in camera axes."""
        x, y, z = points.T
        return np.stack([self.fx * x / z + self.cx, self.fy * y / z + self.cy], axis=1)

    def facing(self, points: np.ndarray, normals: np.ndarray) -> np.ndarray:
        """Return the cosines [N] between unit normals [N, 3] of a surface and the rays from its points [N, 3] here."""
        rays = self.position - points
        return (normals * rays).sum(1) / np.linalg.norm(rays, axis=1)

    def pixel_moves(self, points: np.ndarray, moves: np.ndarray) -> np.ndarray:
        """Return how pixels move [..., N, 2] when points [N, 3] move by [..., N, 3], both in camera axes."""
        x, y, z = points.T
        across = self.fx / z * (moves[..., 0] - x / z * moves[..., 2])
        down = self.fy / z * (moves[..., 1] - y / z * moves[..., 2])
        return np.stack([across, down], axis=-1)

    def jacobians(self, points: np.ndarray) -> np.ndarray:
        """Return the derivatives [N, 2, 3] of pixel coordinates by points [N, 3] in camera axes."""
        x, y, z = points.T
        zero = np.zeros_like(z)
        across = np.stack([self.fx / z, zero, -self.fx * x / z**2], axis=1)
        down = np.stack([zero, self.fy / z, -self.fy * y / z**2], axis=1)
        return np.stack([across, down], axis=1)

    def unproject(self, pixels: np.ndarray, depths: np.ndarray) -> np.ndarray:
        """Return world points [N, 3] of pixel coordinates [N, 2] at depths along z [N]."""
        pixels, depths = np.asarray(pixels, np.float64), np.asarray(depths, np.float64)
        x = (pixels[:, 0] - self.cx) / self.fx * depths
        y = (pixels[:, 1] - self.cy) / self.fy * depths
        return np.stack([x, y, depths], axis=1) @ self.c2w[:3, :3].T + self.position

    def resized(self, size: int) -> Camera:
        """Return the same camera for a picture ``size`` pixels wide, aspect kept."""
        k = size / self.width
        intrinsics = {name: getattr(self, name) * k for name in ("fx", "fy", "cx", "cy")}
        return replace(self, width=size, height=round(self.height * k), **intrinsics)

    def moved(self, matrix: np.ndarray) -> Camera:
        """Return the camera carried along by a rigid world transformation [4, 4]."""
        return replace(self, c2w=np.asarray(matrix, np.float64) @ self.c2w)

    def blender_matrix(self) -> np.ndarray:
        """[4, 4] matrix_world of a Blender camera (x right, y up, looks along -z)."""
        return self.c2w @ np.diag([1.0, -1.0, -1.0, 1.0])

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        scalars = {name: getattr(self, name) for name in ("width", "height", "fx", "fy", "cx", "cy")}
        return {**scalars, "c2w": self.c2w.tolist()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Camera:
        """Return the camera of :meth:`to_dict`'s form."""
        return cls(**{**data, "c2w": np.array(data["c2w"])})


def six_view_rig(size: int = RIG_SIZE) -> tuple[Camera, ...]:
    """Return FaceLift's six input cameras, in the order of :data:`VIEW_NAMES`."""
    return tuple(Camera.orbit(azimuth, size=size) for azimuth in VIEW_AZIMUTHS)


def front_camera(size: int = RIG_SIZE, fov: float = RIG_FOV) -> Camera:
    """Return the camera through which an aligned photo is seen, by default the rig's front camera.

    Longer lenses stand farther away, so that heads keep their place and size in the rig's frame.

    Args:
        size: Width and height in pixels.
        fov: Horizontal field of view of the aligned photo in degrees.
    """
    radius = RIG_HALF_WIDTH / math.tan(math.radians(fov / 2))
    return Camera.orbit(VIEW_AZIMUTHS[0], radius=radius, fov=fov, size=size)


def turntable(count: int, size: int = RIG_SIZE, elevation: float = 0.0) -> tuple[Camera, ...]:
    """Return ``count`` cameras once around the head, beginning at the front."""
    return tuple(Camera.orbit(a, elevation, size=size) for a in np.linspace(270, 630, count, endpoint=False))
