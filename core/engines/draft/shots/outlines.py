"""Moves a head into the outlines of further photos, without moving what the portrait sees."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from ....cameras import Camera
from ....gaussians import Gaussians
from ....progress import Reporter
from ....splats.parts import Part
from ..fields import sample_map
from .lattice_field import Demands, LatticeField, solve_field
from .look import Cells, Look, index_of, jacobians

ROUNDS = 3
HELD = 4000
"""Points of the portrait's pixels that are held in their place."""
HELD_WEIGHT, OUTLINE_WEIGHT = 30.0, 4.0
"""Weights of a squared world unit; outlines have fewer points."""
CLOTH = 0.1
"""Weight of clothes against that of the head: people move their shoulders and change clothes."""
DOUBT = 0.12
"""World units by which an outline may be off before it is doubted: then it is other hair, or no outline of this."""
UNCERTAIN = (0.035, 0.035, 0.035, 0.05, 0.05, 0.05)
"""Radians by which a camera may be turned around the head, about its own axes, and world units of its shift."""
LIKELY = 1e-3
"""Weight of a camera that is as far off as that: as much as ten points of an outline that are a pixel off."""
INSET = 1.6
"""Pixels inside the outline where the outermost Gaussians have their middle: they are as wide."""


def meet_outlines(
    gaussians: Gaussians,
    seen: np.ndarray,
    portrait: Camera,
    looks: Sequence[Look],
    rng: np.random.Generator,
    reporter: Reporter,
) -> tuple[list[LatticeField], list[Look]]:
    """Bring the head into the outlines of further photos.

    Where a camera stood is known to a degree or two. What moving the camera explains needs no other shape.

    Args:
        gaussians: The head.
        seen: [N] bool: what the portrait sees of it.
        portrait: The portrait's camera.
        looks: The further photos.
        rng: Chooses the points that are held.
        reporter: Asked in every round whether the job was cancelled.

    Returns:
        Displacements, one after the other, and the photos with their cameras where the outlines tell them to be.

    Raises:
        Cancelled: the job was cancelled.
    """
    points = gaussians.means.astype(np.float64)
    pivot = points.mean(0)
    held = rng.permutation(np.flatnonzero(seen))[:HELD]
    looks, fields = list(looks), []
    stillness = np.tile(1 / np.square(UNCERTAIN), len(looks)) * LIKELY
    for _ in range(ROUNDS):
        reporter.check()
        demands = [_hold(points[held], portrait)]
        demands += [_outline(points, gaussians.parts, look, pivot) for look in looks]
        field, found = solve_field(points, Demands.joined(demands), stillness)
        points = points + field.at(points)
        motions = found.reshape(-1, 6)
        looks = [look.moved(each[:3], each[3:], pivot) for look, each in zip(looks, motions, strict=True)]
        fields.append(field)
    return fields, looks


def _hold(points: np.ndarray, camera: Camera) -> Demands:
    """Ask points to stay in their pixels: along their rays they are free."""
    return _along(points, jacobians(camera, points), np.zeros((len(points), 2)), np.full(len(points), HELD_WEIGHT))


def _along(points: np.ndarray, turns: np.ndarray, errors: np.ndarray, weights: np.ndarray) -> Demands:
    """Ask points [N, 3] to move by pixel errors [N, 2], with jacobians [N, 2, 3]; lengths count in world units."""
    per_unit = np.linalg.norm(turns, axis=2)
    directions = turns / per_unit[..., None]
    amounts = errors / per_unit
    count = 2 * len(points)
    return Demands(
        np.repeat(points, 2, axis=0),
        directions.reshape(-1, 3),
        amounts.reshape(-1),
        np.repeat(weights, 2),
        np.zeros((count, 0)),
    )


def _outline(points: np.ndarray, parts: np.ndarray, look: Look, pivot: np.ndarray) -> Demands:
    """Ask the points on the head's outline to go where the photo's is."""
    chosen = _outermost(points, look.camera)
    place, _ = look.camera.project(points[chosen])
    distance = look.sample(look.within, place)
    outwards = -look.sample(look.outwards, place)
    turns = np.einsum("nk,nkc->nc", outwards, jacobians(look.camera, points[chosen]))
    per_unit = np.linalg.norm(turns, axis=1)
    amounts = (distance - INSET) / per_unit
    weights = OUTLINE_WEIGHT / (1 + (amounts / DOUBT) ** 2) ** 2
    weights = weights * np.where(parts[chosen] == Part.CLOTHES, CLOTH, 1.0)
    directions = turns / per_unit[:, None]
    # Turning the camera moves everything around it, and shifting it moves everything.
    inner, local = directions @ look.camera.c2w[:3, :3], look.camera.to_camera(points[chosen])
    local -= look.camera.to_camera(pivot[None])
    others = np.concatenate([np.cross(local, inner), inner], axis=1)
    return Demands(points[chosen], directions, amounts, weights, others)


def _outermost(points: np.ndarray, camera: Camera) -> np.ndarray:
    """Return the points [P] on the outline that points [N, 3] have in a picture, one for each cell along it."""
    cells = Cells.of(camera, points)
    mask = ndimage.binary_fill_holes(cells.mask)
    within = ndimage.distance_transform_edt(mask)
    pixels, _ = cells.camera.project(points)
    rows, columns, inside = index_of(pixels, len(mask))
    chosen = np.flatnonzero(inside & (within[rows, columns] == 1))
    cell = rows[chosen] * len(mask) + columns[chosen]
    order = np.lexsort((sample_map(within, pixels[chosen]), cell))
    return chosen[order[np.flatnonzero(np.diff(cell[order], prepend=-1))]]
