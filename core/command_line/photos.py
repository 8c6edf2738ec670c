"""The photos of a command line: which become a head each, and which show more of the same person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..engines import settings
from ..engines.capture import FURTHER, Capture, Shot
from ..engines.shot_options import ShotOptions
from ..errors import FaceLiftError, unreadable
from ..photo.decode import Photo, decode
from ..photo.sides import SIDES

PHOTO_SUFFIXES = frozenset(
    (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".heic", ".heif", ".avif", ".jp2", ".gif")
)
"""Files that are taken from a folder; a file named by itself is tried whatever its suffix."""


def photos_of(path: Path) -> list[Path]:
    """Return the photo that a path names, or those in a folder.

    Raises:
        FaceLiftError: there is none.
    """
    if not path.is_dir():
        return [path]
    files = sorted(file for file in path.iterdir() if file.is_file() and not file.name.startswith("."))
    photos = [file for file in files if file.suffix.lower() in PHOTO_SUFFIXES]
    if not photos:
        raise FaceLiftError(f"There is no photo in the folder {path}.", "Name another folder, or photo files.")
    return photos


def further_photo(text: str) -> tuple[Path, dict[str, str]]:
    """Return the file and the side that ``FILE`` or ``FILE:SIDE`` names; a file of just that name goes before."""
    name, colon, side = text.rpartition(":")
    if not colon or side not in SIDES or Path(text).exists():
        return Path(text), {}
    return Path(name), {"side": side}


def capture_of(
    portrait: Path, chosen: Mapping[str, Any], further: Sequence[tuple[Path, Mapping[str, Any]]]
) -> tuple[Capture[Photo], tuple[str, ...]]:
    """Return what a head is made from, and sentences on photos that were left out.

    Args:
        portrait: The photo whose face the head gets.
        chosen: Options of it.
        further: Files that show more of the person, each with its options.

    Raises:
        FaceLiftError: a file can't be read.
        PhotoError: it is no photo.
        SettingsError: an unknown or out-of-range option.
    """
    shots = [Shot(read(portrait), settings.read(ShotOptions, chosen))]
    return with_further(Capture(tuple(shots)), further)


def with_further(
    capture: Capture[Photo], further: Sequence[tuple[Path, Mapping[str, Any]]]
) -> tuple[Capture[Photo], tuple[str, ...]]:
    """Return a capture with further photos of the same person; arguments and errors as of :func:`capture_of`."""
    shots, notes = list(capture.shots), []
    for path, options in further:
        photo = read(path)
        same = next((shot.photo.name for shot in shots if shot.photo.sha256 == photo.sha256), None)
        if same is None:
            shots.append(Shot(photo, settings.read(ShotOptions, options), role=FURTHER))
        else:
            notes.append(f"{photo.name} is the same photo as {same}: it is taken once.")
    return Capture(tuple(shots)), tuple(notes)


def read(path: Path) -> Photo:
    """Return a file's pixels; errors as of :func:`capture_of`."""
    try:
        return decode(path.read_bytes(), path.name)
    except OSError as error:
        raise unreadable(FaceLiftError, path, error) from error
