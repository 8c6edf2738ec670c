"""The parts that a photo hardly shows: eyeballs behind the lids, teeth and tongue."""

from __future__ import annotations

import numpy as np

from ...head.model import HeadModel, Region
from ..anatomy import tongue
from .texels import Texels

RINGS = np.linspace(0, 0.56, 15)
"""Angles in radians from the middle of the pupil to the iris' border (5.9 mm on a ball of 12 mm), and a little on."""
SEEN = 0.5
FEWEST = 60
"""Texels well seen from which an eye's colours, or the teeth's, are taken."""
IRIS = ((0.00, (0.05, 0.04, 0.04)), (0.16, (0.06, 0.05, 0.05)), (0.20, (0.30, 0.22, 0.16)), (0.48, (0.22, 0.16, 0.12)))
SCLERA = (0.80, 0.77, 0.75)
TINT = 0.35
"""Share that the seen colour has in the tint of an eye's white; the rest is :data:`SCLERA`'s."""
TEETH = (0.82, 0.77, 0.69)
TONGUE = (0.66, 0.38, 0.36)
"""Colours in ordinary light, where nothing better is seen."""
REACH = 0.35
"""Furthest that an iris may be from where its eye looks at rest, as the sine of the angle."""


def paint_eyes(model: HeadModel, texels: Texels, colors: np.ndarray, beliefs: np.ndarray, result: np.ndarray) -> None:
    """Complete the eyeballs in ``result`` [N, 3]: around what was seen of the iris its rings, then its white.

    Args:
        model: The head model.
        texels: N texels.
        colors: [N, 3] what was seen.
        beliefs: [N] how well, 0..1.
        result: [N, 3], written in place on the eyes' texels.
    """
    eyes = texels.interpolate(model.in_regions(Region.EYES)) > 0.5
    for side in (-1, 1):
        ball = model.in_regions(Region.EYES) & (np.sign(model.mean[:, 0]) == side)
        own = np.flatnonzero(eyes & (texels.interpolate(ball) > 0.5))
        middle = (model.mean[ball].min(0) + model.mean[ball].max(0)) / 2
        directions = texels.interpolate(model.mean - middle, own)
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        result[own] = _complete(directions, colors[own], beliefs[own])


def _complete(directions: np.ndarray, colors: np.ndarray, beliefs: np.ndarray) -> np.ndarray:
    """Return an eyeball's colours [M, 3] from unit directions [M, 3] out of its middle and what was seen there."""
    seen = (beliefs > SEEN) & (directions[:, 1] < 0)
    brightness = colors.mean(1)
    if seen.sum() < FEWEST:
        axis, rings, white = np.array([0, -1, 0]), None, np.array(SCLERA)
    else:
        axis = _iris_axis(directions[seen], brightness[seen])
        angles = np.arccos(np.clip(directions @ axis, -1, 1))
        rings = _ring_colors(angles[seen], colors[seen])
        outside = seen & (angles > RINGS[-1])
        # Lids shade the white of the eye: its brighter half is nearer to its colour.
        bright = outside & (brightness >= np.median(brightness[outside])) if outside.any() else outside
        white = _white(colors[bright]) if bright.sum() > FEWEST / 4 else np.array(SCLERA)
    if rings is None:
        rings = np.stack([np.interp(RINGS, [a for a, _ in IRIS], [c[k] for _, c in IRIS]) for k in range(3)], axis=1)
    angles = np.arccos(np.clip(directions @ axis, -1, 1))
    profile_angles = np.append(RINGS[:-1], RINGS[-1] + 0.04)
    profile = np.concatenate([rings[:-1], white[None]])
    complete = np.stack([np.interp(angles, profile_angles, profile[:, k]) for k in range(3)], axis=1)
    share = beliefs[:, None] * (directions[:, 1:2] < 0)
    return complete + share * (colors - complete)


def _white(colors: np.ndarray) -> np.ndarray:
    """Return the white of an eye [3] from colours [K, 3] seen of it: as bright, with some of its reflections' tint."""
    seen = np.median(colors, axis=0)
    return TINT * seen + (1 - TINT) * np.array(SCLERA) * seen.mean() / np.mean(SCLERA)


def _iris_axis(directions: np.ndarray, brightness: np.ndarray) -> np.ndarray:
    """Return the unit direction [3] of the iris' middle: the centroid of what is darker than the rest."""
    dark = np.maximum(np.percentile(brightness, 40) - brightness, 0)
    dark = dark * (np.abs(directions[:, [0, 2]]) < 0.6).all(1)
    if dark.sum() <= 0:
        return np.array([0.0, -1.0, 0.0])
    x, z = np.clip((directions[:, [0, 2]] * dark[:, None]).sum(0) / dark.sum(), -REACH, REACH)
    return np.array([x, -np.sqrt(1 - x * x - z * z), z])


def _ring_colors(angles: np.ndarray, colors: np.ndarray) -> np.ndarray:
    """Return the median colours [R, 3] on rings around the pupil; rings that nothing shows take their neighbours'."""
    number = np.clip(np.searchsorted(RINGS, angles), 0, len(RINGS))
    known = [ring for ring in range(len(RINGS)) if (number == ring).sum() >= 4]
    if not known:
        return np.tile(np.median(colors, axis=0), (len(RINGS), 1))
    medians = np.stack([np.median(colors[number == ring], axis=0) for ring in known])
    rings = np.arange(len(RINGS))
    return np.stack([np.interp(rings, known, medians[:, k]) for k in range(3)], axis=1)


def paint_mouth(
    model: HeadModel, texels: Texels, colors: np.ndarray, beliefs: np.ndarray, skin: np.ndarray, result: np.ndarray
) -> None:
    """Give teeth and tongue their colours in ``result`` [N, 3]: as seen where the mouth is open, else plausible ones.

    Args:
        model: The head model.
        texels: N texels.
        colors: [N, 3] what was seen.
        beliefs: [N] how well, 0..1.
        skin: [3] the skin's colour, which tells how bright the light is.
        result: [N, 3], written in place.
    """
    light = float(np.clip(skin.max() / 0.78, 0.6, 1.15))
    for members, color in ((model.in_regions(Region.TEETH), TEETH), (tongue(model), TONGUE)):
        own = np.flatnonzero(texels.interpolate(members) > 0.5)
        usual = np.array(color) * light
        result[own] = usual + beliefs[own, None] * (colors[own] - usual)
