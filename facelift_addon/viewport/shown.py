"""Which splats a view shows, and where: of its objects, and of what its objects instance."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import bpy
import numpy as np

from ..view_layers import objects_of
from .clouds import Cloud, Clouds

SMALLEST_DETERMINANT = 1e-30
"""An object scaled to nothing has no inverse matrix, and nothing to show."""
MOST_SPLATS = 4_000_000
"""Drawn in one view; instances beyond show their stand-ins. Twice as many would not fit into a texture."""


@dataclass(frozen=True, eq=False)
class Shown:
    """Splats in a place.

    Attributes:
        cloud: The splats.
        matrix: [4, 4] float64 from their space to the world.
        owner: The original object that the user selects to have them: itself, or the one that instances it.
    """

    cloud: Cloud
    matrix: np.ndarray
    owner: bpy.types.Object

    @property
    def middle(self) -> np.ndarray:
        """Place [3] in the world amid the splats."""
        return self.matrix[:3, :3] @ self.cloud.middle + self.matrix[:3, 3]


class Instances:
    """The instances of splats in each view layer, looked for again when something changed.

    Going through all instances of a scene takes microseconds each, too long for every redraw. No pointer into
    evaluated data is kept: their owners are session ids.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[int, str], list[tuple[int, Cloud, np.ndarray]]] = {}

    def of(self, context: bpy.types.Context, clouds: Clouds) -> list[tuple[int, Cloud, np.ndarray]]:
        """Return the session id of the owner, the splats and the matrix [4, 4] of each instance in a view layer."""
        key = context.scene.session_uid, context.view_layer.name
        if key not in self._known:
            graph = context.evaluated_depsgraph_get()
            self._known[key] = list(_found(graph, clouds)) if _may_be_instanced() else []
        return self._known[key]

    def clear(self) -> None:
        """Look again."""
        self._known.clear()


def _found(graph: bpy.types.Depsgraph, clouds: Clouds) -> Iterator[tuple[int, Cloud, np.ndarray]]:
    for instance in graph.object_instances:
        if not instance.is_instance or instance.object.type != "POINTCLOUD":
            continue
        cloud = clouds.get(instance.object.original, instance.object.data)
        if cloud is not None:
            yield instance.parent.original.session_uid, cloud, np.array(instance.matrix_world, np.float64)


def _may_be_instanced() -> bool:
    """Whether anything but collections refers to a point cloud object, or anything but its parents to a collection."""
    targets = [target for target in bpy.data.objects if target.type == "POINTCLOUD"]
    if any(target.users > len(target.users_collection) for target in targets):
        return True
    parents = defaultdict(list)
    for holder in [*bpy.data.collections, *(scene.collection for scene in bpy.data.scenes)]:
        for child in holder.children:
            parents[child].append(holder)
    homes = [collection for target in targets for collection in target.users_collection]
    for collection in homes:
        homes += [parent for parent in parents[collection] if parent not in homes]
    scenes = {scene.collection for scene in bpy.data.scenes}
    return any(collection.users > len(parents[collection]) for collection in homes if collection not in scenes)


def in_view(
    context: bpy.types.Context, space: bpy.types.SpaceView3D, clouds: Clouds, instances: Instances
) -> list[Shown]:
    """Return the splats that a view shows and our drawing draws, those of objects first.

    Args:
        context: Its view layer is looked through.
        space: The view.
        clouds: What is known of objects.
        instances: What is known of instances.
    """
    graph = context.evaluated_depsgraph_get()
    found = []
    layer = objects_of(context.view_layer)
    for target in layer:
        if target.type != "POINTCLOUD" or not target.visible_in_viewport_get(space):
            continue
        evaluated = target.evaluated_get(graph)
        cloud = clouds.get(target, evaluated.data)
        if cloud is not None:
            found.append(Shown(cloud, np.array(evaluated.matrix_world, np.float64), target))
    listed = instances.of(context, clouds)
    if listed:
        owners = {target.session_uid: target for target in layer}
        room = MOST_SPLATS - sum(len(shown.cloud) for shown in found)
        for uid, cloud, matrix in listed:
            owner = owners.get(uid)
            if owner is None or not owner.visible_in_viewport_get(space) or len(cloud) > room:
                continue
            room -= len(cloud)
            found.append(Shown(cloud, matrix, owner))
    return [shown for shown in found if abs(np.linalg.det(shown.matrix[:3, :3])) > SMALLEST_DETERMINANT]
