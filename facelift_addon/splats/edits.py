"""What the user changed of a head's photo by hand, kept on the head: its crop, and the painted matte as an image."""

from __future__ import annotations

import bpy

from ...core.errors import FaceLiftError
from ...core.photo.edits import Crop, PhotoEdits

CROP_KEY = "facelift_photo_crop"
"""Custom property: the crop's x, y and size."""
MATTE_KEY = "facelift_photo_matte"
"""Custom property: an image that carries the painted matte's PNG."""


def keep(head: bpy.types.Object, edits: PhotoEdits) -> None:
    """Store edits on a head, or take away what it had."""
    for key in (CROP_KEY, MATTE_KEY):
        if key in head:
            del head[key]
    if edits.crop is not None:
        head[CROP_KEY] = edits.crop.values()
    if edits.matte:
        head[MATTE_KEY] = _image_of(edits.matte, f"{head.name} matte")


def of(head: bpy.types.Object) -> PhotoEdits:
    """Return the edits stored on a head. What was made useless meanwhile counts as not there."""
    crop, image = head.get(CROP_KEY), head.get(MATTE_KEY)
    try:
        crop = None if crop is None else Crop.read(crop)
    except FaceLiftError:
        crop = None
    packed = isinstance(image, bpy.types.Image) and image.packed_file is not None
    return PhotoEdits(crop, bytes(image.packed_file.data) if packed else b"")


def _image_of(png: bytes, name: str) -> bpy.types.Image:
    """Return an image datablock with exactly these bytes; heads of one photo share it."""
    for image in bpy.data.images:
        if image.packed_file is not None and image.packed_file.size == len(png) and image.packed_file.data == png:
            return image
    image = bpy.data.images.new(name, 1, 1, alpha=True)
    image.pack(data=png, data_len=len(png))
    image.source = "FILE"
    image.colorspace_settings.name = "Non-Color"
    return image
