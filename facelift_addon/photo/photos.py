"""Photos as the user gives them: files, or images inside the .blend."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
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
        image: Name of the image datablock that it comes from, or "".
    """

    name: str
    path: Path | None = None
    data: bytes | None = None
    image: str = ""

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
        path = Path(bpy.path.abspath(image.filepath, library=image.library))
        if image.source == "FILE" and path.is_file() and not image.is_dirty:
            return cls(path.name, path, image=image.name)
        return cls(image.name, data=_saved(image), image=image.name)

    def read(self) -> Future[bytes]:
        """Start reading the file's bytes; the result raises PhotoError when that fails."""
        if self.data is not None:
            ready: Future[bytes] = Future()
            ready.set_result(self.data)
            return ready
        return _readers.submit(_read, self.path)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise PhotoError(
            f"{path.name} is not in {path.parent}.",
            "Put it back, or remove it here and add it from where it is now.",
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
