"""What splats tell of the directions of their hair: pictures of them, and their longest axes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.spatial import cKDTree

from ..avatar.distance import head_cameras
from ..avatar.views import look
from ..cameras import RIG_RADIUS
from ..gaussians import Gaussians
from ..geometry import quaternions
from ..geometry.vectors import unit
from ..hair.flow import Witness
from ..hair.volume import HairPhoto, HairVolume, along_surface
from ..hair.waves import STRAIGHT, Wave, measure_wave
from ..progress import Reporter
from ..splats.attributes import STRAND, STRAND_PLACE
from .arrows import neighbors

FRONT = ((270, 0), (235, 5), (305, 5))
"""Azimuths and elevations of the pictures that are always looked at: the photo's side."""
AROUND = ((0, 10), (180, 10), (60, 15), (120, 15), (270, 60), (90, 60))
"""Of those that are where the splats' own axes tell too little."""
SIZE = 448
"""Pixels across: about as fine as a portrait."""
SHOWN, SOLID = 0.5, 0.5
"""Share of hair from which a pixel shows hair, and coverage from which it shows anything."""
REACH = 0.05
"""World units from the surface up to which splats tell of it."""
ROUNDS = 2
"""Edges over which the axes' directions are averaged."""
LONG = 0.5
"""Elongation, 1 minus the second axis over the first, from which an axis is fully trusted."""
CURLY = 0.5
"""Curliness under which hair counts as straight: curls gather in ropes, which would lay the scalp bare for a mere
tousle."""
TOLD = 0.12
"""Mean trust of the axes under which pictures from all around are needed."""


def witnesses_of(
    gaussians: Gaussians, hair: np.ndarray, volume: HairVolume, reporter: Reporter
) -> tuple[list[HairPhoto], Witness]:
    """Return pictures of the hair, and what the splats' axes tell.

    Args:
        gaussians: The head in the engines' frame.
        hair: [N] 0..1, how surely each splat is hair.
        volume: Where hair is.
        reporter: Counts the pictures; may cancel.
    """
    axes = axis_witness(gaussians.select(np.flatnonzero(hair > SHOWN)), volume)
    hairy = volume.hairiness > SHOWN
    told = float(axes.trust[hairy].mean()) if hairy.any() else 0.0
    places = FRONT if told > TOLD else FRONT + AROUND
    reporter.stage("Looking at the hair", steps=len(places))
    return pictures(gaussians, hair, places, reporter), axes


def pictures(
    gaussians: Gaussians, hair: np.ndarray, places: Sequence[tuple[float, float]], reporter: Reporter
) -> list[HairPhoto]:
    """Return pictures of hair from azimuths and elevations, in degrees."""
    taken = []
    for camera in head_cameras(places, SIZE):
        view = look(gaussians, camera, hair.astype(np.float32), RIG_RADIUS + 0.2)
        solid = view.alpha > SOLID
        rgb = view.image.astype(np.float32) / 255
        shown = solid & (view.share > SHOWN)
        taken.append(HairPhoto(view.camera, rgb, shown, view.depth, np.zeros_like(solid), view.alpha))
        reporter.step()
    return taken


def wave_of(photo: HairPhoto) -> Wave:
    """Return how the hair curls in a picture, in world units."""
    if not photo.hair.any():
        return STRAIGHT
    pixel = float(np.median(photo.depth[photo.hair])) / photo.camera.fx
    wave = measure_wave(photo.tensor, photo.hair).scaled(pixel)
    return wave if wave.curliness >= CURLY else STRAIGHT


def axis_witness(splats: Gaussians, volume: HairVolume) -> Witness:
    """Return what the longest axes of hair's splats tell; those of strands are arrows, from root to tip."""
    count = len(volume.vertices)
    if not len(splats):
        return Witness(np.zeros((count, 3)), np.zeros(count), np.zeros(count, bool))
    distance, nearest = cKDTree(volume.vertices).query(splats.means, distance_upper_bound=REACH)
    rows = np.flatnonzero(np.isfinite(distance))
    splats, nearest = splats.select(rows), nearest[rows]
    order = np.argsort(splats.scales, axis=1)
    longest, second = (np.take_along_axis(splats.scales, order[:, k : k + 1], 1)[:, 0] for k in (2, 1))
    axes = np.take_along_axis(quaternions.to_matrices(splats.rotations), order[:, None, 2:], 2)[..., 0]
    elongation = np.clip((1 - second / longest) / LONG, 0, 1)
    covers = splats.opacities * longest * second
    arrows = _arrows(splats)
    axes = np.where((axes * arrows).sum(1, keepdims=True) < 0, -axes, axes)
    weight = covers * elongation
    columns = [weight * axes[:, i] * axes[:, j] for i in range(3) for j in range(3)]
    columns += [*(weight[:, None] * axes * (np.abs(arrows).sum(1, keepdims=True) > 0)).T, weight, covers]
    sums = np.stack([np.bincount(nearest, column, count) for column in columns], axis=1)
    links = neighbors(volume)
    for _ in range(ROUNDS):
        sums = links @ sums
    tensors = sums[:, :9].reshape(-1, 3, 3)
    # Only what lies along the surface counts.
    across = np.eye(3) - volume.normals[:, :, None] * volume.normals[:, None]
    values, vectors = np.linalg.eigh(across @ tensors @ across)
    agreement = (values[:, 2] - values[:, 1]) / np.maximum(sums[:, 12], 1e-12)
    lines, arrow = along_surface(vectors[:, :, 2], volume.normals), sums[:, 9:12]
    signed = (lines * arrow).sum(1)
    return Witness(
        np.where(signed[:, None] < 0, -lines, lines),
        np.clip(agreement, 0, 1) * sums[:, 12] / np.maximum(sums[:, 13], 1e-12),
        np.abs(signed) > SHOWN * sums[:, 12],
    )


def _arrows(splats: Gaussians) -> np.ndarray:
    """Return the directions [N, 3] from root to tip of splats that belong to strands; 0 for the others."""
    arrows = np.zeros((len(splats), 3))
    if STRAND not in splats.extras or STRAND_PLACE not in splats.extras:
        return arrows
    strand = np.asarray(splats.extras[STRAND])
    order = np.lexsort((splats.extras[STRAND_PLACE], strand))
    order = order[strand[order] > 0]
    if len(order) < 2:
        return arrows
    steps = np.diff(splats.means[order].astype(np.float64), axis=0)
    steps[np.diff(strand[order]) != 0] = 0
    steps = unit(steps)
    arrows[order[:-1]] += steps
    arrows[order[1:]] += steps
    return arrows
