"""Closed eyelids as splats. An open eye shows a few millimetres of its lid, most of it lashes and shadow.

Stretched over the eyeball they would smear. So a closed lid has splats of its own, in the colours of the
skin around the eye, and with a line of lashes; they show as it closes, and what would be stretched vanishes.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from .. import attributes as names
from ..gaussians import Gaussians
from ..head.model import HeadModel, Region
from ..parts import Part
from ..ramps import smooth_step
from .base_mesh import BaseMesh
from .gaps import SIDES, lid_edges, reach
from .patches import LUMA, patches, spread

SPACING = 0.0008
"""Metres between splats of the closed lid."""
FADE = (0.06, 0.5)
"""Shares of the lid's greatest move between which its splats begin to replace the photo's."""
LIFT = -0.0002
"""Metres by which they lie before the photo's: what is skin there keeps its texture."""
DARK = (0.95, 0.75)
"""Brightness against the skin around between which the photo's splats begin to vanish: lashes, shadow, make-up."""
SKIN_RING = (0.013, 0.026)
"""Metres from the eyeball's centre between which the lid's colours are looked for, where it is bare skin."""
BRIGHTER = 35
"""Percent of the ring that is darker than skin: lashes, brows, shadow."""
NEIGHBORS = 60
LASH_POWER = 0.9
"""How fast the lashes' darkness falls off from the lid's edge; higher is narrower."""
LASH_LIFT = 0.0016
"""Metres by which lashes stand out from the lid."""
LASH_SHADE, LID_SHADE = 0.35, 0.96
"""Brightness of lashes and lid against the skin around."""


def closed_lid(base: BaseMesh, bound: Gaussians, expression: str) -> tuple[Gaussians, np.ndarray]:
    """Return the splats of a closed eye's upper lid, and how far they replace others.

    Args:
        base: Its shown face is the mesh at rest.
        bound: The head's splats with the triangles and weights that they follow.
        expression: "eyeBlinkLeft" or "eyeBlinkRight".

    Returns:
        lid: Bound splats, invisible at rest; none where no skin is seen around the eye.
        hidden: [N] float32, 0..1, the share of each splat that vanishes when the eye is closed.
    """
    model = base.model
    share = _lid(model, expression)
    corners = bound.extras[names.BIND_TRIANGLE].astype(np.int64)
    covered = (share[corners] * bound.extras[names.BIND_WEIGHTS]).sum(axis=1)
    donors = _donors(base, bound, expression)
    triangles = model.triangles[(share[model.triangles] > 0).any(axis=1)]
    column = 1 + list(SIDES).index(expression)
    closed = model.mean + model.expressions[model.expression_names.index(expression)]
    if not len(donors):
        return bound.select(donors), np.zeros(len(bound), np.float32)
    dark, darker = DARK
    brightness = bound.colors @ LUMA / (bound.colors[donors] @ LUMA).mean()
    hidden = covered * np.clip((dark - brightness) / (dark - darker), 0, 1)
    hidden[bound.parts == Part.EYES] = covered[bound.parts == Part.EYES]
    hidden[~np.isin(bound.parts, (Part.SKIN, Part.HAIR, Part.EYES, Part.UNKNOWN))] = 0
    owners, weights = spread(closed[triangles], SPACING)
    places = np.einsum("nk,nkc->nc", weights, base.vertices(_with(base, expression))[triangles[owners]])
    tree = cKDTree(bound.means[donors])
    _, nearest = tree.query(places, min(NEIGHBORS, len(donors)))
    colors = bound.colors[donors][nearest.reshape(len(places), -1)].mean(axis=1)
    # The lid is as thick as a face at its edge, so the edge in front is the next row of vertices.
    upper, _ = lid_edges(model, expression)
    front = np.zeros_like(upper)
    front[model.faces[upper[model.faces].any(axis=1)]] = True
    lash = (front[triangles[owners]] * weights).sum(axis=1) ** LASH_POWER
    colors *= (LID_SHADE + (LASH_SHADE - LID_SHADE) * lash)[:, None]
    opening = np.zeros((len(places), 3), np.float32)
    opening[:, column] = (share[triangles[owners]] * weights).sum(axis=1)
    return patches(
        base, triangles[owners], owners, weights, colors, opening, Part.SKIN, LIFT + LASH_LIFT * lash
    ), hidden


def _lid(model: HeadModel, expression: str) -> np.ndarray:
    """Return how far each vertex [V] belongs to the lid that an expression closes, 0..1."""
    downward = model.expressions[model.expression_names.index(expression)][:, 2] < 0
    share = smooth_step(reach(model, expression), *FADE)
    return np.where(downward & model.in_regions(Region.FACE), share, 0)


def _with(base: BaseMesh, expression: str) -> np.ndarray:
    """Return the shown expression with one eye closed."""
    coefficients = base.expression.copy()
    coefficients[base.model.expression_names.index(expression)] = 1
    return coefficients


def _donors(base: BaseMesh, bound: Gaussians, expression: str) -> np.ndarray:
    """Return the rows of splats of bare skin around an eye."""
    model = base.model
    ball = model.in_regions(Region.EYES) & (np.sign(model.mean[:, 0]) == SIDES[expression])
    apart = np.linalg.norm(bound.means - base.shown[ball].mean(axis=0), axis=1) / base.pose.scale
    near = (apart > SKIN_RING[0]) & (apart < SKIN_RING[1]) & np.isin(bound.parts, (Part.SKIN, Part.UNKNOWN))
    on_face = model.in_regions(Region.FACE)[bound.extras[names.BIND_TRIANGLE].astype(np.int64)].all(axis=1)
    rows = np.flatnonzero(
        near & on_face & (_lid(model, expression)[bound.extras[names.BIND_TRIANGLE].astype(np.int64)] == 0).all(axis=1)
    )
    if not len(rows):
        return rows
    luma = bound.colors[rows] @ LUMA
    return rows[luma >= np.percentile(luma, BRIGHTER)]
