"""Heads made from one photo against true views of the same head.

A truth head is a folder with ``cameras.json``: {"throat": z below which nothing is compared (-0.62
where it is missing), "cameras": [{"file", "azimuth", and the fields of :class:`core.cameras.Camera`}]}
in a world with +Z up in which the face looks to -Y. Files named photo* are input, view* the truth.

A head is laid over the truth by a similarity on face landmarks, both triangulated from several
views: the truth's from its true views, the head's from renderings.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

from core.cameras import Camera
from core.gaussians import Gaussians
from core.photo.faces import detect_faces
from core.photo.landmarks import detect_landmarks
from core.rasterize.cpu import render
from core.rasterize.metrics import psnr, silhouette_iou

WHITE = (1.0, 1.0, 1.0)
THROAT = -0.62
"""World units: the scan's shoulders are cut off, ours are not."""
NEAR_FRONT = 46.0
"""Degrees of azimuth within which true views show enough of the face for landmarks."""
SURE = 0.6
"""Score of landmarks that count."""
LOOKS = ((0, 0), (15, 0), (-15, 0), (0, 12), (0, -12), (25, 0), (-25, 0))
"""Azimuth and elevation, in degrees from the front, from which a head's own landmarks are found."""
BANDS = {"0-30": (0, 30), "60-90": (60, 90), "120-180": (120, 180)}
"""Degrees away from the front."""


@dataclass(frozen=True, eq=False)
class View:
    """A true view: [H, W, 3] over white and [H, W] alpha, both 0..1, its camera, degrees away from the front."""

    image: np.ndarray
    alpha: np.ndarray
    camera: Camera
    away: float

    @classmethod
    def read(cls, path: Path, entry: dict) -> View:
        """Return the view of a picture and its entry in the cameras' file."""
        rgba = np.asarray(Image.open(path).convert("RGBA")).astype(np.float64) / 255
        names = ("width", "height", "fx", "fy", "cx", "cy", "c2w")
        camera = Camera.from_dict({name: entry[name] for name in names})
        away = abs((entry["azimuth"] + 180) % 360 - 180)
        return cls(rgba[..., :3] * rgba[..., 3:] + 1 - rgba[..., 3:], rgba[..., 3], camera, away)


@dataclass(frozen=True, eq=False)
class TruthHead:
    """A folder with photos and true views."""

    folder: Path

    @cached_property
    def _facts(self) -> dict:
        return json.loads((self.folder / "cameras.json").read_text(encoding="utf-8"))

    @property
    def entries(self) -> list[dict]:
        """What is known of each picture."""
        return self._facts["cameras"]

    @property
    def throat(self) -> float:
        """World z below which nothing is compared."""
        return self._facts.get("throat", THROAT)

    @property
    def photos(self) -> dict[str, float]:
        """Input photos' names, and the focal length in pixels of each."""
        return {e["file"]: e["fx"] for e in self._facts["cameras"] if e["file"].startswith("photo")}

    def path(self, name: str) -> Path:
        """Return a photo's path."""
        return self.folder / name

    @property
    def view_names(self) -> tuple[str, ...]:
        """File names of the true views."""
        return tuple(entry["file"] for entry in self._facts["cameras"] if entry["file"].startswith("view"))

    @cached_property
    def views(self) -> tuple[View, ...]:
        """The true views."""
        entries = {entry["file"]: entry for entry in self._facts["cameras"]}
        return tuple(View.read(self.folder / name, entries[name]) for name in self.view_names)

    @cached_property
    def landmarks(self) -> np.ndarray:
        """[L, 3] face landmarks in the world, of all pictures from near the front."""
        entries = self._facts["cameras"]
        seen = [View.read(self.folder / e["file"], e) for e in entries if not e["file"].startswith("shot")]
        return triangulate([(v.camera, v.image) for v in seen if v.away < NEAR_FRONT])


@dataclass(frozen=True, eq=False)
class NovelQuality:
    """How a head compares with its true views.

    Attributes:
        psnr, ssim, iou: [V] each, in dB and 0..1, above the throat.
        away: [V] degrees from the front.
        landmark_error: Mean distance of face landmarks over the face's radius, after they were laid over each other.
        head: The head's Gaussians in the truth's world.
    """

    psnr: np.ndarray
    ssim: np.ndarray
    iou: np.ndarray
    away: np.ndarray
    landmark_error: float
    head: Gaussians

    def band(self, name: str) -> float:
        """Return the mean PSNR over one of :data:`BANDS`; NaN where there are no such views."""
        low, high = BANDS[name]
        inside = (self.away >= low) & (self.away <= high)
        return float(self.psnr[inside].mean()) if inside.any() else float("nan")


