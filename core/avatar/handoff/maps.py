"""What a renderer elsewhere needs of skin: its colour without the photo's light, how rough it is, and its fine relief.

The relief comes from the texture itself: what is darker than its surroundings within a few millimetres lies deeper, as
pores and lines do (Beeler et al., "High-Quality Single-Shot Capture of Facial Geometry", 2010, the mesoscopic relief).
Below the texture's resolution, and where no photo shows skin, pores are made up. Forehead, nose and chin shine more
than cheeks (Weyrich et al., "Analysis of Human Faces using a Measurement-Based Skin Reflectance Model", 2006).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ...colors import to_linear
from ...geometry.ramps import smooth_step
from ...head.model import HeadModel, Region, triangulate, vertex_normals
from ...system import blocks
from .. import anatomy
from ..base_mesh import BaseMesh
from ..texture import delighting, skin
from ..texture.bake import SKIN
from ..texture.texels import Texels, fill_gaps, texels_of

LINES = (0.0003, 0.0014)
"""Metres: what is finer is the picture's noise, what is wider is the skin's colour."""
SPREAD = 0.02
"""Least standard deviation of the logarithm of lightness that counts as relief and not as noise."""
DEPTH = 2.2e-5
"""Metres of a line that is one standard deviation darker."""
DEEPEST = 3.0
"""Standard deviations from which darkness is no depth any more: brows, moles, stubble."""
PORES = ((0.0018, 1.4e-5), (0.0009, 1e-5))
"""Wavelengths and depths in metres of the relief that is made up."""
FINEST = 3.0
"""Texels of the shortest wavelength that a texture can hold."""
SHINE = {1: 0.022, 9: 0.03, 151: 0.03, 199: 0.02}
"""Landmarks of the face mesh network where skin is oily (nose, forehead, chin), and how far around, in metres."""
OILY, CLOTH, LIPS, SCALP = -0.07, 0.85, 0.36, 0.55
"""Roughness: what oil takes off, and that of some parts."""
PORE_ROUGHNESS = 0.03
"""How much rougher a standard deviation of depth is."""


@dataclass(frozen=True, eq=False)
class SkinMaps:
    """Pictures over the base mesh's UV map, upper row first.

    Attributes:
        albedo: [S, S, 3] uint8, sRGB-encoded.
        roughness: [S, S] uint8, 0..1 linear.
        normal: [S, S, 3] uint8 tangent-space normals, green is up (OpenGL's and glTF's way).
    """

    albedo: np.ndarray
    roughness: np.ndarray
    normal: np.ndarray


def skin_maps(image: np.ndarray, base: BaseMesh) -> SkinMaps:
    """Return the maps of a texture.

    Args:
        image: [S, S, 3] uint8, sRGB-encoded, over the base mesh's UV map.
        base: The mesh, in any space, with the expression that the texture was taken with.
    """
    model, size = base.model, len(image)
    texels = texels_of(model, size)
    colors = image.reshape(-1, 3)[texels.places].astype(np.float32) / 255
    everywhere = np.ones(len(texels), np.float32)
    seen, known = texels.gather(colors, everywhere, len(model.mean))
    tone = skin.SkinColor(model, seen, known)
    likeness = tone.likeness(seen)
    albedo = _without_light(base, texels, colors, seen, likeness)
    bare = texels.interpolate(np.where(model.in_regions(*SKIN, Region.TORSO), likeness, 0))
    relief = _relief(model, texels, albedo, bare)
    height, mask = texels.picture((relief * base.pose.scale)[:, None])
    normals = _normals(base, texels, fill_gaps(height, mask)[..., 0])
    rough = _roughness(model, texels, likeness) - PORE_ROUGHNESS * relief / DEPTH
    return SkinMaps(
        albedo=_picture(texels, albedo),
        roughness=_picture(texels, rough[:, None])[..., 0],
        normal=_picture(texels, 0.5 + 0.5 * normals),
    )


def _picture(texels: Texels, values: np.ndarray) -> np.ndarray:
    picture, mask = texels.picture(values)
    return (np.clip(fill_gaps(picture, mask), 0, 1) * 255 + 0.5).astype(np.uint8)


def _without_light(
    base: BaseMesh, texels: Texels, colors: np.ndarray, seen: np.ndarray, likeness: np.ndarray
) -> np.ndarray:
    """Return the texels' colours [N, 3] without the smooth shading of the photo's light; clothes, eyes and
    mouth keep theirs.
    """
    model, normals = base.model, vertex_normals(base.shown, base.triangles) @ base.pose.rotation
    used = np.where(model.in_regions(Region.FACE, Region.EARS, Region.NECK), likeness, 0)
    # What is not skin, or lies inside, has normals of which the face's light says nothing.
    others = model.in_regions(Region.TORSO, Region.EYES, Region.TEETH, Region.MOUTH, Region.SOCKETS)
    light = np.where(others, 1, delighting.shading(normals, seen, used))
    return delighting.take_off(colors, texels.interpolate(light), 1.0)


def _relief(model: HeadModel, texels: Texels, albedo: np.ndarray, bare: np.ndarray) -> np.ndarray:
    """Return heights [N] in metres of the skin's fine relief; zero where there is none."""
    texel = _texel_size(model, texels.size)
    picture, mask = texels.picture(np.log(np.maximum(to_linear(albedo).mean(axis=1), 1e-3))[:, None])
    light = fill_gaps(picture, mask)[..., 0]
    fine, wide = (ndimage.gaussian_filter(light, length / texel) for length in LINES)
    band = (fine - wide).ravel()[texels.places]
    sure = bare > 0.7
    spread = max(1.48 * float(np.median(np.abs(band[sure]))) if sure.any() else 0.0, SPREAD)
    height = DEPTH * np.clip(band / spread, -DEEPEST, DEEPEST)
    places = texels.interpolate(model.mean)
    noise = np.random.default_rng(11).standard_normal((32, 32, 32)).astype(np.float32)
    for wavelength, depth in PORES:
        if wavelength < FINEST * texel:
            continue

        def add(rows: slice, cell: float = wavelength / 2, depth: float = depth) -> None:
            cells = (places[rows] / np.float32(cell)).T
            pits = ndimage.map_coordinates(noise, cells, order=1, mode="grid-wrap", output=np.float32)
            height[rows] -= depth * smooth_step(pits, 0.2, 1.2)

        blocks.fill(add, len(places))
    return (height * smooth_step(bare, 0.2, 0.8)).astype(np.float32)


