"""Hair off the head, as fields: what falls behind neck and shoulders, lies before them, or hangs free."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from ...head.model import Region
from .fields import blur_inside, nearest_fill, roundness, signed_distance
from .lattice import Lattice, Rays
from .portrait import FittedPortrait
from .thickness import HULL
from .torso import Torso

BEHIND = (Region.SCALP, Region.NECK)
"""What short hair of the nape goes around."""
NOWHERE = -1.0
"""World units: field where there is no hair."""
DOME = 0.4
"""World units over which hanging hair closes above the widest place of the head."""
CURTAIN = 0.035
"""Metres before the ears that hanging hair reaches to."""
OVER_BODY = 0.07
"""World units of hair over the shoulders and the back."""
NECK_LAYERS, SLANTED_LAYERS = 24, 3
"""Layers of equal height in which head and neck are measured, and the lowest ones, which the neck's edge cuts."""
BEHIND_EAR = 90
"""Percentile of an ear's depths at which hair of the nape lies."""
NAPE_HAIR, NAPE_DOME = 0.05, 0.2
"""World units, about 1 and 4 cm, of short hair behind the neck, and over which it closes above what shows of it."""
NAPE_END, NAPE_SUNK = 0.25, 0.08
"""World units, about 5 cm, over which it gets thinner towards its lower end, and by which its surface has then sunk:
into the skin, where a nape's hair ends, in place of a straight cut."""
LOCK = 0.6
"""Depth over width of hair that nothing else places."""


def hanging(
    portrait: FittedPortrait,
    lattice: Lattice,
    points: np.ndarray,
    hair: np.ndarray,
    torso: Torso,
    thickness: np.ndarray,
    body: np.ndarray,
    rays: Rays,
) -> np.ndarray:
    """Return the field [N] of hair that hangs: at every height an ellipse as wide as the photo shows it, and what lies
    on the back.
    """
    pose, model = portrait.fit.pose, portrait.model
    vertices = portrait.vertices.astype(np.float64)
    # Along both ears: a turned head has the one further back. What would hang before the one that it hides would show.
    sides = [model.in_regions(Region.EARS) & (model.mean[:, 0] * sign > 0) for sign in (-1, 1)]
    front = np.interp(
        points[:, 0],
        [vertices[ear, 0].mean() for ear in sides],
        [
            vertices[ear, 1].min() - (0 if hidden else CURTAIN * pose.scale)
            for ear, hidden in zip(sides, portrait.hidden_ears, strict=True)
        ],
    )
    skull = vertices[model.in_regions(Region.SCALP)]
    # Hair falls from where the back of the head reaches furthest.
    rearmost = skull[:, 1].argmax()
    start = float(skull[rearmost, 2])
    behind = float(skull[rearmost, 1] + thickness[model.in_regions(Region.SCALP)][rearmost])
    left, right = _spans(lattice, hair, start)
    if not len(left):
        # A matte that grain has torn may leave nothing of it there.
        return np.full(len(points), NOWHERE, np.float32)
    heights = left[:, 0]
    z = points[:, 2]
    low, high = (np.interp(-z, -heights, span[:, 1]) for span in (left, right))
    # On a side where face and neck hide it, hair falls at least as wide as these are.
    at_least = _edges(portrait, z, HULL)
    low, high = np.minimum(low, at_least[0]), np.maximum(high, at_least[1])
    middle, half = (low + high) / 2, np.maximum((high - low) / 2, 1e-3)
    # Falling from the back of the head, then lying on the back.
    back = np.maximum(behind, _back_heights(lattice, torso, z) + OVER_BODY)
    center, depth = (front + back) / 2, (back - front) / 2
    radius = np.hypot((points[:, 0] - middle) / half, (points[:, 1] - center) / depth)
    # Above, a dome leads over to the hair on the head.
    radius = np.hypot(radius, np.clip((z - start) / DOME, 0, None))
    field = (1 - radius) * np.minimum(half, depth)
    # Shoulder blades and collars reach further back than the back's middle.
    aside = np.minimum(points[:, 0] - low, high - points[:, 0])
    behind_body = np.minimum(body + OVER_BODY, rays.depth - rays.sample((torso.front + torso.back) / 2))
    field = np.maximum(field, np.minimum(np.minimum(behind_body, aside), start - z))
    return np.minimum(field, z - heights[-1]).astype(np.float32)


def before_body(
    portrait: FittedPortrait, lattice: Lattice, hair: np.ndarray, outline: np.ndarray, torso: Torso, rays: Rays
) -> np.ndarray:
    """Return the field [N] of hair and beard that the photo shows before neck and shoulders."""
    _, y = lattice.centers()
    place = hair & torso.mask & (y > portrait.chin_row - 0.3 * portrait.face_height)
    if not place.any():
        return np.full(len(rays.depth), NOWHERE, np.float32)
    front = rays.sample(nearest_fill(torso.front, torso.mask))
    # Hair that goes on behind the shoulder does not get thin at the outline.
    rim = signed_distance(place | ~outline) * lattice.cell_size
    thick = rays.sample(OVER_BODY * roundness(np.maximum(rim, 0), OVER_BODY))
    return np.minimum(np.minimum(rays.depth - front + thick, front + OVER_BODY - rays.depth), rays.sample(rim))


