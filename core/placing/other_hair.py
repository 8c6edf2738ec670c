"""Tells photos in which the hair is another than the portrait's: cut, tied, dyed, or under a hat.

Two kinds of evidence count, and both only where portrait and photo tell of the same place: what one photo alone shows
contradicts nothing.

*Outlines.* What a photo shows of the head lies on a ray. Where no place of that ray can lie in the portrait's outline,
the photo shows something that was not there, and the other way round (a visual hull: Laurentini 1994).

*Colours.* What both see of scalp, ears and forehead is compared, in the exposure that makes both faces alike; what the
portrait shows right beside a place counts as the same, so that neither a hairline's place nor single locks do.

Measured on 76 photos with the portrait's hair, of which none is told, and on 57 with other hair, of which 37 are: 25 of
30 three-quarter views, 9 of 15 profiles, 3 of 12 from behind, where only outlines tell and the head's place follows
them. A head that was shaved since the portrait's short hair mostly stays untold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy import ndimage

from ..cameras import Camera
from ..colors import to_linear
from ..geometry.vectors import unit
from ..head.fitting import HeadFit
from ..head.mesh_raster import MeshMaps, rasterize_mesh
from ..head.model import HeadModel, Region, vertex_normals
from ..head.pose import Pose
from ..photo.sides import PLACED
from ..system import blocks
from .outline import surface
from .types import PlacedShot

OTHER_HAIR = (
    "The hair looks different from the portrait's, in cut or colour, or something is worn on it: the portrait's hair "
    "was kept. If it is another person, remove the photo; to use its hair, too, place it by hand."
)
STEP = 4
"""Every so many pixels of a 512-pixel picture a ray is looked at."""
REACH, PLACES = 0.16, 33
"""Metres before and behind the head's middle between which its places lie, and their number on a ray."""
LOWEST = -0.13
"""Metres above the head's middle below which outlines are the shoulders', which people move."""
CLEARLY_OUTSIDE = 12.0
"""Pixels of a 512-pixel picture, about a centimetre, by which an outline must be missed."""
MOST_OUTSIDE = 5.0
"""Square centimetres of a photo that miss the other's outline, above which the hair is another. Measured: up to 1.3 for
the same hair, 13 and more for hats, thick curls, and long against short hair from behind."""
RASTER = 192
"""Side in pixels of the pictures in which it is decided what both see."""
BLUR = 3.0
"""Pixels of a 512-pixel picture over which colours are averaged: strands and pores do not count."""
AROUND = 21
"""Side in the same pixels of the square of the portrait that a place of the photo is compared with."""
LEAST_FACING = 0.3
"""Cosine between surface and view in both photos."""
HIDDEN = 0.04
"""World units behind what is seen first at which a place is hidden."""
DARKEST = 0.004
"""Linear light below which nothing is told apart."""
BRIGHTER, TINTED = 1.0, 0.25
"""Natural logarithms of the ratios of brightness, and of red or blue to green, that neither light nor shade makes."""
FOREHEAD = 0.05
"""Metres above the head's middle from which a face is forehead, where hair falls or begins."""
CLEARLY, CLEAR_AREA = 0.5, 3.5
"""Share of what is seen of scalp and ears, or of the forehead, that has another colour, and square centimetres of them
that must be seen. Measured: up to 0.47 and 0.11 for the same hair, 0.5 to 1 for dyed hair, 0.8 for hair on a forehead
that was bare."""
AS_FACE = 2.0
"""Times that share of the face by which it must be more: where the face, too, looks otherwise, the light is harsh."""
PARTLY, LARGE_AREA = 0.23, 7.0
"""A smaller share counts of so many square centimetres, where with hair before the face as many have another colour.
Measured for the same hair: up to 0.17 where as many have."""


