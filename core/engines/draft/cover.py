"""The volume of what covers the fitted head and body: hair, beard, headgear and clothes, in head space.

A signed field in a grid of voxels around the head, positive inside. Its pieces are simple solids: the head
made thicker (:mod:`.thickness`), hair that hangs, hair before the shoulders, the torso. The photo then cuts them:
nothing lies outside of the person's outline, and nothing before skin that the photo shows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from ...head.model import Region, triangulate, vertex_normals
from ...parts import Part
from ...surface.voxels import Grid
from .beard import build_beard
from .body import body_field
from .cut import Cut
from .fields import blur_inside, nearest_fill, roundness, signed_distance
from .lattice import Lattice, Rays
from .neckline import Neckline
from .portrait import BODY_REGIONS, HEAD_REGIONS, FittedPortrait
from .segmentation import Segmentation
from .surface import Surface, surface_nets
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
DOME = 0.4
"""World units over which hanging hair closes above the widest place of the head."""
CURTAIN = 0.035
"""Metres before the ears that hanging hair reaches to."""
OVER_BODY = 0.07
"""World units of hair over the shoulders and the back."""
FAR = 100.0
"""World units: a depth that nothing has."""
LOCK = 0.6
"""Depth over width of hair that nothing else places."""


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
    """
    counts = np.ceil((BOX[1] - BOX[0]) / VOXEL).astype(int) + 1
    grid = Grid(BOX[0], VOXEL, tuple(counts.tolist()))
    points = grid.points(np.indices(grid.shape).reshape(3, -1).T.astype(np.float32))
    rays = Rays(lattice, points)
    inside = rays.sample(signed_distance(outline) * lattice.cell_size)
    value, distance = _to_head(portrait, lattice, grid, thickness)
    hair = np.where(value > THINNEST_HAIR, value - distance - UNDER_SKIN, -CLAMP)
    share = lattice.shrink(covered & ~segmentation.beard)
    if segmentation.long_hair:
        hair = np.maximum(hair, _hanging(portrait, lattice, points, share > 0.5, torso, thickness))
    hair = np.maximum(hair, _before_body(portrait, lattice, share > 0.5, torso, rays))
    hair = np.maximum(hair, _lost_locks(lattice, share > 0.5, hair, rays))
    beard = _beard(portrait, lattice, segmentation.beard, rays)
    hair = hair if beard is None else np.maximum(hair, beard)
    skin = lattice.shrink(segmentation.is_part(Part.SKIN, Part.NECK, Part.EYES, Part.MOUTH) & ~covered)
    hair = np.minimum(hair, rays.depth - rays.sample(_free(portrait, lattice, skin > 0.5)))
    body = body_field(lattice, torso, neckline, points, rays, distance + UNDER_SKIN)
    hair, body = (np.minimum(np.minimum(field, inside), cut.heights(points)) for field in (hair, body))
    hair, body = (_smoothed(field, grid.shape) for field in (hair, body))
    surface = _extract(grid, np.maximum(hair, body))
    on_head = grid.sample(hair, surface.vertices) > grid.sample(body, surface.vertices)
    on_beard = np.zeros_like(on_head)
    if beard is not None:
        on_beard = on_head & (grid.sample(_smoothed(beard, grid.shape), surface.vertices) > -VOXEL)
    return Cover(grid, hair, body, surface, on_head, on_beard)


