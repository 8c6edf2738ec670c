"""The draw handler of 3D Views: which splats a view shows, and what to do when drawing fails."""

from __future__ import annotations

import traceback

import bpy
import numpy as np

from . import lights, switch
from .batches import Batches
from .canvas import Canvas, Pipeline, View
from .clouds import Clouds
from .shown import Instances, Shown, in_view


class Drawing:
    """Everything the drawing keeps: what was read, what is on the graphics card, a canvas a region."""

    def __init__(self) -> None:
        self.clouds = Clouds()
        self.instances = Instances()
        self._batches = Batches()
        self._canvases: dict[int, Canvas] = {}
        self._pipeline: Pipeline | None = None
        self._handle = None

    def start(self) -> None:
        """Draw from now on."""
        if self._handle is None:
            self._handle = bpy.types.SpaceView3D.draw_handler_add(self._draw, (), "WINDOW", "POST_VIEW")

    def stop(self) -> None:
        """Draw no more, and free everything."""
        if self._handle is not None:
            bpy.types.SpaceView3D.draw_handler_remove(self._handle, "WINDOW")
            self._handle = None
        self.clear()
        self._pipeline = None

    def clear(self) -> None:
        """Forget all objects, as when another file was opened."""
        self.clouds.clear()
        self.instances.clear()
        self._batches.clear()
        self._canvases.clear()

    def forget_missing(self) -> None:
        """Free what belongs to objects and regions that exist no more."""
        self.clouds.keep_only({target.session_uid for target in bpy.data.objects})
        self._batches.keep_only(self.clouds.current())
        regions = {
            region.as_pointer()
            for window in bpy.context.window_manager.windows
            for area in window.screen.areas
            if area.type == "VIEW_3D"
            for region in area.regions
        }
        for key in self._canvases.keys() - regions:
            del self._canvases[key]

    def _draw(self) -> None:
        context = bpy.context
        if not context.scene.facelift_viewport.drawing:
            return
        try:
            self._draw_view(context)
        except Exception:
            # Whatever a graphics driver dislikes, it would dislike sixty times a second.
            traceback.print_exc()
            switch.give_up()

    def _draw_view(self, context: bpy.types.Context) -> None:
        shown = in_view(context, context.space_data, self.clouds, self.instances)
        if not shown:
            return
        if self._pipeline is None:
            self._pipeline = Pipeline()
        key = context.region.as_pointer()
        if key not in self._canvases:
            self._canvases[key] = Canvas()
        batch = self._batches.get([item.cloud for item in shown])
        self._canvases[key].draw(self._pipeline, batch, view_of(context, shown))


def view_of(context: bpy.types.Context, shown: list[Shown]) -> View:
    """Return how the view being drawn shows splats."""
    space, region = context.space_data, context.region_data
    view = np.array(region.view_matrix, np.float64)
    outlined = space.overlay.show_overlays and space.overlay.show_outline_selected and context.mode == "OBJECT"
    marks = np.zeros((len(shown), 2))
    for mark, item in zip(marks, shown, strict=True):
        selected = outlined and item.owner.select_get()
        mark[:] = selected, selected and item.owner == context.view_layer.objects.active
    theme = context.preferences.themes[0].view_3d
    return View(
        matrices=np.stack([view @ item.matrix for item in shown]),
        projection=np.array(region.window_matrix, np.float64),
        marks=marks,
        xray=_sees_through(space.shading),
        chosen_color=theme.vertex_select,
        selected_color=theme.object_selected,
        active_color=theme.object_active,
        shading=lights.shading_of(context, [item.middle for item in shown], view),
    )


def _sees_through(shading: bpy.types.View3DShading) -> bool:
    if shading.type == "WIREFRAME":
        return shading.show_xray_wireframe
    return shading.type == "SOLID" and shading.show_xray


drawing = Drawing()
"""The one drawing of this Blender."""
