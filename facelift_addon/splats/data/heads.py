"""Head objects: what makes an object a head, how it is found again, and what it carries."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path

import bpy
import numpy as np

from ....core.errors import FaceLiftError
from ....core.head.shape import HeadShape
from ...view_layers import objects_of
from ..display import native
from ..scene import placement
from . import fits, geometry

ID_KEY = "facelift_id"
"""Custom property of a head object: finds it again after undo and file load."""
PHOTO_CAMERA_KEY = "facelift_photo_camera"
"""Custom property that tells the cameras of a head's photos from its other children."""
SHOT_KEY = "facelift_shot"
"""Custom property of a photo camera: the number of its photo; the portrait's, 0, has none."""
PLACEMENT_KEY = "facelift_placement"
"""Custom property: the 16 numbers, row by row, of the matrix from the engine's frame to local space."""
BOUNCES_KEY = "facelift_bounces"
"""Custom property: how many surfaces Cycles must let rays pass to show the splats."""
SEQUENCE = "facelift_sequence"
"""Property of objects: how they play numbered splat files, and whether they do."""


def select_only(view_layer: bpy.types.ViewLayer, target: bpy.types.Object) -> None:
    """Select one object of a view layer and make it active."""
    for other in objects_of(view_layer):
        if other.select_get(view_layer=view_layer):
            other.select_set(False, view_layer=view_layer)
    target.select_set(True, view_layer=view_layer)
    view_layer.objects.active = target


def view_layer_of(context: bpy.types.Context, scene: bpy.types.Scene) -> bpy.types.ViewLayer | None:
    """Return the view layer in which a new head becomes selected; None while the user edits or sculpts."""
    if context.scene != scene:
        return scene.view_layers[0]
    return context.view_layer if context.mode == "OBJECT" else None


def packed_image(name: str, png: bytes) -> bpy.types.Image:
    """Return a new image datablock that carries a PNG inside the .blend."""
    image = bpy.data.images.new(name, 1, 1, alpha=True)
    image.pack(data=png, data_len=len(png))
    image.source = "FILE"
    return image


def is_head(target: bpy.types.Object | None) -> bool:
    """Whether an object is a splat object of ours, or of Blender's own importers (5.3+)."""
    if target is None or target.type != "POINTCLOUD":
        return False
    return ID_KEY in target or (native.is_native(target.data) and geometry.is_splats(target.data))


def is_sequence(target: bpy.types.Object) -> bool:
    """Whether an object plays numbered splat files."""
    settings = getattr(target, SEQUENCE, None)
    return target.type == "POINTCLOUD" and settings is not None and bool(settings.filepath)


def identify(head: bpy.types.Object) -> None:
    """Give a splat object an id where it has none, so that it is found again.

    Raises:
        FaceLiftError: it belongs to another file ("linked-head").
    """
    if not head.is_editable:
        raise FaceLiftError(
            f"{head.name!r} belongs to another file.",
            "Make it local first: Object > Relations > Make Local.",
            code="linked-head",
        )
    if ID_KEY not in head:
        head[ID_KEY] = uuid.uuid4().hex


def find(identifier: str, name: str = "") -> bpy.types.Object | None:
    """Return the head with an id; among duplicates the one with the given name."""
    candidates = [target for target in bpy.data.objects if is_head(target) and target.get(ID_KEY) == identifier]
    return next((target for target in candidates if target.name == name), candidates[0] if candidates else None)


def heads_of(scene: bpy.types.Scene) -> Iterable[bpy.types.Object]:
    """Return all splat objects of a scene."""
    return [target for target in scene.objects if is_head(target)]


def rendered_in(scene: bpy.types.Scene) -> list[bpy.types.Object]:
    """Return all splat objects that a scene renders: its own, and those of collections that its objects instance.

    A head that is instanced several times is there as often.
    """
    return list(_with_instances(scene.objects, frozenset()))


def _with_instances(
    targets: Iterable[bpy.types.Object], within: frozenset[bpy.types.Collection]
) -> Iterator[bpy.types.Object]:
    for target in targets:
        collection = target.instance_collection if target.instance_type == "COLLECTION" else None
        if is_head(target):
            yield target
        elif collection is not None and collection not in within:
            yield from _with_instances(collection.all_objects, within | {collection})


def photo_cameras_of(head: bpy.types.Object) -> dict[int, bpy.types.Object]:
    """Return the cameras of a head's photos that still exist, by the photos' numbers; the portrait's is 0."""
    found = {int(child.get(SHOT_KEY, 0)): child for child in reversed(head.children) if PHOTO_CAMERA_KEY in child}
    return dict(sorted(found.items()))


def photo_camera_of(head: bpy.types.Object, number: int = 0) -> bpy.types.Object | None:
    """Return the camera of one of a head's photos, by default of the portrait, if it still exists."""
    return photo_cameras_of(head).get(number)


def placement_of(head: bpy.types.Object) -> np.ndarray:
    """Return the [4, 4] matrix from the engine's frame to a head's local space."""
    values = head.get(PLACEMENT_KEY)
    if values is None:
        return placement.reference_to_local(placement.DEFAULT_HEAD_HEIGHT)
    return np.array(values, np.float64).reshape(4, 4)


def shape_of(head: bpy.types.Object) -> HeadShape | None:
    """Return the head model as it was fitted to a head, in the head's local space; None where none is kept."""
    shape, to_local = fits.of(head), placement_of(head)
    mirrored = np.linalg.det(to_local[:3, :3]) <= 0
    return None if shape is None or mirrored else shape.transformed(to_local)


def name_of(file_name: str) -> str:
    """Return an object's name for a photo or splat file."""
    return Path(file_name).stem or "Head"
