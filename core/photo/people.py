"""Several people in a photo: which part of it is whose.

Every face that was found claims a body: an ellipse for the head, and shoulders and chest below. The claims spread
over a graph of cells, far through what looks alike and hardly over edges or what is no person: random walks with
priors (Grady, "Multilabel Random Walker Image Segmentation Using Prior Models", CVPR 2005), where the prior of a cell
is how near it lies to each body and how well its colour fits those that each body has so far.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage, sparse
from scipy.sparse.linalg import splu
from scipy.spatial import ConvexHull

from ..geometry.ramps import smooth_step
from .landmarks import CHIN, Landmarks
from .network import load_network
from .sampling import Square, sample_square

FOREHEAD = 10
"""The face mesh's uppermost landmark."""
CELLS = 64
"""Cells along the side of the square for which the question is asked."""
WIDEST = 2.4
"""Side of the largest part of the photo that is looked at, in sides of that square."""
HEAD_RADII, HEAD_RISE = (0.45, 0.7), 0.15
"""Half width and half height of a head with its hair, and how far its middle lies above the face's, in face sizes."""
CHEST_RADII, CHEST_DROP, CHEST_UPRIGHT = (1.0, 0.9), 1.15, 1.5
"""Half width of shoulders and chest, how far the shoulders rise above the chest's middle, and how far that lies below
the chin, in face sizes; how much rather it lies straight below than along the face, whatever its tilt."""
REACH = (1.6, 1.2, 3.0)
"""How far a body may reach from its face's middle, sideways, up and down, in face sizes: those that do not reach the
square are of no concern."""
VAGUENESS = 0.2
"""Distance over which one body's claim gives way to another's, in face sizes."""
PRIOR, PRIOR_FADE, PRIOR_LEAST = 0.002, 0.15, 0.01
"""Weight of a prior at a body's border against a neighbouring cell of the same colour; the distance over which it
fades outside, and grows inside, in face sizes; the share of it that stays far away from all bodies."""
DEEPEST = 0.3
"""Depth inside a body, in face sizes, from which on its prior's weight grows no further."""
COLOR_BINS, COLOR_SOFTNESS, COLOR_TRUST = 10, 0.8, 0.6
"""Bins of a body's histogram along each channel, how far they blur in bins, and the power of its likelihood: colours
of neighbouring cells are not independent."""
COLOR_ROUNDS = 2
"""Colours are learned from the claims, then from the first result."""
SEED = 10.0
"""Weight of what is known: faces."""
EDGE_SHARE = 0.36
"""Squared difference of colour that halts a walk, as a share of the mean one between neighbouring cells."""
LEAST_PASSAGE = 0.005
"""Walks pass the strongest edge with this share of their weight."""
LEAST_PERSON = 0.1
"""Probability of "person" from which a cell takes part."""
CUT = (0.5, 0.7)
"""Shares between which the border between two people is drawn, softly. In doubt a place is left out: a lump of
somebody else beside a head is worse than a shoulder that ends early."""


@dataclass(frozen=True, eq=False)
class Body:
    """Where a person roughly is, in face sizes around a face.

    Attributes:
        landmarks: The face.
        center: [2] its middle in pixels.
        size: Mean extent of the landmarks in pixels, the unit of all distances.
    """

    landmarks: Landmarks
    center: np.ndarray
    size: float

    @classmethod
    def of(cls, landmarks: Landmarks) -> Body:
        """Return the body that belongs to a face."""
        low, high = landmarks.points[:, :2].min(axis=0), landmarks.points[:, :2].max(axis=0)
        return cls(landmarks, (low + high) / 2.0, float((high - low).mean()))

    def distance(self, points: np.ndarray) -> np.ndarray:
        """Return how far points [..., 2] in pixels lie outside of head and chest, in face sizes; inside negative."""
        forehead, chin = self.landmarks.points[[FOREHEAD, CHIN], :2].astype(np.float64)
        along = (chin - forehead) / max(float(np.linalg.norm(chin - forehead)), 1e-6)
        down = along + np.array([0, CHEST_UPRIGHT])
        down /= np.linalg.norm(down)
        head = self._ellipse(points, self.center - HEAD_RISE * self.size * along, along, HEAD_RADII, endless=False)
        chest = self._ellipse(points, chin + CHEST_DROP * self.size * down, down, CHEST_RADII, endless=True)
        return np.minimum(head, chest)

    def _ellipse(
        self, points: np.ndarray, middle: np.ndarray, down: np.ndarray, radii: tuple[float, float], *, endless: bool
    ) -> np.ndarray:
        offset = (points - middle) / self.size
        beside, below = offset @ [down[1], -down[0]], offset @ down
        below = np.minimum(below, 0) if endless else below
        return (np.hypot(beside / radii[0], below / radii[1]) - 1) * min(radii)

    def reaches(self, square: Square) -> bool:
        """Return whether a part of this body may lie in a square."""
        beside, up, below = (self.size * length for length in REACH)
        low, high = self.center - np.array([beside, up]), self.center + np.array([beside, below])
        corner = np.array([square.x, square.y]) - square.side / 2
        return bool((low < corner + square.side).all() and (high > corner).all())


