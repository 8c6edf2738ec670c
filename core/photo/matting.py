"""The person's matte: MediaPipe's selfie segmentation, refined to follow hair.

The network is run on squares around head and shoulders, as its output is only 256 pixels wide. In a
band along its outline alpha then follows from colour: each pixel is compared with the foreground
and background colours around it (the compositing equation I = alpha F + (1 - alpha) B solved for
alpha), and where those colours can't tell, the network's opinion stays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage
from scipy.spatial import ConvexHull

from ..geometry.ramps import smooth_step
from ..system import blocks
from .blur import soft_blur
from .connected import connected_to
from .landmarks import Landmarks
from .network import load_network
from .outline import inside, redraw_outline
from .people import person_share
from .sampling import Square, sample_square
from .surroundings import COLOR_NOISE, MIN_WEIGHT, color_sums, mean_color

PORTRAIT_SIDE = 3.2
"""Side of the square that holds head and shoulders, in face sizes (mean extent of the landmarks)."""
PORTRAIT_DROP = 0.1
"""How far the square's centre lies below the face's, in face sizes."""
NETWORK_SIDES = (3.2, 2.3)
"""Sides of the squares shown to the network, in face sizes; their results are averaged."""
WORKING_SIZE = 640
"""Largest side in pixels at which the matte is refined."""

SURE_FOREGROUND, SURE_BACKGROUND = 0.9, 0.1
"""Network outputs beyond which a pixel away from the outline is taken as known."""
BAND = 0.022
"""Half width of the band along the outline, as a share of the square's side."""
COLOR_RADII = (0.008, 0.03, 0.12)
"""Radii over which foreground and background colours are averaged, as shares of the square's side."""
SURE_CONFIDENCE = (0.75, 0.98)
"""Between these network outputs the network's opinion takes over from the colours'."""
CLEAR_CONTRAST = (5.0, 20.0)
"""Squared distance of the colours in variances from which they are told apart: not at all, surely."""
PLAIN_SPREAD = 0.004
"""Variance of a background's colour, 0..1, at which it counts as half plain."""
SNAP_RADIUS = 0.008
"""Neighbourhood in which the network's outline moves to the picture's edges, as a share of the square's side."""
SNAP_REGULARIZATION = 1e-4
"""Variance of colours, 0..1, below which a neighbourhood has no edge."""
SNAP_RANGE = (0.2, 0.8)
"""The network's outline is blurred by its low resolution; this range of it is stretched to 0..1."""
FACE_SHRINKAGE = 0.12
"""Share of the face's half size that is left out at its outline when it is declared opaque."""
PINHOLE = 0.02
"""Side of the largest hole inside the person that is closed, as a share of the square's side."""
CLEAN_LOW, CLEAN_HIGH = 0.04, 0.96
"""Alphas that are stretched to 0 and 1, so that noise leaves no veil."""


def estimate_matte(rgb: np.ndarray, landmarks: Landmarks, others: Sequence[Landmarks] = ()) -> np.ndarray:
    """Estimate how much of each pixel belongs to the person with the given face.

    Args:
        rgb: [H, W, 3] uint8 sRGB.
        landmarks: The person's face in pixels of ``rgb``.
        others: The other faces in the photo; what belongs to them counts as background.

    Returns:
        [H, W] float32, 0..1. Outside the square of head and shoulders, which is larger than the
        aligned picture, the matte is 0.
    """
    center, face_size = _face_extent(landmarks)
    square = _portrait_square(center, face_size)
    image, confidence = _look(rgb, square, face_size)
    face = (center - [square.x, square.y]) / square.side * len(image) + len(image) / 2
    share = person_share(rgb, square, confidence, landmarks, others)
    if share is not None:
        confidence = confidence * share
    confidence = connected_to(confidence, face)
    alpha = redraw_outline(image, refine_matte(image, confidence))
    alpha[_inner_face(landmarks, square, len(image)) & (confidence > 0.5)] = 1
    return _paste(connected_to(alpha, face), square, rgb.shape[:2])


def estimate_matte_around(rgb: np.ndarray, center: np.ndarray, face_size: float) -> np.ndarray:
    """Estimate how much of each pixel belongs to a person of whom no face is seen: a profile, or the back of a head.

    Args:
        rgb: [H, W, 3] uint8 sRGB.
        center: [2] the head's middle in pixels.
        face_size: How large a face would be that looked at the camera: mean extent of its landmarks in pixels.

    Returns:
        [H, W] float32, 0..1, as :func:`estimate_matte`.
    """
    square = _portrait_square(center, face_size)
    image, confidence = _look(rgb, square, face_size)
    head = (center - [square.x, square.y]) / square.side * len(image) + len(image) / 2
    confidence = connected_to(confidence, head)
    alpha = redraw_outline(image, refine_matte(image, confidence))
    return _paste(connected_to(alpha, head), square, rgb.shape[:2])


