"""What an export must not change, and the export itself."""


def scene_state():
    """The scene as a user sees it: scenes, objects, selection, names, frame, mode and sliders."""
    import bpy

    kinds = ("objects", "meshes", "armatures", "materials", "images", "shape_keys", "actions")
    return (
        [scene.name for scene in bpy.data.scenes],
        [
            (item.name, item.select_get(), item.hide_viewport, tuple(item.location))
            for item in bpy.context.scene.objects
        ],
        bpy.context.active_object.name,
        bpy.context.scene.frame_current,
        bpy.context.mode,
        [(key.name, key.value) for data in bpy.data.shape_keys for key in data.key_blocks],
        {kind: sorted(item.name for item in getattr(bpy.data, kind)) for kind in kinds},
    )


def export_avatar(path, **options):
    import bpy

    assert bpy.ops.facelift.export_avatar(filepath=str(path), check_existing=False, **options) == {"FINISHED"}
