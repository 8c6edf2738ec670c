"""The avatar's tools in the Object, Pose and context menus, where F3's search finds them too."""

from __future__ import annotations

import bpy

from . import base_objects, faces, rigs


class FACELIFT_MT_avatar(bpy.types.Menu):
    """Everything that can be done with an avatar"""

    bl_idname = "FACELIFT_MT_avatar"
    bl_label = "Avatar"

    def draw(self, _context: bpy.types.Context) -> None:
        """List the tools."""
        layout = self.layout
        layout.operator_context = "INVOKE_DEFAULT"
        layout.operator("facelift.fit_base_mesh", icon="OUTLINER_OB_MESH")
        layout.operator("facelift.bake_texture", icon="TEXTURE")
        layout.operator("facelift.wrap_mesh", icon="MOD_SHRINKWRAP")
        layout.operator("facelift.hair_to_curves", icon="OUTLINER_OB_CURVES")
        layout.operator_menu_enum("facelift.choose_hair", "growth", icon="SCULPTMODE_HLT")
        layout.operator("facelift.hair_cards", text="Hair Cards…", icon="MESH_GRID")
        layout.operator("facelift.bind_to_mesh", icon="MOD_MESHDEFORM")
        layout.operator("facelift.unbind", icon="X")
        layout.separator()
        layout.operator_menu_enum("facelift.set_expression", "preset", icon="PRESET")
        layout.operator_menu_enum("facelift.show_expression", "expression", icon="USER")
        layout.operator("facelift.mirror_expressions", text="Mirror Expression", icon="MOD_MIRROR")
        layout.operator("facelift.reset_expressions", text="Reset Expressions", icon="LOOP_BACK")
        layout.operator("facelift.key_expressions", text="Key All Expressions", icon="KEY_HLT")
        layout.separator()
        layout.operator("facelift.add_rig", icon="ARMATURE_DATA")
        layout.operator("facelift.pose_rig", text="Pose Rig", icon="POSE_HLT")
        layout.operator("facelift.remove_rig", icon="X")
        layout.separator()
        layout.operator("facelift.capture_video", text="Capture Face from Video…", icon="CAMERA_DATA")
        layout.operator("facelift.import_recording", text="Import Face Recording…", icon="IMPORT")
        layout.operator("facelift.save_recording", text="Save Face Recording…", icon="EXPORT")
        layout.operator("facelift.export_avatar", text="Export Avatar…", icon="EXPORT")


def _draw(menu: bpy.types.Menu, context: bpy.types.Context) -> None:
    active = rigs.moved_by(context.active_object)
    if base_objects.is_base_mesh(active) or faces.face_of(active) is not None:
        menu.layout.separator()
        menu.layout.menu(FACELIFT_MT_avatar.bl_idname, icon="USER")


PLACES = ("VIEW3D_MT_object", "VIEW3D_MT_object_context_menu", "VIEW3D_MT_pose")


def register() -> None:
    """Add the tools to Blender's menus."""
    for name in PLACES:
        getattr(bpy.types, name).append(_draw)


def unregister() -> None:
    """Take them out again."""
    for name in PLACES:
        getattr(bpy.types, name).remove(_draw)


CLASSES = (FACELIFT_MT_avatar,)
