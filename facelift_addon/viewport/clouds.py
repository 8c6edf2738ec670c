"""The splats of a scene's objects as texels, read again only when they changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import bpy
import numpy as np

from ...core import attributes as names
from ...core.viewing import texels
from ..splats import geometry
from ..splats.columns import KINDS, Column
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


@dataclass(frozen=True, eq=False)
class Ahead:
    """What will be drawn of a head that is not there yet.

    Attributes:
        source: What :func:`read` is going to find.
        cloud: What :func:`to_cloud` makes of it.
    """

    source: dict[str, np.ndarray]
    cloud: Cloud


def ahead_of(columns: Mapping[str, Column]) -> Ahead | None:
    """Return what will be drawn of a new head's columns; None of no splats. Safe in any thread."""
    source = {CENTER: columns[names.POSITION].values}
    source |= {name: columns[name].values for name in (*geometry.REQUIRED, *_harmonics_in(columns))}
    return Ahead(source, to_cloud(source)) if len(source[CENTER]) else None


def _harmonics_in(present: Mapping) -> list[str]:
    """Return the names of the higher spherical harmonics up to the first that is missing."""
    found = []
    for index in range(names.MAX_HIGHER_SH):
        if names.radiance_sh(index) not in present:
            break
        found.append(names.radiance_sh(index))
    return found


class Clouds:
    """What was read of each object, by its session id, until something tells that it changed."""

    def __init__(self) -> None:
        self._known: dict[int, Cloud | None] = {}
        self._sources: dict[int, dict[str, np.ndarray]] = {}
        self._stale: set[int] = set()

    def get(self, target: bpy.types.Object, graph: bpy.types.Depsgraph) -> Cloud | None:
        """Return an object's splats; None when our drawing has nothing to show of it.

        The same value comes back as long as the splats are the same, also when Blender has
        evaluated them again, as it does whenever the object or the camera moves.
        """
        key = target.session_uid
        if key not in self._known or key in self._stale:
            source = read(target, graph)
            if key not in self._known or not _equal(source, self._sources[key]):
                self._known[key] = to_cloud(source) if source else None
                self._sources[key] = source
            self._stale.discard(key)
        return self._known[key]

    def expect(self, target: bpy.types.Object, ahead: Ahead) -> None:
        """Take a new head's splats as known; they still are compared with what is found."""
        self._known[target.session_uid], self._sources[target.session_uid] = ahead.cloud, ahead.source
        self._stale.add(target.session_uid)

    def forget(self, target: bpy.types.Object) -> None:
        """Read an object again before it is drawn next."""
        self._stale.add(target.session_uid)

    def current(self) -> list[Cloud]:
        """Return what was read and still holds."""
        return [cloud for cloud in self._known.values() if cloud is not None]

    def keep_only(self, uids: set[int]) -> None:
        """Drop what was read of objects that exist no more."""
        for uid in self._known.keys() - uids:
            del self._known[uid], self._sources[uid]
        self._stale &= uids

    def clear(self) -> None:
        """Read everything again before it is drawn next."""
        self._known.clear()
        self._sources.clear()
        self._stale.clear()


def read(target: bpy.types.Object, graph: bpy.types.Depsgraph) -> dict[str, np.ndarray]:
    """Read the attributes of the splats that an object's modifiers leave for our drawing.

    Returns:
        Columns by name, :data:`SELECTION` in Edit Mode among them; nothing when the object
        stands in for no splats: its display shows something else.
    """
    cloud = target.evaluated_get(graph).data
    if not isinstance(cloud, bpy.types.PointCloud) or CENTER not in cloud.attributes or not geometry.is_splats(cloud):
        return {}
    wanted = (CENTER, *geometry.REQUIRED, *_harmonics_in(cloud.attributes))
    columns = {name: _values(cloud, name) for name in wanted}
    if len(columns[CENTER]) == 0:
        return {}
    if target.mode == "EDIT":
        everything = SELECTION not in cloud.attributes
        columns[SELECTION] = np.ones(len(columns[CENTER]), bool) if everything else _values(cloud, SELECTION)
    return columns


def to_cloud(columns: dict[str, np.ndarray]) -> Cloud:
    """Return the splats of columns that :func:`read` found."""
    means = columns[CENTER]
    coefficients = [columns[name] for name in map(names.radiance_sh, range(names.MAX_HIGHER_SH)) if name in columns]
    complete = max(count for count in (0, 3, 8, 15) if count <= len(coefficients))
    base = columns[names.RADIANCE_BASE]
    return Cloud(
        texels.splat_texels(means, columns[names.SCALE], columns[names.ROTATION], base, columns.get(SELECTION)),
        np.stack(coefficients[:complete], axis=1) if complete else np.zeros((len(means), 0, 3), np.float32),
        means,
        float(np.sqrt((means**2).sum(axis=1).max())),
    )


def _equal(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> bool:
    return a.keys() == b.keys() and all(np.array_equal(values, b[name]) for name, values in a.items())


def _values(cloud: bpy.types.PointCloud, name: str) -> np.ndarray:
    attribute = cloud.attributes[name]
    kind = KINDS[attribute.data_type]
    values = np.empty(len(attribute.data) * kind.width, kind.dtype)
    attribute.data.foreach_get(kind.field, values)
    return values if kind.width == 1 else values.reshape(-1, kind.width)
