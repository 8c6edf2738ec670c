"""Which place on the base mesh each splat follows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..editing.joining import join
from ..gaussians import Gaussians
from ..head.model import Region
from ..splats import attributes as names
from ..splats.parts import Part
from .anatomy import OUTSIDE
from .base_mesh import BaseMesh
from .closest import closest_on_triangles
from .gaps import GAPS
from .gradients import RestMesh
from .lids import closed_lid
from .mouth import inner_splats

STILL = 0.00005
"""Metres that a vertex may move with an expression and still hold hair and clothes, which must not."""
BEARD_REACH = 0.012
"""Metres from the skin of cheeks and jaw within which hair is beard, and moves with them."""
SKIN_REACH = 0.02
"""Metres from the moving face beyond which a splat of no known part belongs to something else."""
SLIVER = 0.012
"""Roundness of a vertex below which splats don't follow it: less than that of any of the head model's own."""
DEPTH_SHARE = 0.1
"""Of distances along the gaze, where lips and teeth, lids and eyeballs are told apart: a photo knows them least."""


COVER_DEPTH = 0.003
"""Metres behind the front-most splats around the mouth from which others cover its inside, and vanish when it opens."""
COVER_CELL = 0.002
"""Width in metres of the cells in which that is told."""
COVER_MARGIN, COVER_REACH = 0.004, 0.03
"""Metres around the lips, and behind them, where they do."""


@dataclass(frozen=True, eq=False)
class _Surface:
    """The base mesh at rest, and which of its triangles can hold what."""

    base: BaseMesh
    vertices: np.ndarray

    @cached_property
    def triangles(self) -> np.ndarray:
        return self.base.triangles

    def of(self, *regions: Region) -> np.ndarray:
        """Return the mask [T] of triangles that lie in some regions as a whole."""
        return self.base.model.in_regions(*regions)[self.triangles].all(axis=1)

    @cached_property
    def sound(self) -> np.ndarray:
        """[T] mask of triangles at whose corners the mesh tells how it stretches: slivers at a cut end don't."""
        mask: np.ndarray = (rest_mesh(self.base).roundness > SLIVER)[self.triangles].all(axis=1)
        return mask

    @cached_property
    def still(self) -> np.ndarray:
        """[T] mask of triangles that no expression moves."""
        moves = np.linalg.norm(self.base.expressions, axis=2).max(axis=0)
        return (moves < STILL * self.base.pose.scale)[self.triangles].all(axis=1)

    @cached_property
    def below_eyes(self) -> np.ndarray:
        """[T] mask of triangles that lie lower than the eyes, where beards grow."""
        upward = self.base.pose.rotation[:, 2]
        heights = self.vertices @ upward
        eyes = heights[self.base.model.in_regions(Region.EYES)].min()
        return (heights < eyes)[self.triangles].all(axis=1)


class _Follower:
    """Collects the triangle and weights of each splat."""

    def __init__(self, means: np.ndarray, surface: _Surface) -> None:
        self._means, self._surface = means, surface
        self.triangles, self.weights = np.zeros((len(means), 3), np.float32), np.zeros((len(means), 3), np.float32)

    def follow(
        self, splats: np.ndarray, allowed: np.ndarray, reach: float = np.inf, measure: np.ndarray | None = None
    ) -> np.ndarray:
        """Bind splats to the nearest of the allowed triangles where these are within reach.

        Args:
            splats: [M] rows.
            allowed: [T] mask.
            reach: In the splats' space.
            measure: [3, 3] map of space in which distances are compared; None for its own.

        Returns:
            The rows that were out of reach.
        """
        if not len(splats) or not allowed.any():
            return splats
        measure = np.eye(3) if measure is None else measure
        triangles = self._surface.triangles[allowed]
        points, vertices = self._means[splats] @ measure.T, self._surface.vertices @ measure.T
        found, weights, distance = closest_on_triangles(points, vertices, triangles, reach)
        near = distance <= reach
        self.triangles[splats[near]] = triangles[found[near]]
        self.weights[splats[near]] = weights[near]
        return splats[~near]


