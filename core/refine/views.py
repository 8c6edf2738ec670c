"""Photos with their cameras, and what the rasterizer makes of splats through them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from PIL import Image
from scipy import ndimage, sparse

from ..cameras import RIG_RADIUS, Camera
from ..gaussians import Gaussians
from ..rasterize.cpu import render
from ..rasterize.metrics import psnr
from ..rasterize.projection import Splats, project
from ..rasterize.tiles import blending_weights
from ..splats import spherical_harmonics as harmonics
from .types import View

LEAST_WEIGHT = 1e-3
"""Weaker weights are two in five, and a quarter of a step of 8 bits at most."""
LARGEST = 1024
"""Pixels of a view's longest side: the crop of a head at a photo's own resolution has no more."""
COVERED, COVERED_SIZE, INSIDE = 0.98, 256, 3
"""A picture without a matte counts where splats cover so much, so many pixels inside of it in a small rendering: the
camera may be a little off, and then its background lies over the splats' edge."""
SHOWN = 0.5
"""Alpha from which a pixel shows the person."""


@dataclass(frozen=True, eq=False)
class Seen:
    """What the rasterizer blends into a view.

    Attributes:
        view: The view.
        splats: The visible splats, front to back.
        weights: [H * W, M] float32 sparse: a picture over black is ``weights @ colors``.
    """

    view: View
    splats: Splats
    weights: sparse.csr_array

    @cached_property
    def coverage(self) -> np.ndarray:
        """[H * W] float32, alpha of the rendered picture."""
        return np.asarray(self.weights.sum(axis=1), np.float32)

    def picture(self) -> np.ndarray:
        """[H * W, 3] float32, what the splats look like over black."""
        return np.asarray(self.weights @ self.splats.colors)

    @property
    def shown(self) -> np.ndarray:
        """[H * W] bool, where both the photo and the splats show the person."""
        return shown_in(self.view, self.coverage)

    def recolored(self, gaussians: Gaussians) -> Seen:
        """Return the same with the colours of other Gaussians, which differ in nothing else."""
        place = self.splats.indices
        offsets = gaussians.means[place] - self.view.camera.position
        directions = offsets / np.linalg.norm(offsets, axis=1, keepdims=True)
        colors = harmonics.evaluate(gaussians.sh[place], directions.astype(np.float32))
        return replace(self, splats=replace(self.splats, colors=colors))

    def wanted(self) -> np.ndarray:
        """[H * W, 3] float32, what they should look like over black, with the coverage that they have."""
        return self.view.image.reshape(-1, 3) * self.coverage[:, None]


def look(gaussians: Gaussians, view: View, least: float = LEAST_WEIGHT) -> Seen:
    """Rasterize splats for a view.

    Args:
        gaussians: The splats.
        view: The photo and its camera.
        least: Weaker weights are left out.
    """
    near, camera = in_reference_unit(gaussians, view.camera)
    splats = project(near, camera)
    height, width = view.alpha.shape
    pixels, owners, values = blending_weights(splats, width, height, least)
    weights = sparse.csr_array((values, (pixels, owners)), shape=(height * width, len(splats)))
    weights.sort_indices()
    return Seen(view, splats, weights)


def in_reference_unit(gaussians: Gaussians, camera: Camera) -> tuple[Gaussians, Camera]:
    """Return splats and camera with lengths for which near planes are made: the camera as far away as the rig's."""
    scale = reference_scale(gaussians, camera)
    c2w = camera.c2w.copy()
    c2w[:3, 3] *= scale
    return gaussians.transform(np.diag([scale, scale, scale, 1.0])), replace(camera, c2w=c2w)


def reference_scale(gaussians: Gaussians, camera: Camera) -> float:
    """Return the factor for lengths with which a camera is as far away from splats as the rig's."""
    depths = camera.to_camera(gaussians.means)[:, 2]
    ahead = depths[depths > 0]
    return RIG_RADIUS / float(np.median(ahead)) if len(ahead) else 1.0


def nearness(views: Sequence[View], pictures: Sequence[np.ndarray], coverages: Sequence[np.ndarray]) -> float:
    """Return how near pictures of splats are to photos, in dB, where both show the person.

    Args:
        views: The photos.
        pictures: Of each, over black, with as many values as the photo has.
        coverages: The pictures' alpha, with a value for each pixel.
    """
    ours, theirs = [], []
    for view, picture, coverage in zip(views, pictures, coverages, strict=True):
        shown = shown_in(view, coverage)
        ours.append(picture.reshape(-1, 3)[shown])
        theirs.append((view.image.reshape(-1, 3) * coverage.reshape(-1, 1))[shown])
    return psnr(np.clip(np.concatenate(ours), 0, 1), np.concatenate(theirs))


def shown_in(view: View, coverage: np.ndarray) -> np.ndarray:
    """Return where both a photo and splats with some coverage show the person, [H * W] bool."""
    return np.minimum(view.alpha.ravel(), coverage.ravel()) > SHOWN


def view_of(camera: Camera, rgba: np.ndarray, outlines: bool = True) -> View:
    """Return a picture as a view, at most :data:`LARGEST` pixels long.

    Args:
        camera: Which took it; of any size with the picture's shape.
        rgba: [H, W, 4] uint8, sRGB, straight alpha.
        outlines: As for :class:`View`.
    """
    height, width = rgba.shape[:2]
    if max(width, height) > LARGEST:
        shrink = LARGEST / max(width, height)
        width, height = max(1, round(width * shrink)), max(1, round(height * shrink))
        rgba = np.asarray(Image.fromarray(rgba).resize((width, height), Image.Resampling.LANCZOS))
    values = rgba.astype(np.float32) / 255
    sized = replace(camera.resized(width), height=height)
    return View(sized, np.ascontiguousarray(values[..., :3]), np.ascontiguousarray(values[..., 3]), outlines)


def unmatted_view(gaussians: Gaussians, camera: Camera, rgb: np.ndarray) -> View:
    """Return a picture that has a background as a view: it counts well inside of what the splats cover.

    Args:
        gaussians: The splats, in the camera's space.
        camera: Which took it.
        rgb: [H, W, 3] uint8, sRGB.
    """
    splats, near = in_reference_unit(gaussians, camera.resized(COVERED_SIZE))
    covered = ndimage.binary_erosion(render(splats, near).alpha > COVERED, iterations=INSIDE, border_value=1)
    mask = Image.fromarray(np.where(covered, np.uint8(255), np.uint8(0)))
    alpha = np.asarray(mask.resize(rgb.shape[1::-1], Image.Resampling.BILINEAR))
    return view_of(camera, np.dstack([rgb, alpha]), outlines=False)
