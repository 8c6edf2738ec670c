"""Pictures in the panel: PNGs as icons."""

from __future__ import annotations

from pathlib import Path

import bpy
import bpy.utils.previews


class Previews:
    """Icons by key; a key is a task's id, a slash and the kind of picture."""

    def __init__(self) -> None:
        self._icons = None

    def show(self, key: str, png: bytes) -> None:
        """Make an icon of a PNG, or exchange it."""
        if self._icons is None:
            self._icons = bpy.utils.previews.new()
        self._icons.pop(key, None)
        path = _path(key)
        path.write_bytes(png)
        # The file is read when the icon is first drawn, so it stays until it is forgotten.
        self._icons.load(key, str(path), "IMAGE")

    def icon_of_file(self, key: str, path: Path) -> int:
        """Return the icon of a picture that stays where it is; Blender reads it when it has time."""
        if self._icons is None:
            self._icons = bpy.utils.previews.new()
        if key not in self._icons:
            self._icons.load(key, str(path), "IMAGE")
        return self._icons[key].icon_id

    def icon(self, key: str) -> int:
        """Return the icon's number for a layout, or 0 while there is none."""
        return self._icons[key].icon_id if self._icons is not None and key in self._icons else 0

    def forget(self, prefix: str) -> None:
        """Remove the icons of a task."""
        for key in [key for key in self._icons or () if key.startswith(prefix)]:
            _path(key).unlink(missing_ok=True)
            del self._icons[key]

    def close(self) -> None:
        """Remove all icons."""
        if self._icons is not None:
            bpy.utils.previews.remove(self._icons)
        self._icons = None


def _path(key: str) -> Path:
    return Path(bpy.app.tempdir) / f"facelift-{key.replace('/', '-')}.png"


previews = Previews()
