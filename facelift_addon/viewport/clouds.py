"""The splats of a scene's objects as texels, read again only when they changed."""

from __future__ import annotations

from dataclasses import dataclass

import bpy
import numpy as np

from ...core import attributes as names
from ...core.viewing import texels
from ..splats import geometry
from ..splats.columns import KINDS
from ..splats.stand_in import CENTER

SELECTION = ".selection"
"""Blender's own attribute of what Edit Mode has selected; missing when everything is."""


@dataclass(frozen=True, eq=False)
class Cloud:
    """The splats of one object, in its local space.

    Attributes:
        texels: [N, 16] float32, of :func:`core.viewing.texels.splat_texels`.
        harmonics: [N, K, 3] float32 above degree 0; K is 0, 3, 8 or 15.
        means: [N, 3] float32, contiguous.
        radius: Greatest distance from the object's origin.
    """

    texels: np.ndarray
    harmonics: np.ndarray
    means: np.ndarray
    radius: float

    def __len__(self) -> int:
        return len(self.means)


class Clouds:
    """What was read of each object, by its session id, until something tells that it changed."""

    def __init__(self) -> None:
        self._known: dict[int, Cloud | None] = {}

    def get(self, target: bpy.types.Object, graph: bpy.types.Depsgraph) -> Cloud | None:
        """Return an object's splats; None when our drawing has nothing to show of it."""
        key = target.session_uid
        if key not in self._known:
            self._known[key] = read(target, graph)
        return self._known[key]

    def forget(self, target: bpy.types.Object) -> None:
        """Read an object again before it is drawn next."""
        self._known.pop(target.session_uid, None)

    def current(self) -> list[Cloud]:
        """Return what was read and still holds."""
        return [cloud for cloud in self._known.values() if cloud is not None]

    def keep_only(self, uids: set[int]) -> None:
        """Drop what was read of objects that exist no more."""
        for uid in self._known.keys() - uids:
            del self._known[uid]

    def clear(self) -> None:
        """Read everything again before it is drawn next."""
        self._known.clear()


def read(target: bpy.types.Object, graph: bpy.types.Depsgraph) -> Cloud | None:
    """Read the splats that an object's modifiers leave for our drawing.

    Returns:
        None when the object stands in for no splats: its display shows something else.
    """
    cloud = target.evaluated_get(graph).data
    if not isinstance(cloud, bpy.types.PointCloud) or CENTER not in cloud.attributes or not geometry.is_splats(cloud):
        return None
    means = _values(cloud, CENTER)
    if len(means) == 0:
        return None
    selected = None
    if target.mode == "EDIT":
        chosen = cloud.attributes.get(SELECTION)
        selected = np.ones(len(means), bool) if chosen is None else _values(cloud, SELECTION)
    coefficients = []
    for index in range(names.MAX_HIGHER_SH):
        if names.radiance_sh(index) not in cloud.attributes:
            break
        coefficients.append(_values(cloud, names.radiance_sh(index)))
    complete = max(count for count in (0, 3, 8, 15) if count <= len(coefficients))
    return Cloud(
        texels.splat_texels(
            means,
            _values(cloud, names.SCALE),
            _values(cloud, names.ROTATION),
            _values(cloud, names.RADIANCE_BASE),
            selected,
        ),
        np.stack(coefficients[:complete], axis=1) if complete else np.zeros((len(means), 0, 3), np.float32),
        means,
        float(np.sqrt((means**2).sum(axis=1).max())),
    )


def _values(cloud: bpy.types.PointCloud, name: str) -> np.ndarray:
    attribute = cloud.attributes[name]
    kind = KINDS[attribute.data_type]
    values = np.empty(len(attribute.data) * kind.width, kind.dtype)
    attribute.data.foreach_get(kind.field, values)
    return values if kind.width == 1 else values.reshape(-1, kind.width)