def _smoothed(field: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """Return a flat field cut at CLAMP, smoothed."""
    clipped = np.clip(field.reshape(shape), -CLAMP, CLAMP).astype(np.float32)
    return ndimage.gaussian_filter(clipped, SMOOTHING, truncate=3)


def _to_head(
    portrait: FittedPortrait, lattice: Lattice, grid: Grid, thickness: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the thickness [N] at the nearest place of head and torso, and the distance to it, negative inside."""
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
    distances = np.full(len(at), 2 * CLAMP, np.float32)
    nearest = np.zeros(len(at), np.float32)
    _, index = cKDTree(places).query(at[near])
    offset = at[near] - places[index]
    distance = np.linalg.norm(offset, axis=1)
    # Close by the plane through the nearest place tells more than the distance to it.
    plane = (offset * outward[index]).sum(1)
    # Where ears and eyes leave holes in the hull, only rays through the whole head tell inside from outside.
    front, back = lattice.mesh_depths(portrait.vertices, portrait.triangles((*HEAD_REGIONS, *BODY_REGIONS)))
    rays = Rays(lattice, at[near])
    front, back = rays.sample(np.nan_to_num(front, nan=FAR)), rays.sample(np.nan_to_num(back))
    inside = (rays.depth > front) & (rays.depth < back)
    signed = np.where(distance < 2 * VOXEL, plane, np.where(inside, -distance, distance))
    distances[near], nearest[near] = signed, values[index]
    fine = np.indices(grid.shape).reshape(3, -1) / np.float32(COARSE)
    return tuple(ndimage.map_coordinates(f.reshape(coarse), fine, order=1) for f in (nearest, distances))


def _free(portrait: FittedPortrait, lattice: Lattice, skin: np.ndarray) -> np.ndarray:
    """Return the depth [R, C] of skin that the photo shows; far before everything where it shows none."""
    near, _ = lattice.mesh_depths(portrait.vertices, portrait.outer_triangles)
    return np.where(skin & np.isfinite(near), near, 0.0)


def _hanging(
    portrait: FittedPortrait,
    lattice: Lattice,
    points: np.ndarray,
    hair: np.ndarray,
    torso: Torso,
    thickness: np.ndarray,
) -> np.ndarray:
    """Return the field [N] of hair that hangs: at every height an ellipse as wide as the photo shows it."""
    pose, model = portrait.fit.pose, portrait.model
    vertices = portrait.vertices.astype(np.float64)
    ears = vertices[model.in_regions(Region.EARS)]
    front = float(ears[:, 1].min() - CURTAIN * pose.scale)
    skull = vertices[model.in_regions(Region.SCALP)]
    # Hair falls from where the back of the head reaches furthest.
    rearmost = skull[:, 1].argmax()
    start = float(skull[rearmost, 2])
    behind = float(skull[rearmost, 1] + thickness[model.in_regions(Region.SCALP)][rearmost])
    left, right = _spans(lattice, hair, start)
    if not len(left):
        # A matte that grain has torn may leave nothing of it there.
        return np.full(len(points), -CLAMP, np.float32)
    heights = left[:, 0]
    z = points[:, 2]
    low, high = (np.interp(-z, -heights, span[:, 1]) for span in (left, right))
    middle, half = (low + high) / 2, np.maximum((high - low) / 2, 1e-3)
    # Falling from the back of the head, then lying on the back.
    back = np.maximum(behind, _back_heights(lattice, torso, z) + OVER_BODY)
    center, depth = (front + back) / 2, (back - front) / 2
    radius = np.hypot((points[:, 0] - middle) / half, (points[:, 1] - center) / depth)
    # Above, a dome leads over to the hair on the head.
    radius = np.hypot(radius, np.clip((z - start) / DOME, 0, None))
    field = (1 - radius) * np.minimum(half, depth)
    return np.minimum(field, z - heights[-1]).astype(np.float32)


def _spans(lattice: Lattice, hair: np.ndarray, start: float) -> tuple[np.ndarray, np.ndarray]:
    """Return height and x of hair's left and right edge, [R, 2] each, top first, from near a height downwards."""
    rows = np.flatnonzero(hair.any(1))
    first = hair.argmax(1)[rows]
    last = hair.shape[1] - 1 - hair[:, ::-1].argmax(1)[rows]
    distance = float(np.linalg.norm(lattice.camera.position))

    def world(columns: np.ndarray) -> np.ndarray:
        pixels = np.stack([columns, rows + 0.5], axis=1).astype(float)
        return lattice.camera.unproject(pixels, np.full(len(rows), distance))

    left, right = world(first), world(last + 1)
    below = left[:, 2] < start + 0.2
    left, right = left[below][:, [2, 0]], right[below][:, [2, 0]]
    for edge in (left, right):
        edge[:, 1] = ndimage.gaussian_filter1d(edge[:, 1], 2.0, mode="nearest")
    return left, right


def _back_heights(lattice: Lattice, torso: Torso, z: np.ndarray) -> np.ndarray:
    """Return the y [N] of the back's middle at heights z [N]."""
    column = int(np.median(np.nonzero(torso.mask)[1]))
    rows = np.flatnonzero(torso.mask[:, column])
    pixels = np.stack([np.full(len(rows), column + 0.5), rows + 0.5], axis=1)
    places = lattice.camera.unproject(pixels, torso.back[rows, column].astype(float))
    return np.interp(-z, -places[:, 2], places[:, 1])


def _before_body(portrait: FittedPortrait, lattice: Lattice, hair: np.ndarray, torso: Torso, rays: Rays) -> np.ndarray:
    """Return the field [N] of hair and beard that the photo shows before neck and shoulders."""
    _, y = lattice.centers()
    place = hair & torso.mask & (y > portrait.chin_row - 0.3 * portrait.face_height)
    if not place.any():
        return np.full(len(rays.depth), -CLAMP, np.float32)
    front = rays.sample(nearest_fill(torso.front, torso.mask))
    rim = signed_distance(place) * lattice.cell_size
    thick = rays.sample(OVER_BODY * roundness(np.maximum(rim, 0), OVER_BODY))
    return np.minimum(np.minimum(rays.depth - front + thick, front + OVER_BODY - rays.depth), rays.sample(rim))


def _beard(portrait: FittedPortrait, lattice: Lattice, shown: np.ndarray, rays: Rays) -> np.ndarray | None:
    """Return the field [N] of a beard below the chin; None where there is none."""
    beard = build_beard(portrait, lattice, shown)
    if beard is None:
        return None
    within = rays.sample(signed_distance(beard.mask) * lattice.cell_size)
    return np.minimum(np.minimum(rays.depth - rays.sample(beard.front), rays.sample(beard.back) - rays.depth), within)


def _lost_locks(lattice: Lattice, hair: np.ndarray, field: np.ndarray, rays: Rays) -> np.ndarray:
    """Return the field [N] of hair whose rays met nothing so far: about as deep as it is wide, beside what is there."""
    rows, columns = (np.rint(place).astype(int) for place in rays.place)
    within = (rows >= 0) & (rows < hair.shape[0]) & (columns >= 0) & (columns < hair.shape[1])
    flat = np.ravel_multi_index((rows[within], columns[within]), hair.shape)
    solid = field[within] > 0
    count = np.bincount(flat[solid], minlength=hair.size).reshape(hair.shape)
    depth = np.bincount(flat[solid], rays.depth[within][solid], hair.size).reshape(hair.shape)
    known = hair & (count > 1)
    if not known.any() or known.sum() == hair.sum():
        return np.full(len(rays.depth), -CLAMP, np.float32)
    middle = blur_inside(nearest_fill(depth / np.maximum(count, 1), known), np.ones(hair.shape), 2.0)
    rim = signed_distance(hair) * lattice.cell_size
    half = LOCK * np.maximum(rim, 0)
    return rays.sample(np.where(hair, half, rim)) - np.abs(rays.depth - rays.sample(middle))


def _extract(grid: Grid, field: np.ndarray) -> Surface:
    """Return the zero level of a field as a closed surface."""
    padded = np.pad(field, 1, constant_values=-CLAMP)
    nodes, quads = surface_nets(padded)
    vertices = grid.points(nodes - 1)
    return Surface(vertices, vertex_normals(vertices, triangulate(quads)), quads)
