"""The face detector of FaceLift's preprocessing: MTCNN, with numpy and scipy alone.

Zhang et al., "Joint Face Detection and Alignment using Multi-task Cascaded Convolutional
Networks", 2016: a proposal network scans a picture pyramid, two larger networks refine what it
found. Weights, parameters and rounding are facenet-pytorch 2.6's, because FaceLift's alignment
(specification, section 3) starts from exactly those boxes.

Boxes are [N, 4] float32 arrays of x0, y0, x1, y1 in pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
from scipy.sparse import csr_array

from ..errors import PhotoError
from .network import DATA_FOLDER
from .operations import conv, prelu
from .types import FaceBox

MIN_FACE_SIZE = 20
"""Smallest face searched for, in pixels."""
PYRAMID_FACTOR = 0.709
PROPOSAL_THRESHOLD, REFINEMENT_THRESHOLD, OUTPUT_THRESHOLD = 0.6, 0.7, 0.7
CHOICE_THRESHOLD = 0.8
"""FaceLift uses faces of a higher probability than this only."""

PROPOSAL_SIZE, REFINEMENT_SIZE, OUTPUT_SIZE = 12, 24, 48
"""Side in pixels of what each network sees of a face."""
PROPOSAL_STRIDE = 2
SAME_SCALE_OVERLAP, ANY_SCALE_OVERLAP = 0.5, 0.7
"""Intersection over union above which the less probable of two boxes is dropped."""
BAND_PIXELS = 1 << 14
"""Pixels of the pyramid that the proposal network sees at once: they stay in a processor's cache."""
BATCH = 64
"""Faces that the later networks judge at once."""


def detect_faces(rgb: np.ndarray) -> tuple[FaceBox, ...]:
    """Find all faces.

    Args:
        rgb: [H, W, 3] uint8 sRGB; transparency composited over white.

    Returns:
        The faces, largest first, as facenet-pytorch orders them; empty when there is none.
    """
    picture = np.ascontiguousarray(rgb, np.float32)
    boxes = _propose(picture)
    boxes, _ = _refine(picture, boxes, "refinement", REFINEMENT_SIZE, REFINEMENT_THRESHOLD)
    boxes, scores = _refine(picture, _squared(boxes), "output", OUTPUT_SIZE, OUTPUT_THRESHOLD)
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    order = np.argsort(areas)[::-1]
    corners: list[list[float]] = boxes[order].tolist()
    return tuple(
        FaceBox(x0, y0, x1, y1, float(score)) for (x0, y0, x1, y1), score in zip(corners, scores[order], strict=True)
    )


def choose_face(faces: Sequence[FaceBox]) -> int:
    """Return the index of the face that FaceLift aligns: the largest that is surely one, the first on ties.

    Raises:
        PhotoError: no face has a probability above :data:`CHOICE_THRESHOLD`.
    """
    sure = [index for index, face in enumerate(faces) if face.score > CHOICE_THRESHOLD]
    if not sure:
        raise PhotoError(
            "No face was found in this photo.",
            "Use a photo in which one face looks towards the camera and is well lit.",
            code="no-face",
        )
    return max(sure, key=lambda index: faces[index].area)


