"""Brush, lasso and sphere in the 3D View's toolbar, and the buttons that take them up."""

from __future__ import annotations

import bpy
from bpy.props import EnumProperty, FloatProperty

from . import targets, tools_drawing

Layout = bpy.types.UILayout

RADIUS_STEP = 1.15
"""By which the bracket keys change a radius."""

MODIFIERS = (({}, ()), ({"shift": True}, ("EXTEND",)), ({"ctrl": True}, ("SUBTRACT",)))
"""Keys held, and the action that they choose; none leaves it to the tool's own setting."""


def _keymap(operator: str) -> tuple:
    """Return a tool's keys: a press of the mouse, alone and with modifiers; brackets for the radius."""
    presses = [
        (
            operator,
            {"type": "LEFTMOUSE", "value": "PRESS", **keys},
            {"properties": [("action", action) for action in actions]},
        )
        for keys, actions in MODIFIERS
    ]
    brackets = [
        (
            FACELIFT_OT_tool_radius.bl_idname,
            {"type": key, "value": "PRESS", "repeat": True},
            {"properties": [("operator", operator), ("factor", factor)]},
        )
        for key, factor in (("LEFT_BRACKET", 1 / RADIUS_STEP), ("RIGHT_BRACKET", RADIUS_STEP))
    ]
    return (*presses, *brackets)


class FACELIFT_OT_tool_radius(bpy.types.Operator):
    """Make the tool larger or smaller"""

    bl_idname = "facelift.tool_radius"
    bl_label = "Tool Radius"
    bl_options = {"INTERNAL"}

    operator: EnumProperty(
        items=[(f"facelift.select_{name}", name.capitalize(), "") for name in ("brush", "lasso", "sphere")]
    )
    factor: FloatProperty(default=RADIUS_STEP)

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Change the tool's setting."""
        tool = context.workspace.tools.from_space_view3d_mode(context.mode)
        settings = tool.operator_properties(self.operator)
        if not hasattr(settings, "radius"):
            return {"PASS_THROUGH"}
        before = settings.radius
        settings.radius = type(before)(before * self.factor)
        if settings.radius == before:
            settings.radius = before + (1 if self.factor > 1 else -1)
        context.area.tag_redraw()
        return {"FINISHED"}


def _draw_settings(operator: str, names: tuple[str, ...]):
    def draw_settings(_context: bpy.types.Context, layout: Layout, tool: bpy.types.WorkSpaceTool) -> None:
        settings = tool.operator_properties(operator)
        layout.row().prop(settings, "action", expand=True, text="", icon_only=True)
        for name in names:
            layout.prop(settings, name)

    return draw_settings


def _draw_brush(_context: bpy.types.Context, tool: bpy.types.WorkSpaceTool, place: tuple[int, int]) -> None:
    """Draw the brush around the mouse."""
    radius = tool.operator_properties("facelift.select_brush").radius
    tools_drawing.draw([tools_drawing.circle(place, radius)])


class _Tool:
    bl_space_type = "VIEW_3D"


TOOLS = (
    (
        "brush",
        "Splat Brush",
        "Paint the selection of splats.\nShift adds, Ctrl takes away, [ and ] change the radius",
        "ops.generic.select_circle",
        ("radius", "use_visible"),
        "NONE",
    ),
    (
        "lasso",
        "Splat Lasso",
        "Draw around splats to select them.\nShift adds, Ctrl takes away",
        "ops.generic.select_lasso",
        ("use_visible",),
        "CROSSHAIR",
    ),
    (
        "sphere",
        "Splat Sphere",
        "Press on a splat and drag to select all in a sphere around it.\nShift adds, Ctrl takes away",
        "ops.mesh.primitive_sphere_add_gizmo",
        ("radius",),
        "CROSSHAIR",
    ),
)
"""Name, label, description, icon, settings in the header, mouse cursor."""


def _tool_class(mode: str, name: str, label: str, description: str, icon: str, settings: tuple, cursor: str) -> type:
    operator = f"facelift.select_{name}"
    body = {
        "bl_context_mode": mode,
        "bl_idname": tool_id(name),
        "bl_label": label,
        "bl_description": description,
        "bl_icon": icon,
        "bl_cursor": "CROSSHAIR" if cursor == "NONE" else cursor,
        "bl_operator": operator,
        "bl_keymap": _keymap(operator),
        "draw_settings": staticmethod(_draw_settings(operator, settings)),
    }
    if name == "brush":
        body["draw_cursor"] = staticmethod(_draw_brush)
    return type(f"FACELIFT_WT_{name}_{mode.lower()}", (_Tool, bpy.types.WorkSpaceTool), body)


def tool_id(name: str) -> str:
    """Return Blender's name of a tool: "brush", "lasso" or "sphere"."""
    return f"facelift.{name}_tool"


MODES = ("OBJECT", "EDIT_POINTCLOUD")
_classes: list[type] = []


def register() -> None:
    """Put the tools at the end of the toolbar, as one group that unfolds."""
    for mode in MODES:
        before = None
        for tool in TOOLS:
            cls = _tool_class(mode, *tool)
            bpy.utils.register_tool(cls, after=before and {before}, separator=before is None, group=before is None)
            before = cls.bl_idname
            _classes.append(cls)


def unregister() -> None:
    """Take them out."""
    for cls in reversed(_classes):
        bpy.utils.unregister_tool(cls)
    _classes.clear()


class FACELIFT_OT_use_tool(targets.OnSplats, bpy.types.Operator):
    """Take up a tool that selects splats by hand. It stays until you take another one from the toolbar"""

    bl_idname = "facelift.use_tool"
    bl_label = "Select by Hand"
    bl_options = {"INTERNAL"}

    tool: EnumProperty(
        name="Tool",
        items=[(name, label, description) for name, label, description, *_ in TOOLS],
    )

    @classmethod
    def description(cls, _context: bpy.types.Context, properties) -> str:
        """Explain the button's tool."""
        return cls.bl_rna.properties["tool"].enum_items[properties.tool].description

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Enter Edit Mode, where the selection shows, and take the tool."""
        targets.edit_mode(context)
        bpy.ops.wm.tool_set_by_id(name=tool_id(self.tool), space_type="VIEW_3D")
        return {"FINISHED"}


def draw_buttons(layout: Layout, context: bpy.types.Context) -> None:
    """Draw the buttons that take the tools up; the one at work is pressed."""
    tool = context.workspace.tools.from_space_view3d_mode(context.mode) if context.workspace else None
    row = layout.row(align=True)
    for name, label, *_ in TOOLS:
        pressed = tool is not None and tool.idname == tool_id(name)
        text = label.removeprefix("Splat ")
        row.operator(FACELIFT_OT_use_tool.bl_idname, text=text, depress=pressed).tool = name


CLASSES = (FACELIFT_OT_tool_radius, FACELIFT_OT_use_tool)
