"""Pictures of textured base meshes, and how far they are those of the splats, for tests and measurements."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from core.avatar.base_mesh import BaseMesh
from core.avatar.texture.bake import Texture
from core.cameras import Camera
from core.gaussians import Gaussians
from core.head.mesh_raster import rasterize_mesh
from core.head.model import Region, triangulate
from core.rasterize.cpu import render
from core.rasterize.metrics import psnr
from core.splats.parts import Part
from tests.bench.draft_quality import face_oval

SEEN = 0.8
"""Share from which a pixel of the texture shows what the splats show."""
HAIR_SHARE = 0.02
"""Change of a pixel by hair's splats from which it shows hair."""


@dataclass(frozen=True)
class FrontQuality:
    """The textured mesh against the splats, seen from the front inside the face's outline. All in dB.

    Attributes:
        bare: Where the texture shows what the splats show, eyes and mouth included: where no hair was left out.
        bare_share: How much of the outline that is, 0..1.
        without_hair_parts: Where no splats that are known to be hair lie.
        whole: Everywhere: the splats with hair, the mesh without.
    """

    bare: float
    bare_share: float
    without_hair_parts: float
    whole: float


def draw(base: BaseMesh, image: np.ndarray, camera: Camera, vertices: np.ndarray | None = None) -> np.ndarray:
    """Return a picture [H, W, 3] float64, 0..1, of the mesh with a texture [S, S, 3] uint8 over white, unlit."""
    model, size = base.model, len(image)
    vertices = base.shown if vertices is None else vertices
    maps = rasterize_mesh(camera, vertices, model.triangles, cull_back_faces=True)
    u, v = np.moveaxis(maps.interpolate(triangulate(model.face_uvs), model.uvs), -1, 0)
    places = [(1 - v) * size - 0.5, u * size - 0.5]
    channels = [ndimage.map_coordinates(image[..., c].astype(np.float32) / 255, places, order=1) for c in range(3)]
    picture = np.stack(channels, axis=-1).astype(np.float64)
    picture[~maps.mask] = 1
    return picture


def front_quality(gaussians: Gaussians, base: BaseMesh, texture: Texture, camera: Camera) -> FrontQuality:
    """Compare the textured mesh with the splats through a square camera in front of the face."""
    pixels, _ = camera.project(base.model.landmarks(base.shown))
    oval = face_oval(pixels, camera.width)
    picture = draw(base, texture.image, camera)
    expected = np.clip(render(gaussians, camera).image, 0, 1).astype(np.float64)
    skin = np.clip(render(gaussians.select(gaussians.parts != Part.HAIR), camera).image, 0, 1)
    free = oval & (np.abs(skin - expected).max(axis=-1) < HAIR_SHARE)
    maps = rasterize_mesh(camera, base.shown, base.model.triangles, cull_back_faces=True)
    deep = base.model.in_regions(Region.EYES, Region.TEETH, Region.MOUTH)[base.model.triangles].any(1)
    seen = draw(base, np.repeat(texture.seen[..., None], 3, axis=2), camera)[..., 0] > SEEN
    bare = oval & maps.mask & (seen | deep[maps.triangles])
    return FrontQuality(
        psnr(picture, expected, bare),
        bare.sum() / oval.sum(),
        psnr(picture, expected, free),
        psnr(picture, expected, oval),
    )
