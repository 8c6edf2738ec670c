"""Operators that select splats. From Object Mode they enter Edit Mode, where the selection shows."""

from __future__ import annotations

import bpy
import numpy as np
from bpy.props import EnumProperty, FloatProperty, FloatVectorProperty

from ...core.cameras import Camera
from ...core.editing import measures, neighbors, selection, visibility
from ...core.errors import FaceLiftError
from ...core.gaussians import Gaussians
from ...core.splats.parts import Part
from ..reporting import reported
from ..splats.data import baking
from . import silhouettes, targets
from .choices import PARTS, SELECTIONS, combined

VISIBILITY_SIZE = 512
"""Pixels of the longer side of the picture in which visibility is judged."""
REFERENCE_DEPTH = 2.7
"""Distance to which the scene is scaled for it: the rasterizer's near plane is made for that."""
GROWTH_SPACINGS = 2.0
"""Typical distances between splats by which a selection grows when no distance is given."""


class _Selects(targets.OnSplats):
    """Mix-in: finds splats and changes the selection."""

    action: EnumProperty(name="Action", description="What to do with the splats found", items=SELECTIONS)

    @reported
    def execute(self, context: bpy.types.Context) -> set[str]:
        """Select."""
        count = 0
        for target in targets.targets_of(context):
            old = targets.selected(target.data) if target.mode == "EDIT" else np.zeros(len(target.data.points), bool)
            mask = combined(self.action, old, self.found(context, target, baking.stored(target)))
            targets.select(target.data, mask)
            count += int(mask.sum())
        targets.edit_mode(context)
        self.report({"INFO"}, f"{count:,} splats selected")
        return {"FINISHED"}

    def found(self, context: bpy.types.Context, target: bpy.types.Object, gaussians: Gaussians) -> np.ndarray:
        """Return the mask [N] of the splats looked for."""
        raise NotImplementedError


class FACELIFT_OT_select_part(_Selects, bpy.types.Operator):
    """Select all splats of a part of the head"""

    bl_idname = "facelift.select_part"
    bl_label = "Select Part"
    bl_options = {"REGISTER", "UNDO"}

    part: EnumProperty(name="Part", description="Part of the head", items=PARTS, default="HAIR")

    def found(self, context: bpy.types.Context, target: bpy.types.Object, gaussians: Gaussians) -> np.ndarray:
        """Return the mask of the part."""
        return selection.by_part(gaussians, [Part[self.part]])


class FACELIFT_OT_select_color(_Selects, bpy.types.Operator):
    """Select splats that look like a color"""

    bl_idname = "facelift.select_color"
    bl_label = "Select by Color"
    bl_options = {"REGISTER", "UNDO"}

    color: FloatVectorProperty(
        name="Color",
        description="What the splats look like",
        subtype="COLOR_GAMMA",
        size=3,
        min=0.0,
        max=1.0,
        default=(0.8, 0.6, 0.5),
    )
    tolerance: FloatProperty(
        name="Tolerance",
        description="How different colors may look: 2 is just noticeable, 20 another shade",
        default=15.0,
        min=0.0,
        soft_max=60.0,
    )

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """Begin with the color of what is selected."""
        target = targets.active_splats(context)
        mask = targets.chosen(target)
        if mask.any():
            self.color = np.clip(np.median(baking.stored(target).colors[mask], axis=0), 0, 1).tolist()
        return self.execute(context)

    def found(self, context: bpy.types.Context, target: bpy.types.Object, gaussians: Gaussians) -> np.ndarray:
        """Return the mask of similar colors."""
        return selection.by_color(gaussians, self.color, self.tolerance)


class FACELIFT_OT_select_size(_Selects, bpy.types.Operator):
    """Select splats by their size"""

    bl_idname = "facelift.select_size"
    bl_label = "Select by Size"
    bl_options = {"REGISTER", "UNDO"}

    low: FloatProperty(name="Minimum", description="Smallest size, in medians of all splats", default=3.0, min=0.0)
    high: FloatProperty(name="Maximum", description="Largest size, in medians of all splats", default=1000.0, min=0.0)

    def found(self, context: bpy.types.Context, target: bpy.types.Object, gaussians: Gaussians) -> np.ndarray:
        """Return the mask of sizes between the limits."""
        median = float(np.median(measures.sizes(gaussians))) if len(gaussians) else 0.0
        return selection.by_size(gaussians, self.low * median, self.high * median)