@dataclass(frozen=True, eq=False)
class _Seen:
    """A photo and the head as it lies in it.

    Attributes:
        picture: [512, 512, 4] uint8 RGBA, straight colours.
        camera: Sees it.
        vertices: [V, 3] of the head with its hair, in the camera's world.
        triangles: [T, 3] of its outside.
    """

    picture: np.ndarray
    camera: Camera
    vertices: np.ndarray
    triangles: np.ndarray

    @cached_property
    def within(self) -> np.ndarray:
        """[512, 512] distance in pixels to the outline, positive inside; beyond the picture the person goes on."""
        inside = np.pad(self.picture[..., 3] > 127, 1, mode="edge")
        distance = ndimage.distance_transform_edt(inside) - ndimage.distance_transform_edt(~inside)
        smooth: np.ndarray = ndimage.gaussian_filter(distance[1:-1, 1:-1], 1.0)
        return smooth

    @cached_property
    def light(self) -> np.ndarray:
        """[512, 512, 3] natural logarithms of brightness, and of red and blue against green, a little blurred."""
        alpha = self.picture[..., 3] / 255.0
        share = np.maximum(ndimage.gaussian_filter(alpha, BLUR), 1e-3)
        linear = to_linear(self.picture[..., :3] / 255.0) * alpha[..., None]
        logs = np.log(np.maximum(ndimage.gaussian_filter(linear, (BLUR, BLUR, 0)) / share[..., None], DARKEST))
        return np.stack([logs.mean(-1), logs[..., 0] - logs[..., 1], logs[..., 2] - logs[..., 1]], axis=-1)

    @cached_property
    def span(self) -> tuple[np.ndarray, np.ndarray]:
        """[512, 512, 3] least and greatest light of the person around each pixel."""
        inside, size = (self.within > 1)[..., None], (AROUND, AROUND, 1)
        low = ndimage.minimum_filter(np.where(inside, self.light, np.inf), size)
        high = ndimage.maximum_filter(np.where(inside, self.light, -np.inf), size)
        return low, high

    @cached_property
    def maps(self) -> MeshMaps:
        """What its camera sees of the head, in a small picture."""
        return rasterize_mesh(self.camera.resized(RASTER), self.vertices, self.triangles)

    def shows(self, places: np.ndarray, normals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return which places [N, 3] of the surface, with unit normals, are well seen, and their pixels [N, 2]."""
        pixels, depths = self.camera.project(places)
        facing = self.camera.facing(places, normals)
        nearest = sampled(self.maps.depth, pixels * RASTER / self.camera.width)
        inside = ((pixels >= 0) & (pixels < self.camera.width)).all(1) & (sampled(self.within, pixels) > BLUR)
        return inside & (facing > LEAST_FACING) & (depths < nearest + HIDDEN), pixels


def sampled(values: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Return values [S, S, ...] at pixels [N, 2]; the border's beyond it."""
    columns, rows = np.clip(pixels, 0, np.array(values.shape[1::-1]) - 1).astype(np.int64).T
    return values[rows, columns]


def marked(fit: HeadFit, picture: np.ndarray, thickness: np.ndarray, placed: Sequence[PlacedShot]) -> list[PlacedShot]:
    """Return placed photos, those marked and told whose hair is another than the portrait's.

    Args:
        fit: The head that all photos tell, in the portrait.
        picture: [512, 512, 4] the portrait.
        thickness: [V] metres by which its hair stands off the head.
        placed: The photos.
    """
    model, triangles = fit.model, surface(fit.model).triangles
    normals = vertex_normals(fit.vertices, model.triangles)
    vertices = fit.vertices + (thickness * fit.pose.scale)[:, None] * normals
    portrait = _Seen(picture, fit.camera, vertices, triangles)

    def checked(shot: PlacedShot) -> PlacedShot:
        if shot.state != PLACED:
            return shot
        photo = _Seen(shot.picture, shot.camera, vertices, triangles)
        if not _is_other(model, portrait, photo, fit.pose):
            return shot
        return replace(shot, other_hair=True, message=" ".join(filter(None, (shot.message, OTHER_HAIR))))

    return list(blocks.each(checked, placed))


def _is_other(model: HeadModel, portrait: _Seen, photo: _Seen, pose: Pose) -> bool:
    """Return whether the hair in a photo is clearly another than the portrait's."""
    if max(_outside(photo, portrait, pose), _outside(portrait, photo, pose)) > MOST_OUTSIDE:
        return True
    face, forehead, hair = _otherwise_colored(model, portrait, photo)
    (middle,) = photo.camera.to_camera(pose.translation[None])[:, 2]
    pixel = _square_centimetres(photo.camera.resized(RASTER), middle, pose)
    least = CLEARLY + AS_FACE * (face.mean() if len(face) else 0.0)
    if any(len(each) * pixel > CLEAR_AREA and each.mean() > least for each in (forehead, hair)):
        return True
    seen, other = len(hair) * pixel, sum(each.sum() for each in (face, forehead, hair)) * pixel
    return bool(min(seen, other) > LARGE_AREA and hair.mean() > PARTLY)


def _outside(photo: _Seen, other: _Seen, pose: Pose) -> float:
    """Return how much of the head in a photo, in square centimetres, lies in no place that the other allows.

    Args:
        photo: The photo.
        other: The other.
        pose: The head's, in the world of both cameras.
    """
    size = photo.picture.shape[0]
    steps = np.arange(STEP // 2, size, STEP)
    pixels = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2) + 0.5
    (middle,) = photo.camera.to_camera(pose.translation[None])[:, 2]
    across = photo.camera.unproject(pixels, np.full(len(pixels), middle)) - pose.translation
    head = (sampled(photo.within, pixels) > 0) & (across @ pose.rotation[:, 2] > LOWEST * pose.scale)
    depths = np.tile(middle + np.linspace(-REACH, REACH, PLACES) * pose.scale, int(head.sum()))
    seen, _ = other.camera.project(photo.camera.unproject(np.repeat(pixels[head], PLACES, axis=0), depths))
    beyond = ((seen < 0) | (seen >= size)).any(1)
    best = np.where(beyond, np.inf, sampled(other.within, seen)).reshape(-1, PLACES).max(1)
    missed = np.zeros(len(pixels), bool)
    missed[head] = best < -CLEARLY_OUTSIDE
    # Single pixels are the matte's.
    missed = ndimage.binary_opening(missed.reshape(len(steps), -1), np.ones((2, 2)))
    return float(missed.sum() * STEP**2 * _square_centimetres(photo.camera, middle, pose))


def _square_centimetres(camera: Camera, depth: float, pose: Pose) -> float:
    """Return how much of the head a pixel shows at a depth."""
    return float((100 * depth / camera.fx / pose.scale) ** 2)


def _otherwise_colored(model: HeadModel, portrait: _Seen, photo: _Seen) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return which places of the face below the forehead, of the forehead, and of scalp and ears look otherwise.

    They are those that both photos see, a pixel of the second one's small picture each: [F], [O] and [H] bool.
    """
    mask = photo.maps.mask
    owners = photo.triangles[photo.maps.triangles[mask]]
    corners = photo.vertices[owners]
    places = np.einsum("nk,nkc->nc", photo.maps.barycentrics[mask], corners)
    normals = unit(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]))
    (in_photo, pixels), (in_portrait, own) = (seen.shows(places, normals) for seen in (photo, portrait))
    both = in_photo & in_portrait
    face = both & model.in_regions(Region.FACE)[owners].all(1)
    if not face.any():
        nothing = np.zeros(0, bool)
        return nothing, nothing, nothing
    light = sampled(photo.light, pixels)
    light -= np.median(light[face] - sampled(portrait.light, own[face]), axis=0)
    low, high = (sampled(values, own) for values in portrait.span)
    other = (np.maximum(light - high, low - light) > [BRIGHTER, TINTED, TINTED]).any(1)
    forehead = face & (model.mean[owners, 2] > FOREHEAD).all(1)
    hair = both & model.in_regions(Region.SCALP, Region.EARS)[owners].all(1)
    return other[face & ~forehead], other[forehead], other[hair]