def person_share(
    rgb: np.ndarray, square: Square, person: np.ndarray, face: Landmarks, others: Sequence[Landmarks]
) -> np.ndarray | None:
    """Return what of a part of a photo belongs to the person with a given face, rather than to another one.

    Args:
        rgb: [H, W, 3] uint8 sRGB, the photo.
        square: The part.
        person: [S, S] float32, probability that there is a person, whoever it is, on ``square``.
        face: The person's face in pixels of ``rgb``.
        others: The other faces of the photo.

    Returns:
        [S, S] float32, 0..1; where there is no person it goes on as it is nearby. None where nobody else is near.
    """
    bodies = [Body.of(face), *(body for body in map(Body.of, others) if body.reaches(square))]
    if len(bodies) == 1:
        return None
    view, cells = _view(square, bodies)
    # Twice as fine as the cells: their averages are antialiased.
    colors = sample_square(rgb, view, 2 * cells).reshape(cells, 2, cells, 2, 3).mean(axis=(1, 3)) / 255
    anyone = _anyone(rgb, view, cells, square, person)
    share = _solve(
        colors,
        anyone,
        np.stack([body.distance(_centers(view, cells)) for body in bodies]),
        np.stack([_face_mask(body.landmarks, view, cells) for body in bodies]),
    )
    across = (np.arange(len(person)) + 0.5) / len(person) - 0.5
    columns, rows = (
        (middle + across * square.side - start + view.side / 2) / view.side * cells - 0.5
        for middle, start in ((square.x, view.x), (square.y, view.y))
    )
    fine = ndimage.map_coordinates(share, np.meshgrid(rows, columns, indexing="ij"), order=1, mode="nearest")
    return smooth_step(fine, *CUT).astype(np.float32)


def _view(square: Square, bodies: list[Body]) -> tuple[Square, int]:
    """Return the part of the photo that has to be looked at, with all those heads, and its cells along a side."""
    low = high = np.array([square.x, square.y])
    low, high = low - square.side / 2, high + square.side / 2
    for body in bodies[1:]:
        low, high = np.minimum(low, body.center - body.size), np.maximum(high, body.center + body.size)
    side = min(float((high - low).max()), WIDEST * square.side)
    cells = int(np.ceil(side / square.side * CELLS))
    side = cells * square.side / CELLS
    # Where not all of it fits, the square itself does.
    middle = [
        np.clip(both, own + square.side / 2 - side / 2, own - square.side / 2 + side / 2)
        for both, own in zip((low + high) / 2, (square.x, square.y), strict=True)
    ]
    return Square(float(middle[0]), float(middle[1]), side), cells


def _centers(view: Square, cells: int) -> np.ndarray:
    """Return the cells' middles [cells, cells, 2] in pixels of the photo."""
    across = ((np.arange(cells) + 0.5) / cells - 0.5) * view.side
    return np.stack(np.meshgrid(view.x + across, view.y + across), axis=-1)


def _face_mask(face: Landmarks, view: Square, cells: int) -> np.ndarray:
    """Return the cells [cells, cells] bool that a face covers."""
    points = (face.points[:, :2] - [view.x, view.y]) / view.side * cells + cells / 2
    mask = Image.new("1", (cells, cells))
    outline = points[ConvexHull(points).vertices] - 0.5
    ImageDraw.Draw(mask).polygon([tuple(point) for point in outline.tolist()], fill=1)
    return np.asarray(mask)


