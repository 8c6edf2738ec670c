"""Eyelashes: curved hairs along the edges of the lids, as many and as long as the picture lets expect."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import PchipInterpolator

from ...avatar.gaps import SIDES, front_edge, lid_edges
from ...colors import rgb_to_lab
from ...geometry.ramps import smooth_step
from ...geometry.vectors import unit
from ...head.landmark_solver import UNITS_PER_METRE
from ...head.model import HeadModel, Region
from ..curves import HairCurves, concatenate
from ..groom import Tuft
from .grow import hair_curves, tuft
from .sight import Face

STEPS = 7
"""Points of a lash."""
COUNTS = {True: (56, 92), False: (22, 48)}
"""Lashes of an upper and a lower lid: where the picture shows none, and where it shows thick ones."""
LENGTHS = {True: ((0.0, 0.25, 0.7, 1.0), (4.5, 7.0, 8.0, 6.0)), False: ((0.0, 0.3, 0.8, 1.0), (2.5, 3.5, 5.0, 4.0))}
"""Millimetres, along the lid from its inner to its outer corner."""
SHORTER = 0.62
"""Length where the picture shows no lashes, against where it shows thick ones."""
ENDS = {True: (0.06, 0.985), False: (0.2, 0.95)}
"""Share of the lid's edge between which lashes grow."""
DROP, CURL = {True: -0.3, False: -0.35}, {True: 0.62, False: 0.15}
"""How far lashes begin below the direction away from the eye's middle, and how far they bend up again."""
FAN = 0.45
"""How far they lean along the lid away from its middle."""
TUFTS, GATHER = 26, 0.45
"""Tufts that the tips of a lid's lashes gather in, and how far."""
UNEVEN = 0.12
"""Standard deviation of lengths and directions."""
RADIUS = {True: 0.00004, False: 0.000028}
"""Metres."""
EDGE, LID = (-0.0002, 0.0012), (0.0028, 0.0045)
"""Metres from the lid's edge over its skin within which lashes darken it, and where the skin is bare."""
DARK = (0.25, 0.9)
"""Share of the skin's lightness that the edge loses: without lashes, and with thick ones."""
CLOSED = 14.0
"""CIE units by which what is between the lids differs from their skin, below which the picture shows closed eyes."""
DARKER, LIGHTEST = 0.7, 0.32
"""Lashes against brows; and their greatest brightness, sRGB-encoded: even fair ones look dark against the eye."""


def find_lashes(face: Face, brows: np.ndarray | None) -> Tuft | None:
    """Return the lashes of all lids; None where the splats show closed eyes, which the mesh has open.

    Args:
        face: The head.
        brows: [3] colour of the brows, None where there are none.
    """
    seen = [_look(face, expression) for expression in SIDES]
    if max(eye.open for eye in seen) < CLOSED:
        return None
    strength = float(smooth_step(np.mean([np.clip(eye.dark, 0, 1) for eye in seen]), *DARK))
    color = _color(np.mean([eye.tone for eye in seen], axis=0), brows)
    rng = np.random.default_rng(0)
    parts = [
        _grown(face, Lid.of(face, expression, upper), strength, color, rng)
        for expression in SIDES
        for upper in (True, False)
    ]
    return tuft(face, concatenate(parts))


def lower_front_edge(model: HeadModel, expression: str) -> np.ndarray:
    """Return the mask [V] of the outer edge of an eye's lower lid."""
    upper, lower = lid_edges(model, expression)
    beside = np.zeros_like(lower)
    beside[model.faces[lower[model.faces].any(axis=1)]] = True
    beside &= ~upper & ~lower & ~front_edge(model, expression) & model.in_regions(Region.FACE)
    return beside & (model.mean[:, 2] < model.mean[lower, 2].max())


@dataclass(frozen=True, eq=False)
class Lid:
    """The outer edge of a lid.

    Attributes:
        side: Sign of x.
        upper: Whether it is the upper lid.
        vertices: [E] of the edge, from the nose outwards.
        line: Gives points [N, 3], metres, for places 0..1 along it.
        length: Metres.
    """

    side: int
    upper: bool
    vertices: np.ndarray
    line: PchipInterpolator
    length: float

    @classmethod
    def of(cls, face: Face, expression: str, upper: bool) -> Lid:
        """Return a lid of the eye that an expression ("eyeBlinkLeft" or "eyeBlinkRight") closes."""
        model, side = face.base.model, SIDES[expression]
        edge = np.flatnonzero((front_edge if upper else lower_front_edge)(model, expression))
        edge = edge[np.argsort(side * model.mean[edge, 0])]
        points = face.vertices[edge] / UNITS_PER_METRE
        way = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
        return cls(side, upper, edge, PchipInterpolator(way / way[-1], points), float(way[-1]))


