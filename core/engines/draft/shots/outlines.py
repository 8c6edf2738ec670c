"""Moves a head into the outlines of further photos, without moving what the portrait sees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import partial

import numpy as np
from scipy import ndimage

from ....cameras import Camera
from ....geometry.ramps import smooth_step
from ....geometry.vectors import unit
from ....head.model import HeadModel, Region, vertex_normals
from ....progress import Reporter
from ....splats.parts import Part
from ....system import blocks
from ..bust import Bust
from ..cut import neck_base
from ..fields import sample_map, sample_picture
from .ears import move_ears, showing_ears
from .lattice_field import Demands, solve_field
from .look import Cells, Look, jacobians

ROUNDS = 3
HELD = 4000
"""Points of the portrait's pixels that are held in their place."""
HELD_WEIGHT, OUTLINE_WEIGHT = 30.0, 4.0
"""Weights of a squared world unit; outlines have fewer points."""
MARK_FACING = 0.35
"""Cosine to the ray from which a place of the face counts that landmarks tell."""
MOVABLE, NECK = 0.02, (0.1, 0.4)
"""Weight of shoulders and clothes against that of the head: people move and change them, and bend their necks; and
world units over the neck's base from which it grows, and is all."""
DOUBT = 0.12
"""World units by which an outline may be off before it is doubted: then it is other hair, or no outline of this."""
OTHER_DOUBT = 0.03
"""The same in photos that are known to show other hair: only what fits the head already is the face's."""
UNCERTAIN = (0.035, 0.035, 0.035, 0.05, 0.05, 0.05)
"""Radians by which a camera may be turned around the head, about its own axes, and world units of its shift."""
LIKELY = 1e-3
"""Weight of a camera that is as far off as that: as much as ten points of an outline that are a pixel off."""
INSET = 1.6
"""Pixels inside the outline where the outermost Gaussians have their middle: they are as wide."""


@dataclass(frozen=True, eq=False)
class Met:
    """A head in the outlines of further photos.

    Attributes:
        means: [N, 3] float64 where its Gaussians are.
        vertices: [V, 3] float64 where the fitted head's vertices are.
        looks: The photos, with their cameras where the outlines tell them to be.
    """

    means: np.ndarray
    vertices: np.ndarray
    looks: tuple[Look, ...]


def meet_outlines(bust: Bust, looks: Sequence[Look], rng: np.random.Generator, reporter: Reporter) -> Met:
    """Bring the head into the outlines of further photos.

    Where a camera stood is known to a degree or two. What moving the camera explains needs no other shape; cameras
    that are held stay.

    Args:
        bust: What the portrait gave.
        looks: The further photos.
        rng: Chooses the portrait's pixels that are held.
        reporter: Asked in every round whether the job was cancelled.

    Raises:
        Cancelled: the job was cancelled.
    """
    means, vertices = bust.gaussians.means.astype(np.float64), bust.portrait.vertices.astype(np.float64)
    pivot = means.mean(0)
    held = rng.permutation(np.flatnonzero(bust.photographed))[:HELD]
    steady = smooth_step(neck_base(bust.portrait).heights(means), *NECK) * (bust.gaussians.parts != Part.CLOTHES)
    firmness = MOVABLE + (1 - MOVABLE) * steady
    stillness = np.tile(1 / np.square(UNCERTAIN), len(looks)) * LIKELY
    for _ in range(ROUNDS):
        reporter.check()
        demands = [_hold(means[held], bust.portrait.camera)]
        demands += blocks.each(partial(_seen, means, vertices, bust, firmness, pivot), looks)
        field, found = solve_field(means, Demands.joined(demands), stillness)
        means, vertices = means + field.at(means), vertices + field.at(vertices)
        motions = found.reshape(-1, 6)
        looks = [look.moved(each[:3], each[3:], pivot) for look, each in zip(looks, motions, strict=True)]
    means, vertices = move_ears(bust.portrait, means, vertices, showing_ears(bust), looks)
    return Met(means, vertices, tuple(looks))


def _hold(points: np.ndarray, camera: Camera) -> Demands:
    """Ask points to stay in their pixels: along their rays they are free."""
    directions = unit(jacobians(camera, points)).reshape(-1, 3)
    count = len(directions)
    weights = np.full(count, HELD_WEIGHT)
    return Demands(np.repeat(points, 2, axis=0), directions, np.zeros(count), weights, np.zeros((count, 0)))


