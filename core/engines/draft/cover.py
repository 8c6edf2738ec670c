"""The volume of what covers the fitted head and body: hair, beard, headgear and clothes, in head space.

A signed field in a grid of voxels around the head, positive inside. Its pieces are simple solids: the head
made thicker (:mod:`.thickness`), hair that hangs, hair before the shoulders, the torso. The photo then cuts them:
nothing lies outside of the person's outline, and nothing before skin that the photo shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from ...head.model import Region, triangulate, vertex_normals
from ...surface.mesh import surface_net
from ...surface.voxels import Grid
from .beard import build_beard
from .body import body_field
from .cut import Cut
from .fields import signed_distance
from .hanging import OVER_BODY, at_nape, before_body, hanging, lost_locks
from .lattice import Lattice, Rays
from .neckline import Neckline
from .portrait import BODY_REGIONS, HEAD_REGIONS, FittedPortrait
from .segmentation import Segmentation
from .shots.look import Look
from .silhouettes import BARE, behind_skin, within_outlines
from .surface import Surface
from .thickness import HULL
from .torso import Torso

VOXEL = 0.024
"""World units: about 5 mm."""
BOX = np.array([[-1.15, -0.8, -1.3], [1.15, 0.95, 1.0]])
"""World box around head and shoulders."""
COARSE = 2
"""Voxels along a side that share a look for the nearest place on the head."""
CLAMP = 4 * VOXEL
"""Field values are cut here, so that smoothing acts near the surface only."""
SMOOTHING = 0.8
"""Voxels: standard deviation of the field's smoothing."""
UNDER_SKIN = 0.012
"""World units by which the volume stays under the head's skin where nothing covers it."""
THINNEST_HAIR = 0.01
"""World units: where hair would be thinner, the head is bare."""
NO_HAIR = -0.3
"""World units: thickness that stands for none, at the shoulders."""
FAR = 100.0
"""World units: a depth that nothing has."""


@dataclass(frozen=True, eq=False)
class Cover:
    """The volume.

    Attributes:
        grid: Where the voxels are.
        hair: [I, J, K] float32 field of hair and headgear, world units, positive inside.
        body: [I, J, K] float32 field of neck and torso with their clothes.
        surface: The closed surface around both.
        on_head: [V] bool: its vertices that belong to hair or headgear rather than to the body.
        on_beard: [V] bool: those of them that belong to a beard.
    """

    grid: Grid
    hair: np.ndarray
    body: np.ndarray
    surface: Surface
    on_head: np.ndarray
    on_beard: np.ndarray


def build_cover(
    portrait: FittedPortrait,
    segmentation: Segmentation,
    lattice: Lattice,
    thickness: np.ndarray,
    torso: Torso,
    outline: np.ndarray,
    covered: np.ndarray,
    cut: Cut,
    neckline: Neckline,
    looks: Sequence[Look] = (),
) -> Cover:
    """Return the volume of hair and clothes.

    Args:
        portrait: The portrait.
        segmentation: The photo's parts.
        lattice: The photo's coarse grid of rays.
        thickness: [V] of what covers the head (:func:`.thickness.cover_thickness`).
        torso: Depths of neck and torso.
        outline: [R, C] bool: the person on the lattice, continued beyond the photo.
        covered: [512, 512] bool: pixels of hair, beard and headgear.
        cut: Where the bust ends.
        neckline: Where clothes end at the neck.
        looks: Further photos: hair lies within their outlines, too.
    """
    counts = np.ceil((BOX[1] - BOX[0]) / VOXEL).astype(int) + 1
    grid = Grid(BOX[0], VOXEL, tuple(counts.tolist()))
    points = grid.points(np.indices(grid.shape).reshape(3, -1).T.astype(np.float32))
    rays = Rays.of(lattice, points)
    inside = rays.sample(signed_distance(outline) * lattice.cell_size)
    limit = np.minimum(inside, cut.heights(points))
    # Outside of the person's outline there is nothing, whatever would be there.
    possible = limit > -CLAMP
    points, rays, inside, limit = points[possible], rays.select(possible), inside[possible], limit[possible]
    possible = possible.reshape(grid.shape)
    value, distance = _to_head(portrait, lattice, grid, thickness, possible)
    hair = np.where(value > THINNEST_HAIR, value - distance - UNDER_SKIN, -CLAMP)
    shown = lattice.shrink(covered & ~segmentation.beard) > 0.5
    body = body_field(lattice, torso, neckline, points, rays, distance + UNDER_SKIN)
    if segmentation.long_hair:
        # Hair that the photo cuts goes on as the outline does.
        shown = lattice.repeated(shown) & outline
        hair = np.maximum(hair, hanging(portrait, lattice, points, shown, torso, thickness, body, rays))
    nape = np.zeros_like(shown) if segmentation.nape is None else lattice.shrink(segmentation.nape) > 0.25
    hair = np.maximum(hair, before_body(portrait, lattice, shown & ~nape, outline, torso, rays))
    if nape.any():
        hair = np.maximum(hair, at_nape(portrait, lattice, points, nape))
    hair = np.maximum(hair, lost_locks(lattice, shown & ~nape, hair, rays))
    beard = _beard(portrait, lattice, segmentation.beard, rays)
    hair = hair if beard is None else np.maximum(hair, beard)
    skin = lattice.shrink(segmentation.is_part(*BARE) & ~covered)
    hair = np.minimum(hair, rays.depth - rays.sample(_free(portrait, lattice, skin > 0.5)))
    hair = np.minimum(hair, np.minimum(within_outlines(looks, points), behind_skin(portrait, looks, points)))
    # At the outline the body ends inside of hair that falls over it.
    body = np.minimum(body, inside - OVER_BODY * rays.sample(shown))
    hair, body = (_smoothed(np.minimum(field, limit), possible) for field in (hair, body))
    surface = _extract(grid, np.maximum(hair, body))
    on_head = grid.sample(hair, surface.vertices) > grid.sample(body, surface.vertices)
    on_beard = np.zeros_like(on_head)
    if beard is not None:
        on_beard = on_head & (grid.sample(_smoothed(beard, possible), surface.vertices) > -VOXEL)
    return Cover(grid, hair, body, surface, on_head, on_beard)