def behind_ears(portrait: FittedPortrait) -> np.ndarray:
    """Return the depth [512] at the picture's columns of what short hair shows beside the jaw: where an ear ends."""
    return portrait.between_ears(_ear_backs(portrait))


def _ear_backs(portrait: FittedPortrait) -> tuple[float, float]:
    """Return the depths at which the ears at the picture's left and right end."""
    left, right = (float(np.percentile(ear[:, 2], BEHIND_EAR)) for ear in portrait.ear_pixels)
    return left, right


def at_nape(portrait: FittedPortrait, lattice: Lattice, points: np.ndarray, hair: np.ndarray) -> np.ndarray:
    """Return the field [N] of short hair that the photo shows beside the jaw: at every height it goes on from there
    around the neck, from behind one ear to behind the other.

    Args:
        portrait: The portrait.
        lattice: The photo's coarse grid of rays.
        points: [N, 3] world.
        hair: [R, C] bool: where the photo shows it.
    """
    left, right = _spans(lattice, hair, np.inf)
    if not len(left):
        return np.full(len(points), NOWHERE, np.float32)
    heights, z = left[:, 0], points[:, 2]
    edges = [np.interp(-z, -heights, span[:, 1]) for span in (left, right)]
    # Without the face: a turned one reaches far beyond the nape.
    neck = _edges(portrait, z, BEHIND)
    low, high = np.minimum(edges[0], neck[0]), np.maximum(edges[1], neck[1])
    pixels = np.array([[ear[:, 0].mean(), ear[:, 1].mean()] for ear in portrait.ear_pixels])
    ears = portrait.camera.unproject(pixels, np.array(_ear_backs(portrait)))
    front = np.interp(points[:, 0], ears[:, 0], ears[:, 1])
    back = np.maximum(_edges(portrait, z, BEHIND, axis=1)[1] + NAPE_HAIR, front + NAPE_HAIR)
    middle, half = (low + high) / 2, np.maximum((high - low) / 2, 1e-3)
    # Rounded behind, and as deep as it shows where it shows.
    behind = np.clip((points[:, 1] - front) / (back - front), 0, None)
    radius = np.hypot((points[:, 0] - middle) / half, behind)
    radius = np.hypot(radius, np.clip((z - heights[0]) / NAPE_DOME, 0, None))
    field = (1 - radius) * np.minimum(half, back - front)
    end = heights[-1]
    field = field - NAPE_SUNK * np.clip(1 - (z - end) / NAPE_END, 0, 1) ** 2
    return np.minimum(np.minimum(field, points[:, 1] - front), z - end).astype(np.float32)


def lost_locks(
    lattice: Lattice, hair: np.ndarray, field: np.ndarray, rays: Rays, placed: np.ndarray | float = np.nan
) -> np.ndarray:
    """Return the field [N] of hair whose rays met nothing so far: about as deep as it is wide, beside what is there.

    Args:
        lattice: The photo's coarse grid of rays.
        hair: [R, C] bool: where the photo shows it.
        field: [N] of what hair there is.
        rays: The points.
        placed: [R, C] depths of hair whose place is known, else NaN.
    """
    rows, columns = (np.rint(place).astype(int) for place in rays.place)
    within = (rows >= 0) & (rows < hair.shape[0]) & (columns >= 0) & (columns < hair.shape[1])
    flat = np.ravel_multi_index((rows[within], columns[within]), hair.shape)
    solid = field[within] > 0
    count = np.bincount(flat[solid], minlength=hair.size).reshape(hair.shape)
    depth = np.bincount(flat[solid], rays.depth[within][solid], hair.size).reshape(hair.shape)
    known = hair & (count > 1)
    if not known.any() or known.sum() == hair.sum():
        return np.full(len(rays.depth), NOWHERE, np.float32)
    middle = blur_inside(nearest_fill(depth / np.maximum(count, 1), known), np.ones(hair.shape), 2.0)
    middle = np.where(np.isnan(placed), middle, placed)
    rim = signed_distance(hair) * lattice.cell_size
    half = LOCK * np.maximum(rim, 0)
    return rays.sample(np.where(hair, half, rim)) - np.abs(rays.depth - rays.sample(middle))


def _edges(
    portrait: FittedPortrait, z: np.ndarray, regions: tuple[Region, ...], axis: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Return the smallest and the largest x [N] (or y) of some regions at heights z [N]; the lowest ones' below."""
    own = portrait.vertices[portrait.model.in_regions(*regions)].astype(np.float64)
    layers = np.linspace(float(own[:, 2].min()), float(own[:, 2].max()), NECK_LAYERS + 1)
    number = np.clip(np.digitize(own[:, 2], layers) - 1, 0, NECK_LAYERS - 1)
    index, middles = np.arange(NECK_LAYERS), (layers[1:] + layers[:-1]) / 2
    # The lowest layers hold the neck's slanted edge, not all of it.
    edges = ndimage.minimum(own[:, axis], number, index), ndimage.maximum(own[:, axis], number, index)
    known = (np.bincount(number, minlength=NECK_LAYERS) > 0) & (index >= SLANTED_LAYERS)
    return tuple(np.interp(z, middles[known], edge[known]) for edge in edges)


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