def _seen(
    means: np.ndarray, vertices: np.ndarray, bust: Bust, firmness: np.ndarray, pivot: np.ndarray, look: Look
) -> Demands:
    """Return what a photo asks of means [N, 3] and the fitted head's vertices [V, 3].

    How far hair stands off the head is as little known as where the camera stood. So where the outline is hair's, and
    the photo shows the face, its landmarks get as much weight as that.

    Args:
        means: [N, 3] of the Gaussians.
        vertices: [V, 3] of the fitted head.
        bust: What the portrait gave.
        firmness: [N] factor that says how firmly each Gaussian goes to the outline.
        pivot: [3] world position around which the camera turns.
        look: The photo.
    """
    hair = bust.gaussians.parts == Part.HAIR
    chosen = _outermost(means, look.camera)
    # Other hair tells nothing of the portrait's.
    outline = _outline(means[chosen], firmness[chosen] * ~(look.other_hair & hair[chosen]), pivot, look)
    weight = OUTLINE_WEIGHT * float(hair[chosen].sum())
    if look.marks is None or not weight:
        return outline
    both = (outline, _marks(vertices, bust.portrait.model, look.marks, weight, pivot, look))
    return Demands(*(np.concatenate([getattr(each, field.name) for each in both]) for field in fields(Demands)))


def _marks(
    vertices: np.ndarray, model: HeadModel, marks: np.ndarray, weight: float, pivot: np.ndarray, look: Look
) -> Demands:
    """Ask the face's vertices [V, 3] that a photo shows to go to their marks [V, 2], with some weight in all."""
    facing = look.camera.facing(vertices, vertex_normals(vertices, model.triangles))
    chosen = model.in_regions(Region.FACE) & (facing > MARK_FACING)
    points = vertices[chosen]
    turns = jacobians(look.camera, points).reshape(-1, 3)
    per_unit = np.linalg.norm(turns, axis=1)
    amounts = (marks[chosen] - look.camera.project(points)[0]).ravel() / per_unit
    weights = np.full(len(amounts), weight / len(amounts))
    return _demands(np.repeat(points, 2, axis=0), turns / per_unit[:, None], amounts, weights, pivot, look)


def _outline(points: np.ndarray, firmness: np.ndarray, pivot: np.ndarray, look: Look) -> Demands:
    """Ask points [P, 3] on the head's outline to go where the photo's is, each as firmly as [P]."""
    place, _ = look.camera.project(points)
    limit = OTHER_DOUBT if look.other_hair else DOUBT
    distance = sample_map(look.within, place)
    outwards = -sample_picture(look.inwards, place)
    turns = np.einsum("nk,nkc->nc", outwards, jacobians(look.camera, points))
    per_unit = np.linalg.norm(turns, axis=1)
    amounts = (distance - INSET) / per_unit
    weights = OUTLINE_WEIGHT / (1 + (amounts / limit) ** 2) ** 2 * firmness
    return _demands(points, turns / per_unit[:, None], amounts, weights, pivot, look)


def _demands(
    points: np.ndarray, directions: np.ndarray, amounts: np.ndarray, weights: np.ndarray, pivot: np.ndarray, look: Look
) -> Demands:
    """Return what a photo asks of points [N, 3] along unit directions [N, 3], which moving its camera may meet, too."""
    # Turning the camera moves everything around it, and shifting it moves everything.
    inner, local = directions @ look.camera.c2w[:3, :3], look.camera.to_camera(points)
    local -= look.camera.to_camera(pivot[None])
    others = np.concatenate([np.cross(local, inner), inner], axis=1) * (not look.held)
    return Demands(points, directions, amounts, weights, others)


def _outermost(points: np.ndarray, camera: Camera) -> np.ndarray:
    """Return the points [P] on the outline that points [N, 3] have in a picture, one for each cell along it."""
    cells = Cells.of(camera, points)
    within = ndimage.distance_transform_edt(ndimage.binary_fill_holes(np.isfinite(cells.nearest)))
    chosen = np.flatnonzero(cells.inside & (within.ravel()[cells.cell] == 1))
    cell = cells.cell[chosen]
    order = np.lexsort((sample_map(within, cells.pixels[chosen]), cell))
    return chosen[order[np.flatnonzero(np.diff(cell[order], prepend=-1))]]
