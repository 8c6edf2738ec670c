"""Estimated parts of a generated head: skin, hair, clothes, eyes, mouth, neck, floaters.

The head's own front view teaches the colours: landmarks say where skin is certain, places above and
behind the face where hair is likely, places below the chin where clothes are. Every Gaussian then takes
the most probable class by its colour and place, smoothed over its neighbours. An estimate: beards,
hands and hats have no class of their own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage
from scipy.spatial import cKDTree

from ...cameras import RIG_SIZE, Camera, front_camera
from ...gaussians import Gaussians
from ...parts import Part
from ...photo.alignment import ALIGNED_FACE_CENTER, ALIGNED_FACE_SIZE
from ...photo.landmarks import detect_landmarks
from ...photo.types import FaceBox
from ..draft.color import rgb_to_lab
from ..draft.portrait import BROWS, CHIN, EYE_OUTLINES, FACE_OVAL, MOUTH_OUTLINE

FOREHEAD = 10
"""Landmark at the hairline's middle."""
FACE_SCORE = 0.5
"""Landmark score from which the front view shows a face."""
SURFACE_CELL = 4
"""Side in pixels of the 512-pixel front view of the cells in which the front surface is found."""
SURFACE_OPACITY = 0.3
"""Gaussians of lower opacity do not make a surface."""
SURFACE_DEPTH = 0.12
"""How far behind the front surface, in face heights, a Gaussian still belongs to it."""
LAB_BINS, LAB_LOW, LAB_HIGH = (16, 20, 20), (0.0, -60.0, -60.0), (100.0, 60.0, 60.0)
HISTOGRAM_BLUR = 1.0
"""Spread of a seed's colour over the histogram, in bins."""
SMALLEST_SEED = 50
"""Gaussians from which a colour histogram is worth trusting."""
FACE_DEPTH = 0.5
"""How far behind the face's outline, in face heights, nothing belongs to the face any more."""
NEIGHBOURS = 8
ISOLATION = 6.0
"""A Gaussian is a floater when its neighbours are this many times as far as usual."""
CLASSES = np.array([Part.SKIN, Part.HAIR, Part.CLOTHES], np.int8)

NO_FACE = "The parts of this head could not be told apart: its front view shows no clear face."


@dataclass(frozen=True, eq=False)
class FaceFrame:
    """Where the face is in the world.

    Attributes:
        chin: z of the chin.
        height: Height of the face, chin to hairline.
        middle: x of the face's middle.
        front: y of the face's surface, smaller is nearer to the front camera.
    """

    chin: float
    height: float
    middle: float
    front: float


