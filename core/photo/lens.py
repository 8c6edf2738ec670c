"""The photo's lens: the angle that the aligned picture spans, and so how far away the camera stood.

A wide angle means a near camera: the nose grows, the ears hide. What counts is the angle of the
aligned picture, not the photo's: heads are as large in all of them, so their angle is the distance.
It comes from the user's choice, from the file's EXIF data, or from what portraits typically have;
face landmarks can't tell it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import ExifTags, Image

from ..cameras import RIG_FOV
from .alignment import ALIGNED_SIZE, Alignment

_Tag = ExifTags.Base

PRESETS = {"selfie": 50.0, "portrait": 27.0, "telephoto": 18.0}
"""Horizontal field of view of the aligned picture in degrees: taken from about 0.5, 1 and 1.5 m."""
TYPICAL = PRESETS["portrait"]
"""Degrees, where nothing is known: of all single values the one with the least error over real portraits."""
DEGREES, MILLIMETRES = "degrees", "mm"
CHOICES = ("auto", *PRESETS, DEGREES, MILLIMETRES)
"""What a user may choose; the last two come with a number."""
DEGREES_RANGE = (5.0, 80.0)
"""Of the aligned picture: narrower ones look the same, wider ones show no whole head."""
MILLIMETRES_RANGE = (8.0, 1200.0)
"""35 mm equivalent focal lengths that lenses have."""
USUAL_MILLIMETRES = 50.0
"""Where a number is asked for and none given."""
FULL_FRAME_DIAGONAL = float(np.hypot(36, 24))
"""Millimetres, to which 35 mm equivalent focal lengths refer (CIPA DCG-001)."""
RESOLUTION_UNITS = {2: 25.4, 3: 10.0, 4: 1.0, 5: 0.001}
"""EXIF's FocalPlaneResolutionUnit in millimetres: inch, centimetre; the last two are in use, not in the standard."""
INCH = 2
"""The unit where a file names none."""
SAME_ASPECT = 0.02
"""Relative difference of aspect ratios up to which a file was scaled; beyond, it was cropped."""


@dataclass(frozen=True)
class Lens:
    """The lens of an aligned picture.

    Attributes:
        degrees: Its horizontal field of view.
        source: How it is known: "chosen" by the user, from the "photo", by the "convention" of
            aligned portraits, or merely "typical".
    """

    degrees: float
    source: str


def exif_focal(exif: Image.Exif, size: tuple[int, int]) -> float | None:
    """Return a photo's focal length in pixels of the stored picture, None where its EXIF data do not tell.

    Args:
        exif: The file's EXIF data.
        size: (width, height) of the picture as stored; its orientation does not matter.
    """
    try:
        tags = exif.get_ifd(ExifTags.IFD.Exif)
        original = (int(tags.get(_Tag.ExifImageWidth, 0)), int(tags.get(_Tag.ExifImageHeight, 0)))
        if min(original) <= 0:
            original = size
        equivalent = float(tags.get(_Tag.FocalLengthIn35mmFilm, 0))
        if not _plausible(equivalent):
            equivalent = _sensor_focal(tags) * FULL_FRAME_DIAGONAL / float(np.hypot(*original))
    except Exception:  # Damaged EXIF data raise nearly anything, and a photo is as good without.
        return None
    return equivalent_focal(equivalent, _frame_diagonal(size, original)) if _plausible(equivalent) else None


def _sensor_focal(tags: Mapping[int, Any]) -> float:
    """Return the focal length in pixels of the picture as it was taken, of the lens's millimetres and the sensor."""
    unit = RESOLUTION_UNITS[int(tags.get(_Tag.FocalPlaneResolutionUnit, INCH))]
    return float(tags[_Tag.FocalLength]) * float(tags[_Tag.FocalPlaneXResolution]) / unit


def _plausible(millimetres: float) -> bool:
    """Whether a 35 mm equivalent focal length is one that lenses have; 0 stands for unknown, and NaN is none."""
    return MILLIMETRES_RANGE[0] <= millimetres <= MILLIMETRES_RANGE[1]


def _frame_diagonal(size: tuple[int, int], original: tuple[int, int]) -> float:
    """Return the diagonal of the whole frame that was taken, in pixels of the stored picture.

    A picture of the frame's aspect ratio was scaled; one of another was cut out of it.
    """
    (long, short), (long_taken, short_taken) = sorted(size, reverse=True), sorted(original, reverse=True)
    scaled = abs(long * short_taken / (short * long_taken) - 1) < SAME_ASPECT
    cut_out = not scaled and long <= long_taken and short <= short_taken
    return float(np.hypot(*(original if cut_out else size)))


def equivalent_focal(millimetres: float, diagonal: float) -> float:
    """Return a 35 mm equivalent focal length in pixels of a picture with a diagonal of so many pixels."""
    return millimetres / FULL_FRAME_DIAGONAL * diagonal


def crop_degrees(focal: float, alignment: Alignment) -> float:
    """Return the field of view of an aligned picture in degrees, whatever the face's place in the photo.

    Args:
        focal: The photo's focal length in its pixels.
        alignment: How the photo was aligned.
    """
    aligned_focal = focal * sum(alignment.scale) / 2
    return float(np.degrees(2 * np.arctan(ALIGNED_SIZE / 2 / aligned_focal)))


def lens_of(
    alignment: Alignment,
    focal: float | None = None,
    choice: str = "auto",
    degrees: float = TYPICAL,
    millimetres: float = USUAL_MILLIMETRES,
) -> Lens:
    """Return the lens of an aligned picture.

    Args:
        alignment: How the photo was aligned.
        focal: The photo's focal length in its pixels, None where the file does not tell.
        choice: One of :data:`CHOICES`.
        degrees: The aligned picture's field of view, for the choice "degrees".
        millimetres: The whole photo's 35 mm equivalent focal length, for the choice "mm".
    """
    if choice in PRESETS:
        return Lens(PRESETS[choice], "chosen")
    if choice == DEGREES:
        return Lens(_bounded(degrees), "chosen")
    if choice == MILLIMETRES:
        focal = equivalent_focal(millimetres, float(np.hypot(*alignment.source_size)))
        return Lens(_bounded(crop_degrees(focal, alignment)), "chosen")
    if alignment.is_stretched:
        # A portrait that comes aligned is taken as FaceLift takes all of them.
        return Lens(RIG_FOV, "convention")
    if focal is not None:
        angle = crop_degrees(focal, alignment)
        # Wider than any portrait: the file was cut out of another, without telling.
        if angle <= DEGREES_RANGE[1]:
            return Lens(_bounded(angle), "photo")
    return Lens(TYPICAL, "typical")


def _bounded(degrees: float) -> float:
    """Return an angle inside :data:`DEGREES_RANGE`."""
    return float(np.clip(degrees, *DEGREES_RANGE))
