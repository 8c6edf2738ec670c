"""Operators on how heads are seen: cameras, viewport display, render settings."""

from __future__ import annotations

import bpy
from bpy.props import EnumProperty, IntProperty

from ..editing import targets
from ..interface.explaining import Explained
from ..reporting import reported
from ..splats.data import geometry, heads
from ..splats.display import display, native, proxies
from ..splats.display.native import Way
from ..splats.scene import arrival_view, arrivals, belongings, cameras, lighting, rendering
from ..viewport import split, switch

PICTURE_SIZE = 1024
"""Pixels; the aligned photo is square, and twice its size is enough for every detail."""


class _OnHead(Explained):
    """An operator on the active head."""

    @classmethod
    def obstacle(cls, context: bpy.types.Context) -> str:
        """A head must be active."""
        return "" if heads.is_head(targets.active_splats(context)) else "Select a head or imported splats"


def _show_camera_view(head: bpy.types.Object, shown: bool) -> None:
    display.set_option(head, display.CAMERA_IN_VIEWPORT, shown)
    proxies.fit_viewport(head)


class FACELIFT_OT_viewport_display(_OnHead, bpy.types.Operator):
    """Choose how the head is drawn in the 3D View"""

    bl_idname = "facelift.viewport_display"
    bl_label = "Viewport Display"
    bl_options = {"REGISTER", "UNDO"}

    mode: EnumProperty(
        name="Mode",
        items=(
            ("POINTS", "Free View", "Real splats, or surface elements where they are off: right from everywhere"),
            ("CAMERA", "Scene Camera", "The splats as the active camera renders them: right only through that camera"),
        ),
    )

    @classmethod
    def description(cls, _context: bpy.types.Context, properties) -> str:
        """Explain the button's mode."""
        return cls.bl_rna.properties["mode"].enum_items[properties.mode].description

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Switch the display modifier."""
        _show_camera_view(targets.active_splats(context), self.mode == "CAMERA")
        return {"FINISHED"}


class FACELIFT_OT_make_native(targets.OnSplatObjects, bpy.types.Operator):
    """Let Blender itself draw the selected splats, in every view and in renders, as it draws new heads. For heads of files from before Blender 5.3"""  # noqa: E501

    bl_idname = "facelift.make_native"
    bl_label = "Make Native"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def obstacle(cls, context: bpy.types.Context) -> str:
        """Something must be left to change, and Blender able to draw it."""
        if not native.is_available():
            return "Blender draws splats itself from 5.3 on"
        missing = super().obstacle(context)
        if missing or any(display.way_of(target) is not Way.NATIVE for target in targets.targets_of(context)):
            return missing
        return "Blender draws these splats itself already"

    @reported
    def execute(self, context: bpy.types.Context) -> set[str]:
        """Change how they are displayed; they stay as they are."""
        for target in targets.targets_of(context):
            heads.identify(target)
            geometry.settle_parts(target.data)
            display.make_native(target)
            arrivals.show_as(target, context.scene.facelift)
            proxies.fit_viewport(target)
        return {"FINISHED"}


class FACELIFT_OT_look_through_photo(_OnHead, bpy.types.Operator):
    """Look through the camera that took the photo, with the photo behind the head and a square picture"""

    bl_idname = "facelift.look_through_photo"
    bl_label = "Look Through Photo Camera"
    bl_options = {"REGISTER", "UNDO"}

    photo: IntProperty(
        name="Photo", description="Of a head's photos, the one; 0 is the portrait", min=0, options={"SKIP_SAVE"}
    )

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Make the photo camera active and the view a camera view."""
        camera = heads.photo_camera_of(targets.active_splats(context), self.photo)
        if camera is None:
            missing = "This head has no photo camera. Imported splats come without one."
            self.report({"ERROR"}, missing if self.photo == 0 else "This photo has no camera: it was left out.")
            return {"CANCELLED"}
        _look_through(context, targets.active_splats(context), camera)
        return {"FINISHED"}


def _look_through(context: bpy.types.Context, head: bpy.types.Object, camera: bpy.types.Object) -> None:
    """Make a head's photo camera active, the picture square and the view a camera view."""
    context.scene.camera = camera
    # Real splats are drawn through cameras too, and better than quads are in Solid mode.
    _show_camera_view(head, False)
    context.scene.render.resolution_x = context.scene.render.resolution_y = PICTURE_SIZE
    space = context.space_data
    if space is not None and space.type == "VIEW_3D":
        space.region_3d.view_perspective = "CAMERA"


