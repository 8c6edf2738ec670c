"""Photos as a .blend file keeps them, on a head or a scene: where each is, and what was painted on it.

What else was chosen about them is JSON, which their owners keep.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy

from ...core.engines.capture import Shot
from .photos import PhotoSource

PATH_KEY, IMAGE_KEY, MATTE_KEY = "facelift_photo_path", "facelift_photo_image", "facelift_photo_matte"
"""Custom properties of the owner: the first photo's file, or the image datablock that it is, and an image that carries
the PNG of the painted matte. Those of further photos end in their number."""


def keep(owner: bpy.types.ID, number: int, shot: Shot[PhotoSource]) -> None:
    """Store a photo's place and its painted matte, instead of what was there."""
    _put(owner, _key(PATH_KEY, number), str(shot.photo.path or ""))
    _put(owner, _key(IMAGE_KEY, number), bpy.data.images.get(shot.photo.image))
    matte = shot.edits.matte
    _put(owner, _key(MATTE_KEY, number), _image_of(matte, f"{owner.name} matte") if matte else None)


def forget(owner: bpy.types.ID) -> None:
    """Store no photos any more."""
    for key in [key for key in owner.keys() if key.startswith((PATH_KEY, IMAGE_KEY, MATTE_KEY))]:
        del owner[key]


def recorded_path(owner: bpy.types.ID, number: int) -> str:
    """Return the file that a photo was, whether it is there or not; "" for an image of the .blend."""
    return owner.get(_key(PATH_KEY, number), "")


def photo_of(owner: bpy.types.ID, number: int) -> str | bpy.types.Image | None:
    """Return where a photo is: a file, an image datablock, or None when it is gone."""
    image, path = owner.get(_key(IMAGE_KEY, number)), recorded_path(owner, number)
    if image is not None:
        return image
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
