"""The splats of a scene's objects as texels, read again only when they changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import bpy
import numpy as np

from ...core.splats import attributes as names
from ...core.viewing import texels
from ..splats.data import geometry
from ..splats.data.columns import KINDS, Column
from ..splats.display.stand_in import CENTER

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

    @cached_property
    def middle(self) -> np.ndarray:
        """Middle [3] of the means' bounding box."""
        return (self.means.min(axis=0) + self.means.max(axis=0)) / 2


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


Key = tuple[int, int]
"""Session ids: of the object, and of the point cloud where it is one that geometry nodes made beside the object's."""


class Clouds:
    """What was read of each object, until something tells that it changed."""

    def __init__(self) -> None:
        self._known: dict[Key, Cloud | None] = {}
        self._sources: dict[Key, dict[str, np.ndarray]] = {}
        self._stale: set[Key] = set()

    def get(self, target: bpy.types.Object, data: bpy.types.ID | None) -> Cloud | None:
        """Return an object's splats; None when our drawing has nothing to show of it.

        The same value comes back as long as the splats are the same, also when Blender has
        evaluated them again, as it does whenever the object or the camera moves.

        Args:
            target: The original object.
            data: What its modifiers made, or a point cloud that it instances.
        """
        key = target.session_uid, 0 if data is None else data.session_uid
        if key not in self._known:
            self._take_over(key)
        if key not in self._known or key in self._stale:
            selectable = target.mode == "EDIT"
            if key not in self._known or not _holds(self._sources[key], data, selectable):
                source = read(data, selectable)
                self._known[key] = to_cloud(source) if source else None
                self._sources[key] = source
            self._stale.discard(key)
        return self._known[key]

    def _take_over(self, key: Key) -> None:
        """Let new data of an object start from what is known of data that it had before."""
        former = next((other for other in self._stale if other[0] == key[0] and other in self._known), None)
        if former is not None:
            self._stale.discard(former)
            self._known[key], self._sources[key] = self._known.pop(former), self._sources.pop(former)
            self._stale.add(key)

    def expect(self, target: bpy.types.Object, ahead: Ahead) -> None:
        """Take a new head's splats as known; they still are compared with what is found."""
        key = target.session_uid, 0
        self._known[key], self._sources[key] = ahead.cloud, ahead.source
        self._stale.add(key)

    def forget(self, target: bpy.types.Object) -> None:
        """Read an object again before it is drawn next."""
        for key in [key for key in self._known if key[0] == target.session_uid]:
            self._stale.add(key)

    def current(self) -> list[Cloud]:
        """Return what was read and still holds."""
        return [cloud for cloud in self._known.values() if cloud is not None]

    def keep_only(self, uids: set[int]) -> None:
        """Drop what was read of objects that exist no more."""
        for key in [key for key in self._known if key[0] not in uids]:
            del self._known[key], self._sources[key]
        self._stale &= self._known.keys()

    def clear(self) -> None:
        """Read everything again before it is drawn next."""
        self._known.clear()
        self._sources.clear()
        self._stale.clear()


def read(data: bpy.types.ID | None, selectable: bool = False) -> dict[str, np.ndarray]:
    """Read the attributes of the splats that an object's modifiers leave for our drawing.

    Args:
        data: Evaluated data of an object.
        selectable: Whether its selection counts, as in Edit Mode.

    Returns:
        Columns by name, :data:`SELECTION` in Edit Mode among them; nothing when the object
        stands in for no splats: its display shows something else.
    """
    count, attributes = _attributes(data, selectable)
    return {name: _values(attribute, count) for name, attribute in attributes.items()}


def _holds(known: Mapping[str, np.ndarray], data: bpy.types.ID | None, selectable: bool) -> bool:
    """Whether :func:`read` would find what is known already."""
    count, attributes = _attributes(data, selectable)
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


def _attributes(data: bpy.types.ID | None, selectable: bool) -> tuple[int, dict[str, bpy.types.Attribute | None]]:
    """Return how many splats there are to draw and their attributes by name; a selection of everything is None."""
    if not isinstance(data, bpy.types.PointCloud) or CENTER not in data.attributes or not geometry.is_splats(data):
        return 0, {}
    count = len(data.attributes[CENTER].data)
    if count == 0:
        return 0, {}
    wanted = (CENTER, *geometry.REQUIRED, *_harmonics_in(data.attributes))
    attributes = {name: data.attributes[name] for name in wanted}
    if names.NORMAL in data.attributes:
        attributes[names.NORMAL] = data.attributes[names.NORMAL]
    if selectable:
        attributes[SELECTION] = data.attributes.get(SELECTION)
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