def _portrait_square(center: np.ndarray, face_size: float) -> Square:
    """Return the square that holds head and shoulders."""
    return Square(center[0], center[1] + PORTRAIT_DROP * face_size, PORTRAIT_SIDE * face_size)


def _look(rgb: np.ndarray, square: Square, face_size: float) -> tuple[np.ndarray, np.ndarray]:
    """Return a square's colours [S, S, 3] float32, 0..1, and how surely there is a person [S, S]."""
    size = int(np.clip(round(square.side), 256, WORKING_SIZE))
    image = sample_square(rgb, square, size).astype(np.float32) / 255
    return image, _segment(rgb, square, size, face_size)


def _face_extent(landmarks: Landmarks) -> tuple[np.ndarray, float]:
    """Return centre [2] and mean extent of a face in pixels."""
    low, high = landmarks.points[:, :2].min(axis=0), landmarks.points[:, :2].max(axis=0)
    return (low + high) / 2.0, float((high - low).mean())


def _inner_face(landmarks: Landmarks, square: Square, size: int) -> np.ndarray:
    """Return where the face is, a little away from its outline, [size, size] bool.

    Sunlit skin before a white wall must not get lost there. The outline itself is left to the colours: in turned
    heads the mesh reaches beyond it.
    """
    points = (landmarks.points[:, :2] - [square.x, square.y]) / square.side * size + size / 2
    outline = points[ConvexHull(points).vertices]
    shrunk = outline + (outline.mean(axis=0) - outline) * FACE_SHRINKAGE
    mask = Image.new("1", (size, size))
    ImageDraw.Draw(mask).polygon([tuple(point) for point in (shrunk - 0.5).tolist()], fill=1)
    return np.asarray(mask)


def _segment(rgb: np.ndarray, square: Square, size: int, face_size: float) -> np.ndarray:
    """Return the network's probability of "person" on ``square``, [size, size] float32."""
    network = load_network("person_segmentation")
    total, weight = np.zeros((size, size), np.float32), np.zeros((size, size), np.float32)
    for side in NETWORK_SIDES:
        view = Square(square.x, square.y, side * face_size)
        picture = sample_square(rgb, view, network.input_shape[0]) / np.float32(255)
        # The mirrored picture is as good a portrait: averaging halves the network's whims.
        person = network(picture)["activation_10"][..., 0] + network(picture[:, ::-1])["activation_10"][:, ::-1, 0]
        extent = min(size, round(size * side * face_size / square.side))
        person = np.asarray(Image.fromarray(person / 2).resize((extent, extent), Image.Resampling.BICUBIC))
        # Fade out towards each view's border, where the network lacks context.
        ramp = np.minimum(np.arange(extent) + 1, np.arange(extent)[::-1] + 1) / (0.1 * extent)
        fade = np.clip(np.minimum.outer(ramp, ramp), 0.01, 1).astype(np.float32)
        start = (size - extent) // 2
        window = (slice(start, start + extent),) * 2
        total[window] += person * fade
        weight[window] += fade
    return np.clip(total / weight, 0, 1)


def refine_matte(image: np.ndarray, confidence: np.ndarray) -> np.ndarray:
    """Return alpha that follows the picture's colours along a person's outline.

    Args:
        image: [S, S, 3] float32 sRGB, 0..1.
        confidence: [S, S] float32, 0..1: how surely there is the person.
    """
    side = len(image)
    band = max(2, round(BAND * side))
    foreground = inside(confidence > SURE_FOREGROUND, band)
    background = inside(confidence < SURE_BACKGROUND, band)
    if not foreground.any() or not background.any():
        return confidence
    tasks: tuple[Callable[[], Any], ...] = (
        partial(_snap_to_edges, confidence, image, max(2, round(SNAP_RADIUS * side))),
        partial(_surrounding_color, image, foreground),
        partial(_surrounding_color, image, background),
    )
    snapped, (front, front_spread), (back, back_spread) = blocks.each(lambda task: task(), tasks)
    axis = front - back
    contrast = (axis**2).sum(axis=-1)
    projected = ((image - back) * axis).sum(axis=-1) / np.maximum(contrast, 1e-6)
    # Before a plain background, what is unlike it is foreground even when it is unlike the hair around, too.
    unlike = np.sqrt(((image - back) ** 2).sum(axis=-1) / np.maximum(contrast, 1e-6))
    plain = PLAIN_SPREAD / (PLAIN_SPREAD + back_spread)
    colored = np.clip(projected + plain * np.maximum(unlike - np.maximum(projected, 0), 0), 0, 1)
    # Colour decides where it tells person and background apart. In front of clutter it seldom does, and
    # where the network is sure of the person, only clearly different colours may overrule it.
    spread = back_spread + front_spread + COLOR_NOISE**2
    clear = plain * smooth_step(contrast / spread, *CLEAR_CONTRAST)
    trust = contrast / (contrast + 4 * spread) * plain * (1 - (1 - clear) * smooth_step(confidence, *SURE_CONFIDENCE))
    alpha = trust * colored + (1 - trust) * snapped
    alpha = np.where(foreground | background, foreground, alpha)
    alpha = np.clip((alpha - CLEAN_LOW) / (CLEAN_HIGH - CLEAN_LOW), 0, 1)
    doubtful = (clear < 0.5) | (confidence > SURE_CONFIDENCE[1])
    return _fill_pinholes(alpha.astype(np.float32), max(4, round(PINHOLE * side)) ** 2, doubtful)


