"""Which Gaussians a camera sees, and which are hidden behind others."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np

from ..cameras import Camera
from ..gaussians import Gaussians
from ..rasterize.projection import project
from ..rasterize.tiles import Shade

SLICES = 48
"""Depth slices: Gaussians of one slice don't hide each other."""
OWN_DEPTH = 2.0
"""Standard deviations before a centre where the Gaussian begins: what overlaps it does not hide it."""
HIDING_EXTENT = 0.7
"""Share of a Gaussian's extent within which it hides others: an opaque one's alpha is below 0.07 from there on."""
MIN_TRANSMITTANCE = 0.1
"""A Gaussian behind more than this much opacity is hidden."""


def visible(gaussians: Gaussians, camera: Camera, min_transmittance: float = MIN_TRANSMITTANCE) -> np.ndarray:
    """Return the mask [N] of Gaussians that a camera sees, judged by their centres.

    Light on its way to the camera passes what lies before a Gaussian; as in alpha blending,
    each Gaussian there takes its alpha away. Gaussians outside the picture are hidden.

    Args:
        gaussians: Any.
        camera: Where from. Its resolution decides how fine gaps are that can be looked through.
        min_transmittance: Share of light that must be left, 0..1.
    """
    mask = np.zeros(len(gaussians), bool)
    # No colours are needed that change with the view.
    splats = project(gaussians.replace(sh=gaussians.sh[:, :1]), camera)
    if not len(splats):
        return mask
    columns, rows = np.floor(splats.centers).astype(np.int64).T
    inside = (columns >= 0) & (columns < camera.width) & (rows >= 0) & (rows < camera.height)
    ends = np.linspace(0, len(splats), min(SLICES, len(splats)) + 1).astype(np.int64)
    slices = [slice(start, stop) for start, stop in itertools.pairwise(ends)]
    beginnings = splats.depths - OWN_DEPTH * gaussians.scales.max(axis=1)[splats.indices]
    first_depths = splats.depths[ends[:-1]]
    places = np.maximum(np.searchsorted(first_depths, beginnings, side="right") - 1, 0)
    splats = replace(splats, extents=HIDING_EXTENT * splats.extents)
    shade = Shade(camera.width, camera.height, min_transmittance)
    judgeable = np.flatnonzero(inside)
    # numpy sorts 16-bit integers by radix.
    judgeable = judgeable[np.argsort(places[judgeable].astype(np.uint16), kind="stable")]
    groups = np.split(judgeable, np.searchsorted(places[judgeable], np.arange(1, len(slices))))
    for judged, part in zip(groups, slices, strict=True):
        seen = judged[shade.at(columns[judged], rows[judged]) >= min_transmittance]
        mask[splats.indices[seen]] = True
        shade.draw(splats.select(part))
    return mask