def bind(gaussians: Gaussians, base: BaseMesh) -> Gaussians:
    """Return the same splats with the place on the base mesh that each follows among their extras.

    Skin follows the nearest skin, eyes the eyeballs or lids, the mouth lips or teeth. Hair follows the skull
    and clothes the torso, on triangles that no expression moves, so that nothing of them is dragged
    along; beards follow the skin under them. Splats of no known part follow the skin that they lie
    on. Background follows nothing.

    Splats of the inner mouth (:mod:`core.avatar.mouth`) and of closed lids (:mod:`core.avatar.lids`) are added
    behind them, invisible at rest; splats that are bound already are bound anew.

    Args:
        gaussians: At rest, in the space of the mesh.
        base: Its shown face (:attr:`BaseMesh.shown`) is the mesh at rest.
    """
    gaussians = unbound(gaussians)
    surface = _Surface(base, base.shown.astype(np.float64))
    metre = base.pose.scale
    follower = _Follower(gaussians.means, surface)

    def rows(*parts: Part) -> np.ndarray:
        return np.flatnonzero(np.isin(gaussians.parts, parts))

    outside = surface.of(*OUTSIDE) & surface.sound
    face = surface.of(Region.FACE, Region.LIPS)
    steady = outside & surface.still
    skull = steady & surface.of(Region.SCALP, Region.EARS, Region.FACE, Region.NECK)
    body = steady & surface.of(Region.TORSO, Region.NECK)

    follower.follow(rows(Part.SKIN, Part.NECK), outside)
    across = np.eye(3) - (1 - DEPTH_SHARE) * np.outer(base.pose.rotation[:, 1], base.pose.rotation[:, 1])
    # What a photo shows of lids and lashes within the outline of an eye must not turn with the eyeball.
    follower.follow(rows(Part.EYES), face | surface.of(Region.EYES), measure=across)
    follower.follow(rows(Part.MOUTH), face | surface.of(Region.TEETH), measure=across)
    follower.follow(rows(Part.CLOTHES), body)
    hair = rows(Part.HAIR)
    hair = follower.follow(hair, face & surface.below_eyes & ~steady, BEARD_REACH * metre)
    follower.follow(hair, skull)
    unknown = rows(Part.UNKNOWN)
    unknown = follower.follow(unknown, outside & ~steady, SKIN_REACH * metre)
    follower.follow(unknown, steady)
    opening = np.zeros((len(gaussians), 3), np.float32)
    columns = {
        names.BIND_TRIANGLE: follower.triangles,
        names.BIND_WEIGHTS: follower.weights,
        names.BIND_OPENING: opening,
    }
    bound = gaussians.replace(extras=dict(gaussians.extras) | columns)
    opening[:, 0] = -gaussians.opacities * _covers_mouth(gaussians, base)
    added = [inner_splats(base, gaussians)]
    for column, expression in enumerate(GAPS[1:], 1):
        lid, hidden = closed_lid(base, bound, expression)
        opening[:, column] = -gaussians.opacities * hidden
        added.append(lid)
    return join([bound, *added])


def _covers_mouth(gaussians: Gaussians, base: BaseMesh) -> np.ndarray:
    """Return the mask [N] of splats that close the mouth behind the lips and teeth seen: the filling of a head."""
    metre, rotation = base.pose.scale, base.pose.rotation
    # Across the face, along the gaze backwards, and up, in metres.
    lips = base.shown[base.model.in_regions(Region.LIPS)] @ rotation / metre
    places = gaussians.means @ rotation / metre
    low, high = lips.min(axis=0) - COVER_MARGIN, lips.max(axis=0) + COVER_MARGIN
    high[1] += COVER_REACH
    inside = ((places > low) & (places < high)).all(axis=1)
    rows = np.flatnonzero(inside & np.isin(gaussians.parts, (Part.SKIN, Part.MOUTH, Part.UNKNOWN)))
    cells = ((places[rows] - low)[:, [0, 2]] / COVER_CELL).astype(np.int64)
    front = np.full(cells.max(axis=0, initial=0) + 1, np.inf)
    np.minimum.at(front, tuple(cells.T), places[rows, 1])
    covers = np.zeros(len(gaussians), bool)
    covers[rows[places[rows, 1] > front[tuple(cells.T)] + COVER_DEPTH]] = True
    return covers


def rest_mesh(base: BaseMesh) -> RestMesh:
    """Return the mesh that splats are bound to, at rest."""
    return RestMesh(base.shown, base.faces)


def is_added(gaussians: Gaussians) -> np.ndarray:
    """Return the mask [N] of the splats that :func:`bind` added."""
    opening: np.ndarray = gaussians.extras.get(names.BIND_OPENING, np.zeros((len(gaussians), 3)))
    return np.any(opening > 0, axis=1)


def unbound(gaussians: Gaussians) -> Gaussians:
    """Return splats that follow nothing, without those that binding added."""
    return _without_attributes(gaussians.select(~is_added(gaussians)))


def baked(gaussians: Gaussians) -> Gaussians:
    """Return posed splats for elsewhere, where they follow nothing: what binding added and does not show goes."""
    if not gaussians.extras.keys() & set(names.BINDING):
        return gaussians
    shown = gaussians.select(~(is_added(gaussians) & (gaussians.opacities == 0)))
    return _without_attributes(shown)


def _without_attributes(gaussians: Gaussians) -> Gaussians:
    extras = {name: column for name, column in gaussians.extras.items() if name not in names.BINDING}
    return gaussians.replace(extras=extras)
