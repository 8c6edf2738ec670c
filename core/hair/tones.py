"""Colours along strands: the photo's own where it shows them, its statistics where it does not."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from ..geometry.vectors import unit
from .directions import blur_within, luminance
from .look import SCORES, HairLook
from .tracing import Paths
from .volume import HairPhoto

FOLLOW = 0.25
"""World units along a strand after which a third is left of the colour that the photo shows on it."""
SEEN_COSINE = 0.3
"""Cosine between normal and ray up to which a photo's pixels are too smeared to colour strands."""
LEAST_SEEN = 0.1
"""Weight of these smeared pixels: they count where the strand has no better ones."""
SEEN_DEPTH = 0.05
"""World units between strand and photo within which the strand is what the photo shows."""
MIXED = 2
"""Pixels at hair's border in which other things are mixed."""
SOFT = 0.003
"""World units over which the photo's colours are averaged before they colour strands as wide as that."""
ALONG, ALONG_SHARE = 0.06, 0.4
"""World units over which a strand's tone changes along it, and the share of its variance that does."""
LOCK_SHARE = 0.7
"""Share of the hues' variance that whole locks have in common."""
DEEP, DEEP_SHADE = 0.035, 0.55
"""World units under the surface at which strands get this share of the surface's light."""
PROUD, PROUD_SHADE = 0.012, 1.12
"""World units above the surface at which they get that share: nothing around shades them."""
SHADED = (0.3, 1.5)
"""Lightness of a place over the photo's hair's, within which tones go with it."""
SHARPNESS = 14.0
"""Exponent of the highlight's sine (Kajiya and Kay 1989)."""
GLOSS = 0.7
"""Share of the photo's brightest over its middle that highlights add: the rest is light strands."""
FROM_ABOVE = (0.0, -0.5, 0.85)
"""Where light comes from if nobody tells: above and before the head."""


def strand_colors(
    paths: Paths,
    paint: np.ndarray,
    scores: np.ndarray,
    hues: np.ndarray,
    look: HairLook,
    photos: Sequence[HairPhoto],
    light: Sequence[float],
    gain: float,
) -> np.ndarray:
    """Return sRGB-encoded colours [S, K, 3] along the strands.

    Args:
        paths: The strands.
        paint: [S, K, 3] the smooth colour where they lie.
        scores: [S, K] normal scores of the tones, of :func:`tone_scores`.
        hues: [S, 2] normal scores of the streaks' hues, of :func:`hue_scores`.
        look: The photo's statistics.
        photos: What the photos show.
        light: Direction towards the light, any length.
        gain: Factor on the tones.
    """
    shown, known = follow(paths, *shown_colors(paths, paint, photos))
    shade = np.interp(paths.heights, (-DEEP, 0, PROUD), (DEEP_SHADE, 1, PROUD_SHADE))
    tone = look.contrast * gain * np.interp(scores, SCORES, look.tones)
    tone = tone + GLOSS * look.highlight * highlight(paths, light)
    base = paint * (shade * (1 - known))[..., None] + (paint * known[..., None] + known[..., None] * shown)
    lightness = luminance(base)
    # Strands in the shade differ less: contrast is light's share, as measured where the photo shows hair.
    tone = tone * np.clip(lightness / max(look.lightness, 1e-3), *SHADED)
    invented = np.sqrt(1 - known**2)
    change = np.clip(lightness + invented * tone, *look.range) - lightness
    streaks = invented[..., None] * (hues @ look.hues).astype(np.float32)[:, None]
    return np.clip(base + change[..., None] * look.tint.astype(np.float32) + streaks, 0, 1)