def estimate_parts(gaussians: Gaussians, views: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return a part for each Gaussian, and notes for the user.

    Args:
        gaussians: The head, in the common frame.
        views: [V, S, S, 3] uint8 generated views, the front one first.

    Returns:
        [N] int8 values of Part, all UNKNOWN where the front view shows no face.
    """
    unknown = np.full(len(gaussians), Part.UNKNOWN, np.int8)
    points = _front_landmarks(views[0])
    if points is None or not len(gaussians):
        return unknown, (NO_FACE,)
    camera = front_camera(views.shape[1])
    pixels, depths = camera.project(gaussians.means)
    surface = _front_surface(gaussians, pixels, depths, camera)
    frame = _face_frame(points, pixels, gaussians.means, surface(np.inf))
    if frame is None:
        return unknown, (NO_FACE,)
    # Where the surface has a gap, the camera sees through to the back of the head.
    front = surface(SURFACE_DEPTH * frame.height)
    front &= gaussians.means[:, 1] < frame.front + FACE_DEPTH * frame.height

    def inside(*outlines: tuple[int, ...]) -> np.ndarray:
        return front & _covered(pixels, points, outlines, views.shape[1])

    oval, eyes, mouth = inside(FACE_OVAL), inside(*EYE_OUTLINES), inside(MOUTH_OUTLINE)
    features = eyes | mouth | inside(*BROWS)
    tree = cKDTree(gaussians.means)
    distances, neighbours = tree.query(gaussians.means, k=min(NEIGHBOURS, len(gaussians)), workers=-1)
    posterior = _posterior(gaussians, frame, oval, features)
    posterior = posterior[neighbours].mean(axis=1) if neighbours.ndim == 2 else posterior
    labels = CLASSES[posterior.argmax(axis=1)]
    below = (gaussians.means[:, 2] < frame.chin + 0.1 * frame.height) & ~oval
    labels[(labels == Part.SKIN) & below] = Part.NECK
    labels[eyes] = Part.EYES
    labels[mouth] = Part.MOUTH
    if distances.ndim == 2:
        spacing = distances[:, 1:].mean(axis=1)
        labels[spacing > ISOLATION * np.median(spacing)] = Part.BACKGROUND
    return labels, ()


def _front_landmarks(view: np.ndarray) -> np.ndarray | None:
    """Return the landmarks [L, 2] in pixels of the front view, where alignment put the face; None without a face."""
    scale = view.shape[0] / RIG_SIZE
    x, y, half = *(value * scale for value in ALIGNED_FACE_CENTER), ALIGNED_FACE_SIZE * scale / 2
    landmarks = detect_landmarks(view, FaceBox(x - half, y - half, x + half, y + half, 1.0))
    return landmarks.points[:, :2] if landmarks.score >= FACE_SCORE else None


def _front_surface(gaussians: Gaussians, pixels: np.ndarray, depths: np.ndarray, camera: Camera):
    """Return a function: mask [N] of Gaussians at most so far behind the surface that the front camera sees."""
    cell = SURFACE_CELL * camera.width / RIG_SIZE
    count = int(np.ceil(camera.width / cell))
    columns, rows = np.floor(pixels.T / cell).astype(int)
    inside = (columns >= 0) & (columns < count) & (rows >= 0) & (rows < count)
    nearest = np.full((count, count), np.inf)
    solid = inside & (gaussians.opacities > SURFACE_OPACITY)
    np.minimum.at(nearest, (rows[solid], columns[solid]), depths[solid])
    behind = np.full(len(gaussians), np.nan)
    behind[inside] = depths[inside] - nearest[rows[inside], columns[inside]]
    return lambda depth: behind <= depth


def _face_frame(points: np.ndarray, pixels: np.ndarray, means: np.ndarray, visible: np.ndarray) -> FaceFrame | None:
    """Return where the face is: the Gaussians seen nearest to some landmarks; None when there are none."""
    candidates = np.flatnonzero(visible)
    if not len(candidates):
        return None
    tree = cKDTree(pixels[candidates])
    _, nearest = tree.query(points[list(FACE_OVAL)], k=min(NEIGHBOURS, len(candidates)))
    around = means[candidates[nearest]].reshape(len(FACE_OVAL), -1, 3)
    # The nearest of those behind one another is the one on the surface.
    on_surface = np.take_along_axis(around, around[..., 1].argmin(axis=1)[:, None, None], axis=1)[:, 0]
    chin, forehead = on_surface[FACE_OVAL.index(CHIN)], on_surface[FACE_OVAL.index(FOREHEAD)]
    height = float(forehead[2] - chin[2])
    if height <= 0:
        return None
    return FaceFrame(float(chin[2]), height, float(on_surface[:, 0].mean()), float(np.median(on_surface[:, 1])))


def _covered(pixels: np.ndarray, points: np.ndarray, outlines: tuple[tuple[int, ...], ...], size: int) -> np.ndarray:
    """Return a mask [N] of pixel positions inside any outline of landmarks."""
    picture = Image.new("1", (size, size))
    for outline in outlines:
        ImageDraw.Draw(picture).polygon([tuple(point) for point in points[list(outline)].tolist()], fill=1)
    mask = np.asarray(picture)
    columns, rows = np.floor(pixels.T).astype(int)
    inside = (columns >= 0) & (columns < size) & (rows >= 0) & (rows < size)
    covered = np.zeros(len(pixels), bool)
    covered[inside] = mask[rows[inside], columns[inside]]
    return covered


def _posterior(gaussians: Gaussians, frame: FaceFrame, oval: np.ndarray, features: np.ndarray) -> np.ndarray:
    """Return probabilities [N, 3] of skin, hair and clothes by colour and place."""
    x, y, z = (gaussians.means - [frame.middle, frame.front, frame.chin]).T / frame.height
    # Now in face heights: z from 0 at the chin to 1 at the hairline, y from 0 at the face to the back.
    behind_face, back = y > 0.3, y > 0.7
    seeds = (
        oval & ~features & (z < 0.75),
        ((z > 1.1) | (back & (z > 0.4))) & ~oval,
        (z < -0.6) & ~oval,
    )
    skin = np.select([oval, z > 1.05, (z > -0.1) & ~back], [0.9, 0.02, 0.4], default=0.1)
    skin = np.where((z <= -0.1) & (z > -0.6) & (np.abs(x) < 0.6), 0.5, skin)
    hair = np.select([oval, z > 0.0, z > -0.6], [0.1, 0.6, 0.3], default=0.15)
    hair = np.where(back & (z > -0.1), 0.9, hair)
    clothes = np.interp(z, [-0.7, -0.25, 0.0], [0.8, 0.3, 0.005])
    clothes = np.where(behind_face, np.maximum(clothes, np.interp(z, [-0.5, -0.2], [0.8, 0.005])), clothes)
    posterior = _likelihoods(gaussians, seeds) * np.stack([skin, hair, clothes], axis=1)
    posterior[seeds[0], 0] += posterior[seeds[0]].sum(axis=1)
    return posterior / posterior.sum(axis=1, keepdims=True)


def _likelihoods(gaussians: Gaussians, seeds: tuple[np.ndarray, ...]) -> np.ndarray:
    """Return how likely each Gaussian's colour is in each class [N, 3], learnt from the seeds."""
    lab = rgb_to_lab(np.clip(gaussians.colors, 0, 1).astype(np.float64))
    low, high, bins = np.array(LAB_LOW), np.array(LAB_HIGH), np.array(LAB_BINS)
    cells = np.clip((lab - low) / (high - low) * bins, 0, bins - 1).astype(int)
    flat = np.ravel_multi_index(tuple(cells.T), LAB_BINS)
    likelihoods = []
    for seed in seeds:
        if seed.sum() < SMALLEST_SEED:
            likelihoods.append(np.full(len(flat), 1 / bins.prod()))
            continue
        counts = np.bincount(flat[seed], gaussians.opacities[seed], minlength=bins.prod()).reshape(LAB_BINS)
        smooth = ndimage.gaussian_filter(counts, HISTOGRAM_BLUR, mode="nearest") / counts.sum()
        likelihoods.append(smooth.ravel()[flat] + 0.01 / bins.prod())
    return np.stack(likelihoods, axis=1)
