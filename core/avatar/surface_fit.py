"""Draws a fitted head mesh smoothly onto the surface of its splats.

Only bare skin draws: where hair or clothes cover the head, and inside the mouth and the eye
sockets, the mesh keeps the model's form and follows its surroundings. Eyes, teeth and tongue
move as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage, sparse
from scipy.spatial import cKDTree

from ..cameras import RIG_RADIUS
from ..gaussians import Gaussians
from ..head import bending
from ..head.landmark_solver import UNITS_PER_METRE
from ..head.mesh_raster import rasterize_mesh
from ..head.model import HeadModel, Region, vertex_normals
from ..progress import Reporter
from .distance import head_cameras, solid_pixels
from .views import View, look

VIEWS = ((270, 0), (230, 0), (310, 0), (185, 0), (355, 0), (245, -30), (295, -30), (270, 30))
"""Azimuths and elevations, degrees, from which the surface is looked at."""
SIZE, MESH_SIZE = 320, 160
"""Pixels of pictures of the splats, and of the mesh, of which only matters what hides what."""
ROUNDS = ((0.012, 0.03), (0.007, 0.15), (0.004, 0.6), (0.003, 2.0))
"""Cut-off in metres and weight of the data against the bending energy, one pair a round. What is farther away
belongs to something else, such as hair: a stiff mesh that follows the face as a whole tells it."""
FAR, COVER = 0.012, 0.04
"""Metres up to which a face is compared with the surface, and within which hair may cover it."""
LEAST_FACING = 0.35
"""Cosine to the view below which a vertex is not compared."""
HIDDEN = 0.003
"""Metres by which a vertex may lie behind the mesh's own front and still count as seen."""
STEP = 0.008
"""Metres between neighbouring pixels that are an edge: there the surface is not sampled."""
RIM, RIM_WEIGHT = 0.004, 0.15
"""Metres from the mouth's and the sockets' insides up to which the surface draws less: lids and lips are thin."""
FADE = (0.012, 0.05)
"""Metres from what is drawn at which the displacement begins to fade, and is held to zero."""
LEAST_DRAWN = 0.1
LEAST_WEIGHT = 1e-4
DRAWN = (Region.FACE, Region.LIPS, Region.EARS, Region.NECK)
REGION_WEIGHT = {Region.LIPS: 0.5, Region.EARS: 0.2, Region.NECK: 0.2}
"""Against the face's 1: folds of lips and ears are finer than the splats' surface is known, and necks are clothed."""


@dataclass(frozen=True, eq=False)
class Agreement:
    """How well the face of a head mesh agrees with a surface.

    Attributes:
        distance: Mean distance in metres where the surface can be told; infinite where it can't be anywhere.
        share: Of the face's vertices, 0..1, where it can be told.
        present: Share of the vertices of the face's worse half, 0..1, near which there is anything at all.
    """

    distance: float
    share: float
    present: float


@dataclass(frozen=True, eq=False)
class Comparison:
    """A fitted head mesh and the surface of the splats, as views from all around the face show it.

    Attributes:
        model: The head model.
        vertices: [V, 3] fitted but for the last millimetres, in the engines' frame.
        sights: What the views show.
    """

    model: HeadModel
    vertices: np.ndarray
    sights: tuple[_Sight, ...]

    @classmethod
    def of(
        cls, gaussians: Gaussians, skin: np.ndarray, vertices: np.ndarray, model: HeadModel, reporter: Reporter
    ) -> Comparison:
        """Look at a head.

        Args:
            gaussians: In the engines' frame.
            skin: [N] 0..1, which of them are skin.
            vertices: [V, 3] of the fitted mesh there.
            model: The head model.
            reporter: Gets a step for each of :data:`VIEWS`.
        """
        sights = []
        for camera in head_cameras(VIEWS, SIZE):
            sights.append(_Sight.of(look(gaussians, camera, skin, RIG_RADIUS), vertices, model))
            reporter.step()
        return cls(model, vertices, tuple(sights))

    def agreement(self) -> Agreement:
        """Return how well the mesh's face agrees with the surface."""
        model = self.model
        normals = vertex_normals(self.vertices, model.triangles)
        errors = _errors(self.sights, self.vertices, normals, FAR * UNITS_PER_METRE)
        face = model.in_regions(Region.FACE, Region.LIPS)
        seen = face & (errors.weights > LEAST_DRAWN)
        distance = np.abs(errors.distances[seen]).mean() / UNITS_PER_METRE if seen.any() else np.inf
        sides = [errors.present[face & side].mean() for side in (model.mean[:, 0] < 0, model.mean[:, 0] > 0)]
        return Agreement(float(distance), float(seen.sum() / face.sum()), float(min(sides)))

    def drawn(self) -> np.ndarray:
        """Return the vertices [V, 3] drawn onto the surface."""
        model, strength = self.model, _strength(self.model)
        moved = np.zeros(self.vertices.shape)
        for cutoff, data_weight in ROUNDS:
            current = self.vertices + moved
            normals = vertex_normals(current, model.triangles)
            errors = _errors(self.sights, current, normals, cutoff * UNITS_PER_METRE)
            weights = strength * errors.weights
            target = moved + errors.distances[:, None] * normals
            system = bending.bending(model) + sparse.diags(data_weight * weights + _fading(model, weights))
            moved = bending.carry(model) @ bending.solve(system, (data_weight * weights)[:, None] * target)
        return self.vertices + moved


