"""The aligned picture at the photo's own resolution, where the photo holds more than 512 pixels of it."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from ..progress import Reporter
from .decode import Photo
from .edits import NO_EDITS, PhotoEdits
from .prepare import Portrait, prepare_photo

FACTOR = 2
"""Fine pixels per pixel of the aligned picture, along each side."""
RICH = 1.15
"""Photo pixels per aligned pixel from which the photo holds more than the aligned picture."""
LARGEST_DIFFERENCE = 1.0
"""Mean difference in steps of 8 bits up to which two aligned pictures are the same: engines align in their own ways."""


def fine_photo(prepared: Portrait) -> np.ndarray | None:
    """Return the foreground's colours [1024, 1024, 3] float32, 0..1; None where the photo has no more than 512."""
    alignment = prepared.alignment
    if alignment.resolution < RICH:
        return None
    fine = alignment.magnified(FACTOR).apply(prepared.rgb).astype(np.float32) / 255
    # Where the person is mixed with the background, the foreground is known in the aligned picture alone.
    mixed = (prepared.foreground.astype(np.float32) - alignment.apply(prepared.rgb)) / 255
    return np.clip(fine + ndimage.zoom(mixed, (FACTOR, FACTOR, 1), order=1, mode="nearest", grid_mode=True), 0, 1)


def fine_cut_out(
    photo: Photo,
    aligned: np.ndarray,
    reporter: Reporter,
    *,
    face: int | None = None,
    stretched: bool = False,
    edits: PhotoEdits = NO_EDITS,
) -> np.ndarray | None:
    """Return the finer version of an aligned picture that was made of a photo.

    Args:
        photo: The photo.
        aligned: [512, 512, 4] uint8, its aligned picture.
        reporter: Progress, and cancelling.
        face: As for :func:`~.prepare.prepare_photo`.
        stretched: What is called ``aligned`` there.
        edits: As there.

    Returns:
        [1024, 1024, 4] uint8 with straight alpha; None where the photo holds no more, or is aligned otherwise.

    Raises:
        PhotoError: its face is not found any more.
        Cancelled: cancelled through the reporter.
    """
    prepared = prepare_photo(photo, face, reporter, aligned=stretched, edits=edits)
    difference = np.abs(prepared.aligned.astype(np.int16) - aligned)[aligned[..., 3] > 0]
    colors = fine_photo(prepared)
    if colors is None or not difference.size or difference.mean() > LARGEST_DIFFERENCE:
        return None
    alpha = prepared.alignment.magnified(FACTOR).apply(prepared.matte, fill=0)
    return np.dstack([np.rint(colors * 255).astype(np.uint8), alpha])
