"""Skin on the fitted head: which of it the photo shows, and the colour of the rest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage, sparse

from ...colors import to_linear
from ...head import bending
from ...head.model import HeadModel, Region
from ...head.symmetry import mirror
from ...splats.parts import Part
from .color import to_encoded
from .fields import sample_picture
from .hollows import ear_openness, hollow_light, skin_albedo
from .light import SHARE, Light, fit_light
from .portrait import FittedPortrait

RIM = 3
"""Pixels at the person's outline and at borders between parts that tell nothing of skin."""
TRUSTED = 0.25
"""Cosine between normal and ray from which the photo tells skin's colour."""
BEHIND = 0.03
"""World units behind the front-most surface from which a place is hidden."""
FACE_ON = 0.55
"""Cosine from which what the photo shows is taken for skin whatever it looks like."""
UNLIKELY = 0.35
"""Natural logarithm of a colour over the expected one at which what turns away is doubted: it may be an ear, hair, a
collar or light from behind."""
SPREAD = 0.003
"""Weight per edge against which a spread residual returns to none: it fades over some ten vertices."""
ACROSS_EARS = 0.01
"""Weight of edges between ears and other skin, against others: ears are redder than what is around them."""
MIRRORED = 0.3
"""Weight of what the mirrored side shows against what is seen."""
SOFT = 1.0
"""Pixels over which colours are averaged before they are taken as evidence."""
PLAIN_REGIONS = (Region.FACE, Region.SCALP, Region.NECK)
"""Skin that tells the light: ears, lips and eyes have colours of their own."""


@dataclass(frozen=True, eq=False)
class Skin:
    """Colours of the fitted head's vertices.

    Attributes:
        colors: [V, 3] sRGB-encoded, 0..1: as seen where seen, plausible elsewhere.
        light: Light times mean albedo.
        towards: [3] unit direction from the head to the camera.
    """

    colors: np.ndarray
    light: Light
    towards: np.ndarray


def paint_skin(portrait: FittedPortrait, parts: np.ndarray) -> Skin:
    """Return the head's skin.

    Args:
        portrait: The portrait.
        parts: [512, 512] the photo's parts.
    """
    model, camera = portrait.model, portrait.camera
    vertices, normals = portrait.vertices.astype(np.float64), portrait.fit.normals
    skin = np.isin(parts, (Part.SKIN, Part.NECK)) & portrait.mask
    sure = ndimage.binary_erosion(skin, iterations=RIM, border_value=1)
    pixels, visible, facing = visibility(portrait, vertices, normals, sure, model.in_regions(Region.EARS))
    visible &= facing > TRUSTED
    soft = ndimage.gaussian_filter(portrait.rgb, (SOFT, SOFT, 0))
    linear = to_linear(sample_picture(soft, pixels))
    plain = visible & model.in_regions(*PLAIN_REGIONS)
    towards = camera.position - portrait.fit.pose.translation
    towards /= np.linalg.norm(towards)
    if plain.sum() < 30:
        plain = visible if visible.sum() >= 30 else np.ones(len(vertices), bool)
    light = fit_light(normals[plain], linear[plain], facing[plain], towards)
    expected = light(normals) * hollow_light(ear_openness(model), skin_albedo(linear[plain].mean(0)))
    ratio = np.where(visible[:, None], np.log(np.maximum(linear, 1e-3) / np.maximum(expected, 1e-3)), 0.0)
    weight = np.where(visible, facing, 0.0)
    # What skin turned to the camera says of what turns away tells whether the photo shows skin there at all.
    certain = _spread(model, ratio, np.where(facing > FACE_ON, weight, 0.0))
    doubt = np.abs(ratio - certain).max(1) / UNLIKELY
    weight = np.where(facing > FACE_ON, weight, weight / (1 + doubt**4))
    spread = _spread(model, ratio, weight)
    colors = light.limited(expected) * np.exp(spread)
    # What is not seen is nowhere brighter than what is.
    brightest = np.where(weight > 0, np.inf, light.brightness[1]) / np.maximum(colors @ SHARE, 1e-6)
    colors = colors * np.minimum(brightest, 1)[:, None]
    return Skin(np.clip(to_encoded(colors), 0, 1), light, towards)


def _spread(model: HeadModel, ratio: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return logarithms of albedo over its mean [V, 3], continued from where they are seen with a weight [V]."""
    partner = mirror(model)
    other = np.where(weight > 0, 0.0, MIRRORED * weight[partner])
    target = weight[:, None] * ratio + other[:, None] * ratio[partner]
    edges = bending.adjacency(model).tocoo()
    ears = model.in_regions(Region.EARS)
    edges.data = np.where(ears[edges.row] != ears[edges.col], ACROSS_EARS, 1.0) * edges.data
    edges = edges.tocsr()
    degree = np.asarray(edges.sum(1)).ravel()
    system = sparse.diags(degree + SPREAD * degree + 4 * (weight + other)) - edges
    return bending.solve(system, 4 * target)


def visibility(
    portrait: FittedPortrait, positions: np.ndarray, normals: np.ndarray, sure: np.ndarray, ears: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return pixels [N, 2], whether the photo shows skin there [N], and the cosine between normal and ray [N].

    Args:
        portrait: The portrait.
        positions: [N, 3] on the fitted head.
        normals: [N, 3] unit.
        sure: [512, 512] bool: pixels that show skin for certain.
        ears: [N] bool: places on ears; others see nothing where the photo may show ears, which may be larger.
    """
    pixels, depths = portrait.camera.project(positions)
    size = sure.shape[0]
    columns, rows = np.clip(np.floor(pixels), 0, size - 1).astype(int).T
    facing = portrait.facing(positions, normals)
    inside = ((pixels >= 0) & (pixels < size)).all(1)
    front = depths < portrait.mesh_maps.depth[rows, columns] + BEHIND
    own = ears | ~portrait.around_ears[rows, columns]
    return pixels, inside & front & own & sure[rows, columns], facing
