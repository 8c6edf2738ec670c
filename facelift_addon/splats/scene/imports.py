"""What Blender brings into scenes with heads that are appended or linked, and nobody asked for.

Whatever an appended object refers to comes along, and Blender links every object of it into the scene, and makes
objects of meshes and point clouds that have none. So the square that splats are drawn with, the shapes of a rig's
controls and the original copy of edited splats would lie about. They stay in the file, as data that heads use.
What a scene needs to render its first heads does not come along: it is set as for heads that are made in it.
"""

from __future__ import annotations

import bpy
from bpy.app.handlers import persistent

from ...avatar import control_shapes
from ...editing import originals
from ..data import fits, heads
from ..display import quad
from . import rendering


@persistent
def on_import(context: bpy.types.BlendImportContext) -> None:
    """Take out of all scenes what came along only as a helper, and let them render the heads that came."""
    imported = {item.id for item in context.import_items if item.id is not None}
    for target in imported:
        if isinstance(target, bpy.types.Object) and (quad.is_quad(target) or control_shapes.is_shape(target)):
            for collection in target.users_collection:
                if collection.is_editable:
                    collection.objects.unlink(target)
    helpers = imported & _kept_data()
    for target in list(bpy.data.objects):
        # Blender made it: neither the other file nor a tool of ours has an object of such data.
        if target.data in helpers and target not in imported:
            bpy.data.objects.remove(target)
    for scene in bpy.data.scenes:
        arrived = sum(head in imported for head in heads.rendered_in(scene))
        if arrived:
            rendering.prepare(scene, arrived)


def _kept_data() -> set[bpy.types.ID]:
    """Return the datablocks that heads keep for later: no object shows them."""
    kept = {originals.original_of(cloud) for cloud in bpy.data.pointclouds}
    kept |= {head[fits.FIT_KEY] for head in bpy.data.objects if fits.FIT_KEY in head}
    return {data for data in kept if isinstance(data, bpy.types.ID)}


def register() -> None:
    """Listen."""
    bpy.app.handlers.blend_import_post.append(on_import)


def unregister() -> None:
    """Listen no more."""
    bpy.app.handlers.blend_import_post.remove(on_import)
