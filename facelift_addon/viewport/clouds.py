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
            if key not in self._known or not _holds(self._sources[key], target, graph):
                source = read(target, graph)
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
    count, attributes = _attributes(target, graph)
    return {name: _values(attribute, count) for name, attribute in attributes.items()}


def _holds(known: Mapping[str, np.ndarray], target: bpy.types.Object, graph: bpy.types.Depsgraph) -> bool:
    """Whether :func:`read` would find what is known already."""
    count, attributes = _attributes(target, graph)
    if attributes.keys() != known.keys():
        return False
    # One after another into the same memory: fresh memory for millions of splats takes longer than all the rest.
    spare: dict[str | None, np.ndarray] = {}
    for name, attribute in attributes.items():
        kind = None if attribute is None else attribute.data_type
        spare[kind] = _values(attribute, count, spare.get(kind))
        if not np.array_equal(spare[kind], known[name]):
            return False
    return True


def _attributes(
    target: bpy.types.Object, graph: bpy.types.Depsgraph
) -> tuple[int, dict[str, bpy.types.Attribute | None]]:
    """Return how many splats there are to draw and their attributes by name; a selection of everything is None."""
    cloud = target.evaluated_get(graph).data
    if not isinstance(cloud, bpy.types.PointCloud) or CENTER not in cloud.attributes or not geometry.is_splats(cloud):
        return 0, {}
    count = len(cloud.attributes[CENTER].data)
    if count == 0:
        return 0, {}
    wanted = (CENTER, *geometry.REQUIRED, *_harmonics_in(cloud.attributes))
    attributes = {name: cloud.attributes[name] for name in wanted}
    if names.NORMAL in cloud.attributes:
        attributes[names.NORMAL] = cloud.attributes[names.NORMAL]
    if target.mode == "EDIT":
        attributes[SELECTION] = cloud.attributes.get(SELECTION)
    return count, attributes


def to_cloud(columns: dict[str, np.ndarray]) -> Cloud:
    """Return the splats of columns that :func:`read` found."""
    means = columns[CENTER]
    coefficients = [columns[name] for name in map(names.radiance_sh, range(names.MAX_HIGHER_SH)) if name in columns]
    complete = max(count for count in (0, 3, 8, 15) if count <= len(coefficients))
    base = columns[names.RADIANCE_BASE]
    return Cloud(
        texels.splat_texels(
            means,
            columns[names.SCALE],
            columns[names.ROTATION],
            base,
            columns.get(SELECTION),
            columns.get(names.NORMAL),
        ),
        np.stack(coefficients[:complete], axis=1) if complete else np.zeros((len(means), 0, 3), np.float32),
        means,
        float(np.sqrt((means**2).sum(axis=1).max())),
    )


def _values(attribute: bpy.types.Attribute | None, count: int, out: np.ndarray | None = None) -> np.ndarray:
    """Return an attribute's values, in ``out`` if there is one; all True where there is no attribute."""
    if attribute is None:
        return np.ones(count, bool)
    kind = KINDS[attribute.data_type]
    if out is None:
        out = np.empty(count if kind.width == 1 else (count, kind.width), kind.dtype)
    attribute.data.foreach_get(kind.field, out.reshape(-1))
    return out
