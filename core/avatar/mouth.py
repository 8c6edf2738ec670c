"""The inner mouth as splats: teeth, gums, tongue and cheeks from inside, which show when the mouth opens.

A photo shows little or nothing of them, so they are the head model's, painted by rules: teeth by the
widths of people's, gums above them, everything darker the deeper it lies in the mouth.
"""

from __future__ import annotations

import numpy as np

from ..gaussians import Gaussians, concatenate
from ..head.model import HeadModel, Region
from ..splats.parts import Part
from . import anatomy
from .base_mesh import BaseMesh
from .patches import LUMA, patches, spread

SPACING = {"Teeth": 0.0007, "Tongue": 0.0014, "Mouth": 0.0022}
"""Metres between splats, by material."""
COARSER = 0.012
"""Metres behind the front teeth at which they lie twice as far apart."""
GUM_COLOR = (0.66, 0.40, 0.38)
GAP_COLOR = (0.42, 0.33, 0.28)
GAP_SHADE = 0.55
"""How much of that colour the middle of a gap between teeth has."""
TEETH_LIGHT = 0.88
"""Of their plain colour: lips shade them."""
CROWN = 0.0095
"""Metres of a tooth that stand out of the gum."""
TOOTH_WIDTHS = {
    True: (0.0085, 0.0066, 0.0076, 0.007, 0.007, 0.010),
    False: (0.0054, 0.006, 0.0068, 0.007, 0.007, 0.011),
}
"""Metres from the middle outwards, of upper and lower teeth; averages of adults."""
GAP_WIDTH = 0.00035
FRONT = -0.086
"""Metres in the model's frame along the gaze: where the front teeth stand."""
DEEP = 0.026
"""Metres behind the front teeth at which light has fallen to a third."""
DARKEST = 0.04
SKIN_LUMA = 0.62
"""Brightness of skin in a well exposed photo, for which the colours are meant."""


def inner_splats(base: BaseMesh, gaussians: Gaussians) -> Gaussians:
    """Return the inner mouth, bound to the mesh, invisible at rest.

    Args:
        base: Its shown face is the mesh at rest.
        gaussians: The head's splats, by whose skin the brightness goes.
    """
    model = base.model
    skin = gaussians.colors[np.isin(gaussians.parts, (Part.SKIN, Part.UNKNOWN))]
    exposure = float(np.clip(np.median(skin @ LUMA) / SKIN_LUMA, 0.3, 1.2)) if len(skin) else 1.0
    pieces = []
    for material, triangles in _surfaces(model).items():
        deep = np.maximum(model.mean[triangles][..., 1].mean(axis=1) - FRONT, 0)
        owners, weights = spread(model.mean[triangles], SPACING[material] * (1 + deep / COARSER))
        corners = triangles[owners]
        places = np.einsum("nk,nkc->nc", weights, model.mean[corners])
        colors = (
            _teeth_colors(places) if material == "Teeth" else np.tile(anatomy.PLAIN_COLORS[material], (len(places), 1))
        )
        colors = colors * (exposure * _light(places))[:, None]
        shown = np.tile([1.0, 0.0, 0.0], (len(places), 1))
        pieces.append(patches(base, corners, owners, weights, colors, shown, Part.MOUTH))
    return concatenate(pieces)


def _surfaces(model: HeadModel) -> dict[str, np.ndarray]:
    """Return the triangles [T, 3] of the inner mouth by material."""
    triangles = model.triangles
    tongue = anatomy.tongue(model)[triangles].all(axis=1)
    return {
        "Teeth": triangles[model.in_regions(Region.TEETH)[triangles].all(axis=1)],
        "Tongue": triangles[tongue],
        "Mouth": triangles[model.in_regions(Region.MOUTH)[triangles].any(axis=1) & ~tongue],
    }


def _light(places: np.ndarray) -> np.ndarray:
    """Return the light 0..1 that reaches places [N, 3] of the model's mean."""
    return np.maximum(np.exp(np.minimum((FRONT - places[:, 1]) / DEEP, 0)), DARKEST)


def _teeth_colors(places: np.ndarray) -> np.ndarray:
    """Return the colours [N, 3] of both rows of teeth at places [N, 3] of the model's mean."""
    colors = TEETH_LIGHT * np.tile(anatomy.PLAIN_COLORS["Teeth"], (len(places), 1))
    middle = (places[:, 2].min() + places[:, 2].max()) / 2
    for upper in (True, False):
        row = (places[:, 2] > middle) == upper
        height = places[row, 2] - places[row, 2].min() if upper else places[row, 2].max() - places[row, 2]
        along = _along_arch(places[row])
        borders = np.cumsum((0, *TOOTH_WIDTHS[upper]))
        gap = np.exp(-0.5 * (np.abs(np.abs(along)[:, None] - borders).min(axis=1) / GAP_WIDTH) ** 2)
        # Gums reach down between the teeth.
        gum = 1 / (1 + np.exp(-(height - CROWN + 0.0015 * gap) / 0.0004))
        shade = (GAP_SHADE * gap)[:, None]
        painted = (1 - shade) * colors[row] + shade * np.array(GAP_COLOR)
        colors[row] = (1 - gum[:, None]) * painted + gum[:, None] * np.array(GUM_COLOR)
    return colors


def _along_arch(places: np.ndarray) -> np.ndarray:
    """Return the way [N] along the arch of a row of teeth from its middle, in metres: that along an ellipse."""
    half_width = np.abs(places[:, 0]).max()
    depth = np.ptp(places[:, 1])
    angles = np.linspace(0, np.pi / 2, 200)
    steps = np.hypot(half_width * np.cos(angles), depth * np.sin(angles))
    way = np.concatenate([[0], np.cumsum((steps[1:] + steps[:-1]) / 2 * angles[1])])
    ahead = (places[:, 1].max() - places[:, 1]) / depth
    angle = np.arctan2(np.abs(places[:, 0]) / half_width, ahead)
    return np.sign(places[:, 0]) * np.interp(angle, angles, way)
