"""The inner mouth as splats: teeth, gums, tongue and cheeks from inside, which show when the mouth opens.

A photo shows little or nothing of them, so they are the head model's, painted by rules: teeth by the
widths of people's, gums above them, everything darker the deeper it lies in the mouth.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from .. import attributes as names
from .. import spherical_harmonics as harmonics
from ..gaussians import Gaussians, concatenate, decompose_covariances
from ..head.model import HeadModel, Region
from ..parts import Part
from . import anatomy
from .base_mesh import BaseMesh

OPEN = 0.0025
"""Metres that the lips part until the inner mouth shows in full."""
SPACING = {"Teeth": 0.0007, "Tongue": 0.0014, "Mouth": 0.0022}
"""Metres between splats, by material."""
COARSER = 0.012
"""Metres behind the front teeth at which they lie twice as far apart."""
OVERLAP = 1.8
"""Standard deviations of a splat against those of the patch that it stands for."""
THICKNESS = 0.0001
"""Metres, standard deviation of splats across their surface."""
GUM_COLOR = (0.66, 0.40, 0.38)
GAP_COLOR = (0.42, 0.33, 0.28)
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
LUMA = np.array([0.299, 0.587, 0.114])


@lru_cache(maxsize=1)
def lip_weights(model: HeadModel) -> np.ndarray:
    """Return 1/n on the n vertices of the upper lip, -1/m on the m of the lower one, else 0: [V] float32."""
    lips = model.in_regions(Region.LIPS)
    fall = np.linalg.norm(model.expressions[model.expression_names.index("jawOpen")], axis=1)
    lower = lips & (fall > (fall[lips].min() + fall[lips].max()) / 2)
    upper = lips & ~lower
    return (upper / upper.sum() - lower / lower.sum()).astype(np.float32)


def opening(base: BaseMesh, vertices: np.ndarray) -> float:
    """Return how far the mouth is open against the face at rest, 0..1, at vertices [V, 3]."""
    weights = lip_weights(base.model).astype(np.float64)
    apart, before = (float(np.linalg.norm(weights @ points)) for points in (vertices, base.shown))
    return float(np.clip((apart - before) / (OPEN * base.pose.scale), 0, 1))


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
        owners, weights = _spread(model.mean[triangles], SPACING[material])
        corners = triangles[owners]
        places = np.einsum("nk,nkc->nc", weights, model.mean[corners])
        colors = (
            _teeth_colors(places) if material == "Teeth" else np.tile(anatomy.PLAIN_COLORS[material], (len(places), 1))
        )
        colors = colors * (exposure * _light(places))[:, None]
        pieces.append(_splats(base, corners, weights, _cut(owners), colors))
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


def _spread(corners: np.ndarray, spacing: float) -> tuple[np.ndarray, np.ndarray]:
    """Cut triangles [T, 3, 3] into small ones; return the triangle [N] and barycentric middle [N, 3] of each."""
    doubled = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    deep = np.maximum(corners[..., 1].mean(axis=1) - FRONT, 0)
    counts = np.maximum(np.ceil(np.sqrt(doubled) / (spacing * (1 + deep / COARSER))), 1).astype(int)
    owners, weights = [], []
    for count in np.unique(counts):
        which = np.flatnonzero(counts == count)
        upward = [(i + 1 / 3, j + 1 / 3) for i in range(count) for j in range(count - i)]
        downward = [(i + 2 / 3, j + 2 / 3) for i in range(count - 1) for j in range(count - 1 - i)]
        steps = np.array(upward + downward)
        grid = np.concatenate([steps, count - steps.sum(axis=1, keepdims=True)], axis=1) / count
        owners.append(np.repeat(which, len(grid)))
        weights.append(np.tile(grid, (len(which), 1)))
    return np.concatenate(owners), np.concatenate(weights)


def _cut(owners: np.ndarray) -> np.ndarray:
    """Return into how many parts [N] the triangle of each was cut along an edge."""
    return np.sqrt(np.bincount(owners)[owners])


def _splats(base: BaseMesh, corners: np.ndarray, weights: np.ndarray, cut: np.ndarray, colors: np.ndarray) -> Gaussians:
    """Return flat splats at places given by their triangles' vertices [N, 3] and weights [N, 3]."""
    places = base.shown[corners].astype(np.float64)
    edges = (places - np.roll(places, 1, axis=1)) * (OVERLAP / cut[:, None, None])
    normals = np.cross(edges[:, 0], edges[:, 1])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), np.finfo(float).tiny)
    # The covariance of an even triangle is that of its edges over 36.
    covariances = np.einsum("nki,nkj->nij", edges, edges) / 36
    covariances += (THICKNESS * base.pose.scale) ** 2 * normals[:, :, None] * normals[:, None, :]
    scales, rotations = decompose_covariances(covariances)
    count = len(places)
    return Gaussians(
        means=np.einsum("nk,nkc->nc", weights, places),
        scales=scales,
        rotations=rotations,
        opacities=np.zeros(count),
        sh=harmonics.from_colors(colors),
        parts=np.full(count, Part.MOUTH),
        extras={
            names.BIND_TRIANGLE: corners.astype(np.float32),
            names.BIND_WEIGHTS: weights.astype(np.float32),
            names.BIND_OPENING: np.ones(count, np.float32),
        },
    )


def _light(places: np.ndarray) -> np.ndarray:
    """Return the light 0..1 that reaches places [N, 3] of the model's mean."""
    return np.maximum(np.exp(np.minimum((FRONT - places[:, 1]) / DEEP, 0)), DARKEST)


def _teeth_colors(places: np.ndarray) -> np.ndarray:
    """Return the colours [N, 3] of both rows of teeth at places [N, 3] of the model's mean."""
    colors = np.tile(anatomy.PLAIN_COLORS["Teeth"], (len(places), 1))
    middle = (places[:, 2].min() + places[:, 2].max()) / 2
    for upper in (True, False):
        row = (places[:, 2] > middle) == upper
        height = places[row, 2] - places[row, 2].min() if upper else places[row, 2].max() - places[row, 2]
        along = _along_arch(places[row])
        borders = np.cumsum((0, *TOOTH_WIDTHS[upper]))
        gap = np.exp(-0.5 * (np.abs(np.abs(along)[:, None] - borders).min(axis=1) / GAP_WIDTH) ** 2)
        # Gums reach down between the teeth.
        gum = 1 / (1 + np.exp(-(height - CROWN + 0.0015 * gap) / 0.0004))
        shade = (0.8 * gap)[:, None]
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
