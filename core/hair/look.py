"""What hair looks like in a photo: its contrasts at several scales, its tones' colours, its waves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy import ndimage
from scipy.special import ndtr

from .directions import blur_within, luminance
from .volume import HairPhoto
from .waves import STRAIGHT, Wave, measure_wave

BANDS = (0.005, 0.01, 0.02, 0.04)
"""World units: standard deviations of the Gaussians whose differences are the bands of single strands, of wisps and
of locks; 1, 2, 4 and 8 pixels of a portrait 512 wide."""
FEWEST = 400
"""Pixels of hair below which a photo tells nothing."""
PURE = 3
"""Pixels at hair's border in which other things are mixed."""
OPAQUE = 0.98
"""Matte from which a pixel shows no background."""
PLAIN_CONTRAST, PLAIN_LIGHT = (0.015, 0.015, 0.015), 0.25
"""Contrasts and lightness of hair of which no photo tells."""
SCORES = np.linspace(-2.5, 2.5, 21)
"""Normal scores at which the distribution of tones is kept: 98.8 % of all lie between."""
HUE_SCALE = 0.08
"""World units: standard deviation of the Gaussian below which changes of hue are streaks, about two locks wide."""
BRIGHT = 97
"""Percentile of lightness that stands for highlights."""


@dataclass(frozen=True, eq=False)
class HairLook:
    """Statistics of hair's appearance, lightness being sRGB-encoded, 0..1.

    Attributes:
        contrasts: [3] standard deviations of lightness in the bands of :data:`BANDS`, fine to coarse.
        tones: [21] deviations from the smooth lightness at the normal scores :data:`SCORES`, in standard
            deviations: how lopsided light strands and dark gaps are spread.
        tint: [3] how far red, green and blue change with lightness; mean weight 1.
        hues: [2, 3] two directions in which red, green and blue of streaks scatter besides, each as long as one
            standard deviation.
        lightness: Mean.
        highlight: By how much the brightest places are lighter than the middle.
        range: Darkest and lightest that hair gets.
        wave: In world units.
    """

    contrasts: np.ndarray
    tones: np.ndarray
    tint: np.ndarray
    hues: np.ndarray
    lightness: float
    highlight: float
    range: tuple[float, float]
    wave: Wave

    @property
    def contrast(self) -> float:
        """Standard deviation of lightness over all bands."""
        return float(np.sqrt((self.contrasts**2).sum()))


PLAIN = HairLook(
    contrasts=np.array(PLAIN_CONTRAST),
    tones=SCORES,
    tint=np.ones(3),
    hues=np.zeros((2, 3)),
    lightness=PLAIN_LIGHT,
    highlight=0.1,
    range=(0.5 * PLAIN_LIGHT, 2 * PLAIN_LIGHT),
    wave=STRAIGHT,
)


def measure_look(photos: Sequence[HairPhoto]) -> HairLook:
    """Return the look of the hair in the photo that shows most of it; :data:`PLAIN` where none shows enough."""
    photos = [photo.around_hair for photo in photos]
    pure = [_pure(photo) for photo in photos]
    sizes = [int(mask.sum()) for mask in pure]
    if not sizes or max(sizes) < FEWEST:
        return PLAIN
    best = int(np.argmax(sizes))
    return _measured(photos[best], pure[best])


def _pure(photo: HairPhoto) -> np.ndarray:
    """Return the pixels [H, W] that show hair and nothing else."""
    inner = ndimage.binary_erosion(photo.hair, iterations=PURE, border_value=1)
    return inner & (photo.alpha >= OPAQUE)


def _measured(photo: HairPhoto, pure: np.ndarray) -> HairLook:
    pixel = float(np.median(photo.depth[pure])) / photo.camera.fx
    rgb = np.asarray(photo.rgb, np.float32)
    light = luminance(rgb)
    levels = [blur_within(light, pure, sigma / pixel) for sigma in BANDS]
    contrasts = np.array([float((fine - coarse)[pure].std()) for fine, coarse in pairwise(levels)])
    detail = (levels[0] - levels[-1])[pure]
    spread = max(float(detail.std()), 1e-4)
    # Tones by rank: the share of a normal distribution below each score.
    tones = np.quantile(detail, ndtr(SCORES)) / spread
    tint, _ = _by_lightness(_changes(rgb, pure, BANDS[-1] / pixel))
    _, rest = _by_lightness(_changes(rgb, pure, HUE_SCALE / pixel))
    spreads, axes = np.linalg.eigh(np.cov(rest.T))
    low, middle, high = np.percentile(light[pure], (3, 50, BRIGHT))
    return HairLook(
        np.maximum(contrasts, 0.004),
        tones,
        np.clip(tint, 0.3, 2.0),
        (np.sqrt(np.maximum(spreads, 0)) * axes).T[:0:-1],
        float(light[pure].mean()),
        float(high - middle),
        (0.6 * float(low), min(1.0, 1.15 * float(light[pure].max()))),
        measure_wave(photo.tensor, pure).scaled(pixel),
    )


def _changes(rgb: np.ndarray, pure: np.ndarray, sigma: float) -> np.ndarray:
    """Return by how much the pure pixels' colours [N, 3] differ from those around them."""
    return np.stack([(rgb[..., c] - blur_within(rgb[..., c], pure, sigma))[pure] for c in range(3)], 1)


def _by_lightness(change: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how changes of colour [N, 3] go with those of lightness [3], and what is left of them [N, 3]."""
    lightness = luminance(change)
    share = (change * lightness[:, None]).mean(0) / max(float((lightness**2).mean()), 1e-8)
    return share, change - lightness[:, None] * share
