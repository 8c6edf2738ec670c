"""Photos as the user gives them: files, or images inside the .blend."""

from __future__ import annotations

import os
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import bpy

from ...core.errors import PhotoError
from .. import paths

_readers = ThreadPoolExecutor(max_workers=1, thread_name_prefix="facelift-photo")
"""Network drives can take seconds: the main thread must not wait for them."""


@dataclass(frozen=True)
class PhotoSource:
    """Where a photo comes from.

    Attributes:
        name: File name for recipes and object names.
        path: The file, or None for an image that only the .blend has.
        data: The file's bytes when they are at hand already.
        image: Name of the image datablock that it comes from, or "". The same photo without one is the same.
    """

    name: str
    path: Path | None = None
    data: bytes | None = None
    image: str = field(default="", compare=False)

    @classmethod
    def of(cls, found: str | bpy.types.Image) -> PhotoSource:
        """Return the source for a file or an image datablock; errors are those of the two below."""
        return cls.from_image(found) if isinstance(found, bpy.types.Image) else cls.from_file(found)

    @classmethod
    def from_file(cls, path: str) -> PhotoSource:
        """Return the source for a file; errors are those of :func:`.paths.absolute`."""
        found = paths.absolute(path)
        return cls(found.name, found)

    @classmethod
    def from_image(cls, image: bpy.types.Image) -> PhotoSource:
        """Return the source for an image datablock: packed, on disk, or painted in Blender.

        Raises:
            PhotoError: the image has no pixels.
        """
        if image.packed_file is not None:
            return cls(image.name, data=bytes(image.packed_file.data), image=image.name)
        path = file_of(image)
        if path is not None and path.is_file() and not image.is_dirty:
            return cls(path.name, path, image=image.name)
        return cls(image.name, data=_saved(image), image=image.name)

    def found_again(self) -> PhotoSource:
        """Return where the photo is now, if Blender found its image datablock's file elsewhere; else what it is."""
        image = bpy.data.images.get(self.image)
        return PhotoSource.from_image(image) if image is not None and has_pixels(image) else self

    def read(self) -> Future[bytes]:
        """Start reading the file's bytes; the result raises PhotoError when that fails."""
        if self.data is not None:
            ready: Future[bytes] = Future()
            ready.set_result(self.data)
            return ready
        return _readers.submit(_read, self.path)


def file_of(image: bpy.types.Image) -> Path | None:
    """Return the file that an image datablock is of, there or not; None for images that Blender made."""
    if image.source != "FILE" or not image.filepath:
        return None
    return Path(os.path.normpath(bpy.path.abspath(image.filepath, library=image.library)))


def has_pixels(image: bpy.types.Image) -> bool:
    """Whether :meth:`PhotoSource.from_image` can take an image: it is packed, painted, or its file is there."""
    path = file_of(image)
    if image.packed_file is not None or (path is not None and path.is_file()):
        return True
    return image.has_data or (path is None and min(image.size) > 0)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise PhotoError(
            f"{path.name} is not in {path.parent}.",
            "Put it back, or find it where it is now.",
            code="photo-gone",
        ) from error
    except OSError as error:
        raise PhotoError(
            f"{path.name} could not be opened: {error.strerror or error}.",
            "Check that the file exists and that you may read it.",
            code="file-unreadable",
        ) from error


def _saved(image: bpy.types.Image) -> bytes:
    """Return a PNG of an image that exists in memory only."""
    if not image.has_data and min(image.size) == 0:
        raise PhotoError(
            f"The image {image.name!r} has no pixels.", "Choose another image or a file.", code="empty-image"
        )
    path = Path(bpy.app.tempdir) / "facelift-image.png"
    image.save(filepath=str(path), save_copy=True)
    data = path.read_bytes()
    path.unlink()
    return data