def _smoothed(field: np.ndarray, possible: np.ndarray) -> np.ndarray:
    """Return the field [I, J, K] of the possible voxels [N], cut at CLAMP and smoothed."""
    clipped = np.full(possible.shape, -CLAMP, np.float32)
    clipped[possible] = np.clip(field, -CLAMP, CLAMP)
    return ndimage.gaussian_filter(clipped, SMOOTHING, truncate=3)


def _to_head(
    portrait: FittedPortrait, lattice: Lattice, grid: Grid, thickness: np.ndarray, possible: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the thickness [N] at the place of head and torso nearest to each possible voxel [I, J, K] bool, and the
    distance to it, negative inside.
    """
    hull = portrait.triangles((*HULL, Region.TORSO))
    vertices, normals = portrait.vertices.astype(np.float64), portrait.fit.normals
    corners = np.unique(hull)
    places = np.concatenate([vertices[corners], vertices[hull].mean(1)])
    outward = np.concatenate([normals[corners], normals[hull].mean(1)])
    thickness = np.where(portrait.model.in_regions(Region.TORSO), NO_HAIR, thickness)
    values = np.concatenate([thickness[corners], thickness[hull].mean(1)])
    coarse = tuple(-(-n // COARSE) + 1 for n in grid.shape)
    at = grid.points(np.indices(coarse).reshape(3, -1).T.astype(np.float32) * COARSE)
    reach = float(thickness.max()) + 6 * VOXEL
    near = ((at > places.min(0) - reach) & (at < places.max(0) + reach)).all(1)
    near &= _around(possible, coarse).ravel()
    distances = np.full(len(at), 2 * CLAMP, np.float32)
    nearest = np.zeros(len(at), np.float32)
    _, index = cKDTree(places).query(at[near])
    offset = at[near] - places[index]
    distance = np.linalg.norm(offset, axis=1)
    # Close by the plane through the nearest place tells more than the distance to it.
    plane = (offset * outward[index]).sum(1)
    # Where ears and eyes leave holes in the hull, only rays through the whole head tell inside from outside.
    front, back = lattice.mesh_depths(portrait.vertices, portrait.triangles((*HEAD_REGIONS, *BODY_REGIONS)))
    rays = Rays.of(lattice, at[near])
    front, back = rays.sample(np.nan_to_num(front, nan=FAR)), rays.sample(np.nan_to_num(back))
    inside = (rays.depth > front) & (rays.depth < back)
    signed = np.where(distance < 2 * VOXEL, plane, np.where(inside, -distance, distance))
    distances[near], nearest[near] = signed, values[index]
    fine = np.stack(np.nonzero(possible)) / np.float32(COARSE)
    return tuple(ndimage.map_coordinates(f.reshape(coarse), fine, order=1) for f in (nearest, distances))


def _around(possible: np.ndarray, coarse: tuple[int, ...]) -> np.ndarray:
    """Return which places of the coarse grid possible voxels lie beside or on."""
    beside = ndimage.maximum_filter(possible, COARSE + 1)
    beyond = [(0, (count - 1) * COARSE + 1 - size) for count, size in zip(coarse, possible.shape, strict=True)]
    return np.pad(beside, beyond, mode="edge")[::COARSE, ::COARSE, ::COARSE]


def _free(portrait: FittedPortrait, lattice: Lattice, skin: np.ndarray) -> np.ndarray:
    """Return the depth [R, C] of skin that the photo shows; far before everything where it shows none."""
    near, _ = lattice.mesh_depths(portrait.vertices, portrait.outer_triangles)
    return np.where(skin & np.isfinite(near), near, 0.0)


def _beard(portrait: FittedPortrait, lattice: Lattice, shown: np.ndarray, rays: Rays) -> np.ndarray | None:
    """Return the field [N] of a beard below the chin; None where there is none."""
    beard = build_beard(portrait, lattice, shown)
    if beard is None:
        return None
    within = rays.sample(signed_distance(beard.mask) * lattice.cell_size)
    return np.minimum(np.minimum(rays.depth - rays.sample(beard.front), rays.sample(beard.back) - rays.depth), within)


def _extract(grid: Grid, field: np.ndarray) -> Surface:
    """Return the zero level of a field as a closed surface."""
    padded = np.pad(field, 1, constant_values=-CLAMP)
    net = surface_net(-padded, 0.0, np.float64)
    vertices = grid.points(net.vertices - 1)
    return Surface(vertices, vertex_normals(vertices, triangulate(net.faces)), net.faces)