@dataclass(frozen=True)
class _Eye:
    """What the picture shows of an eye.

    Attributes:
        open: CIE units between what is between the lids and their skin.
        dark: Share of the skin's lightness that the upper lid's edge loses.
        tone: [3] colour of that edge, sRGB-encoded.
    """

    open: float
    dark: float
    tone: np.ndarray


def _look(face: Face, expression: str) -> _Eye:
    sight = face.sight(SIDES[expression])
    upper, lower = (Lid.of(face, expression, is_upper).line(np.linspace(0.25, 0.75, 24)) for is_upper in (True, False))
    up = np.array([0, 0, 1])
    bare = sight.colors((upper[:, None] + np.linspace(*LID, 4)[:, None] * up) * UNITS_PER_METRE)
    edge = sight.colors((upper[:, None] + np.linspace(*EDGE, 4)[:, None] * up) * UNITS_PER_METRE)
    down = np.linspace(0.15, 0.85, 9)[:, None]
    inside = sight.colors((upper[:, None] * (1 - down) + lower[:, None] * down) * UNITS_PER_METRE)
    skin = rgb_to_lab(bare)
    light = rgb_to_lab(edge)[..., 0]
    away = np.linalg.norm(rgb_to_lab(inside) - np.median(skin, axis=(0, 1)), axis=-1)
    dark = 1 - light.min(axis=1) / np.maximum(skin[..., 0].mean(axis=1), 1)
    darkest = np.take_along_axis(edge, light.argmin(axis=1)[:, None, None], axis=1)
    return _Eye(float(np.percentile(away, 90)), float(np.median(dark)), np.median(darkest, axis=(0, 1)))


def _grown(face: Face, lid: Lid, strength: float, color: np.ndarray, rng: np.random.Generator) -> HairCurves:
    """Return a lid's lashes; ``strength``, 0..1, says how thick the picture shows them."""
    model, upper = face.base.model, lid.upper
    count = round(np.interp(strength, (0, 1), COUNTS[upper]))
    at = np.linspace(*ENDS[upper], count) + rng.normal(0, 0.3 / count, count)
    roots, along = lid.line(at), unit(lid.line(at, 1))
    ball = model.in_regions(Region.EYES) & (np.sign(model.mean[:, 0]) == lid.side)
    away = unit(roots - face.vertices[ball].mean(axis=0) / UNITS_PER_METRE)
    # Away from the middle of the lid, and the tips of neighbours towards each other.
    gather = (np.round(at * TUFTS) - at * TUFTS) / TUFTS * lid.length * GATHER
    lean = FAN * (2 * at - 0.95) + UNEVEN * rng.standard_normal(count)
    begin = unit(away + lean[:, None] * along + [0, 0, DROP[upper]])
    length = np.interp(at, *LENGTHS[upper]) / 1000 * np.interp(strength, (0, 1), (SHORTER, 1))
    length *= 1 + UNEVEN * rng.standard_normal(count)
    share = np.linspace(0, 1, STEPS)[None, :, None]
    curl = CURL[upper] * (1 + UNEVEN * rng.standard_normal(count))
    bent = share * begin[:, None] + share**2 * (curl[:, None] * np.array([0, 0, 1]))[:, None]
    bent *= length[:, None, None] / np.linalg.norm(np.diff(bent, axis=1), axis=2).sum(1)[:, None, None]
    paths = roots[:, None] + bent + share**2 * (gather[:, None] * along)[:, None]
    colors = color * (1 + 0.1 * rng.standard_normal((count, 1)))
    grows = np.isin(model.faces, lid.vertices).sum(axis=1) >= 2
    return hair_curves(face, paths * UNITS_PER_METRE, colors, RADIUS[upper], grows)


def _color(tone: np.ndarray, brows: np.ndarray | None) -> np.ndarray:
    color = DARKER * tone if brows is None else DARKER * (tone + brows) / 2
    return color * min(1, LIGHTEST / max(color.max(), 1e-3))