class FACELIFT_OT_select_opacity(_Selects, bpy.types.Operator):
    """Select splats by their opacity"""

    bl_idname = "facelift.select_opacity"
    bl_label = "Select by Opacity"
    bl_options = {"REGISTER", "UNDO"}

    low: FloatProperty(name="Minimum", description="Lowest opacity", min=0.0, max=1.0, subtype="FACTOR")
    high: FloatProperty(name="Maximum", description="Highest opacity", default=0.3, min=0.0, max=1.0, subtype="FACTOR")

    def found(self, context: bpy.types.Context, target: bpy.types.Object, gaussians: Gaussians) -> np.ndarray:
        """Return the mask of opacities between the limits."""
        return selection.by_opacity(gaussians, self.low, self.high)


class FACELIFT_OT_select_visible(_Selects, bpy.types.Operator):
    """Select only splats that are not hidden behind others, as seen in the 3D View or through the camera"""

    bl_idname = "facelift.select_visible"
    bl_label = "Select Visible"
    bl_options = {"REGISTER", "UNDO"}

    view: EnumProperty(
        name="Seen from",
        items=(
            ("VIEW", "3D View", "The view in which the tool is called; the camera where there is none"),
            ("CAMERA", "Camera", "The scene's active camera"),
        ),
    )

    def found(self, context: bpy.types.Context, target: bpy.types.Object, gaussians: Gaussians) -> np.ndarray:
        """Return the mask of visible splats."""
        camera = self._camera(context, target)
        center = gaussians.means.mean(axis=0) if len(gaussians) else np.zeros(3)
        distance = np.linalg.norm(center - camera.position)
        scale = np.float32(REFERENCE_DEPTH / max(distance, 1e-9))
        c2w = np.array(camera.c2w)
        c2w[:3, 3] *= scale
        scaled = Camera(camera.width, camera.height, camera.fx, camera.fy, camera.cx, camera.cy, c2w)
        near = gaussians.replace(means=gaussians.means * scale, scales=gaussians.scales * scale)
        return visibility.visible(near, scaled)

    def _camera(self, context: bpy.types.Context, target: bpy.types.Object) -> Camera:
        region, space = context.region, context.space_data
        if self.view == "VIEW" and space is not None and space.type == "VIEW_3D" and region.type == "WINDOW":
            view = space.region_3d
            if view.view_perspective != "CAMERA":
                return silhouettes.camera_of_view(target, view, *_fitted(region.width, region.height))
        if context.scene.camera is None or context.scene.camera.type != "CAMERA":
            raise FaceLiftError("There is no camera to look through.", "Add one, or call this in a 3D View.")
        render = context.scene.render
        return silhouettes.camera_of(target, context.scene.camera, *_fitted(render.resolution_x, render.resolution_y))


def _fitted(width: int, height: int) -> tuple[int, int]:
    """Return a size of the same aspect with the longer side at :data:`VISIBILITY_SIZE`."""
    factor = VISIBILITY_SIZE / max(width, height)
    return max(1, round(width * factor)), max(1, round(height * factor))


class _GrowsOrShrinks(targets.OnSplats):
    """Mix-in: changes the selection at its border."""

    distance: FloatProperty(
        name="Distance", description="How far; 0 takes twice the typical distance of splats", min=0.0, unit="LENGTH"
    )

    @classmethod
    def obstacle(cls, context: bpy.types.Context) -> str:
        """Only Edit Mode has a selection."""
        editing = context.mode == "EDIT_POINTCLOUD"
        return super().obstacle(context) or ("" if editing else "Enter Edit Mode and select splats")

    @reported
    def execute(self, context: bpy.types.Context) -> set[str]:
        """Change the selections."""
        targets.check_chosen(context)
        for target in targets.targets_of(context):
            means = baking.stored(target).means
            distance = self.distance or GROWTH_SPACINGS * neighbors.typical_spacing(means)
            targets.select(target.data, self.change(means, targets.selected(target.data), distance))
        return {"FINISHED"}


class FACELIFT_OT_grow_selection(_GrowsOrShrinks, bpy.types.Operator):
    """Select the neighbors of selected splats too"""

    bl_idname = "facelift.grow_selection"
    bl_label = "Grow Selection"
    bl_options = {"REGISTER", "UNDO"}

    change = staticmethod(selection.grow)


class FACELIFT_OT_shrink_selection(_GrowsOrShrinks, bpy.types.Operator):
    """Deselect splats at the border of the selection"""

    bl_idname = "facelift.shrink_selection"
    bl_label = "Shrink Selection"
    bl_options = {"REGISTER", "UNDO"}

    change = staticmethod(selection.shrink)


CLASSES = (
    FACELIFT_OT_select_part,
    FACELIFT_OT_select_color,
    FACELIFT_OT_select_size,
    FACELIFT_OT_select_opacity,
    FACELIFT_OT_select_visible,
    FACELIFT_OT_grow_selection,
    FACELIFT_OT_shrink_selection,
)
