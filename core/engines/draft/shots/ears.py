"""How far back ears are: profiles show it, and no outline tells it.

Outlines from the front and from behind tell how high ears are and how far they stand off. How far back they are is told
by their hollows, which are dark under any light: the fitted ear's are looked for in the photo.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from scipy import ndimage, signal
from scipy.spatial import cKDTree

from ....cameras import Camera
from ....colors import rgb_to_lab
from ....geometry.ramps import smooth_step
from ....geometry.vectors import unit
from ....head.mesh_raster import rasterize_mesh
from ....head.model import Region
from ....splats.parts import Part
from ....system import blocks
from ..bust import Bust
from ..fields import blur_inside
from ..hollows import ear_openness
from ..portrait import FittedPortrait
from .look import CELLS, Look, jacobians

FEWEST = 60
"""Cells that show an ear from which it is looked for."""
SEEN, ASIDE = 0.35, 0.85
"""Cosine between the head's side and the ray to a photo from which that shows the ear, and from which it tells how far
back it is: from three-quarter views, how far an ear stands off counts as much."""
FINE, COARSE = 0.03, 0.2
"""Ear heights between which structure tells an ear: skin's is finer, and light changes more slowly."""
AROUND = 0.08
"""Ear heights around the fitted ear that are compared, too."""
REACH, RISE = 0.35, 0.15
"""Ear heights by which it is looked for further back or forth, and up or down."""
DOUBT = 0.1
"""By how much better a match must be that lies as far off as REACH."""
WIDTHS, HEIGHTS = (0.75, 1.0), (0.85, 1.0)
"""Of the fitted ear's width and height, at which it is looked for: people's ears differ."""
SURE = 0.6
"""Correlation from which it is found."""
SKIN_REACH, SKIN_SHARE = 0.03, 0.7
"""World units from an ear's vertices within which skin was laid, and the share of them from which the ear shows."""
BESIDE = (0.03, 0.2)
"""World units from an ear's vertices up to which all goes with it, and from which nothing does."""


def showing_ears(bust: Bust) -> list[np.ndarray]:
    """Return the vertices [V] bool of each ear of a bust that shows: those that hair covers have no skin."""
    model, gaussians = bust.portrait.model, bust.gaussians
    skin = gaussians.means[gaussians.parts == Part.SKIN]
    if not len(skin):
        return []
    away, _ = cKDTree(skin).query(bust.portrait.vertices, distance_upper_bound=SKIN_REACH)
    ears = [model.in_regions(Region.EARS) & (side * model.mean[:, 0] > 0) for side in (-1, 1)]
    return [ear for ear in ears if np.isfinite(away[ear]).mean() > SKIN_SHARE]


def move_ears(
    portrait: FittedPortrait, means: np.ndarray, vertices: np.ndarray, ears: Sequence[np.ndarray], looks: Sequence[Look]
) -> tuple[np.ndarray, np.ndarray]:
    """Return a head whose ears lie as far back as photos show them, where the portrait sees them.

    What is around an ear goes with it, the less the farther away it is. An ear that no photo looks at goes with the
    other; one that is not found in photos of it stays: what the photo shows there is laid on it as it is.

    Args:
        portrait: The portrait.
        means: [N, 3] of its Gaussians.
        vertices: [V, 3] of the fitted head.
        ears: [V] bool: the vertices of each ear that shows.
        looks: The further photos.

    Returns:
        Means and vertices.
    """
    pose = portrait.fit.pose.rotation
    amounts: list[float | None] = []
    for ear in ears:
        middle = vertices[ear].mean(0)
        outwards = np.sign(portrait.model.mean[ear, 0].mean()) * pose[:, 0]
        cosines = [float(unit(look.camera.position - middle) @ outwards) for look in looks]
        aside = [look for look, cosine in zip(looks, cosines, strict=True) if cosine > ASIDE]
        found = blocks.each(partial(_backwards, portrait, vertices, ear, pose[:, 1]), aside)
        moves = [move for move in found if move is not None]
        amounts.append(float(np.mean(moves)) if moves else 0.0 if max(cosines) > SEEN else None)
    told = [amount for amount in amounts if amount is not None]
    trees = [cKDTree(vertices[ear]) for ear in ears]
    for tree, amount in zip(trees, amounts, strict=True):
        move = amount if amount is not None else sum(told)
        if move:
            means, vertices = (_moved(points, tree, move, portrait.camera, pose[:, 1]) for points in (means, vertices))
    return means, vertices