@dataclass(frozen=True, eq=False)
class _Network:
    """One of the three networks: hidden convolutions, then a probability and a box regression.

    Attributes:
        layers: (weight [out, h, w, in], bias, PReLU slope, pooling size or 0) of the hidden layers.
        face: Weight and bias giving the logits of "no face" and "face".
        box: Weight and bias giving the offsets of a box's corners, in parts of its size.
    """

    layers: tuple[tuple[np.ndarray, np.ndarray, np.ndarray, int], ...]
    face: tuple[np.ndarray, np.ndarray]
    box: tuple[np.ndarray, np.ndarray]

    def __call__(self, picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return probabilities [..., h, w] and offsets [..., h, w, 4] for pictures [..., H, W, 3] of 0..255."""
        values = (picture - np.float32(127.5)) * np.float32(1 / 128)
        for weight, bias, slope, pooling in self.layers:
            values = prelu(conv(values, weight, bias, stride=(1, 1)), slope)
            if pooling:
                values = _max_pool(values, pooling)
        logits = conv(values, *self.face, stride=(1, 1))
        odds = np.exp(logits - logits.max(axis=-1, keepdims=True))
        return odds[..., 1] / odds.sum(axis=-1), conv(values, *self.box, stride=(1, 1))


_POOLINGS = {"proposal": (2, 0, 0), "refinement": (3, 3, 0, 0), "output": (3, 3, 2, 0, 0)}
"""Pooling size after each hidden layer."""


@cache
def _network(name: str) -> _Network:
    """Return a network of the committed file (``tests/tools/assets/mtcnn.py``)."""
    with np.load(DATA_FOLDER / "mtcnn.npz", allow_pickle=False) as data:
        layers = tuple(
            (*(data[f"{name}.layer{number}.{part}"] for part in ("weight", "bias", "slope")), pooling)
            for number, pooling in enumerate(_POOLINGS[name], 1)
        )
        face, box = ((data[f"{name}.{head}.weight"], data[f"{name}.{head}.bias"]) for head in ("face", "box"))
    return _Network(layers, face, box)


def _max_pool(values: np.ndarray, size: int) -> np.ndarray:
    """Take maxima of windows ``size`` wide, 2 apart; the last windows may reach beyond the border."""
    lengths = values.shape[-3:-1]
    height, width = (-(-(length - size) // 2) + 1 for length in lengths)
    beyond = [(0, max(0, 2 * (n - 1) + size - length)) for n, length in zip((height, width), lengths, strict=True)]
    padding = [*[(0, 0)] * (values.ndim - 3), *beyond, (0, 0)]
    padded = np.pad(values, padding, constant_values=-np.inf) if any(after for _, after in beyond) else values
    windows = [
        padded[..., y : y + 2 * height - 1 : 2, x : x + 2 * width - 1 : 2, :] for y in range(size) for x in range(size)
    ]
    return np.maximum.reduce(windows)


def _propose(picture: np.ndarray) -> np.ndarray:
    """Scan the pyramid and return square candidate boxes."""
    levels: list[tuple[np.ndarray, ...]] = []
    scale = PROPOSAL_SIZE / MIN_FACE_SIZE
    height, width = picture.shape[:2]
    while min(height, width) * scale >= PROPOSAL_SIZE:
        found = _propose_at_scale(picture, scale)
        kept = _suppress(*found[:2], SAME_SCALE_OVERLAP)
        levels.append(tuple(values[kept] for values in found))
        scale *= PYRAMID_FACTOR
    if not levels:
        return np.zeros((0, 4), np.float32)
    boxes, scores, offsets = (np.concatenate(values) for values in zip(*levels, strict=True))
    kept = _suppress(boxes, scores, ANY_SCALE_OVERLAP)
    return _squared(_corrected(boxes[kept], offsets[kept], border=0))


def _propose_at_scale(picture: np.ndarray, scale: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return boxes, probabilities [N] and offsets [N, 4] of one level of the pyramid."""
    height, width = (int(length * scale + 1) for length in picture.shape[:2])
    level = _resize_by_area(picture, height, width)
    probabilities, offsets = _scan(level)
    rows, columns = np.nonzero(probabilities >= np.float32(PROPOSAL_THRESHOLD))
    corners = PROPOSAL_STRIDE * np.stack([columns, rows], axis=1).astype(np.float32)
    boxes = np.floor(np.concatenate([corners + 1, corners + PROPOSAL_SIZE], axis=1) / np.float32(scale))
    return boxes, probabilities[rows, columns], offsets[rows, columns]


def _scan(level: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Run the proposal network over a picture in bands of rows; the same result as in one go."""
    network = _network("proposal")
    height, width = level.shape[:2]
    rows = max(1, BAND_PIXELS // (PROPOSAL_STRIDE * width))
    # Row r of the result sees rows stride * r .. stride * r + 11 of the picture.
    total = -(-(height - PROPOSAL_SIZE) // PROPOSAL_STRIDE) + 1
    bands = [
        network(level[PROPOSAL_STRIDE * first : PROPOSAL_STRIDE * (min(first + rows, total) - 1) + PROPOSAL_SIZE])
        for first in range(0, total, rows)
    ]
    probabilities, offsets = zip(*bands, strict=True)
    return np.concatenate(probabilities), np.concatenate(offsets)


def _refine(
    picture: np.ndarray, boxes: np.ndarray, name: str, size: int, threshold: float
) -> tuple[np.ndarray, np.ndarray]:
    """Judge and correct candidate boxes by one of the two later networks.

    Returns:
        Corrected boxes and their probabilities [N].
    """
    height, width = picture.shape[:2]
    # Coordinates count from 1: a box covers the pixels first - 1 up to last, exclusive.
    first = np.maximum(boxes[:, :2].astype(np.int64), 1) - 1
    last = np.minimum(boxes[:, 2:].astype(np.int64), (width, height))
    inside = (last > first).all(axis=1)
    probabilities, offsets = np.zeros(len(boxes), np.float32), np.zeros((len(boxes), 4), np.float32)
    for indices in np.array_split(np.flatnonzero(inside), inside.sum() // BATCH + 1):
        crops = np.empty((len(indices), size, size, 3), np.float32)
        for crop, (left, top), (right, bottom) in zip(crops, first[indices], last[indices], strict=True):
            crop[:] = _resize_by_area(picture[top:bottom, left:right], size, size)
        found = _network(name)(crops)
        probabilities[indices], offsets[indices] = (values[:, 0, 0] for values in found)
    sure = probabilities > np.float32(threshold)
    boxes, probabilities, offsets = boxes[sure], probabilities[sure], offsets[sure]
    if name == "refinement":
        kept = _suppress(boxes, probabilities, ANY_SCALE_OVERLAP)
        return _corrected(boxes[kept], offsets[kept], border=1), probabilities[kept]
    boxes = _corrected(boxes, offsets, border=1)
    kept = _suppress(boxes, probabilities, ANY_SCALE_OVERLAP, of_smaller=True)
    return boxes[kept], probabilities[kept]


def _corrected(boxes: np.ndarray, offsets: np.ndarray, border: int) -> np.ndarray:
    """Move the corners by ``offsets`` [N, 4], in parts of the box's size plus ``border`` pixels."""
    sizes = boxes[:, 2:] - boxes[:, :2] + np.float32(border)
    return boxes + offsets * np.tile(sizes, 2)


def _squared(boxes: np.ndarray) -> np.ndarray:
    """Grow the shorter side of each box to the longer one's length, around the same centre."""
    sizes = boxes[:, 2:] - boxes[:, :2]
    side = sizes.max(axis=1, keepdims=True)
    first = boxes[:, :2] + sizes * np.float32(0.5) - side * np.float32(0.5)
    return np.concatenate([first, first + side], axis=1)


def _suppress(boxes: np.ndarray, scores: np.ndarray, overlap: float, of_smaller: bool = False) -> np.ndarray:
    """Return the indices of boxes that no more probable box covers, most probable first.

    Args:
        boxes: [N, 4].
        scores: [N] probabilities.
        overlap: A box is dropped when it shares more than this with a more probable one.
        of_smaller: Measure the shared area against the smaller box, counting border pixels, in
            place of the union.
    """
    border = np.float32(1 if of_smaller else 0)
    areas = (boxes[:, 2] - boxes[:, 0] + border) * (boxes[:, 3] - boxes[:, 1] + border)
    waiting = np.argsort(-scores, kind="stable")
    kept = []
    while len(waiting):
        best, waiting = waiting[0], waiting[1:]
        kept.append(best)
        low = np.maximum(boxes[best, :2], boxes[waiting, :2])
        high = np.minimum(boxes[best, 2:], boxes[waiting, 2:])
        shared = np.maximum(high - low + border, 0).prod(axis=1)
        smaller = np.minimum(areas[best], areas[waiting])
        whole = smaller if of_smaller else areas[best] + areas[waiting] - shared
        waiting = waiting[shared <= np.float32(overlap) * whole]
    return np.array(kept, np.intp)


def _resize_by_area(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resize [H, W, C] float32 so that each pixel is the mean of all old pixels that it touches."""
    channels = picture.shape[2]
    rows = _area_matrix(picture.shape[0], height) @ picture.reshape(len(picture), -1)
    columns = rows.reshape(height, -1, channels).swapaxes(0, 1).reshape(-1, height * channels)
    result = _area_matrix(picture.shape[1], width) @ columns
    return np.ascontiguousarray(result.reshape(width, height, channels).swapaxes(0, 1))


@lru_cache(maxsize=256)
def _area_matrix(old: int, new: int) -> csr_array:
    """Return the [new, old] matrix that averages along one axis."""
    places = np.arange(new)
    starts, ends = places * old // new, -(-(places + 1) * old // new)
    counts = ends - starts
    limits = np.concatenate([[0], np.cumsum(counts)])
    indices = np.arange(limits[-1]) - np.repeat(limits[:-1] - starts, counts)
    return csr_array((np.repeat((1 / counts).astype(np.float32), counts), indices, limits), shape=(new, old))
