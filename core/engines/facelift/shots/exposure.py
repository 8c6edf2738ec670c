"""The portrait's exposure for all photos: what they show of the fitted head is compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ....cameras import Camera
from ....geometry.vectors import unit
from ....head.mesh_raster import rasterize_mesh
from ....head.model import HeadModel, Region
from ....photo.exposures import exposed, matched

REGIONS = (Region.FACE, Region.SCALP, Region.EARS, Region.EYES, Region.LIPS, Region.NECK)
"""What of the fitted head is compared; its inside and the clothes are not."""
SAME = 0.02
"""World units behind what a photo sees first up to which a place is seen."""
STEP = 2
"""Every so many rows, pixels are compared."""


@dataclass(frozen=True, eq=False)
class Seen:
    """A photo and the fitted head as it lies in it.

    Attributes:
        picture: [S, S, 4] uint8 RGBA, straight colours.
        camera: Sees it.
        vertices: [V, 3] of the head, in the camera's world.
        factors: [3] of linear light that give it the exposure that is wanted.
    """

    picture: np.ndarray
    camera: Camera
    vertices: np.ndarray
    factors: np.ndarray = field(default_factory=lambda: np.ones(3))

    def colors(self, pixels: np.ndarray) -> np.ndarray:
        """Return the colours [N, 3] float, 0..1, sRGB-encoded, at pixels [N, 2]."""
        rows, columns = self.places(pixels)
        return exposed(self.picture[rows, columns, :3] / np.float32(255), self.factors)

    def exposed(self, factors: np.ndarray) -> Seen:
        """Return it under another exposure."""
        return replace(self, factors=self.factors * factors)

    def places(self, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return rows and columns [N] of pixel positions [N, 2]; the border's beyond it."""
        columns, rows = np.clip(pixels, 0, np.array(self.picture.shape[1::-1]) - 1).astype(np.int64).T
        return rows, columns


def exposure_factors(model: HeadModel, photos: Sequence[Seen]) -> list[np.ndarray]:
    """Return the factors [3] of linear light that give photos of one head the exposure of the first.

    Args:
        model: The head model.
        photos: The portrait, then the others.
    """
    triangles = model.triangles[model.in_regions(*REGIONS)[model.triangles].all(1)]
    maps = [rasterize_mesh(photo.camera, photo.vertices, triangles) for photo in photos]
    chosen = [each.mask[::STEP] for each in maps]
    owners = np.concatenate([each.triangles[::STEP][mask] for each, mask in zip(maps, chosen, strict=True)])
    weights = np.concatenate([each.barycentrics[::STEP][mask] for each, mask in zip(maps, chosen, strict=True)])
    quality = [
        _quality(photo, each.depth, photo.vertices[triangles[owners]], weights)
        for photo, each in zip(photos, maps, strict=True)
    ]
    return [photo.factors for photo in matched(photos, quality)]


def _quality(photo: Seen, depth: np.ndarray, corners: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how straight a photo looks at places of the head, [N] 0..1, and their pixels [N, 2].

    Args:
        photo: The photo.
        depth: [S, S] of what it sees first.
        corners: [N, 3, 3] of the places' triangles.
        weights: [N, 3] of the corners.
    """
    places = np.einsum("nk,nkc->nc", weights, corners)
    normals = unit(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]))
    facing = (normals * unit(photo.camera.position - places)).sum(1)
    pixels, depths = photo.camera.project(places)
    rows, columns = photo.places(pixels)
    inside = ((pixels >= 0) & (pixels < photo.picture.shape[0])).all(1)
    seen = inside & (photo.picture[rows, columns, 3] > 127) & (depths < depth[rows, columns] + SAME)
    return np.where(seen, np.clip(facing, 0, 1), 0), pixels


def recolored(rgb: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """Return a photo [H, W, 3] uint8 under another exposure, factors [3] of linear light."""
    steps = np.arange(256, dtype=np.float64)[:, None] / 255
    table = np.rint(exposed(np.repeat(steps, 3, axis=1), factors) * 255).astype(np.uint8)
    return np.stack([table[rgb[..., channel], channel] for channel in range(3)], axis=-1)
