"""Eyebrows: hairs that cover what the picture shows of them, combed as brows are."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage, sparse

from ...geometry.vectors import unit
from ...head.landmark_solver import UNITS_PER_METRE
from ...head.model import Region
from ..curves import concatenate
from ..groom import Tuft
from .brow_cover import BrowCover
from .grow import hair_curves, skin_faces, tuft
from .sight import Face
from .strip import CELL, Strip

STEPS = 6
"""Points of a hair."""
LENGTH = ((0.0, 0.2, 0.6, 1.0), (0.0065, 0.0085, 0.0085, 0.006))
"""Metres that hairs are long, along the brow from its inner end to its tail."""
SHORTEST = 0.45
"""Of that length, for hairs at the rim."""
RISE = ((-0.1, 0.05, 0.2, 0.5, 0.75, 1.05), (80.0, 68.0, 40.0, 16.0, 5.0, -6.0))
"""Degrees by which hairs rise from the brow's line, outwards, along the brow: upright at its inner end."""
CONVERGE = 18.0
"""Degrees by which hairs of the lower rim rise more, and those of the upper rim less: they meet along the middle."""
HALF_HEIGHT = 0.004
"""Metres from the middle line at which they do so in full."""
UNEVEN = 9.0
"""Degrees, standard deviation of directions."""
TURN = 0.35
"""Of what the picture's own directions differ from these, how far they are followed at most."""
LIFT, SETTLE = 0.17, 0.45
"""How far hairs stand off the skin against their length at first, and how they lie down towards their tips."""
RADIUS = 0.00004
"""Metres; brow hairs are thicker than those of the head, and shown a little thicker still."""
MOST_COVERED, SURE = 0.72, 0.9
"""How much of the skin hair hides where it is thickest, and the least from which its own colour is told."""
LIMITS = (60, 360)
"""Hairs of a brow."""
ROUNDS = 12
"""Of matching what hairs cover to what the picture shows (Richardson 1972; Lucy 1974)."""
MIRRORED = 0.35
"""Share of the other brow's contrast below which a brow is taken to be hidden, and that one is mirrored."""


def find_brows(face: Face) -> Tuft | None:
    """Return the eyebrows; None where the splats show none."""
    covers = {side: BrowCover.of(Strip.of(face.sight(side), side)) for side in (1, -1)}
    most = max(cover.contrast for cover in covers.values())
    if not most:
        return None
    rng = np.random.default_rng(0)
    parts = []
    for side, cover in covers.items():
        hidden = cover.contrast < MIRRORED * most
        paths, colors = _hairs(_mirrored(covers[-side], cover.strip) if hidden else cover, rng)
        grows = skin_faces(face.base.model, Region.FACE)
        parts.append(hair_curves(face, paths, colors, RADIUS, grows))
    return tuft(face, concatenate(parts))


def brow_color(found: Tuft | None) -> np.ndarray | None:
    """Return the mean colour [3] of the brows."""
    return None if found is None else found.guides.colors.mean(axis=0)


def _mirrored(cover: BrowCover, strip: Strip) -> BrowCover:
    """Return the other side's cover on a strip, whose own cells show something else."""
    rows = len(strip.up)
    at = np.interp(strip.along / strip.length, cover.strip.along / cover.strip.length, np.arange(len(cover.middle)))
    column = np.round(at).astype(int)
    own = replace(strip, rgb=cover.strip.rgb[:rows, column], lab=cover.strip.lab[:rows, column])
    return BrowCover(own, cover.share[:, column], cover.middle[column], cover.skin[:, column], cover.contrast)


@dataclass(frozen=True, eq=False)
class _Candidates:
    """Hairs that may be: their paths over the strip's cells.

    Attributes:
        cells: [M, K, 2] row and column of each point.
        lengths: [M] metres.
    """

    cells: np.ndarray
    lengths: np.ndarray