def _moved(points: np.ndarray, ear: cKDTree, amount: float, camera: Camera, back: np.ndarray) -> np.ndarray:
    """Return points [N, 3] moved along a camera's rays by some world units backwards [3], those beside an ear less."""
    away, _ = ear.query(points, distance_upper_bound=BESIDE[1])
    share = 1 - smooth_step(np.minimum(away, BESIDE[1]), *BESIDE)
    rays = unit(points - camera.position)
    return points + rays * (amount * share / (rays @ back))[:, None]


def _backwards(
    portrait: FittedPortrait, vertices: np.ndarray, ear: np.ndarray, back: np.ndarray, look: Look
) -> float | None:
    """Return by how many world units an ear [V] bool lies further back [3] in a photo; None where it is not found."""
    model, triangles = portrait.model, portrait.outer_triangles
    camera = look.camera.resized(CELLS)
    seen = rasterize_mesh(camera, vertices, triangles)
    shown = seen.mask & ear[triangles].all(1)[seen.triangles]
    if shown.sum() < FEWEST:
        return None
    rows, columns = np.nonzero(shown)
    height = float(np.ptp(rows) + 1)
    half = int(height)
    place = (
        slice(int(rows.mean()) + half, int(rows.mean()) + 3 * half + 1),
        slice(int(columns.mean()) + half, int(columns.mean()) + 3 * half + 1),
    )

    def window(values: np.ndarray) -> np.ndarray:
        return np.pad(values, 2 * half, mode="edge")[place]

    scale = look.mask.shape[0] // CELLS
    light = rgb_to_lab(look.rgb)[..., 0].reshape(CELLS, scale, CELLS, scale).mean((1, 3))
    person = look.mask[::scale, ::scale]
    hollows = np.where(seen.mask, seen.interpolate(triangles, ear_openness(model)), 1)
    photo = _structure(window(light), window(person), height)
    fitted = _structure(window(hollows), np.ones_like(window(person)), height)
    around = ndimage.binary_dilation(window(shown), iterations=max(1, round(AROUND * height))).astype(float)
    along = jacobians(camera, vertices[ear].mean(0)[None])[0] @ back
    length = np.linalg.norm(along)
    best, moved = SURE, None
    down, right = np.mgrid[-half : half + 1, -half : half + 1]
    off = (right * along[0] + down * along[1]) / length, (down * along[0] - right * along[1]) / length
    allowed = (np.abs(off[0]) <= REACH * height) & (np.abs(off[1]) <= RISE * height)
    handicap = DOUBT * (off[0] ** 2 + off[1] ** 2) / (REACH * height) ** 2
    for stretch in np.stack(np.meshgrid(HEIGHTS, WIDTHS), -1).reshape(-1, 2):
        at = np.stack([down, right]) / stretch[:, None, None] + half
        pattern, weights = (ndimage.map_coordinates(values, at, order=1, mode="nearest") for values in (fitted, around))
        match = np.where(allowed, _correlation(photo, pattern, weights) - handicap, -1)
        if match.max() > best:
            best, moved = match.max(), float(off[0].ravel()[match.argmax()] / length)
    return moved


def _structure(values: np.ndarray, known: np.ndarray, height: float) -> np.ndarray:
    """Return what of a map [H, W] is as fine as the relief of an ear that is some pixels high."""
    fine, coarse = (blur_inside(values, known, share * height) for share in (FINE, COARSE))
    return (fine - coarse) * known


def _correlation(picture: np.ndarray, pattern: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the correlation [H, W] of a pattern with a picture for each shift; no shift is in the middle."""
    weights = weights / weights.sum()
    pattern = pattern - (weights * pattern).sum()

    def sums(values: np.ndarray, factors: np.ndarray) -> np.ndarray:
        return np.asarray(signal.fftconvolve(values, factors[::-1, ::-1], mode="same"))

    spread = sums(picture**2, weights) - sums(picture, weights) ** 2
    own = (weights * pattern**2).sum()
    return sums(picture, weights * pattern) / np.sqrt(np.maximum(spread * own, 1e-9))
