"""The draw handler of 3D Views: which splats a view shows, and what to do when drawing fails."""

from __future__ import annotations

import traceback

import bpy
import numpy as np

from . import switch
from .batches import Batches
from .canvas import Canvas, Pipeline
from .clouds import Cloud, Clouds

SMALLEST_DETERMINANT = 1e-30
"""An object scaled to nothing has no inverse matrix, and nothing to show."""


class Drawing:
    """Everything the drawing keeps: what was read, what is on the graphics card, a canvas a region."""

    def __init__(self) -> None:
        self.clouds = Clouds()
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
        shown = visible_clouds(context, self.clouds)
        if not shown:
            return
        if self._pipeline is None:
            self._pipeline = Pipeline()
        region = context.region_data
        view = np.array(region.view_matrix, np.float64)
        matrices = np.stack([view @ np.array(target.matrix_world, np.float64) for target, _ in shown])
        key = context.region.as_pointer()
        if key not in self._canvases:
            self._canvases[key] = Canvas()
        self._canvases[key].draw(
            self._pipeline,
            self._batches.get([cloud for _, cloud in shown]),
            matrices,
            np.array(region.window_matrix, np.float64),
            _highlight(context),
        )


def visible_clouds(context: bpy.types.Context, clouds: Clouds) -> list[tuple[bpy.types.Object, Cloud]]:
    """Return the evaluated objects that a view shows and that stand in for splats, with these."""
    graph = context.evaluated_depsgraph_get()
    found = []
    for target in context.view_layer.objects:
        if target.type != "POINTCLOUD" or not target.visible_in_viewport_get(context.space_data):
            continue
        cloud = clouds.get(target, graph)
        if cloud is None:
            continue
        evaluated = target.evaluated_get(graph)
        if abs(evaluated.matrix_world.to_3x3().determinant()) > SMALLEST_DETERMINANT:
            found.append((evaluated, cloud))
    return found


def _highlight(context: bpy.types.Context) -> tuple[float, float, float, float]:
    """Return the theme's colour of selected points; its alpha is 1 where a selection is shown."""
    return (*context.preferences.themes[0].view_3d.vertex_select, 1.0)


drawing = Drawing()
"""The one drawing of this Blender."""