def _texel_size(model: HeadModel, size: int) -> float:
    """Return the length of a texel on the average face, in metres."""
    face = model.in_regions(Region.FACE)[model.triangles].all(axis=1)
    places, flat = model.mean[model.triangles[face]], model.uvs[triangulate(model.face_uvs)[face]]
    area = np.linalg.norm(np.cross(places[:, 1] - places[:, 0], places[:, 2] - places[:, 0]), axis=1).sum()
    first, second = flat[:, 1] - flat[:, 0], flat[:, 2] - flat[:, 0]
    covered = np.abs(first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]).sum()
    return float(np.sqrt(area / covered) / size)


def _normals(base: BaseMesh, texels: Texels, height: np.ndarray) -> np.ndarray:
    """Return unit normals [N, 3] in the UV map's tangent space of a picture of heights [S, S], in the mesh's units."""
    model, size = base.model, texels.size
    flat = model.uvs[triangulate(model.face_uvs)].astype(np.float64)
    places = base.neutral[model.triangles].astype(np.float64)
    first, second = flat[:, 1] - flat[:, 0], flat[:, 2] - flat[:, 0]
    area = first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]
    area = np.where(np.abs(area) < 1e-12, np.inf, area)[:, None]
    sides = places[:, 1] - places[:, 0], places[:, 2] - places[:, 0]
    # How far a step along u and along v goes on the surface, as a mean around each vertex.
    lengths = np.stack(
        [
            np.linalg.norm((sides[0] * second[:, 1:] - sides[1] * first[:, 1:]) / area, axis=1),
            np.linalg.norm((sides[1] * first[:, :1] - sides[0] * second[:, :1]) / area, axis=1),
        ],
        axis=1,
    )
    corners = model.triangles.ravel()
    counts = np.maximum(np.bincount(corners, minlength=len(model.mean)), 1)
    around = np.stack(
        [np.bincount(corners, np.repeat(column, 3), len(model.mean)) / counts for column in lengths.T], axis=1
    )
    steps = np.maximum(texels.interpolate(around), 1e-6) / size
    down, right = np.gradient(height)
    slopes = np.stack([right.ravel()[texels.places], -down.ravel()[texels.places]], axis=1) / steps
    normals = np.concatenate([-slopes, np.ones((len(slopes), 1))], axis=1)
    return (normals / np.linalg.norm(normals, axis=1, keepdims=True)).astype(np.float32)


def _roughness(model: HeadModel, texels: Texels, likeness: np.ndarray) -> np.ndarray:
    """Return how rough the texels are [N], without their relief."""
    rough = np.full(len(model.mean), anatomy.ROUGHNESS["Skin"])
    marks = model.landmarks(model.mean)
    oil = np.zeros(len(rough))
    for mark, radius in SHINE.items():
        oil = np.maximum(oil, np.exp(-0.5 * (np.linalg.norm(model.mean - marks[mark], axis=1) / radius) ** 2))
    rough += OILY * oil
    rough[model.in_regions(Region.SCALP)] = SCALP
    rough[model.in_regions(Region.LIPS)] = LIPS
    torso = model.in_regions(Region.TORSO)
    rough[torso] += (CLOTH - rough[torso]) * (1 - likeness[torso])
    # Wet parts are materials of their own: no value of theirs is mixed with the skin's around them.
    of_faces = anatomy.face_materials(model)
    for number, name in enumerate(anatomy.MATERIALS[1:], start=1):
        rough[model.faces[of_faces == number]] = anatomy.ROUGHNESS[name]
    return texels.interpolate(rough)
