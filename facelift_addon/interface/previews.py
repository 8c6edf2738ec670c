"""Pictures in the panel: PNGs as icons.

Icons get their pixels here, at once. Blender's own way, files that it reads when it has time, shows
nothing until then and for what it can't read, and leaves people's photos in the thumbnails of the user's account.
"""

from __future__ import annotations

import bpy
import bpy.utils.previews
import numpy as np

from ...core.system.pictures import pixels_within

SIZES = (("image", 256), ("icon", 32))
"""What Blender calls the two pictures of an icon, that in the panel and that in a row, and their sides in pixels."""


class Previews:
    """Icons by key; a key is a task's id, a slash and the kind of picture."""

    def __init__(self) -> None:
        self._icons = None
        self._pictures: dict[str, list[tuple[str, np.ndarray]]] = {}

    def show(self, key: str, png: bytes) -> None:
        """Make an icon of a PNG, or exchange it. What is no picture makes none: workers can be other programs."""
        self.forget(key)
        try:
            pictures = [(kind, pixels_within(png, side)) for kind, side in SIZES]
        except OSError:
            return
        self._make(key, pictures)

    def show_as(self, key: str, other: str) -> None:
        """Make an icon of the picture of another, if there is one."""
        if other in self._pictures:
            self._make(key, self._pictures[other])

    def _make(self, key: str, pictures: list[tuple[str, np.ndarray]]) -> None:
        if self._icons is None:
            self._icons = bpy.utils.previews.new()
        self._pictures[key] = pictures
        _fill(self._icons.new(key), pictures)

    def __contains__(self, key: str) -> bool:
        return key in self._pictures

    def icon(self, key: str) -> int:
        """Return the icon's number for a layout, or 0 while there is none."""
        return self._icons[key].icon_id if key in self else 0

    def forget(self, prefix: str) -> None:
        """Remove the icons of a task."""
        # Not by pop: that would leave the picture where the next one of its name is looked for.
        for key in [key for key in self._pictures if key.startswith(prefix)]:
            del self._icons[key], self._pictures[key]

    def close(self) -> None:
        """Remove all icons."""
        if self._icons is not None:
            bpy.utils.previews.remove(self._icons)
        self._icons = None
        self._pictures.clear()


def _fill(icon: bpy.types.ImagePreview, pictures: list[tuple[str, np.ndarray]]) -> None:
    """Give an icon its pixels [H, W, 4] uint8."""
    for kind, pixels in pictures:
        setattr(icon, f"{kind}_size", (pixels.shape[1], pixels.shape[0]))
        # Blender's rows begin at the bottom; a pixel's four bytes are one number.
        packed = np.ascontiguousarray(pixels[::-1]).view("<i4").ravel()
        getattr(icon, f"{kind}_pixels").foreach_set(packed)


previews = Previews()
