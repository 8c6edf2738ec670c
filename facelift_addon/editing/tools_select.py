"""Selecting splats by hand: with a brush, a lasso or a sphere. Scripts give coordinates instead of a mouse."""

from __future__ import annotations

import bpy
import numpy as np
from bpy.props import BoolProperty, CollectionProperty, EnumProperty, FloatProperty, FloatVectorProperty, IntProperty

from ...core.editing import picking
from ...core.errors import FaceLiftError
from ..reporting import reported
from . import strokes, targets, tools_drawing, views
from .choices import SELECTIONS

PATH_STEP = 2.0
"""Pixels between two corners of a path."""
DRAG_PIXELS = 4.0
"""By which a mouse moves before a click becomes a drag."""
DEFAULT_SPHERE = 0.03
"""Metres."""


class _PicksByHand(targets.OnSplats):
    """Mix-in: one stroke of the mouse, or the same from coordinates.

    From a mouse, ``begin``, ``move`` and ``end`` build the properties up, and :meth:`find` shows what they mean so far.
    """

    action: EnumProperty(name="Action", description="What to do with the splats found", items=SELECTIONS)

    @reported
    def execute(self, context: bpy.types.Context) -> set[str]:
        """Select by the coordinates."""
        self.require_coordinates()
        stroke = strokes.Stroke(context, views.view_of(context), self.action)
        self.find(stroke)
        return self._finished(stroke)

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Follow the mouse until it is released."""
        if not views.in_view(context):
            self.report({"ERROR"}, "Drag in a 3D View: the tool is in its toolbar.")
            return {"CANCELLED"}
        tool = _tool_of(context)
        self._stroke = strokes.Stroke(context, views.view_of(context), self.action)
        if tool != _tool_of(context):
            # Each mode has a tool of its own, and the stroke entered Edit Mode.
            bpy.ops.wm.tool_set_by_id(name=tool, space_type="VIEW_3D")
        self._picture = tools_drawing.Picture()
        place = np.array([event.mouse_region_x, event.mouse_region_y], float)
        if not self.begin(self._stroke, place):
            self._stroke.cancel()
            self._picture.remove()
            self.report({"INFO"}, "There are no splats under the mouse")
            return {"CANCELLED"}
        self._follow(context)
        context.window_manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Draw and select along, until the button is released."""
        place = np.array([event.mouse_region_x, event.mouse_region_y], float)
        if event.type in ("ESC", "RIGHTMOUSE"):
            self._stroke.cancel()
            self._picture.remove()
            context.area.tag_redraw()
            return {"CANCELLED"}
        if event.type == "MOUSEMOVE":
            self.move(self._stroke, place)
            self._follow(context)
        elif event.type == "LEFTMOUSE" and event.value == "RELEASE":
            self.move(self._stroke, place)
            self.find(self._stroke)
            self._picture.remove()
            context.area.tag_redraw()
            return self._finished(self._stroke)
        return {"RUNNING_MODAL"}

    def _follow(self, context: bpy.types.Context) -> None:
        self.follow(self._stroke)
        self._picture.lines = self.lines(self._stroke)
        context.area.tag_redraw()

    def _finished(self, stroke: strokes.Stroke) -> set[str]:
        self.report({"INFO"}, f"{stroke.show():,} splats selected")
        return {"FINISHED"}

    def require_coordinates(self) -> None:
        """See to it that there are coordinates.

        Raises:
            FaceLiftError: there are none ("no-coordinates").
        """

    def begin(self, stroke: strokes.Stroke, place: np.ndarray) -> bool:
        """Take the place [2] where the mouse was pressed; return whether there is anything to do."""
        raise NotImplementedError

    def move(self, stroke: strokes.Stroke, place: np.ndarray) -> None:
        """Take a place [2] that the mouse came to."""
        raise NotImplementedError

    def find(self, stroke: strokes.Stroke) -> None:
        """Find what the coordinates mean."""
        raise NotImplementedError

    def follow(self, stroke: strokes.Stroke) -> None:
        """Show while the mouse moves what is selected so far."""
        self.find(stroke)
        stroke.show()

    def lines(self, stroke: strokes.Stroke) -> list[np.ndarray]:
        """Return the lines [K, 2] to draw meanwhile, in pixels."""
        return []


def _tool_of(context: bpy.types.Context) -> str:
    """Return the name of the tool that is taken up in the present mode."""
    return context.workspace.tools.from_space_view3d_mode(context.mode).idname


