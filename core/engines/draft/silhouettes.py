"""What outlines of the person tell of how far hair stands off the fitted head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ...cameras import Camera
from ...head.mesh_raster import MeshMaps, rasterize_mesh
from ...splats.parts import Part
from .fields import index_of, sample_map
from .portrait import FittedPortrait
from .shots.look import Look

CONTOUR = 0.35
"""Cosine between normal and ray up to which a photo sees the head's outline there."""
LOWEST_NORMAL = -0.35
"""Height component of normals from which thickness is measured: below, the picture's outline is the shoulders'."""
GAP = 8
"""Pixels between strands that do not end a head of hair."""
LONGEST_RUN = 220
"""Pixels over which the person's outline is looked for."""
LONGEST = 0.9
"""World units: no hair stands off further."""
SEEN_SKIN = 0.35
"""Cosine between normal and ray from which skin in a photo says that nothing covers the head there."""
HIDDEN = 0.03
"""World units behind the front-most surface from which a place is hidden."""
BARE = (Part.SKIN, Part.NECK, Part.EYES, Part.MOUTH)
"""What says that no hair is before it."""
COARSE = 128
"""Side of the picture in which hair before further photos' skin is looked for: as fine as voxels."""
TOLERANCE = 0.04
"""World units by which the camera of a further photo may be off, and its outline with it."""


@dataclass(frozen=True, eq=False)
class Runs:
    """Ways outwards across a picture, from places on the fitted head.

    Attributes:
        rows, columns: [N, S] the pixels along each way, clipped to the picture.
        reach: [N] how many pixels of the way, from its beginning, show the person.
        beyond: [N] float pixels by which the person reaches beyond the fitted head.
    """

    rows: np.ndarray
    columns: np.ndarray
    reach: np.ndarray
    beyond: np.ndarray

    @classmethod
    def of(cls, camera: Camera, person: np.ndarray, head: np.ndarray, pixels: np.ndarray, normals: np.ndarray) -> Runs:
        """Follow normals.

        Args:
            camera: The picture's.
            person: [512, 512] bool.
            head: [512, 512] bool: the fitted head.
            pixels: [N, 2] where the ways begin.
            normals: [N, 3] unit normals, along which they go.
        """
        person = ndimage.binary_closing(np.pad(person, GAP, mode="edge"), iterations=2)[GAP:-GAP, GAP:-GAP]
        across = normals @ camera.c2w[:3, :2]
        across /= np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-6)
        steps = np.arange(-GAP, LONGEST_RUN)
        index = np.floor(pixels[:, None] + steps[None, :, None] * across[:, None]).astype(int)
        size = person.shape[0]
        within = ((index >= 0) & (index < size)).all(-1)
        rows, columns = np.moveaxis(np.clip(index, 0, size - 1)[..., ::-1], -1, 0)
        own = _run(within & head[rows, columns])
        hit = within & person[rows, columns]
        # Gaps between strands do not end a head of hair.
        padded = np.pad(hit, ((0, 0), (GAP, GAP)), mode="edge")
        reach = _run(ndimage.binary_closing(padded, np.ones((1, GAP + 1)))[:, GAP:-GAP])
        return cls(rows, columns, reach, np.maximum(reach - own, 0).astype(float))


@dataclass(frozen=True, eq=False)
class FurtherView:
    """A further photo's look at the fitted head.

    Attributes:
        look: The photo.
        normals: [V, 3] unit normals of the head's vertices.
        pixels, depths: [V, 2] and [V] where the photo sees the vertices.
        facing: [V] cosines between normals and rays.
        maps: What the photo's camera sees of the head.
        inside: [V] bool: whether the picture holds the vertices.
    """

    look: Look
    normals: np.ndarray
    pixels: np.ndarray
    depths: np.ndarray
    facing: np.ndarray
    maps: MeshMaps
    inside: np.ndarray

    @classmethod
    def of(cls, portrait: FittedPortrait, look: Look) -> FurtherView:
        """Return how a photo sees the portrait's head."""
        camera, vertices, normals = look.camera, portrait.vertices.astype(np.float64), portrait.fit.normals
        pixels, depths = camera.project(vertices)
        facing = camera.facing(vertices, normals)
        maps = rasterize_mesh(camera, portrait.vertices, portrait.outer_triangles)
        return cls(look, normals, pixels, depths, facing, maps, index_of(pixels, look.mask.shape[0])[2])

    def thickness(self, members: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return how far hair stands off the head on the photo's outline.

        Args:
            members: [V] bool: where hair grows.

        Returns:
            How sure that is [V], 0 to 1, and world units [V].
        """
        outline = members & self.inside & (np.abs(self.facing) < CONTOUR) & (self.normals[:, 2] > LOWEST_NORMAL)
        camera = self.look.camera
        runs = Runs.of(camera, self.look.mask, self.maps.mask, self.pixels[outline], self.normals[outline])
        thickness = np.zeros(len(outline))
        thickness[outline] = np.clip(runs.beyond * self.depths[outline] / camera.fx, 0, LONGEST)
        return np.where(outline, 1 - np.abs(self.facing) / CONTOUR, 0), thickness

    def shown(self) -> tuple[np.ndarray, np.ndarray]:
        """Return which vertices [V] the photo shows under hair, and which [V] bare; none where it shows no face."""
        if self.look.parts is None:
            none = np.zeros(len(self.facing), bool)
            return none, none
        rows, columns, _ = index_of(self.pixels, self.look.mask.shape[0])
        front = self.inside & (self.facing > SEEN_SKIN) & (self.depths < self.maps.depth[rows, columns] + HIDDEN)
        part = self.look.parts[rows, columns]
        return front & (part == Part.HAIR), front & np.isin(part, BARE)


def behind_skin(portrait: FittedPortrait, looks: Sequence[Look], points: np.ndarray) -> np.ndarray:
    """Return how far points [N, 3] lie behind skin that further photos show, [N] world units; infinite elsewhere."""
    least = np.full(len(points), np.inf, np.float32)
    for look in looks:
        if look.parts is None:
            continue
        camera = look.camera.resized(COARSE)
        near = rasterize_mesh(camera, portrait.vertices, portrait.outer_triangles).depth
        step = look.mask.shape[0] // COARSE
        bare = np.isin(look.parts, BARE).reshape(COARSE, step, COARSE, step).mean((1, 3)) > 0.5
        front = np.where(bare & np.isfinite(near), near, -np.inf)
        pixels, depths = camera.project(points)
        rows, columns, inside = index_of(pixels, COARSE)
        least = np.where(inside, np.minimum(least, depths - front[rows, columns]), least)
    return least


def within_outlines(looks: Sequence[Look], points: np.ndarray) -> np.ndarray:
    """Return how far inside of all photos' outlines points [N, 3] lie, [N] world units; infinite where none tells."""
    least = np.full(len(points), np.inf, np.float32)
    for look in looks:
        pixels, depths = look.camera.project(points)
        inside = index_of(pixels, look.mask.shape[0])[2]
        distance = sample_map(look.within, pixels) * depths / look.camera.fx + TOLERANCE
        least = np.where(inside, np.minimum(least, distance), least)
    return least


def _run(hit: np.ndarray) -> np.ndarray:
    """Return the length [N] of the first run of hits in each row [N, S], counted from the row's beginning."""
    begin = hit.argmax(1)
    ended = ~hit & (np.arange(hit.shape[1])[None] > begin[:, None])
    end = np.where(ended.any(1), ended.argmax(1), hit.shape[1])
    return np.where(hit.any(1), end, 0)
