"""Which cards share a picture: those of like colours and length have the picture of one of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...colors import rgb_to_lab
from .clusters import STEPS, Resampled, cluster
from .layout import Rect, cells
from .ribbons import Ribbons, mean_of

SHADES = (0, STEPS // 2, STEPS - 1)
"""Places along a card where its colours are compared: root, middle and tip."""
LENGTH, WAVES = 12.0, 20.0
"""What a card of twice the length counts as, and one whose hairs swing by their whole width, in colour differences."""


@dataclass(frozen=True, eq=False)
class Locks:
    """What a cell's picture shows: M curves in the plane of a card. Across, its edges are at -1 and 1.

    Attributes:
        across: [M, STEPS] places.
        lengths: [M] in lengths of the card.
        colors: [M, STEPS, 3] sRGB-encoded.
        rect: Where the picture lies.
        height: How long the card is against its width.
    """

    across: np.ndarray
    lengths: np.ndarray
    colors: np.ndarray
    rect: Rect
    height: float


def cells_of(
    hair: Resampled, owners: np.ndarray, ribbons: Ribbons, shares: np.ndarray
) -> tuple[list[Locks], np.ndarray]:
    """Return the pictures' content, and which of them each card [N] has.

    Args:
        hair: The curves.
        owners: [S] the card of each.
        ribbons: The cards.
        shares: [N] what the card grows as: cards of different growths share no picture. 0..G-1.
    """
    colors = mean_of(hair.colors, owners, len(ribbons))
    across = _across(hair, owners, ribbons)
    features = _features(colors, across, owners, ribbons)
    picture = np.zeros(len(ribbons), np.int64)
    places = cells()
    numbers = np.bincount(shares)
    # Every growth has one; the others go to growths with many cards.
    free = len(places) - len(numbers)
    begin = 0
    for growth, number in enumerate(numbers):
        cards = shares == growth
        picture[cards] = begin + cluster(features[cards], 1 + int(free * number / len(shares)))
        begin = int(picture[cards].max()) + 1
    chosen = _typical(features, picture, np.bincount(owners))
    order = np.argsort(-ribbons.lengths[chosen], kind="stable")
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    of_picture = mean_of(colors, picture, len(chosen))
    locks = []
    for place, index in zip(places, order, strict=False):
        card = chosen[index]
        mine = owners == card
        # The strands' own tones, around the colours that all cards with this picture have.
        tones = hair.colors[mine] - colors[card] + of_picture[index]
        height = ribbons.lengths[card] / max(2 * float(ribbons.halves[card].mean()), 1e-9)
        locks.append(Locks(across[mine], hair.lengths[mine] / ribbons.lengths[card], tones, place, height))
    return locks, rank[picture]


def _across(hair: Resampled, owners: np.ndarray, ribbons: Ribbons) -> np.ndarray:
    """Return where the curves [S, STEPS] lie across their cards."""
    away = ((hair.points - ribbons.middles[owners]) * ribbons.sides[owners]).sum(2)
    return np.clip(away / np.maximum(ribbons.halves[owners], 1e-9), -1, 1)


def _features(colors: np.ndarray, across: np.ndarray, owners: np.ndarray, ribbons: Ribbons) -> np.ndarray:
    """Return what makes cards alike [N, D]."""
    shades = rgb_to_lab(colors[:, SHADES]).reshape(len(ribbons), -1) / np.sqrt(len(SHADES))
    length = LENGTH * np.log2(np.maximum(ribbons.lengths, 1e-9))
    trend = across.mean(1, keepdims=True) + (across[:, -1:] - across[:, :1]) * np.linspace(-0.5, 0.5, STEPS)
    waves = WAVES * np.sqrt(mean_of(((across - trend) ** 2).mean(1), owners, len(ribbons)))
    return np.column_stack([shades, length, waves])


def _typical(features: np.ndarray, picture: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Return the card of each picture that is most like all that have it, of those with curves enough to draw."""
    middles = mean_of(features, picture, int(picture.max()) + 1)
    apart = ((features - middles[picture]) ** 2).sum(1) / np.minimum(sizes, 8)
    order = np.lexsort((apart, picture))
    return order[np.unique(picture[order], return_index=True)[1]]