class _AlongPath(_PicksByHand):
    """Mix-in: the mouse's way through the view decides."""

    path: CollectionProperty(type=bpy.types.OperatorMousePath, options={"HIDDEN", "SKIP_SAVE"})
    use_visible: BoolProperty(
        name="Only Visible",
        description="Leave out splats that others hide in this view; otherwise select through everything",
        default=True,
    )

    def require_coordinates(self) -> None:
        """See to it that there is a path."""
        if not self.path:
            raise FaceLiftError(
                "There is no path to select along.",
                "Use the tool in the 3D View's toolbar; scripts give a path as Blender's own lasso wants it.",
                code="no-coordinates",
            )

    def begin(self, stroke: strokes.Stroke, place: np.ndarray) -> bool:
        """Begin the path."""
        self.path.clear()
        self.path.add().loc = place
        return True

    def move(self, stroke: strokes.Stroke, place: np.ndarray) -> None:
        """Extend the path."""
        if np.linalg.norm(place - self.path[-1].loc) >= PATH_STEP:
            self.path.add().loc = place

    def corners(self) -> np.ndarray:
        """Return the path [K, 2]."""
        return np.array([entry.loc for entry in self.path], float)


class FACELIFT_OT_select_brush(_AlongPath, bpy.types.Operator):
    """Paint the selection. Shift adds, Ctrl takes away, [ and ] change the radius"""

    bl_idname = "facelift.select_brush"
    bl_label = "Select with Brush"
    bl_options = {"REGISTER", "UNDO"}

    radius: IntProperty(
        name="Radius", description="Of the brush", default=40, min=1, max=2000, soft_max=300, subtype="PIXEL"
    )

    def begin(self, stroke: strokes.Stroke, place: np.ndarray) -> bool:
        """Begin the path."""
        self._done = 0
        return super().begin(stroke, place)

    def find(self, stroke: strokes.Stroke, since: int = 0) -> None:
        """Find what is near the path, or near its part from a corner on."""
        corners = self.corners()[since:]
        stroke.find_seen(lambda places: picking.near_path(places, corners, self.radius), self.use_visible)

    def follow(self, stroke: strokes.Stroke) -> None:
        """Find what is near the part of the path that is new."""
        self.find(stroke, max(0, self._done - 1))
        self._done = len(self.path)
        stroke.show()

    def lines(self, stroke: strokes.Stroke) -> list[np.ndarray]:
        """Draw the circle."""
        return [tools_drawing.circle(self.corners()[-1], self.radius)]


class FACELIFT_OT_select_lasso(_AlongPath, bpy.types.Operator):
    """Draw around splats to select them. Shift adds, Ctrl takes away"""

    bl_idname = "facelift.select_lasso"
    bl_label = "Select with Lasso"
    bl_options = {"REGISTER", "UNDO"}

    def find(self, stroke: strokes.Stroke) -> None:
        """Find what is inside."""
        corners = self.corners()
        stroke.find_seen(lambda places: picking.in_polygon(places, corners), self.use_visible)

    def follow(self, stroke: strokes.Stroke) -> None:
        """Only a closed lasso selects."""

    def lines(self, stroke: strokes.Stroke) -> list[np.ndarray]:
        """Draw the lasso, closed."""
        corners = self.corners()
        return [np.concatenate([corners, corners[:1]])]


class FACELIFT_OT_select_sphere(_PicksByHand, bpy.types.Operator):
    """Press on a splat and drag to select all in a sphere around it, also what is hidden; a click takes the radius of the last time. Shift adds, Ctrl takes away"""  # noqa: E501

    bl_idname = "facelift.select_sphere"
    bl_label = "Select with Sphere"
    bl_options = {"REGISTER", "UNDO"}

    center: FloatVectorProperty(name="Center", description="In the world", subtype="TRANSLATION", size=3)
    radius: FloatProperty(
        name="Radius", description="Of the sphere", default=DEFAULT_SPHERE, min=0.0, soft_max=1.0, unit="LENGTH"
    )

    def begin(self, stroke: strokes.Stroke, place: np.ndarray) -> bool:
        """Put the centre on the splat under the mouse."""
        point = stroke.touched(place)
        if point is None:
            return False
        self.center = point
        self._pressed, self._dragged = place, False
        return True

    def move(self, stroke: strokes.Stroke, place: np.ndarray) -> None:
        """Make the sphere as large as the mouse is far away."""
        distance = float(np.linalg.norm(place - self._pressed))
        self._dragged = self._dragged or distance > DRAG_PIXELS
        if self._dragged:
            self.radius = distance / self._pixels(stroke)

    def find(self, stroke: strokes.Stroke) -> None:
        """Find what is inside."""
        center, radius = np.array(self.center), self.radius
        stroke.find_in_space(lambda points: picking.in_sphere(points, center, radius))

    def lines(self, stroke: strokes.Stroke) -> list[np.ndarray]:
        """Draw the sphere's outline."""
        place = stroke.view.see(np.array([self.center])).places[0]
        return [tools_drawing.circle(place, self.radius * self._pixels(stroke))]

    def _pixels(self, stroke: strokes.Stroke) -> float:
        """Return how many pixels a unit of length takes at the centre."""
        return float(stroke.view.see(np.array([self.center])).pixels[0])


CLASSES = (FACELIFT_OT_select_brush, FACELIFT_OT_select_lasso, FACELIFT_OT_select_sphere)