def _hairs(cover: BrowCover, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return the paths [S, K, 3] of a brow's hairs in the engines' frame, and their colours [S, 3]."""
    tones, covered = _tones(cover)
    some = _candidates(cover, rng)
    weights = _matched(some, cover.share)
    amount = -np.log1p(-covered).sum() * CELL**2 / (2 * RADIUS * 0.8)
    mean = (weights * some.lengths).sum() / max(weights.sum(), 1e-9)
    count = int(np.clip(amount / mean, *LIMITS))
    # Evenly spread over the candidates in proportion to their weights.
    steps = np.cumsum(weights) / weights.sum()
    chosen = np.searchsorted(steps, (np.arange(count) + rng.uniform(size=count)) / count)
    cells = some.cells[chosen] + rng.uniform(-0.5, 0.5, (count, 1, 2))
    at = np.moveaxis(cells, -1, 0)
    points, normals = (
        np.stack([ndimage.map_coordinates(values[..., c], at, order=1, mode="nearest") for c in range(3)], axis=-1)
        for values in (cover.strip.points, cover.strip.normals)
    )
    share = np.linspace(0, 1, STEPS)[None, :, None]
    lift = LIFT * rng.uniform(0.6, 1.3, (count, 1, 1)) * share * (1 - SETTLE * share)
    paths = points + lift * some.lengths[chosen][:, None, None] * UNITS_PER_METRE * unit(normals)
    middle = np.clip(np.round(cells[:, STEPS // 3]).astype(int), 0, np.array(tones.shape[:2]) - 1)
    shade = 1 + 0.12 * rng.standard_normal((count, 1))
    return paths, np.clip(tones[middle[:, 0], middle[:, 1]] * shade, 0.005, 1)


def _tones(cover: BrowCover) -> tuple[np.ndarray, np.ndarray]:
    """Return the hair's own colours [R, C, 3], without the skin that shines through, and how far it covers [R, C]."""
    rgb, skin, weight = cover.strip.rgb, cover.skin, cover.share**2
    covered = MOST_COVERED * cover.share
    away = (rgb - skin) / np.maximum(covered, SURE)[..., None]
    sigma = 0.0015 / CELL
    total = np.maximum(ndimage.gaussian_filter(weight, sigma), 1e-6)
    local = np.stack([ndimage.gaussian_filter(away[..., c] * weight, sigma) / total for c in range(3)], axis=-1)
    whole = (away * weight[..., None]).sum((0, 1)) / weight.sum()
    sure = total / (total + 0.1)
    mixed = whole + sure[..., None] * (local - whole)
    return np.clip(skin + mixed, 0.01, 1), covered


def _candidates(cover: BrowCover, rng: np.random.Generator) -> _Candidates:
    """Return a hair from every cell that may hold a root; each ends where the brow does."""
    strip, share = cover.strip, cover.share
    row, column = np.nonzero(share > 0.1)
    place = strip.along[column] / strip.length
    aside = np.clip((strip.up[row] - cover.middle[column]) / HALF_HEIGHT, -1, 1)
    rise = np.interp(place, *RISE) - CONVERGE * aside * np.clip((place - 0.1) / 0.25, 0, 1)
    slope = np.gradient(ndimage.gaussian_filter1d(cover.middle, 4), strip.along)[column]
    angle = np.radians(rise + UNEVEN * rng.standard_normal(len(row))) + np.arctan(slope)
    angle += TURN * _own_turn(cover, row, column, angle)
    length = np.interp(place, *LENGTH) * rng.uniform(0.8, 1.15, len(row))
    # Hairs bend towards the brow's line on their way.
    bend = -0.35 * (angle - np.arctan(slope))
    share_of_way = np.linspace(0, 1, STEPS)
    heading = angle[:, None] + bend[:, None] * share_of_way[:-1]
    step = length[:, None, None] / (STEPS - 1) / CELL * np.stack([-np.sin(heading), np.cos(heading)], axis=-1)
    ways = np.concatenate([np.zeros((len(row), 1, 2)), np.cumsum(step, axis=1)], axis=1)
    start = np.stack([row, column], axis=1)[:, None].astype(float)
    # Where a hair would leave the brow it is shorter, and where even short ones do, few grow.
    inside = ndimage.map_coordinates(share, np.moveaxis(start + ways, -1, 0), order=1, mode="constant") > 0.12
    left = np.where(inside.all(axis=1), STEPS - 1, np.argmin(inside, axis=1) - 1) / (STEPS - 1)
    shrink = np.clip(left + 0.1, SHORTEST, 1)
    return _Candidates(start + ways * shrink[:, None, None], length * shrink)


def _own_turn(cover: BrowCover, row: np.ndarray, column: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """Return how far the picture's structure is turned against directions [M], radians, where it tells one."""
    light = cover.strip.lab[..., 0] / 100
    across, down = (ndimage.gaussian_filter(light, 1.5, order=order) for order in ((0, 1), (1, 0)))
    inner = ndimage.gaussian_filter(cover.share, 1.0) > 0.5
    products = [np.where(inner, values, 0) for values in (across * across, down * down, across * down)]
    xx, yy, xy = (ndimage.gaussian_filter(values, 3.0) for values in products)
    strength = np.hypot(xx - yy, 2 * xy)
    # Along the strands, at right angles to the gradient; upwards is positive.
    double = np.arctan2(2 * xy, xx - yy) + np.pi
    coherence = strength / np.maximum(xx + yy, 1e-9)
    turn = (-double / 2)[row, column] - angle
    turn = (turn + np.pi / 2) % np.pi - np.pi / 2
    trust = coherence[row, column] ** 2 * inner[row, column]
    return np.clip(turn, -0.6, 0.6) * trust


def _matched(some: _Candidates, share: np.ndarray) -> np.ndarray:
    """Return weights [M] of the candidates with which together they cover what is covered [R, C]."""
    count = len(some.lengths)
    fine = np.linspace(0, STEPS - 1, 12)
    low = np.minimum(fine.astype(int), STEPS - 2)
    part = (fine - low)[None, :, None]
    cells = np.round(some.cells[:, low] * (1 - part) + some.cells[:, low + 1] * part).astype(int)
    cells = np.clip(cells, 0, np.array(share.shape) - 1)
    flat = cells[..., 0] * share.shape[1] + cells[..., 1]
    ones = np.repeat(some.lengths / 12, 12)
    onto = sparse.csr_array((ones, (flat.ravel(), np.repeat(np.arange(count), 12))), (share.size, count))
    wanted = share.ravel()
    weights, total = np.ones(count), onto.sum(axis=0)

    def blur(values: np.ndarray) -> np.ndarray:
        return ndimage.gaussian_filter(values.reshape(share.shape), 1.0).ravel()

    for _ in range(ROUNDS):
        shown = blur(onto @ weights)
        weights *= (onto.T @ blur(wanted / np.maximum(shown, 1e-6) * (shown > 1e-6))) / np.maximum(total, 1e-12)
    return weights
