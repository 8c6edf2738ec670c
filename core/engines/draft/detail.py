"""Quality Ultra: where a photo holds more than its aligned picture, a pixel of that becomes four Gaussians.

Everything else is decided on the aligned picture of 512 pixels. This only divides pixels that are laid out already.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import ndimage

from ...photo.fine import FACTOR
from .compensation import compensate
from .photo_sheet import FOOTPRINT, PhotoSheet, pixel_splats, sheet_splats, smaller_step
from .portrait import FittedPortrait
from .settings import Budget
from .splats import Splats

SOLID_ALPHA, SOLID_RIM = 0.99, 2
"""Alpha from which, and pixels inside its edge where, a pixel shows the person alone: edges gain nothing."""
LEAST_GAIN = 1 / 255
"""Standard deviation of colours within a pixel below which dividing it shows nothing."""
FINE_OPACITY = 0.75
"""Highest opacity of fine pixels. Seen from farther away the rasterizer's blur spreads them over their neighbours: more
opaque ones would show the nearest of them instead of the mean."""
GAIN_SPREAD = 2.0
"""Pixels over which the gain is averaged, so that areas become fine rather than single pixels."""


def photo_splats(portrait: FittedPortrait, sheet: PhotoSheet, colors: np.ndarray, budget: Budget) -> Splats:
    """Return the photo's Gaussians: one a pixel, four where the photo has more, fewer where there are too many.

    Args:
        portrait: The portrait.
        sheet: The photo's pixels in space.
        colors: [512, 512, 3] their colours.
        budget: Number of Gaussians.
    """
    divided = pixels_to_divide(portrait, sheet, budget.detail)
    if not divided.any():
        return sheet_splats(portrait, sheet, colors, budget.photo)
    whole = replace(sheet, used=sheet.used & ~divided)
    coarse = sheet_splats(portrait, whole, colors, budget.photo - int(divided.sum()))
    return Splats.concatenate([coarse, fine_splats(portrait, sheet, divided)])


def pixels_to_divide(portrait: FittedPortrait, sheet: PhotoSheet, budget: int) -> np.ndarray:
    """Return the pixels [512, 512] bool that become four Gaussians: the face's, then those that gain most.

    Args:
        portrait: The portrait.
        sheet: The photo's pixels in space.
        budget: Number of further Gaussians.
    """
    chosen: np.ndarray = np.zeros(sheet.used.shape, bool)
    if portrait.fine is None:
        return chosen
    solid = ndimage.binary_erosion(portrait.alpha >= SOLID_ALPHA, iterations=SOLID_RIM, border_value=1) & sheet.used
    height, width = chosen.shape
    tiles = portrait.fine.reshape(height, FACTOR, width, FACTOR, 3)
    gain = ndimage.gaussian_filter(tiles.std((1, 3)).mean(-1), GAIN_SPREAD)
    worth = np.where(portrait.face_oval, 1 + gain, gain) * (solid & (portrait.face_oval | (gain > LEAST_GAIN)))
    count = min(budget // (FACTOR**2 - 1), int((worth > 0).sum()))
    chosen.flat[np.argsort(-worth, axis=None, kind="stable")[:count]] = True
    return chosen


def fine_splats(portrait: FittedPortrait, sheet: PhotoSheet, divided: np.ndarray) -> Splats:
    """Return four Gaussians for each of some pixels.

    Args:
        portrait: The portrait, with ``fine`` colours.
        sheet: The photo's pixels in space.
        divided: [512, 512] bool, not empty.
    """
    # Neighbours count for the colours, so a rim goes along.
    if portrait.fine is None:
        raise ValueError("the portrait has no fine colours")
    window = ndimage.find_objects(ndimage.binary_dilation(divided, iterations=2).astype(np.int8))[0]
    fine = _fine_sheet(portrait, sheet, window)
    colors = portrait.fine[tuple(slice(FACTOR * part.start, FACTOR * part.stop) for part in window)]
    colors = compensate(colors, fine.depth, fine.opacities, fine.facing, FOOTPRINT)
    return pixel_splats(portrait.camera, fine, colors, _repeated(divided[window]), 1 / FACTOR)


def _fine_sheet(portrait: FittedPortrait, sheet: PhotoSheet, window: tuple[slice, slice]) -> PhotoSheet:
    """Return a window of the sheet with every pixel divided: each stays flat, on its own slope."""
    places = [np.arange(part.start * FACTOR, part.stop * FACTOR) for part in window]
    rows, columns = np.meshgrid(*[(place + 0.5) / FACTOR for place in places], indexing="ij")
    slopes = [_repeated(smaller_step(sheet.depth[..., None], axis)[window][..., 0]) for axis in (0, 1)]
    depth = _repeated(sheet.depth[window])
    depth = depth + slopes[0] * (rows % 1 - 0.5) + slopes[1] * (columns % 1 - 0.5)
    pixels = np.stack([columns.ravel(), rows.ravel()], axis=1)
    positions = portrait.camera.unproject(pixels, depth.ravel()).reshape(*depth.shape, 3)
    names = ("used", "normals", "facing", "opacities", "parts")
    repeated = {name: _repeated(getattr(sheet, name)[window]) for name in names}
    repeated["opacities"] = np.minimum(repeated["opacities"], FINE_OPACITY)
    return replace(sheet, positions=positions, depth=depth, **repeated)


def _repeated(values: np.ndarray) -> np.ndarray:
    """Return a map [H, W, ...] with every pixel divided into equal ones."""
    return values.repeat(FACTOR, axis=0).repeat(FACTOR, axis=1)