class FACELIFT_OT_compare_photo(_OnHead, bpy.types.Operator):
    """Look through the photo's camera, with the photo at the left of a line that can be dragged and the head at its right. Pressed again: back to the view, the camera and the picture size of before"""  # noqa: E501

    bl_idname = "facelift.compare_photo"
    bl_label = "Compare with Photo"
    bl_options = {"REGISTER"}

    @classmethod
    def obstacle(cls, context: bpy.types.Context) -> str:
        """A head with its photo must be active, unless the comparison is to end."""
        if context.scene.facelift_split.shown:
            return ""
        reason = super().obstacle(context)
        if reason:
            return reason
        photo = split.photo_of(heads.photo_camera_of(targets.active_splats(context)))
        return "" if photo is not None else "Select a head with a photo: imported splats come without one"

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Begin, or end."""
        scene, compared, space = context.scene, context.scene.facelift_split, context.space_data
        view = space.region_3d if space is not None and space.type == "VIEW_3D" else None
        if compared.shown:
            compared.shown = False
            scene.camera = bpy.data.objects.get(compared.camera)
            scene.render.resolution_x, scene.render.resolution_y = compared.resolution
            if view is not None and view.view_perspective == "CAMERA":
                view.view_perspective = compared.perspective or "PERSP"
            return {"FINISHED"}
        compared.camera = scene.camera.name if scene.camera is not None else ""
        compared.resolution = scene.render.resolution_x, scene.render.resolution_y
        compared.perspective = view.view_perspective if view is not None else ""
        head = targets.active_splats(context)
        own = heads.photo_cameras_of(head).values()
        seen = scene.camera if compared.perspective == "CAMERA" and scene.camera in own else None
        _look_through(context, head, seen or heads.photo_camera_of(head))
        compared.shown = True
        return {"FINISHED"}


class FACELIFT_OT_add_six_views(_OnHead, bpy.types.Operator):
    """Add the six cameras for which FaceLift generates views: front, sides, back and between"""

    bl_idname = "facelift.add_six_views"
    bl_label = "Add Six-View Cameras"
    bl_options = {"REGISTER", "UNDO"}

    @reported
    def execute(self, context: bpy.types.Context) -> set[str]:
        """Add the cameras beside the head."""
        head = targets.active_splats(context)
        heads.identify(head)
        for camera in cameras.six_views(head, heads.placement_of(head)):
            head.users_collection[0].objects.link(camera)
            belongings.mark(camera, head[heads.ID_KEY])
        return {"FINISHED"}


class FACELIFT_OT_apply_render_settings(Explained, bpy.types.Operator):
    """Change this scene's render settings to what splats need; they can be restored"""

    bl_idname = "facelift.apply_render_settings"
    bl_label = "Set Up for Splats"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def obstacle(cls, context: bpy.types.Context) -> str:
        """Something must be left to change."""
        left = rendering.proposed_changes(context.scene, context.scene.facelift.color_mode)
        return "" if left else "The render settings are already right for splats"

    @reported
    def execute(self, context: bpy.types.Context) -> set[str]:
        """Change the settings."""
        changes = rendering.apply(context.scene, context.scene.facelift.color_mode)
        self.report({"INFO"}, rendering.told(changes))
        return {"FINISHED"}


class FACELIFT_OT_restore_render_settings(Explained, bpy.types.Operator):
    """Put this scene's render settings back to what they were"""

    bl_idname = "facelift.restore_render_settings"
    bl_label = "Restore Render Settings"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def obstacle(cls, context: bpy.types.Context) -> str:
        """Something must be remembered."""
        return "" if rendering.can_restore(context.scene) else "Nothing was changed"

    @reported
    def execute(self, context: bpy.types.Context) -> set[str]:
        """Restore the settings."""
        rendering.restore(context.scene)
        return {"FINISHED"}


class FACELIFT_OT_viewport_render(Explained, bpy.types.Operator):
    """Take a picture of this view with the splats in it, which Blender's Viewport Render Image leaves out as it does all that extensions draw. Exact through the scene's camera in Material Preview and Rendered; elsewhere surface elements stand for splats"""  # noqa: E501

    bl_idname = "facelift.viewport_render"
    bl_label = "Viewport Render Image with Splats"

    @classmethod
    def obstacle(cls, context: bpy.types.Context) -> str:
        """A 3D View must show heads."""
        if context.space_data is None or context.space_data.type != "VIEW_3D":
            return "Call this in a 3D View"
        return "" if heads.heads_of(context.scene) else "There are no heads in this scene"

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Render, and show the picture."""
        shading = context.space_data.shading
        exact = shading.type in ("MATERIAL", "RENDERED") and context.region_data.view_perspective == "CAMERA"
        color_type = shading.color_type
        shown = heads.heads_of(context.scene)
        before = [display.get_option(head, display.CAMERA_IN_VIEWPORT) for head in shown]
        with switch.suspended(context.scene):
            try:
                for head in shown:
                    _show_camera_view(head, exact)
                if shading.type == "SOLID":
                    shading.color_type = arrival_view.ATTRIBUTE_COLORS
                context.view_layer.update()
                bpy.ops.render.opengl("EXEC_DEFAULT", view_context=True)
            finally:
                shading.color_type = color_type
                for head, option in zip(shown, before, strict=True):
                    _show_camera_view(head, option)
        bpy.ops.render.view_show("INVOKE_DEFAULT")
        return {"FINISHED"}


def draw_in_view_menu(menu: bpy.types.Menu, context: bpy.types.Context) -> None:
    """Add to View > ... of 3D Views with heads that Blender's own Viewport Render Image leaves out."""
    if any(display.way_of(head) is Way.QUADS for head in heads.heads_of(context.scene)):
        menu.layout.separator()
        menu.layout.operator(FACELIFT_OT_viewport_render.bl_idname, icon="RENDER_STILL")


class FACELIFT_OT_update_lighting(Explained, bpy.types.Operator):
    """Fit shadows and shading of lit heads to what edits and adjustments left of the splats"""

    bl_idname = "facelift.update_lighting"
    bl_label = "Update Lighting"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def obstacle(cls, context: bpy.types.Context) -> str:
        """Colours must be lit."""
        return "" if context.scene.facelift.color_mode == "LIT" else "Choose the colors Lit first"

    @reported
    def execute(self, context: bpy.types.Context) -> set[str]:
        """Work it out; scripts have it on return."""
        lighting.update(context.scene)
        return {"FINISHED"}


CLASSES = (
    FACELIFT_OT_viewport_display,
    FACELIFT_OT_make_native,
    FACELIFT_OT_look_through_photo,
    FACELIFT_OT_compare_photo,
    FACELIFT_OT_add_six_views,
    FACELIFT_OT_viewport_render,
    FACELIFT_OT_update_lighting,
    FACELIFT_OT_apply_render_settings,
    FACELIFT_OT_restore_render_settings,
)
