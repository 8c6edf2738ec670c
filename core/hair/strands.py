"""Growing hair: from its volume and the photos to coloured strands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..geometry.vectors import unit
from .flow import photo_witness, tangent_field
from .grid import FlowGrid
from .locks import CURL_LOCK, LOCK, WISP, curl, gather, groups, loosen
from .look import HairLook
from .seeds import spread
from .tones import FROM_ABOVE, hue_scores, strand_colors, tone_scores
from .tracing import Paths, segments, trace
from .volume import HairPhoto, HairVolume

STEP = 0.022
"""World units (about 5 mm) that a Gaussian of straight hair stands for."""
TURN_STEPS = 7
"""Gaussians at least for one turn of a curl."""
SHORTEST, LONGEST = 0.10, 0.55
"""World units: length of the hair where it is thinnest, and of what is traced of long hair."""
LENGTH_PER_THICKNESS = 5.0
"""How much longer hair is than the layer that it makes."""
DEPTHS = 0.035
"""World units under the surface down to which strands are traced; what is deeper is not seen."""
COVERED = 0.15
"""Relative number of strands behind the photo's own pixels."""
COVERED_COSINE = 0.5
"""Cosine between normal and ray from which the photo's pixels cover the hair alone."""
GAIN = 1.5
"""Tones of single strands over the photo's: what strands that overlap in a pixel take from them."""
CURL_GAIN = 1.25
"""The same again for curls, whose strands cross in every pixel."""
PILOT = 300
"""Strands that tell how long they become before the others are counted."""


@dataclass(frozen=True, eq=False)
class Strands:
    """Hair as strands.

    Attributes:
        paths: Where the strands run.
        colors: [S, K, 3] sRGB-encoded, 0..1.
    """

    paths: Paths
    colors: np.ndarray

    def __len__(self) -> int:
        return len(self.paths)


def grow(
    volume: HairVolume,
    photos: Sequence[HairPhoto],
    paint: np.ndarray,
    look: HairLook,
    budget: int,
    rng: np.random.Generator,
    light: Sequence[float] = FROM_ABOVE,
    gain: float = GAIN,
) -> Strands:
    """Grow strands in a volume.

    Args:
        volume: Where hair is.
        photos: What shows it; may be empty.
        paint: [V, 3] sRGB-encoded smooth colours (colour times light) of the volume's vertices.
        look: What it looks like, of :func:`core.hair.look.measure_look`.
        budget: Number of Gaussians, about.
        rng: Source of everything random.
        light: Direction towards the light, any length.
        gain: Factor on the tones' contrast.
    """
    photos = [photo.around_hair for photo in photos]
    directions = tangent_field(volume, [photo_witness(volume, photo) for photo in photos])
    grid = FlowGrid(volume, directions, paint, look.wave, rng)
    step = min(STEP, look.wave.length / TURN_STEPS) if look.wave.radius > 0 else STEP
    pilot = _traced(volume, photos, grid, PILOT, step, rng)
    count = int(budget / max(1.0, segments(pilot).sum() / len(pilot)))
    paths = _traced(volume, photos, grid, max(count, 1), step, rng)
    middles = paths.points[paths.seeds]
    wave = look.wave
    locks = groups(middles, max(WISP, CURL_LOCK * wave.radius) if wave.radius > 0 else LOCK, rng)
    wisps = groups(middles, WISP, rng)
    scores = tone_scores(paths, locks, wisps, look, rng)
    paths = gather(gather(paths, wisps), locks, wave.curliness) if wave.radius > 0 else gather(paths, wisps)
    paths = loosen(curl(paths, locks, wave, rng), rng)
    gain, hues = gain * CURL_GAIN**wave.curliness, hue_scores(locks, wisps, rng)
    return Strands(paths, strand_colors(paths, paths.values, scores, hues, look, photos, light, gain))


def _traced(
    volume: HairVolume,
    photos: Sequence[HairPhoto],
    grid: FlowGrid,
    count: int,
    step: float,
    rng: np.random.Generator,
) -> Paths:
    """Return ``count`` strands or a few less, spread over the hair; what has no length is left out."""
    corners = volume.hair_quads
    seeds = spread(volume.vertices, corners, _density(volume, corners, photos), count, rng)
    points = seeds.interpolate(corners, volume.vertices)
    thickness = seeds.interpolate(corners, volume.thickness[:, None])[:, 0]
    # More of them lie near the surface, where they are seen.
    depth = rng.random(count) ** 1.5 * np.minimum(0.8 * thickness, DEPTHS)
    length = np.clip(LENGTH_PER_THICKNESS * thickness, SHORTEST, LONGEST) * rng.uniform(0.6, 1.1, count)
    total = length / step
    backward = (total * rng.random(count)).astype(np.int64)
    paths = trace(grid, points, depth, backward, total.astype(np.int64) - backward, step, rng)
    return paths.select(paths.alive.sum(1) >= 3)


def _density(volume: HairVolume, corners: np.ndarray, photos: Sequence[HairPhoto]) -> np.ndarray:
    """Return the relative number [Q] of strands on quads: few where the photo's own pixels hide them."""
    centers, normals = volume.vertices[corners].mean(1), unit(volume.normals[corners].mean(1))
    density = np.ones(len(corners))
    for photo in photos:
        rows, columns, depths, inside = photo.look_up(centers)
        facing = (normals * unit(photo.camera.position - centers)).sum(1)
        near = np.abs(depths - photo.depth[rows, columns]) < DEPTHS
        density[inside & near & photo.used[rows, columns] & (facing > COVERED_COSINE)] = COVERED
    return density
