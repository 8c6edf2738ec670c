"""Photos as a .blend file keeps them, on a head or a scene: where each is, and what was painted on it.

A photo is kept as an image datablock, which holds no pixels until somebody looks at it. Blender's paths that are
properties take no part in anything; those of images do: they become relative when the file is saved, follow it to
another folder, are found again, and can be packed.

What else was chosen about photos is JSON, which their owners keep.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy

from ...core.engines.capture import Shot
from .. import paths
from .photos import PhotoSource, file_of, has_pixels

PATH_KEY, IMAGE_KEY, MATTE_KEY = "facelift_photo_path", "facelift_photo_image", "facelift_photo_matte"
"""Custom properties of the owner: the first photo's file in files of earlier versions, its image datablock, and an
image that carries the PNG of the painted matte. Those of further photos end in their number."""


def keep(owner: bpy.types.ID, number: int, shot: Shot[PhotoSource]) -> None:
    """Store a photo's place and its painted matte, instead of what was there."""
    _put(owner, _key(PATH_KEY, number), None)
    _put(owner, _key(IMAGE_KEY, number), _photo(shot.photo))
    matte = shot.edits.matte
    _put(owner, _key(MATTE_KEY, number), _image_of(matte, f"{owner.name} matte") if matte else None)


def forget(owner: bpy.types.ID) -> None:
    """Store no photos any more."""
    for key in [key for key in owner.keys() if key.startswith((PATH_KEY, IMAGE_KEY, MATTE_KEY))]:
        del owner[key]


def source_of(owner: bpy.types.ID, number: int, name: str) -> PhotoSource:
    """Return a photo, whether it is there or not.

    Args:
        owner: What keeps it.
        number: Of the photo.
        name: Of a photo of which nothing is left.
    """
    found = photo_of(owner, number)
    if found is not None:
        return PhotoSource.of(found)
    image, path = owner.get(_key(IMAGE_KEY, number)), owner.get(_key(PATH_KEY, number), "")
    if isinstance(image, bpy.types.Image):
        return PhotoSource(name, file_of(image), image=image.name)
    return PhotoSource(name, Path(path or name))


def photo_of(owner: bpy.types.ID, number: int) -> str | bpy.types.Image | None:
    """Return where a photo is: a file, an image datablock, or None when it is gone."""
    image, path = owner.get(_key(IMAGE_KEY, number)), owner.get(_key(PATH_KEY, number), "")
    if isinstance(image, bpy.types.Image):
        return image if has_pixels(image) else None
    return path if path and Path(path).is_file() else None


def matte_of(owner: bpy.types.ID, number: int) -> bytes:
    """Return the PNG of what was painted on a photo's matte; empty where nothing was."""
    image = owner.get(_key(MATTE_KEY, number))
    packed = isinstance(image, bpy.types.Image) and image.packed_file is not None
    return bytes(image.packed_file.data) if packed else b""


def _key(name: str, number: int) -> str:
    return f"{name}_{number}" if number else name


def _put(owner: bpy.types.ID, key: str, value: Any) -> None:
    """Set a custom property, or take it away where there is nothing to keep."""
    if value is not None:
        owner[key] = value
    elif key in owner:
        del owner[key]


def _photo(photo: PhotoSource) -> bpy.types.Image | None:
    """Return the image datablock of a photo; None for one that nothing is left of."""
    image = bpy.data.images.get(photo.image)
    if image is not None or photo.path is None:
        return image
    for image in bpy.data.images:
        if image.source == "FILE" and image.packed_file is None and not image.is_dirty and file_of(image) == photo.path:
            return image
    image = bpy.data.images.new(photo.path.name, 1, 1)
    image.source = "FILE"
    image.filepath = paths.stored(photo.path)
    return image


def _image_of(png: bytes, name: str) -> bpy.types.Image:
    """Return an image datablock with exactly these bytes; photos with the same matte share it."""
    for image in bpy.data.images:
        if image.packed_file is not None and image.packed_file.size == len(png) and image.packed_file.data == png:
            return image
    image = bpy.data.images.new(name, 1, 1, alpha=True)
    image.pack(data=png, data_len=len(png))
    image.source = "FILE"
    image.colorspace_settings.name = "Non-Color"
    return image
