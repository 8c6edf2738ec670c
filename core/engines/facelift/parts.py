"""Estimated parts of a generated head: skin, hair, clothes, eyes, mouth, neck, floaters.

The head's own front view teaches the colours: landmarks say where skin is certain, places above and
behind the face where hair is likely, places below the chin where clothes are. Every Gaussian then takes
the most probable class by its colour and place, smoothed over its neighbours. An estimate: beards,
hands and hats have no class of their own.

Classes and histograms are those of all engines (:mod:`core.splats.color_histogram`). Seeds and places are this one's
own: they hold all around a head of Gaussians, without a fitted one.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw
from scipy.spatial import cKDTree

from ...cameras import RIG_SIZE, Camera, front_camera
from ...colors import rgb_to_lab
from ...gaussians import Gaussians
from ...geometry.nearest import nearest_neighbors
from ...photo.alignment import ALIGNED_FACE_CENTER, ALIGNED_FACE_SIZE
from ...photo.landmarks import BROWS, CHIN, EYE_OUTLINES, FACE_OVAL, MOUTH_OUTLINE, detect_landmarks
from ...photo.types import FaceBox
from ...splats.color_histogram import ColorHistogram
from ...splats.parts import CLASSES, Part
from ...splats.spherical_harmonics import to_colors
from ...system import blocks

FOREHEAD = 10
"""Landmark at the hairline's middle."""
FACE_SCORE = 0.5
"""Landmark score from which the front view shows a face."""
OUTLINE_WIDTH = 32
"""Width in pixels of the 512-pixel front view of the stroke along the face's outline in which its depth is sought."""
SURFACE_CELL = 4
"""Side in pixels of the 512-pixel front view of the cells in which the front surface is found."""
SURFACE_OPACITY = 0.3
"""Gaussians of lower opacity do not make a surface."""
SURFACE_DEPTH = 0.12
"""How far behind the front surface, in face heights, a Gaussian still belongs to it."""
HISTOGRAM = ColorHistogram((16, 20, 20))
SMALLEST_SEED = 50
"""Gaussians from which a colour histogram is worth trusting."""
FACE_DEPTH = 0.5
"""How far behind the face's outline, in face heights, nothing belongs to the face any more."""
BACK = 0.7
"""How far behind the face, in face heights, the back of the head begins."""
NO_SEED = 3
"""Among the classes' indices: a Gaussian that teaches no class."""
NEIGHBOURS = 8
ISOLATION = 6.0
"""A Gaussian is a floater when its neighbours are this many times as far as usual."""

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

    def places(self, means: np.ndarray) -> np.ndarray:
        """Return means [N, 3] as [3, N] in face heights.

        x is 0 in the middle, y from 0 at the face to the back, z from 0 at the chin to 1 at the hairline.
        """
        return (np.ascontiguousarray(means.T) - np.array([[self.middle], [self.front], [self.chin]])) / self.height


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
    # The search takes longest and needs nothing else: it runs beside the rest.
    with ThreadPoolExecutor(1) as pool:
        search = pool.submit(nearest_neighbors, gaussians.means, NEIGHBOURS)
        size = views.shape[1]
        pixels, depths = _projected(gaussians.means, front_camera(size))
        behind = _behind_surface(gaussians.opacities, pixels, depths, size)
        cells = _cells(pixels, size, size)
        frame = _face_frame(points, pixels, gaussians.means, _stroked(points, FACE_OVAL, size)[cells])
        if frame is None:
            return unknown, (NO_FACE,)
        # Where the surface has a gap, the camera sees through to the back of the head.
        front = behind <= SURFACE_DEPTH * frame.height
        front &= gaussians.means[:, 1] < frame.front + FACE_DEPTH * frame.height

        def inside(*outlines: tuple[int, ...]) -> np.ndarray:
            return front & _filled(points, outlines, size)[cells]

        oval, eyes, mouth = inside(FACE_OVAL), inside(*EYE_OUTLINES), inside(MOUTH_OUTLINE)
        posterior = _posterior(gaussians, frame, oval, eyes | mouth | inside(*BROWS))
        near = search.result()
    labels = np.array(CLASSES, np.int8)[near.prevailing(posterior)]
    below = (gaussians.means[:, 2] < frame.chin + 0.1 * frame.height) & ~oval
    labels[(labels == Part.SKIN) & below] = Part.NECK
    labels[eyes] = Part.EYES
    labels[mouth] = Part.MOUTH
    labels[near.distances > ISOLATION * np.median(near.distances)] = Part.BACKGROUND
    return labels, ()


def _front_landmarks(view: np.ndarray) -> np.ndarray | None:
    """Return the landmarks [L, 2] in pixels of the front view, where alignment put the face; None without a face."""
    scale = view.shape[0] / RIG_SIZE
    x, y, half = *(value * scale for value in ALIGNED_FACE_CENTER), ALIGNED_FACE_SIZE * scale / 2
    landmarks = detect_landmarks(view, FaceBox(x - half, y - half, x + half, y + half, 1.0))
    return landmarks.points[:, :2] if landmarks.score >= FACE_SCORE else None


