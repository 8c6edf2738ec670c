"""Scalar maps: extending them beyond where they are known, smoothing them inside masks."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from ...system import blocks


def nearest_fill(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return a map whose unknown places take the value of the nearest known one."""
    return values[nearest_place(known)]


def nearest_place(known: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return row and column [H, W] of the known place nearest to each place of a map."""
    return tuple(ndimage.distance_transform_edt(~known, return_distances=False, return_indices=True))


def blur_inside(values: np.ndarray, mask: np.ndarray, sigma: float, at: np.ndarray | None = None) -> np.ndarray:
    """Return the Gaussian average of a map over the places of a mask (normalised convolution).

    Args:
        values: [H, W] or [H, W, C]; ignored outside the mask.
        mask: [H, W] bool or weights.
        sigma: Standard deviation in pixels.
        at: [H, W] bool: the places that are asked for; None for all.

    Returns:
        Where it is asked for, a number: far from the mask it repeats the nearest places' average.
    """
    weights = np.asarray(mask, np.float32)
    channels = values[..., None] if values.ndim == 2 else values
    average = np.zeros(channels.shape, np.result_type(channels.dtype, np.float32))
    reached = np.zeros(mask.shape, bool)
    part = window(weights != 0, 2 * int(4 * sigma + 0.5) + 1)
    inner = weights[part]
    layers = [inner, *(np.where(inner > 0, c, 0) * inner for c in np.moveaxis(channels[part], -1, 0))]
    spread, *total = blocks.each(lambda layer: ndimage.gaussian_filter(layer, sigma), layers)
    reached[part] = spread > 1e-4
    average[part] = np.stack(total, axis=-1) / np.maximum(spread, 1e-4)[..., None]
    if not (reached if at is None else reached[at]).all() and reached.any():
        average = nearest_fill(average, reached)
    return average[..., 0] if values.ndim == 2 else average


def window(places: np.ndarray, margin: int) -> tuple[slice, slice]:
    """Return the part of a map [H, W] from the first to the last of some places, bool, and a margin around it."""
    lines = [np.flatnonzero(places.any(axis)) for axis in (1, 0)]
    rows, columns = (
        slice(max(int(line[0]) - margin, 0), int(line[-1]) + margin + 1) if len(line) else slice(0, 1) for line in lines
    )
    return rows, columns


def index_of(pixels: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return clipped rows and columns [N] of pixels [N, 2] of a square picture, and which lie in it."""
    index = np.floor(pixels).astype(int)
    inside = ((index >= 0) & (index < size)).all(1)
    index = np.clip(index, 0, size - 1)
    return index[:, 1], index[:, 0], inside


def rim_distance(mask: np.ndarray) -> np.ndarray:
    """Return the distance [H, W] in pixels of a mask's places from its border; the picture's own border is none."""
    return ndimage.distance_transform_edt(np.pad(mask, 1, mode="edge"))[1:-1, 1:-1]


def signed_distance(mask: np.ndarray) -> np.ndarray:
    """Return the distance [H, W] in pixels to a mask's border, positive inside; the picture's border is none."""
    difference = ndimage.distance_transform_edt(mask) - ndimage.distance_transform_edt(~mask)
    return difference - np.sign(difference) * 0.5


def sample_map(values: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Return a map's values [...] at pixel positions (x, y) [..., 2], bilinearly; the border's beyond it."""
    place = [pixels[..., 1] - 0.5, pixels[..., 0] - 0.5]
    return ndimage.map_coordinates(values, place, order=1, mode="nearest")


def sample_picture(picture: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Return the values [N, C] of a picture [H, W, C] at pixel positions [N, 2], bilinearly."""
    return np.stack([sample_map(channel, pixels) for channel in np.moveaxis(picture, -1, 0)], axis=1)


def extend(values: np.ndarray, known: np.ndarray, sigma: float) -> np.ndarray:
    """Continue a map smoothly beyond where it is known, leaving the known part as it is.

    Far away the continuation becomes as smooth as ``sigma`` pixels; at the border it meets the
    known values.
    """
    if known.all() or not known.any():
        return values
    distance = ndimage.distance_transform_edt(~known)
    near = blur_inside(nearest_fill(values, known), np.ones(known.shape), 1.0)
    far = blur_inside(values, known, sigma)
    weight = np.clip(distance / (2 * sigma), 0, 1)
    return np.where(known, values, near * (1 - weight) + far * weight)


def roundness(distance: np.ndarray, radius: float) -> np.ndarray:
    """Return the height of a quarter circle over the distance from its rim: 0 at 0, 1 from ``radius`` on."""
    return np.sqrt(1 - (1 - np.clip(distance / radius, 0, 1)) ** 2)


def disk(radius: float) -> np.ndarray:
    """Return a square mask of the cells whose centres lie within a radius, in cells, of the middle one."""
    steps = np.arange(-int(radius), int(radius) + 1)
    return np.hypot(*np.meshgrid(steps, steps)) <= radius