def _anyone(rgb: np.ndarray, view: Square, cells: int, square: Square, person: np.ndarray) -> np.ndarray:
    """Return the probability of "person" for all cells: what is known of the square, around it from a wider look."""
    network = load_network("person_segmentation")
    size = network.input_shape[0]
    wide = network(sample_square(rgb, view, size) / np.float32(255))["activation_10"][..., 0]
    wide = np.asarray(Image.fromarray(wide).resize((cells, cells), Image.Resampling.BILINEAR))
    places = ((_centers(view, cells) - [square.x, square.y]) / square.side + 0.5) * len(person) - 0.5
    inside = ((places > -0.5) & (places < len(person) - 0.5)).all(axis=-1)
    # The mean over a cell; it was estimated much finer.
    blurred = ndimage.uniform_filter(person, max(1, round(len(person) / CELLS)))
    known = ndimage.map_coordinates(blurred, [places[..., 1], places[..., 0]], order=1, mode="nearest")
    return np.where(inside, known, wide)


def _solve(colors: np.ndarray, anyone: np.ndarray, distances: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Return the first body's share of each cell against the strongest of the others.

    Args:
        colors: [C, C, 3] 0..1.
        anyone: [C, C] probability of "person".
        distances: [N, C, C] to each body, in face sizes.
        faces: [N, C, C] bool.
    """
    known = faces & (faces.sum(axis=0) == 1)
    nodes = (anyone > LEAST_PERSON) | known.any(axis=0)
    passage = _passages(colors, anyone, nodes)
    known, distances, tones = known[:, nodes], distances[:, nodes], colors[nodes]
    claims = np.exp(-(distances - distances.min(axis=0)) / VAGUENESS)
    claims /= claims.sum(axis=0)
    weight = PRIOR * (PRIOR_LEAST + np.exp(-np.maximum(distances.min(axis=0), -DEEPEST) / PRIOR_FADE))
    weight[known.any(axis=0)] = SEED
    system = sparse.diags(np.asarray(passage.sum(axis=1)).ravel() + weight) - passage
    # A symmetric, diagonally dominant matrix needs no pivots.
    factors = splu(system.tocsc(), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
    shares = claims
    for _ in range(COLOR_ROUNDS):
        prior = claims * _color_likelihoods(tones, shares) ** COLOR_TRUST
        prior = np.where(known.any(axis=0), known, prior / prior.sum(axis=0))
        shares = np.maximum(factors.solve((weight * prior).T).T, 1e-9)
    result = np.zeros(nodes.shape)
    result[nodes] = shares[0] / (shares[0] + shares[1:].max(axis=0))
    nearest = ndimage.distance_transform_edt(~nodes, return_distances=False, return_indices=True)
    return ndimage.gaussian_filter(result[tuple(nearest)], 1.0)


def _passages(colors: np.ndarray, anyone: np.ndarray, nodes: np.ndarray) -> sparse.csr_matrix:
    """Return how easily a walk goes from node to node, [M, M]: 1 between cells of one colour, surely of people."""
    numbers = np.cumsum(nodes.ravel()).reshape(nodes.shape) - 1
    pairs = []
    for axis in (0, 1):
        first, second = (
            np.take(np.arange(nodes.size).reshape(nodes.shape), range(*ends), axis).ravel()
            for ends in ((0, nodes.shape[axis] - 1), (1, nodes.shape[axis]))
        )
        both = nodes.ravel()[first] & nodes.ravel()[second]
        pairs.append(np.stack([first[both], second[both]]))
    first, second = np.concatenate(pairs, axis=1)
    tones = colors.reshape(-1, 3)
    unlike = ((tones[first] - tones[second]) ** 2).sum(axis=1)
    passage = LEAST_PASSAGE + (1 - LEAST_PASSAGE) * np.exp(-unlike / (2 * EDGE_SHARE * max(unlike.mean(), 1e-8)))
    passage *= np.minimum(anyone.ravel()[first], anyone.ravel()[second])
    first, second = numbers.ravel()[first], numbers.ravel()[second]
    count = int(nodes.sum())
    return sparse.csr_matrix(
        (np.tile(passage, 2), (np.concatenate([first, second]), np.concatenate([second, first]))), (count, count)
    )


def _color_likelihoods(tones: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Return how likely the colours [M, 3] are in each body [N, M], whose shares [N, M] are given."""
    bins = np.clip((tones * COLOR_BINS).astype(int), 0, COLOR_BINS - 1) @ [COLOR_BINS**2, COLOR_BINS, 1]
    likelihoods = []
    for share in shares:
        histogram = np.bincount(bins, share, COLOR_BINS**3).reshape((COLOR_BINS,) * 3)
        histogram = ndimage.gaussian_filter(histogram, COLOR_SOFTNESS, mode="nearest").ravel()
        likelihoods.append(histogram[bins] / max(histogram.sum(), 1e-9) + 0.3 / len(bins))
    return np.stack(likelihoods)
