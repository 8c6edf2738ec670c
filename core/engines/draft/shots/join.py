"""Joins what further photos show with the head that the portrait gave."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ....cameras import Camera
from ....gaussians import Gaussians, concatenate
from ....head.pose import Pose
from ....photo.exposures import matched
from ....progress import Reporter
from ....splats import spherical_harmonics as harmonics
from ....splats.attributes import of_no_strand
from ....splats.parts import Part
from ....system import blocks
from ..bust import Bust
from ..fields import index_of, sample_map
from .lattice_field import spread_values
from .look import Look
from .outlines import meet_outlines
from .pixels import LEAST, PixelLayer, mixed_colors, pixel_layer
from .sight import Sight, see

PRIORITY = 2.0
"""How much better the portrait shows a place than another photo that looks at it as straight."""
BELIEVED = (0.1, 0.4)
"""How well photos must show a place for it to take some of their colour, and all of it."""
MIRRORED = 0.3
"""Weight of what photos show of the head's other side against what they show."""
BEHIND = 0.012
"""World units by which what was invented stays behind what a photo shows."""
FARTHEST = 0.1
"""World units by which something is pushed behind a photo's pixels at most before it goes."""
SOFT = 4.0
"""Pixels inside of the portrait's outline over which hair ends in it."""
OUTSIDE = 8.0
"""Pixels outside of a photo's outline from which what was invented of the head goes: there the photo shows nothing."""
SHAPING_SECONDS, JOINING_SECONDS = 2.3, 0.85
"""To shape the head by all photos, and to join what each photo shows, the portrait too."""


def seconds_for(count: int) -> tuple[float, float]:
    """Return about how long each part of :func:`join_shots` takes, for the progress, by how many photos it gets."""
    return (SHAPING_SECONDS, JOINING_SECONDS * (1 + count)) if count else (0.0, 0.0)


def join_shots(
    bust: Bust, looks: Sequence[Look], rng: np.random.Generator, reporter: Reporter
) -> tuple[Bust, tuple[Camera, ...]]:
    """Bring a bust into the outlines of further photos, and give it their colours.

    Args:
        bust: What the portrait gave.
        looks: The further photos, at least one.
        rng: Source of chance.
        reporter: Gets the stages.

    Returns:
        The bust, and the photos' cameras, moved to where they see it as it was photographed.

    Raises:
        Cancelled: the job was cancelled.
    """
    shaping, joining = reporter.parts(*seconds_for(len(looks)))
    shaping.stage("Shaping the head by the other photos")
    met = meet_outlines(bust, looks, rng, shaping)

    joining.stage("Joining the photos", steps=2 * len(looks) + 1)
    inside = bust.photographed | (bust.gaussians.parts == Part.CLOTHES) | _within_all(met.means, met.looks)
    head = bust.gaussians.replace(means=met.means.astype(np.float32)).select(inside)
    photographed = bust.photographed[inside]
    portrait = Look(bust.portrait.rgb, bust.portrait.alpha, bust.portrait.camera)
    means = head.means.astype(np.float64)
    sights, seen = [], []
    photos = [(portrait, PRIORITY), *((look, 1.0) for look in met.looks)]
    for sight, shown in blocks.each(lambda photo: _seen(head, means, *photo), photos):
        sights.append(sight)
        seen.append(shown)
        joining.step()
    sights = matched(sights, seen)
    quality = np.stack([each for each, _ in seen])
    # No other photo has the soft outline that hair has in the portrait.
    soft = (head.parts == Part.HAIR) & (sample_map(portrait.within, seen[0][1]) < SOFT)
    kept = ~(photographed & ~soft & (quality.argmax(0) > 0) & (quality.max(0) > LEAST))
    own = harmonics.to_colors(head.sh)
    # What the portrait tells of places that are not its pixels, they have from it already, without its borders' flaws.
    told = np.stack([own, *(sight.colors(pixels) for sight, (_, pixels) in zip(sights[1:], seen[1:], strict=True))])
    change = mixed_colors(told, quality) - own
    head = _recolored(head, ~photographed, quality.max(0), own, change, bust.portrait.fit.pose)
    layers = []
    numbers = range(1, len(sights))
    for number, layer in zip(numbers, blocks.each(lambda number: pixel_layer(sights, number), numbers), strict=True):
        if layer is not None:
            head, kept = _behind(head, kept, ~photographed, sights[number], layer)
            gaussians = layer.splats.to_gaussians()
            layers.append(gaussians.replace(extras=of_no_strand(len(gaussians))))
        joining.step()
    count = sum(map(len, layers))
    photographed = np.concatenate([photographed[kept], np.zeros(count, bool)])
    fitted = bust.portrait.with_vertices(met.vertices)
    joined = Bust(concatenate([head.select(kept), *layers]), fitted, photographed)
    return joined, tuple(look.camera for look in met.looks)


