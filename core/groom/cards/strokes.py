"""The hairs of a picture: between and around the curves that its card was made of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .cells import Locks
from .clusters import STEPS

EDGE = 0.93
"""How far from a card's middle its outer hairs grow."""
MANY = 6
"""So many curves tell how hairs run; between fewer, hairs keep their distance."""
CLUMPS, CLUMPING = 6, 0.55
"""Of a card, and how far their hairs have come together at the tip."""
WANDER = 0.05
"""How far hairs stray from their neighbours."""
UNEVEN = 0.3
"""How much shorter than their neighbours hairs may be, in their length."""
BEGIN = 0.07
"""How far along a card its last hairs begin, most of them at its edges: a straight line of roots would be seen."""
SHADE, DEPTH = 0.09, 0.3
"""Standard deviation of hairs' brightness, and how much darker the lowest is than the highest."""
ROOT_SHADE, ROOT_LENGTH = 0.12, 0.25
"""How much darker hair is at the root, where hair above it takes the light, and how far along that goes."""


@dataclass(frozen=True, eq=False)
class Strokes:
    """H hairs from the lowest to the highest.

    Attributes:
        across: [H, STEPS] places, -1..1.
        starts: [H] where along the card they begin, 0..1.
        ends: [H] how far along the card they go, 0..1.
        colors: [H, STEPS, 3] sRGB-encoded, 0..1.
    """

    across: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    colors: np.ndarray


def strokes_of(locks: Locks, count: int, rng: np.random.Generator) -> Strokes:
    """Return ``count`` hairs for a picture."""
    along = np.linspace(0, 1, STEPS)
    order = np.argsort(locks.across.mean(1), kind="stable")
    across, lengths, tones = locks.across[order], locks.lengths[order], locks.colors[order]
    # One in each of as many strips: no gaps, no heaps.
    share = (rng.permutation(count) + rng.random(count)) / count
    place = share * (len(order) - 1)
    first = np.minimum(place.astype(int), max(len(order) - 2, 0))
    second, part = np.minimum(first + 1, len(order) - 1), (place - first)[:, None]
    followed = across[first] * (1 - part) + across[second] * part
    even = EDGE * (2 * share[:, None] - 1)
    trust = min((len(order) - 1) / MANY, 1.0) * 0.75
    swings = followed - followed.mean(1, keepdims=True)
    path = trust * followed + (1 - trust) * (even + swings)
    phase, turns = rng.random((count, 1)) * 2 * np.pi, rng.uniform(0.5, 1.6, (count, 1))
    path += WANDER * np.sqrt(along) * np.sin(phase + turns * 2 * np.pi * along)
    clump = np.minimum((share * CLUMPS).astype(int), CLUMPS - 1)
    inside = np.stack([path[clump == c].mean(0) if (clump == c).any() else np.zeros(STEPS) for c in range(CLUMPS)])
    pull = (CLUMPING * along**1.5)[None]
    path = path * (1 - pull) + inside[clump] * pull
    starts = BEGIN * (0.7 * (2 * share - 1) ** 2 + 0.3 * rng.random(count))
    own = lengths[first] * (1 - part[:, 0]) + lengths[second] * part[:, 0]
    together = 1 - UNEVEN / 2 * rng.random(CLUMPS)[clump]
    ends = np.clip(own, 0.5, 1) * together * (1 - UNEVEN * rng.random(count) ** 2)
    colors = tones[first] * (1 - part[..., None]) + tones[second] * part[..., None]
    height = np.arange(count) / count
    shade = (1 - DEPTH * (1 - height)) * (1 + SHADE * rng.standard_normal(count))
    shade = shade / shade.mean()
    roots = 1 - ROOT_SHADE * np.clip(1 - along / ROOT_LENGTH, 0, 1)
    return Strokes(
        np.clip(path, -0.97, 0.97), starts, ends, np.clip(colors * shade[:, None, None] * roots[:, None], 0, 1)
    )
