"""A point cloud made piece by piece, so that no piece keeps Blender's main thread for long."""

from __future__ import annotations

import time
from collections.abc import Mapping

import bpy

from ....core.splats import attributes as names
from . import geometry
from .columns import Column

BUDGET_SECONDS = 0.008
"""Half a frame: after this much, the rest of the pieces waits for the next tick."""


class Assembly:
    """The point cloud of an arriving head. Undo or another file may take it away at any time."""

    def __init__(self, name: str, columns: Mapping[str, Column]) -> None:
        self._name = name
        self._columns = columns
        self._session_uid = 0
        self._missing: list[str] = []

    def proceed(self) -> bool:
        """Make some of it; return whether all is there."""
        end = time.perf_counter() + BUDGET_SECONDS
        cloud = self._find()
        if cloud is None:
            cloud = geometry.new_point_cloud(self._name, len(self._columns[names.POSITION].values))
            self._session_uid, self._missing = cloud.session_uid, list(self._columns)
        while self._missing and time.perf_counter() < end:
            name = self._missing.pop()
            geometry.write(cloud, {name: self._columns[name]})
        return not self._missing

    def take(self) -> bpy.types.PointCloud:
        """Return the point cloud, complete; the next one is made anew."""
        while not self.proceed():
            pass
        cloud, self._session_uid = self._find(), 0
        return cloud

    def drop(self) -> None:
        """Remove what was made and not taken."""
        cloud, self._session_uid = self._find(), 0
        if cloud is not None:
            bpy.data.pointclouds.remove(cloud)

    def _find(self) -> bpy.types.PointCloud | None:
        if not self._session_uid:
            return None
        return next((cloud for cloud in bpy.data.pointclouds if cloud.session_uid == self._session_uid), None)