@dataclass(frozen=True, eq=False)
class _Sight:
    """A view, its usable pixels [H, W], and which vertices [V] of the mesh the mesh itself doesn't hide from it."""

    view: View
    usable: np.ndarray
    unhidden: np.ndarray

    @classmethod
    def of(cls, view: View, vertices: np.ndarray, model: HeadModel) -> _Sight:
        camera = view.camera.resized(MESH_SIZE)
        maps = rasterize_mesh(camera, vertices, model.triangles)
        front = ndimage.maximum_filter(np.where(maps.mask, maps.depth, 0), 3)
        pixels, depths = camera.project(vertices)
        rows, columns = _cells(pixels, MESH_SIZE)
        return cls(view, _usable(view), depths < front[rows, columns] + HIDDEN * UNITS_PER_METRE)


def _cells(pixels: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return rows and columns of the pixels in which coordinates [P, 2] lie, or of the nearest ones."""
    columns, rows = np.clip(pixels, 0, size - 1).astype(int).T
    return rows, columns


def _usable(view: View) -> np.ndarray:
    """Return a mask [H, W] of pixels that show the surface clearly, away from edges in depth."""
    solid = solid_pixels(view)
    depth = np.where(solid, view.depth, 0)
    step = ndimage.maximum_filter(depth, 3) - ndimage.minimum_filter(np.where(solid, depth, np.inf), 3)
    return ndimage.binary_erosion(solid) & (step < STEP * UNITS_PER_METRE)


@dataclass(frozen=True, eq=False)
class _Errors:
    """Vertices against the surface.

    Attributes:
        distances: [V] from the vertices to the surface, along their normals.
        weights: [V] how well that is known, 0..1.
        present: [V] bool: a view shows something near the vertex, skin or hair.
    """

    distances: np.ndarray
    weights: np.ndarray
    present: np.ndarray


def _errors(sights: Sequence[_Sight], vertices: np.ndarray, normals: np.ndarray, cutoff: float) -> _Errors:
    """Compare vertices with what views see, each along the line of sight, measured along its normal."""
    total, weight, present = np.zeros(len(vertices)), np.zeros(len(vertices)), np.zeros(len(vertices), bool)
    for sight in sights:
        view, camera = sight.view, sight.view.camera
        pixels, depths = camera.project(vertices)
        ray = vertices - camera.position
        facing = -(normals * ray).sum(axis=1) / np.linalg.norm(ray, axis=1)
        surface = view.at(view.depth, pixels)
        distance = (((surface / depths - 1)[:, None] * ray) * normals).sum(axis=1)
        seen = sight.unhidden & (facing > LEAST_FACING)
        near = np.clip(1 - (distance / cutoff) ** 2, 0, 1) ** 2
        share = np.where(seen & sight.usable[_cells(pixels, SIZE)], facing**2 * near, 0.0)
        total += share * distance
        weight += share
        present |= seen & (np.abs(surface - depths) < COVER * UNITS_PER_METRE)
    return _Errors(total / np.maximum(weight, 1e-9), np.minimum(weight, 1.0), present)


def _strength(model: HeadModel) -> np.ndarray:
    """Return how much the surface may draw each vertex [V], 0..1."""
    strength = model.in_regions(*DRAWN).astype(np.float64)
    for region, weight in REGION_WEIGHT.items():
        strength[model.in_regions(region)] = weight
    inside = model.mean[model.in_regions(Region.MOUTH, Region.SOCKETS)]
    rim = np.clip(cKDTree(inside).query(model.mean)[0] / RIM, 0, 1)
    return strength * (RIM_WEIGHT + (1 - RIM_WEIGHT) * rim)


def _fading(model: HeadModel, drawn: np.ndarray) -> np.ndarray:
    """Return the weights [V] that hold the displacement to zero far from what is drawn, [V] 0..1."""
    drawn = model.mean[drawn > LEAST_DRAWN]
    if not len(drawn):
        return np.ones(len(model.mean))
    distance, _ = cKDTree(drawn).query(model.mean)
    return np.clip((distance - FADE[0]) / (FADE[1] - FADE[0]), 0, 1) ** 2 + LEAST_WEIGHT