def _seen(
    head: Gaussians, means: np.ndarray, look: Look, priority: float
) -> tuple[Sight, tuple[np.ndarray, np.ndarray]]:
    """Return what a photo sees of a head, and how well it shows its Gaussians at means [N, 3]."""
    sight = see(look, head, priority)
    return sight, sight.quality(means)


def _within_all(points: np.ndarray, looks: Sequence[Look]) -> np.ndarray:
    """Return which points [N, 3] lie in every photo's outline, or beyond its picture; other hair's tells nothing."""
    within = np.ones(len(points), bool)
    for look in looks:
        if look.other_hair:
            continue
        pixels, _ = look.camera.project(points)
        inside = index_of(pixels, look.mask.shape[0])[2]
        within &= ~inside | (sample_map(look.within, pixels) > -OUTSIDE)
    return within


def _recolored(
    head: Gaussians, free: np.ndarray, quality: np.ndarray, own: np.ndarray, change: np.ndarray, pose: Pose
) -> Gaussians:
    """Return the head with the photos' colours where it is free [N] to change.

    Between what the photos show, colours change as much as beside them and as on the head's other side: what was
    invented has another tone.

    Args:
        head: Its Gaussians.
        free: [N] bool.
        quality: [N] how well photos show each of them.
        own: [N, 3] the head's colours.
        change: [N, 3] by how much the colours that they show differ from those.
        pose: Where the head lies.
    """
    share = np.clip((quality - BELIEVED[0]) / (BELIEVED[1] - BELIEVED[0]), 0, 1)
    means = head.means.astype(np.float64)
    known = share > 0.5
    if known.any():
        shown = change[known]
        # The other side may be lit otherwise: how bright it is says nothing here.
        tints = shown - shown.mean(1, keepdims=True)
        places = np.concatenate([means[known], pose.mirrored(means[known])])
        weights = np.repeat([1.0, MIRRORED], len(shown))
        spread = spread_values(means, places, np.concatenate([shown, tints]), weights)
        change = spread + share[:, None] * (change - spread)
    else:
        change = change * share[:, None]
    sh = head.sh.copy()
    sh[free] = 0
    sh[free, :1] = harmonics.from_colors(np.clip(own + change, 0, 1)[free])
    return head.replace(sh=sh)


def _behind(
    head: Gaussians, kept: np.ndarray, free: np.ndarray, sight: Sight, layer: PixelLayer
) -> tuple[Gaussians, np.ndarray]:
    """Return the head with what is free to move behind a photo's pixels, and which of it stays."""
    means = head.means.astype(np.float64)
    pixels, depths = sight.look.camera.project(means)
    rows, columns, inside = index_of(pixels, layer.used.shape[0])
    limit = sight.depth[rows, columns] + BEHIND
    before = np.flatnonzero(inside & layer.used[rows, columns] & free & (depths < limit))
    moved = sight.look.camera.unproject(pixels[before], limit[before])
    stays = np.linalg.norm(moved - means[before], axis=1) <= FARTHEST
    means[before] = moved
    kept = kept.copy()
    kept[before] &= stays
    return head.replace(means=means.astype(np.float32)), kept