def _snap_to_edges(confidence: np.ndarray, image: np.ndarray, radius: int) -> np.ndarray:
    """Move a soft outline onto the picture's edges: the guided filter for colour guides (He et al. 2010)."""
    channels = image.shape[2]
    first, second = np.triu_indices(channels)
    layers = np.dstack(
        [confidence, image, image * confidence[..., None], image[..., first] * image[..., second]]
    ).astype(np.float32)
    mean = soft_blur(layers, radius)
    target, guide = mean[..., 0], mean[..., 1 : 1 + channels]
    cross = mean[..., 1 + channels : 1 + 2 * channels] - guide * target[..., None]
    products = mean[..., 1 + 2 * channels :] - guide[..., first] * guide[..., second]
    covariance = np.empty((*confidence.shape, channels, channels), np.float32)
    covariance[..., first, second] = products
    covariance[..., second, first] = products
    covariance += SNAP_REGULARIZATION * np.eye(channels, dtype=np.float32)
    slope = np.linalg.solve(covariance, cross[..., None])[..., 0]
    offset = target - (slope * guide).sum(axis=-1)
    mean = soft_blur(np.dstack([slope, offset]), radius)
    soft = (mean[..., :channels] * image).sum(axis=-1) + mean[..., channels]
    return smooth_step(soft, *SNAP_RANGE)


def _fill_pinholes(alpha: np.ndarray, area: int, doubtful: np.ndarray) -> np.ndarray:
    """Close holes up to ``area`` pixels inside the person: skin and cloth that look like the background.

    Only ``doubtful`` pixels are filled; elsewhere the background does show, between locks of hair.
    """
    holes, count = ndimage.label(alpha < 0.5)
    if not count:
        return alpha
    sizes = np.bincount(holes.ravel())
    small = sizes <= area
    border = np.concatenate([holes[0], holes[-1], holes[:, 0], holes[:, -1]])
    small[border] = small[0] = False
    # The rim of a hole is soft as well: fill it together with the hole.
    filled = ndimage.binary_dilation(small[holes], iterations=2) & doubtful
    return np.where(filled, 1, alpha).astype(np.float32)


def _surrounding_color(image: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the average colour [H, W, 3] of known pixels around each pixel, and its variance [H, W].

    Small neighbourhoods where they hold known pixels, larger ones elsewhere.
    """
    sums = color_sums(image, known)
    mean = np.broadcast_to(image[known].mean(axis=0), image.shape)
    variance: np.ndarray = np.full(known.shape, image[known].var(axis=0).sum(), np.float32)
    for share in sorted(COLOR_RADII, reverse=True):
        blurred = soft_blur(sums, max(1, round(share * len(image))))
        local, spread = mean_color(blurred)
        trust = np.clip(blurred[..., 4] / MIN_WEIGHT, 0, 1)
        mean = mean + trust[..., None] * (local - mean)
        variance = variance + trust * (spread - variance)
    return mean, variance


def _paste(alpha: np.ndarray, square: Square, shape: tuple[int, int]) -> np.ndarray:
    """Return alpha on the photo's own pixel grid."""
    matte = np.zeros(shape, np.float32)
    scale = square.side / len(alpha)
    corner = np.array([square.x, square.y]) - square.side / 2
    low = np.maximum(np.floor(corner), 0).astype(int)
    high = np.minimum(np.ceil(corner + square.side), shape[::-1]).astype(int)
    if (high <= low).any():
        return matte
    start = (low - corner) / scale
    width, height = (high - low).tolist()
    part = Image.fromarray(alpha).transform(
        (width, height),
        Image.Transform.AFFINE,
        (1 / scale, 0, float(start[0]), 0, 1 / scale, float(start[1])),
        Image.Resampling.BILINEAR,
    )
    matte[low[1] : high[1], low[0] : high[0]] = np.clip(np.asarray(part), 0, 1)
    return matte
