"""One exposure for all photos: what two of them show of the same skin and hair shall have one colour."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ....colors import to_encoded, to_linear
from .sight import Sight

CLEAR = 0.4
"""How well both photos must show a place for their colours to be compared."""
SURE, SURE_OF_TINT = 1000, 10_000
"""Places that two photos must share before half of the difference of their brightness is believed, and of their tint:
a few places may all have the same colour."""
STRONGEST = 2.5
"""Largest factor of a channel between two photos: more is another light, not another exposure."""
DARKEST, BRIGHTEST = 0.02, 0.9
"""Linear values between which a channel tells the exposure."""


def matched(sights: Sequence[Sight], seen: Sequence[tuple[np.ndarray, np.ndarray]]) -> list[Sight]:
    """Return the sights with the exposure of the first.

    A photo that shows nothing of what the first does is compared with those that do.

    Args:
        sights: The photos.
        seen: How well each of them shows places of the head, and in which pixels (:meth:`Sight.quality`).
    """
    result = {0: sights[0]}
    while len(result) < len(sights):
        common = {
            number: sum(int(_common(seen[number][0], seen[other][0]).sum()) for other in result)
            for number in range(len(sights))
            if number not in result
        }
        number = max(common, key=lambda each: common[each])
        sight, (quality, pixels) = sights[number], seen[number]
        own, wanted = [], []
        for other, known in result.items():
            place = _common(quality, seen[other][0])
            own.append(sight.colors(pixels[place]))
            wanted.append(known.colors(seen[other][1][place]))
        factors = exposure(np.concatenate(own), np.concatenate(wanted))
        result[number] = sight.with_colors(exposed(sight.look.rgb, factors))
    return [result[number] for number in range(len(sights))]


def exposure(own: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Return the factors [3] of linear light that make a photo's colours those of another one.

    The median is not moved by highlights and shadows that one of them has. Few places are believed less.

    Args:
        own: [N, 3] the photo's colours, sRGB-encoded, 0..1.
        wanted: [N, 3] what the same places have in the other.
    """
    a, b = to_linear(own.astype(np.float64)), to_linear(wanted.astype(np.float64))
    usable = ((np.minimum(a, b) > DARKEST) & (np.maximum(a, b) < BRIGHTEST)).all(1)
    if not usable.any():
        return np.ones(3)
    count = usable.sum()
    channels = np.median(np.log(b[usable] / a[usable]), axis=0)
    brightness = channels.mean()
    factors = count / (count + SURE) * brightness + count / (count + SURE_OF_TINT) * (channels - brightness)
    return np.clip(np.exp(factors), 1 / STRONGEST, STRONGEST)


def exposed(rgb: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """Return sRGB-encoded colours [..., 3] under another exposure, float32, 0..1."""
    return np.clip(to_encoded(to_linear(rgb) * factors), 0, 1).astype(np.float32)


def _common(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return which places [N] two photos both show clearly."""
    return np.minimum(first, second) > CLEAR
