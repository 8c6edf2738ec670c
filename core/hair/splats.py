"""Strands as Gaussians."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..gaussians import Gaussians
from ..geometry import quaternions
from ..geometry.vectors import unit
from ..splats import attributes as names
from ..splats import spherical_harmonics as harmonics
from ..splats.parts import Part
from .limits import before_photo, behind_photo
from .strands import Strands
from .volume import HairPhoto

WIDTH = 0.003
"""World units: standard deviation across a strand, two thirds of a pixel of a portrait."""
FLATNESS, OVERLAP = 0.7, 0.62
"""A strand's extent along the hair's normal over that across; a Gaussian's standard deviation along over its step."""
TAPER = 0.4
"""Width of a tip over that of the strand."""
STRAY_WIDTH = 0.5
"""Width of a single hair over that of a strand."""
OPACITY, TIP_OPACITY = 0.9, 0.5
"""Of strands; of their tips and of single hairs."""
LONGEST_STEP = 2.5
"""Steps that a segment may be long."""
FEWEST = 3
"""Segments that make a strand: fewer are flecks."""


def strand_gaussians(strands: Strands, photos: Sequence[HairPhoto]) -> Gaussians:
    """Return strands as Gaussians, one a segment, strand by strand from root to tip.

    Their extra columns are :data:`core.splats.attributes.STRAND`, int32 numbers from 1 on, and
    :data:`core.splats.attributes.STRAND_PLACE`, float32, 0 at the root and 1 at the tip. Segments that the
    photos leave no room for are left out; a strand that loses some in its middle goes on as another.

    Args:
        strands: The strands.
        photos: Strands stay behind the pixels that these use, and inside of their outlines.
    """
    paths = strands.paths
    points, stays = paths.points.astype(np.float64), paths.alive.copy()
    rows, columns = np.nonzero(paths.alive)
    for photo in photos:
        at, normals = points[rows, columns], paths.normals[rows, columns]
        points[rows, columns], allowed = behind_photo(photo, at, normals, paths.stray[rows])
        stays[rows, columns] &= allowed
    there = stays[:, :-1] & stays[:, 1:]
    # Where a strand is pushed behind another part of the photo than before, it ends.
    there &= np.sqrt((np.diff(points, axis=1) ** 2).sum(-1)) < LONGEST_STEP * paths.step
    rows, columns = np.nonzero(there)
    middle = (points[rows, columns] + points[rows, columns + 1]) / 2
    for photo in photos:
        there[rows, columns] &= ~before_photo(photo, middle, paths.normals[rows, columns])
    number = _numbers(there)
    there[there] = number > 0
    number = number[number > 0]
    first, last = points[:, :-1][there], points[:, 1:][there]
    place = (paths.places[:, :-1] + paths.places[:, 1:])[there] / 2
    color = (strands.colors[:, :-1] + strands.colors[:, 1:])[there] / 2
    normal = paths.normals[:, 1:][there]
    middle, along = (first + last) / 2, last - first
    length = np.sqrt((along * along).sum(1))
    taper = np.minimum(1, TAPER + (1 - TAPER) * np.minimum(place, 1 - place) / 0.2)
    stray = paths.stray[np.nonzero(there)[0]]
    width = WIDTH * taper * np.where(stray, STRAY_WIDTH, 1)
    scales = np.stack([np.maximum(OVERLAP * length, width), width, FLATNESS * width], axis=1)
    return Gaussians(
        middle,
        scales,
        quaternions.from_matrices(frames(along, normal)),
        np.where(stray, TIP_OPACITY, np.interp(taper, (TAPER, 1), (TIP_OPACITY, OPACITY))),
        harmonics.from_colors(color),
        np.full(len(middle), Part.HAIR),
        {names.STRAND: number.astype(np.int32), names.STRAND_PLACE: place.astype(np.float32)},
    )


def _numbers(there: np.ndarray) -> np.ndarray:
    """Return the strand's number [N] of each segment, row by row; 0 for those of strands that are too short.

    Args:
        there: [S, K - 1] which segments there are.
    """
    rows, columns = np.nonzero(there)
    begins = np.ones(len(rows), bool)
    begins[1:] = (np.diff(rows) != 0) | (np.diff(columns) != 1)
    piece = np.cumsum(begins) - 1
    enough = np.bincount(piece, minlength=1) >= FEWEST
    return np.where(enough, np.cumsum(enough), 0)[piece]


def frames(along: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """Return frames [N, 3, 3] whose first axis runs along a direction, and whose last is close to a normal."""
    first = unit(along)
    third = normals - (normals * first).sum(1, keepdims=True) * first
    spare = np.eye(3)[np.abs(first).argmin(1)]
    spare = spare - (spare * first).sum(1, keepdims=True) * first
    third = unit(np.where((third * third).sum(1, keepdims=True) > 1e-8, third, spare))
    return np.stack([first, np.cross(third, first), third], axis=-1)
