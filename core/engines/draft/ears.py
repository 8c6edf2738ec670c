"""The ears: from the fitted head, because a photo from the front shows little of them."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from ...head.model import Region
from ...parts import Part
from .portrait import FittedPortrait
from .segmentation import Segmentation, is_bare
from .shell import Shell, spread
from .surface import Surface

DENSITY = 9000
"""Samples per square world unit, about three times the shell's: an ear has fine relief."""
FEWEST_PIXELS = 40
"""Pixels from which the photo is asked about an ear; below, the other ear decides."""
HOLLOW_RADIUS = 0.07
"""World units over which an ear's hollows are measured."""
HOLLOW_SHADE, SHADE_RANGE = 12.0, (0.6, 1.12)
"""Darkening per unit of depth in a hollow, and its limits: light reaches the hollows less."""


def bare_ears(portrait: FittedPortrait, segmentation: Segmentation) -> tuple[bool, bool]:
    """Return whether the person's right and left ear show, rather than being covered by hair or hat."""
    flesh = segmentation.is_part(Part.SKIN, Part.NECK)
    votes = [is_bare(ear, flesh) if ear.sum() >= FEWEST_PIXELS else None for ear in portrait.ear_maps]
    known = [vote for vote in votes if vote is not None]
    fallback = bool(known and all(known)) or (not known and not segmentation.long_hair)
    return tuple(fallback if vote is None else vote for vote in votes)


def sample_ears(
    portrait: FittedPortrait, shown: tuple[bool, bool], rng: np.random.Generator
) -> tuple[Shell, np.ndarray] | None:
    """Return samples on the ears that show, and how light their places are [N]; None if none shows."""
    model, fit = portrait.model, portrait.fit
    on_ear = model.in_regions(Region.EARS)
    right = model.mean[:, 0] < 0
    chosen = on_ear & ((right & shown[0]) | (~right & shown[1]))
    quads = model.faces[chosen[model.faces].all(1)]
    if not len(quads):
        return None
    ears = Surface(portrait.vertices.astype(np.float64), fit.normals, quads)
    shell = spread(ears, np.ones(len(quads)), int(ears.areas().sum() * DENSITY), rng)
    return shell, _hollow_shade(shell.positions, shell.normals)


def _hollow_shade(positions: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """Return the lightness [N] of places on an ear: hollows lie behind their surroundings' mean."""
    tree = cKDTree(positions)
    anchors = positions[:: max(1, len(positions) // 1500)]
    anchor_tree = cKDTree(anchors)
    means = np.stack([anchors[near].mean(0) for near in anchor_tree.query_ball_point(anchors, HOLLOW_RADIUS)])
    _, nearest = anchor_tree.query(positions)
    depth = ((means[nearest] - positions) * normals).sum(1)
    _, neighbors = tree.query(positions, k=min(6, len(positions)))
    return np.clip(1 - HOLLOW_SHADE * depth[neighbors].mean(1), *SHADE_RANGE)
