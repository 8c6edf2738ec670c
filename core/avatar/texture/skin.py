"""What is skin, and what is hair that lies on it or throws its colour there."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.spatial import cKDTree

from ...geometry.ramps import smooth_step
from ...head.model import HeadModel, Region
from ..base_mesh import BaseMesh

NEAR_HAIR = (0.03, 0.06)
"""Metres from where hair grows, within which a seen colour must be skin's, and beyond which it need not."""
FOREHEAD = (0.010, 0.022)
"""Metres above eye level between which the forehead begins: fringes cover all of it."""
BROWS = (70, 63, 105, 66, 107, 55, 65, 52, 53, 46, 300, 293, 334, 296, 336, 285, 295, 282, 283, 276)
"""Landmarks of the face mesh network along the eyebrows."""
NEAR_BROWS = (0.007, 0.012)
"""Metres from brows and eyeballs, within which lie brows and lashes, and beyond which they don't."""
SPREAD = (0.14, 0.05, 0.07)
"""Least standard deviations of skin's log brightness, log red/green and log green/blue on one face."""
LOCAL_SPREAD = (0.10, 0.04, 0.06)
"""The same around what the skin next to a place lets expect."""
LIKE = (1.8, 3.4)
"""Distance from the skin's colour in standard deviations, up to which a colour is skin, and from which it isn't."""
NEAR_SPLATS = (0.008, 0.022)
"""Metres from hair's splats, within which the face must be skin's colour too, and beyond which it need not."""
HAIR_SHADOW = 0.010
"""Metres around hair that are not believed either: its shadow and single strands."""


def features(colors: np.ndarray) -> np.ndarray:
    """Return log brightness, log red/green and log green/blue [N, 3] of colours."""
    logs = np.log(np.maximum(colors, 0.02))
    return np.stack([logs.mean(1), logs[:, 0] - logs[:, 1], logs[:, 1] - logs[:, 2]], axis=1)


class SkinColor:
    """A head's own skin: the middle of its face's colours.

    Attributes:
        color: [3] its sRGB-encoded colour.
    """

    def __init__(self, model: HeadModel, colors: np.ndarray, beliefs: np.ndarray) -> None:
        """Learn the colour from vertices' colours [V, 3] and how well they were seen [V], 0..1."""
        sure = model.in_regions(Region.FACE) & (hair_zone(model) == 0) & (beliefs > 0.5)
        if sure.sum() < 30:
            sure = model.in_regions(Region.FACE, Region.EARS, Region.NECK) & (beliefs > 0.1)
        chosen = colors[sure] if sure.any() else np.array([[0.75, 0.57, 0.48]])
        values = features(chosen)
        self._middle = np.median(values, axis=0)
        self._spread = np.clip(1.48 * np.median(np.abs(values - self._middle), axis=0), SPREAD, np.multiply(SPREAD, 2))
        self.color = np.median(chosen, axis=0)

    def likeness(self, colors: np.ndarray) -> np.ndarray:
        """Return how far colours [N, 3] are this skin's anywhere on the face [N], 0..1."""
        return _likeness(features(colors) - self._middle, self._spread)


def local_likeness(colors: np.ndarray, expected: np.ndarray, tolerance: float = 1.0) -> np.ndarray:
    """Return how far colours [N, 3] are those of skin that should be like ``expected`` [N, 3], 0..1 each [N]."""
    return _likeness(features(colors) - features(expected), tolerance * np.array(LOCAL_SPREAD))


def _likeness(away: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """Return 1 for small distances [N, 3] of features, measured in a spread [3], and 0 for big ones."""
    away = away / spread
    away[:, 0] *= np.where(away[:, 0] > 0, 0.7, 1)  # highlights are skin more often than darkness is
    return (1 - smooth_step(np.linalg.norm(away, axis=1), *LIKE)).astype(np.float32)


@lru_cache(maxsize=1)
def hair_zone(model: HeadModel) -> np.ndarray:
    """Return how far hair may lie on each vertex [V], 0..1: the scalp, the ears and the face around them."""
    zone = np.zeros(len(model.mean))
    scalp = model.in_regions(Region.SCALP)
    face = np.flatnonzero(model.in_regions(Region.FACE, Region.EARS))
    away = cKDTree(model.mean[scalp]).query(model.mean[face])[0]
    near = np.maximum(1 - smooth_step(away, *NEAR_HAIR), smooth_step(model.mean[face, 2], *FOREHEAD))
    zone[face] = near * _off_brows(model)[face]
    zone[scalp] = 1
    zone.flags.writeable = False
    return zone


def _off_brows(model: HeadModel) -> np.ndarray:
    """Return how far each vertex [V] is away from brows and lashes, 0..1."""
    brows = model.landmarks(model.mean)[list(BROWS)]
    places = np.concatenate([brows, model.mean[model.in_regions(Region.EYES)]])
    return smooth_step(cKDTree(places).query(model.mean)[0], *NEAR_BROWS)


def zone_with_hair(base: BaseMesh, hair: np.ndarray) -> np.ndarray:
    """Return :func:`hair_zone` [V], grown by where splats of hair lie on the face.

    Args:
        base: The mesh in the splats' place.
        hair: [H, 3] centres of splats that are known to be hair.
    """
    model = base.model
    zone = hair_zone(model).copy()
    if len(hair):
        face = np.flatnonzero(model.in_regions(Region.FACE, Region.EARS))
        away = cKDTree(hair).query(base.shown[face])[0] / base.pose.scale
        reach = np.array(NEAR_SPLATS)[:, None] * (0.4 + 0.6 * _off_brows(model)[face])
        zone[face] = np.maximum(zone[face], 1 - smooth_step(away, reach[0], reach[1]))
    return zone


def bare_skin(model: HeadModel, zone: np.ndarray, likeness: np.ndarray, beliefs: np.ndarray) -> np.ndarray:
    """Return how far each vertex [V] shows bare skin, 0..1; 1 where hair doesn't come.

    Args:
        model: The head model.
        zone: [V] how far hair may lie there, 0..1.
        likeness: [V] how far the colours around the vertices are skin's, 0..1.
        beliefs: [V] how well they were seen, 0..1.
    """
    hair = zone * (1 - likeness) * (beliefs > 0.02)
    hairy = np.flatnonzero(hair > 0.5)
    if len(hairy):
        away = cKDTree(model.mean[hairy]).query(model.mean, distance_upper_bound=2 * HAIR_SHADOW)[0]
        hair = np.maximum(hair, zone * (1 - smooth_step(away, 0.5 * HAIR_SHADOW, 1.5 * HAIR_SHADOW)))
    return 1 - hair