def _projected(means: np.ndarray, camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """Return pixel coordinates [N, 2] and depths [N] of means [N, 3]."""
    pixels, depths = np.empty((len(means), 2)), np.empty(len(means))

    def project(rows: slice) -> None:
        pixels[rows], depths[rows] = camera.project(means[rows])

    blocks.fill(project, len(means))
    return pixels, depths


def _cells(pixels: np.ndarray, size: int, count: int) -> np.ndarray:
    """Return which of count x count cells of a picture ``size`` wide each pixel position is in, row by row.

    Returns:
        [N] indices; count * count outside of the picture.
    """
    cells = np.empty(len(pixels), np.intp)

    def place(rows: slice) -> None:
        column, row = np.floor(pixels[rows].T * (count / size))
        inside = (column >= 0) & (column < count) & (row >= 0) & (row < count)
        cells[rows] = np.where(inside, row * count + column, count * count)

    blocks.fill(place, len(pixels))
    return cells


def _behind_surface(opacities: np.ndarray, pixels: np.ndarray, depths: np.ndarray, size: int) -> np.ndarray:
    """Return how far behind the surface that the front camera sees each Gaussian is [N]; NaN outside its picture."""
    count = round(RIG_SIZE / SURFACE_CELL)
    cells = _cells(pixels, size, count)
    nearest = np.full(count * count + 1, np.inf)
    solid = opacities > SURFACE_OPACITY
    np.minimum.at(nearest, cells[solid], depths[solid])
    nearest[-1] = np.nan
    return depths - nearest[cells]


def _face_frame(points: np.ndarray, pixels: np.ndarray, means: np.ndarray, near: np.ndarray) -> FaceFrame | None:
    """Return where the face is: the Gaussians seen nearest to its outline; None when there are none.

    Args:
        points: [L, 2] landmarks.
        pixels: [N, 2] where the Gaussians are seen.
        means: [N, 3].
        near: [N], seen near the outline.
    """
    candidates = np.flatnonzero(near)
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


def _filled(points: np.ndarray, outlines: tuple[tuple[int, ...], ...], size: int) -> np.ndarray:
    """Return a mask [size * size + 1], by index of :func:`_cells`, of the pixels inside any outline of landmarks."""
    picture = Image.new("1", (size, size))
    for outline in outlines:
        ImageDraw.Draw(picture).polygon(_corners(points, outline), fill=1)
    return np.append(np.asarray(picture), False)


def _stroked(points: np.ndarray, outline: tuple[int, ...], size: int) -> np.ndarray:
    """Return a mask [size * size + 1], by index of :func:`_cells`, of the pixels near an outline of landmarks."""
    picture = Image.new("1", (size, size))
    width = round(OUTLINE_WIDTH * size / RIG_SIZE)
    ImageDraw.Draw(picture).line(_corners(points, (*outline, outline[0])), fill=1, width=width, joint="curve")
    return np.append(np.asarray(picture), False)


def _corners(points: np.ndarray, outline: tuple[int, ...]) -> list[tuple[float, float]]:
    """Return an outline of landmarks as Pillow wants it."""
    return [tuple(point) for point in points[list(outline)].tolist()]


def _posterior(gaussians: Gaussians, frame: FaceFrame, oval: np.ndarray, features: np.ndarray) -> np.ndarray:
    """Return probabilities [N, 3] of skin, hair and clothes by colour and place."""
    count = len(gaussians)
    seeds, bins = np.empty(count, np.intp), np.empty(count, np.intp)
    posterior = np.empty((count, len(CLASSES)))

    def sort(rows: slice) -> None:
        _, y, z = frame.places(gaussians.means[rows])
        certain = [
            oval[rows] & ~features[rows] & (z < 0.75),
            ((z > 1.1) | ((y > BACK) & (z > 0.4))) & ~oval[rows],
            (z < -0.6) & ~oval[rows],
        ]
        seeds[rows] = np.select(certain, range(len(CLASSES)), default=NO_SEED)
        bins[rows] = _color_bins(gaussians.sh[rows])

    blocks.fill(sort, count)
    likelihoods = _likelihoods(seeds, bins, gaussians.opacities)

    def judge(rows: slice) -> None:
        values = likelihoods[:, bins[rows]] * _priors(frame.places(gaussians.means[rows]), oval[rows])
        values[0] += np.where(seeds[rows] == 0, values.sum(axis=0), 0)
        posterior[rows] = (values / values.sum(axis=0)).T

    blocks.fill(judge, count)
    return posterior


def _priors(places: np.ndarray, oval: np.ndarray) -> np.ndarray:
    """Return how likely skin, hair and clothes are by place alone [3, N].

    Args:
        places: [3, N], of :meth:`FaceFrame.places`.
        oval: [N], inside the face's outline.
    """
    x, y, z = places
    back = y > BACK
    skin = np.select([oval, z > 1.05, (z > -0.1) & ~back], [0.9, 0.02, 0.4], default=0.1)
    skin = np.where((z <= -0.1) & (z > -0.6) & (np.abs(x) < 0.6), 0.5, skin)
    hair = np.select([oval, z > 0.0, z > -0.6], [0.1, 0.6, 0.3], default=0.15)
    hair = np.where(back & (z > -0.1), 0.9, hair)
    clothes = np.interp(z, [-0.7, -0.25, 0.0], [0.8, 0.3, 0.005])
    behind_face = np.maximum(clothes, np.interp(z, [-0.5, -0.2], [0.8, 0.005]))
    return np.stack([skin, hair, np.where(y > 0.3, behind_face, clothes)])


def _color_bins(sh: np.ndarray) -> np.ndarray:
    """Return the bin of the colour histograms of each Gaussian [N]."""
    lab = rgb_to_lab(np.clip(to_colors(sh), 0, 1).astype(np.float64))
    return HISTOGRAM.index(lab)


def _likelihoods(seeds: np.ndarray, bins: np.ndarray, opacities: np.ndarray) -> np.ndarray:
    """Return how likely each bin's colour is in each class [3, B], learnt from the seeds."""
    count = HISTOGRAM.size
    likelihoods = np.full((len(CLASSES), count), 1 / count)
    for index in range(len(CLASSES)):
        seed = seeds == index
        if seed.sum() < SMALLEST_SEED:
            continue
        likelihoods[index] = HISTOGRAM.density(bins[seed], opacities[seed]) + 0.01 / count
    return likelihoods
