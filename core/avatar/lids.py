"""Closed eyelids as splats. An open eye shows a few millimetres of its lid, most of it lashes and shadow.

Stretched over the eyeball they would smear. So a closed lid has splats of its own: with tone and grain of the
skin around the eye, a crease and lashes; they show as it closes, and what would be stretched vanishes.
"""

from __future__ import annotations

import numpy as np

from ..gaussians import Gaussians, concatenate
from ..geometry.ramps import smooth_step
from ..head.model import HeadModel, Region
from ..splats import attributes as names
from ..splats.parts import Part
from .base_mesh import BaseMesh
from .gaps import SIDES, front_edge, reach
from .lashes import lashes
from .lid_skin import LidSkin
from .patches import LUMA, patches, spread

SPACING = 0.0005
"""Metres between splats of the closed lid."""
FADE = (0.03, 0.3)
"""Shares of the lid's greatest move between which its splats begin to replace the photo's, which would be stretched."""
LIFT = -0.0002
"""Metres by which they lie before the photo's: behind them, so that these keep their texture where they stay."""
SKIN_DEPTH = 0.004
"""Metres from the mesh within which splats show skin."""
CREASE, CREASE_WIDTH, CREASE_SHADE = 0.3, 0.12, 0.88
"""Share of the greatest move where the lid folds when the eye opens, how wide that is, and how bright it is."""
LASH_POWER = 1.5
"""How fast the shadow of the lashes' roots falls off from the lid's edge; higher is narrower."""
ROOT_SHADE = 0.5
"""Brightness there against the lid."""
LASH_PERCENTILE = 4
"""Of the brightness of an open eye and its lashes: which of it is the lashes'."""


def closed_lid(base: BaseMesh, bound: Gaussians, expression: str) -> tuple[Gaussians, np.ndarray]:
    """Return the splats of a closed eye's upper lid and lashes, and how far they replace others.

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
    triangles = model.triangles[(share[model.triangles] > 0).any(axis=1)]
    column = 1 + list(SIDES).index(expression)
    model_closed = model.mean + model.expressions[model.expression_names.index(expression)]
    owners, weights = spread(model_closed[triangles], SPACING)
    corners_of_lid = triangles[owners]

    def over_lid(values: np.ndarray) -> np.ndarray:
        return np.einsum("nk,nk...->n...", weights, values[corners_of_lid])

    closed = base.vertices(_with(base, expression)).astype(np.float64)
    flat = _Front(base, expression)
    skin = _skin(base, bound)
    near = skin & (covered == 0)
    picture = LidSkin(flat.places(bound.means[near]), bound.colors[near], flat.places(over_lid(closed)))
    if not picture.seen:
        return bound.select(np.zeros(0, np.int64)), np.zeros(len(bound), np.float32)
    colors = picture.colors()
    fold = np.exp(-0.5 * ((over_lid(reach(model, expression)) - CREASE) / CREASE_WIDTH) ** 2)
    edge = over_lid(front_edge(model, expression).astype(np.float64)) ** LASH_POWER
    colors *= ((1 - (1 - CREASE_SHADE) * fold) * (1 - (1 - ROOT_SHADE) * edge))[:, None]
    opening = np.zeros((len(colors), 3), np.float32)
    opening[:, column] = over_lid(share)
    lid = patches(base, corners_of_lid, owners, weights, colors, opening, Part.SKIN, LIFT)
    hidden = np.where(np.isin(bound.parts, (Part.SKIN, Part.HAIR, Part.EYES, Part.UNKNOWN)), covered, 0)
    hair = lashes(base, closed, expression, _lash_color(bound, covered, colors))
    return concatenate([lid, hair]), hidden.astype(np.float32)


class _Front:
    """Places as a photo from the front shows them.

    Args:
        base: The mesh.
        expression: Of which eye.
    """

    def __init__(self, base: BaseMesh, expression: str) -> None:
        ball = base.model.in_regions(Region.EYES) & (np.sign(base.model.mean[:, 0]) == SIDES[expression])
        self._middle, self._pose = base.shown[ball].mean(axis=0), base.pose

    def places(self, points: np.ndarray) -> np.ndarray:
        """Return [N, 2] metres across the face and up, from the eye's middle, of points [N, 3]."""
        return ((points - self._middle) @ self._pose.rotation / self._pose.scale)[:, [0, 2]]


def _skin(base: BaseMesh, bound: Gaussians) -> np.ndarray:
    """Return the mask [N] of the splats that show the face's skin."""
    corners = bound.extras[names.BIND_TRIANGLE].astype(np.int64)
    on_face = base.model.in_regions(Region.FACE)[corners].all(axis=1)
    places = np.einsum("nk,nkc->nc", bound.extras[names.BIND_WEIGHTS], base.shown[corners])
    apart = np.linalg.norm(bound.means - places, axis=1)
    return on_face & (apart < SKIN_DEPTH * base.pose.scale) & np.isin(bound.parts, (Part.SKIN, Part.UNKNOWN))


def _lash_color(bound: Gaussians, covered: np.ndarray, colors: np.ndarray) -> np.ndarray:
    """Return the colour [3] of the lashes: the darkest of the open eye, never brighter than half the lid's."""
    eye = bound.colors[covered > 0.5]
    lid = colors.mean(axis=0)
    if not len(eye):
        return 0.3 * lid
    luma = eye @ LUMA
    dark = eye[luma <= np.percentile(luma, LASH_PERCENTILE)].mean(axis=0)
    return np.minimum(dark, lid / 2)


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
