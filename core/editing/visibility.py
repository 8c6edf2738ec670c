"""Which Gaussians a camera sees, and which are hidden behind others."""

from __future__ import annotations

import numpy as np

from ..cameras import Camera
from ..gaussians import Gaussians
from ..rasterize.projection import project
from ..rasterize.tiles import Shade

SLICES = 48
"""Depth slices: Gaussians of one slice don't hide each other."""
OWN_DEPTH = 2.0
"""Standard deviations before a centre where the Gaussian begins: what overlaps it does not hide it."""
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
    slices = [part for part in np.array_split(np.arange(len(splats)), SLICES) if len(part)]
    beginnings = splats.depths - OWN_DEPTH * gaussians.scales.max(axis=1)[splats.indices]
    first_depths = splats.depths[[part[0] for part in slices]]
    places = np.maximum(np.searchsorted(first_depths, beginnings, side="right") - 1, 0)
    shade = Shade(camera.width, camera.height, min_transmittance)
    for place, part in enumerate(slices):
        judged = np.flatnonzero(inside & (places == place))
        seen = judged[shade.at(columns[judged], rows[judged]) >= min_transmittance]
        mask[splats.indices[seen]] = True
        shade.draw(splats.select(part))
    return mask