def novel_quality(gaussians: Gaussians, truth: TruthHead) -> NovelQuality:
    """Compare a head in the engines' world with a truth head.

    Raises:
        ValueError: too few renderings show a face.
    """
    own = triangulate([_look(gaussians, *angles) for angles in LOOKS])
    matrix = similarity(own, truth.landmarks)
    off = np.linalg.norm(own @ matrix[:3, :3].T + matrix[:3, 3] - truth.landmarks, axis=1).mean()
    radius = np.linalg.norm(truth.landmarks - truth.landmarks.mean(0), axis=1).max()
    head = gaussians.transform(matrix)
    values = np.array([_compare(head, view, truth.throat) for view in truth.views])
    away = np.array([view.away for view in truth.views])
    return NovelQuality(*values.T, away, float(off / radius), head)


def _look(gaussians: Gaussians, azimuth: float, elevation: float) -> tuple[Camera, np.ndarray]:
    camera = Camera.orbit(270 + azimuth, elevation)
    return camera, render(gaussians, camera, WHITE).image


def _compare(head: Gaussians, view: View, throat: float) -> tuple[float, float, float]:
    """Return PSNR, SSIM and IoU of a view above the throat."""
    rendering = render(head, view.camera, WHITE)
    image = np.clip(rendering.image, 0, 1).astype(np.float64)
    row = view.camera.project(np.array([[0.0, 0.0, throat]]))[0][0, 1]
    inside = np.broadcast_to(np.arange(view.camera.height)[:, None] < row, view.alpha.shape)
    overlap = silhouette_iou(rendering.alpha * inside, view.alpha * inside)
    return psnr(view.image, image, inside), ssim(view.image, image, inside), overlap


def ssim(a: np.ndarray, b: np.ndarray, mask: np.ndarray) -> float:
    """Return the structural similarity (Wang et al. 2004) of two pictures' lightness, windows of 1.5 pixels' deviation.

    Args:
        a: [H, W, 3] picture, 0..1.
        b: The other one.
        mask: [H, W] bool: over which the map is averaged.
    """
    a, b = a.mean(-1), b.mean(-1)
    mean_a, mean_b = gaussian_filter(a, 1.5), gaussian_filter(b, 1.5)
    variance_a = gaussian_filter(a * a, 1.5) - mean_a**2
    variance_b = gaussian_filter(b * b, 1.5) - mean_b**2
    covariance = gaussian_filter(a * b, 1.5) - mean_a * mean_b
    value = (2 * mean_a * mean_b + 0.01**2) * (2 * covariance + 0.03**2)
    value /= (mean_a**2 + mean_b**2 + 0.01**2) * (variance_a + variance_b + 0.03**2)
    return float(value[mask].mean())


def triangulate(pictures: Sequence[tuple[Camera, np.ndarray]]) -> np.ndarray:
    """Return face landmarks [L, 3] in the world: the points nearest to all pictures' rays, outliers weighing less.

    Args:
        pictures: Cameras and their pictures [H, W, 3], 0..1; those without a clear face are left out.

    Raises:
        ValueError: fewer than two pictures show a face.
    """
    found = [(camera, points) for camera, image in pictures if (points := _landmarks(image)) is not None]
    if len(found) < 2:
        raise ValueError(f"{len(found)} of {len(pictures)} pictures show a face")
    starts = np.stack([np.broadcast_to(camera.position, (len(points), 3)) for camera, points in found])
    ends = np.stack([camera.unproject(points, np.ones(len(points))) for camera, points in found])
    rays = (ends - starts) / np.linalg.norm(ends - starts, axis=-1, keepdims=True)
    # Leaves of a vector what is square to its ray.
    across = np.eye(3) - rays[..., :, None] * rays[..., None, :]
    weights = np.ones(rays.shape[:2])
    for _ in range(3):
        weighted = weights[..., None, None] * across
        system, right = weighted.sum(0), (weighted @ starts[..., None]).sum(0)
        points = np.linalg.solve(system, right)[..., 0]
        error = np.linalg.norm((across @ (points - starts)[..., None])[..., 0], axis=-1)
        weights = 1 / (1 + (error / (2 * np.median(error, axis=1, keepdims=True) + 1e-9)) ** 2)
    return points


def _landmarks(image: np.ndarray) -> np.ndarray | None:
    """Return the largest face's landmarks [L, 2] in pixels, None where no clear face is found."""
    rgb = np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)
    faces = detect_faces(rgb)
    found = detect_landmarks(rgb, max(faces, key=lambda face: face.area)) if faces else None
    return found.points[:, :2].astype(np.float64) if found is not None and found.score > SURE else None


def similarity(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return the similarity [4, 4] that lays points [N, 3] over others with the least squared error (Umeyama 1991)."""
    from_center, to_center = source.mean(0), target.mean(0)
    a, b = source - from_center, target - to_center
    left, singular, right = np.linalg.svd(b.T @ a / len(a))
    signs = np.array([1.0, 1.0, np.sign(np.linalg.det(left @ right))])
    matrix = np.eye(4)
    matrix[:3, :3] = (singular * signs).sum() / (a**2).sum(1).mean() * (left * signs) @ right
    matrix[:3, 3] = to_center - matrix[:3, :3] @ from_center
    return matrix