def tone_scores(
    paths: Paths, locks: np.ndarray, wisps: np.ndarray, look: HairLook, rng: np.random.Generator
) -> np.ndarray:
    """Return normal scores [S, K]: strands, wisps and locks vary as the photo's bands do.

    Args:
        paths: The strands.
        locks: [S] the lock that each strand belongs to.
        wisps: [S] the wisp that each strand belongs to.
        look: The photo's statistics.
        rng: Source of the tones.
    """
    count, length = paths.alive.shape
    steady = rng.normal(size=(count,))
    changing = ndimage.gaussian_filter1d(rng.normal(size=(count, length)), ALONG / paths.step, axis=1)
    changing /= max(float(changing.std()), 1e-9)
    fine = np.sqrt(1 - ALONG_SHARE) * steady[:, None] + np.sqrt(ALONG_SHARE) * changing
    middle = rng.normal(size=int(wisps.max(initial=-1)) + 1)[wisps]
    coarse = rng.normal(size=int(locks.max(initial=-1)) + 1)[locks]
    shares = look.contrasts / look.contrast
    return shares[0] * fine + shares[1] * middle[:, None] + shares[2] * coarse[:, None]


def hue_scores(locks: np.ndarray, wisps: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return normal scores [S, 2] of strands' hues: dye and bleach take locks, and wisps within them, alike."""
    scores = [rng.normal(size=(int(group.max(initial=-1)) + 1, 2))[group] for group in (locks, wisps)]
    return np.sqrt(LOCK_SHARE) * scores[0] + np.sqrt(1 - LOCK_SHARE) * scores[1]


def shown_colors(paths: Paths, paint: np.ndarray, photos: Sequence[HairPhoto]) -> tuple[np.ndarray, np.ndarray]:
    """Return the photos' colours minus the paint [S, K, 3], and how well they show each place [S, K], 0..1."""
    points, normals = paths.points[paths.alive], paths.normals[paths.alive]
    total, weights = np.zeros((len(points), 3)), np.zeros(len(points))
    for photo in photos:
        if not photo.hair.any():
            continue
        rows, columns, depths, inside = photo.look_up(points)
        facing = (normals * unit(photo.camera.position - points)).sum(1)
        pure = ndimage.binary_erosion(photo.hair & photo.used, iterations=MIXED, border_value=1)
        near = np.abs(depths - photo.depth[rows, columns]) < SEEN_DEPTH
        weight = np.clip(facing / SEEN_COSINE - 1, LEAST_SEEN, 1) * (inside & near & pure[rows, columns])
        pixel = float(np.median(photo.depth[photo.hair])) / photo.camera.fx
        soft = [blur_within(photo.rgb[..., c], photo.hair, SOFT / pixel)[rows, columns] for c in range(3)]
        total += weight[:, None] * np.stack(soft, axis=1)
        weights += weight
    shown = np.zeros((*paths.alive.shape, 3), np.float32)
    known = np.zeros(paths.alive.shape, np.float32)
    shown[paths.alive] = total / np.maximum(weights, 1e-9)[:, None] - paint[paths.alive]
    known[paths.alive] = np.clip(weights, 0, 1)
    return shown, known


def follow(paths: Paths, shown: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Carry what the photo shows on along each strand.

    Args:
        paths: The strands.
        shown: [S, K, 3] deviations from the paint.
        weights: [S, K] 0..1, how well they are known.

    Returns:
        Deviations [S, K, 3], and how far they still hold [S, K], 0..1.
    """
    keep = np.float32(np.exp(-paths.step / FOLLOW))
    known = np.concatenate([shown * weights[..., None], weights[..., None]], axis=-1)
    total, before, after = known.copy(), np.zeros_like(known[:, 0]), np.zeros_like(known[:, 0])
    length = known.shape[1]
    for column in range(1, length):
        before = keep * (before + known[:, column - 1])
        total[:, column] += before
        other = length - 1 - column
        after = keep * (after + known[:, other + 1])
        total[:, other] += after
    sums = total[..., 3]
    strength = np.clip(sums, 0, 1)
    return total[..., :3] / np.maximum(sums, 1e-6)[..., None], strength


def highlight(paths: Paths, light: Sequence[float]) -> np.ndarray:
    """Return the gloss [S, K], 0..1, of strands seen from straight above them."""
    towards = unit(np.asarray(light, np.float64))
    half = unit(paths.normals + towards)
    along = (paths.tangents * half).sum(-1)
    lit = np.clip(paths.normals @ towards + 0.3, 0, 1)
    return np.maximum(1 - along**2, 0) ** (SHARPNESS / 2) * lit
