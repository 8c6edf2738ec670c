"""One exposure for all photos: what two of them show of the same skin and hair shall have one colour."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, Self, TypeVar

import numpy as np

from ..colors import to_encoded, to_linear

CLEAR = 0.4
"""How well both photos must show a place for their colours to be compared."""
SURE, SURE_OF_TINT = 1000, 10_000
"""Places that two photos must share before half of the difference of their brightness is believed, and of their tint:
a few places may all have the same colour."""
STRONGEST = 2.5
"""Largest factor of a channel between two photos: more is another light, not another exposure."""
DARKEST, BRIGHTEST = 0.02, 0.9
"""Linear values between which a channel tells the exposure."""


class Colored(Protocol):
    """A photo whose colours can be asked for and changed."""

    def colors(self, pixels: np.ndarray, /) -> np.ndarray:
        """Return its colours [N, 3], sRGB-encoded, 0..1, at pixels [N, 2]."""

    def exposed(self, factors: np.ndarray, /) -> Self:
        """Return it under another exposure: linear light times factors [3]."""


C = TypeVar("C", bound=Colored)


def matched(photos: Sequence[C], seen: Sequence[tuple[np.ndarray, np.ndarray]]) -> list[C]:
    """Return photos of one head with the exposure of the first.

    A photo that shows nothing of what the first does is compared with those that do.

    Args:
        photos: The photos.
        seen: How well each of them shows the same places of the head, [N] 0 to 1 or more, and in which pixels [N, 2].
    """
    result = {0: photos[0]}
    while len(result) < len(photos):
        common = {
            number: sum(int(_common(seen[number][0], seen[other][0]).sum()) for other in result)
            for number in range(len(photos))
            if number not in result
        }
        number = max(common, key=lambda each: common[each])
        photo, (quality, pixels) = photos[number], seen[number]
        own, wanted = [], []
        for other, known in result.items():
            place = _common(quality, seen[other][0])
            own.append(photo.colors(pixels[place]))
            wanted.append(known.colors(seen[other][1][place]))
        result[number] = photo.exposed(exposure(np.concatenate(own), np.concatenate(wanted)))
    return [result[number] for number in range(len(photos))]


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
