"""The expressions as sliders: the shape keys' own values, so that Blender's key-framing works on them."""

from __future__ import annotations

import bpy
from bpy.app.handlers import persistent
from bpy.props import BoolProperty, EnumProperty, FloatProperty, PointerProperty, StringProperty

from ...core.avatar import arkit
from ..interface.widgets import SidebarPanel
from ..reporting import reported
from . import faces

PRESETS = [(name, name, "") for name in arkit.PRESETS]


class FaceliftExpressions(bpy.types.PropertyGroup):
    """How the sliders behave."""

    link_sides: BoolProperty(
        name="Link Left and Right",
        description="A slider that you move takes the one of the other side along",
    )
    search: StringProperty(
        name="Search", description="Show expressions with this in their name only", options={"TEXTEDIT_UPDATE"}
    )


class _Link:
    """Takes the other side along when one slider is moved: told by Blender's message bus, never by animation."""

    def __init__(self) -> None:
        self.drawn: tuple[int, dict[str, float]] | None = None

    def remember(self, mesh: bpy.types.Object) -> None:
        """Note the values that the sliders show: the next change is against them."""
        values = {name: key.value for name, key in faces.expressions_of(mesh).items()}
        self.drawn = (mesh.data.shape_keys.as_pointer(), values)

    def follow(self) -> None:
        """Give expressions whose other side was moved the same value."""
        if self.drawn is None or not bpy.context.scene.facelift_expressions.link_sides:
            return
        mesh = faces.face_of(bpy.context.active_object)
        keys, before = self.drawn
        if mesh is None or mesh.data.shape_keys.as_pointer() != keys:
            return
        blocks = faces.expressions_of(mesh)
        moved = [name for name, key in blocks.items() if key.value != before.get(name)]
        for name in moved:
            other = arkit.opposite(name)
            if other in blocks and other not in moved:
                blocks[other].value = blocks[name].value
        self.remember(mesh)


link = _Link()


class FACELIFT_OT_set_expression(faces.OnFace, bpy.types.Operator):
    """Show an expression; all others become zero"""

    bl_idname = "facelift.set_expression"
    bl_label = "Set Expression"
    bl_options = {"REGISTER", "UNDO"}

    preset: EnumProperty(name="Expression", description="What the face shows", items=PRESETS)
    strength: FloatProperty(
        name="Strength", description="How much of it", default=1.0, min=0.0, max=1.0, subtype="FACTOR"
    )

    @reported
    def execute(self, context: bpy.types.Context) -> set[str]:
        """Set the sliders."""
        strengths = arkit.strengths(self.preset)
        for name, key in faces.expressions_of(faces.required_face(context.active_object)).items():
            key.value = self.strength * strengths.get(name, 0.0)
        return {"FINISHED"}


class FACELIFT_OT_reset_expressions(faces.OnFace, bpy.types.Operator):
    """Set all expressions to zero: the face at rest"""

    bl_idname = "facelift.reset_expressions"
    bl_label = "Reset All"
    bl_options = {"REGISTER", "UNDO"}

    @reported
    def execute(self, context: bpy.types.Context) -> set[str]:
        """Set the sliders."""
        for key in faces.expressions_of(faces.required_face(context.active_object)).values():
            key.value = 0.0
        return {"FINISHED"}


class FACELIFT_OT_mirror_expressions(faces.OnFace, bpy.types.Operator):
    """Exchange the left and the right side of the expression"""

    bl_idname = "facelift.mirror_expressions"
    bl_label = "Mirror"
    bl_options = {"REGISTER", "UNDO"}

    @reported
    def execute(self, context: bpy.types.Context) -> set[str]:
        """Exchange the sliders' values."""
        blocks = faces.expressions_of(faces.required_face(context.active_object))
        before = {name: key.value for name, key in blocks.items()}
        for name, key in blocks.items():
            key.value = before.get(arkit.mirrored(name), 0.0)
        return {"FINISHED"}


class FACELIFT_OT_key_expressions(faces.OnFace, bpy.types.Operator):
    """Insert a keyframe for every expression at this frame"""

    bl_idname = "facelift.key_expressions"
    bl_label = "Key All"
    bl_options = {"REGISTER", "UNDO"}

    @reported
    def execute(self, context: bpy.types.Context) -> set[str]:
        """Insert them."""
        for key in faces.expressions_of(faces.required_face(context.active_object)).values():
            key.keyframe_insert("value", frame=context.scene.frame_current)
        return {"FINISHED"}


class FACELIFT_PT_expressions(SidebarPanel, bpy.types.Panel):
    """Sliders of the base mesh's expressions."""

    bl_label = "Expressions"
    bl_parent_id = "FACELIFT_PT_avatar"
    bl_order = 1

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """A mesh with expressions must be there."""
        return faces.face_of(context.active_object) is not None

    def draw(self, context: bpy.types.Context) -> None:
        """Draw presets, then the sliders by region."""
        layout, choices = self.layout, context.scene.facelift_expressions
        mesh = faces.face_of(context.active_object)
        blocks = faces.expressions_of(mesh)
        link.remember(mesh)
        row = layout.row(align=True)
        row.operator_menu_enum("facelift.set_expression", "preset", text="Presets", icon="PRESET")
        row.operator("facelift.mirror_expressions", text="", icon="MOD_MIRROR")
        row.operator("facelift.reset_expressions", text="", icon="LOOP_BACK")
        row.operator("facelift.key_expressions", text="Key All", icon="KEY_HLT")
        row = layout.row(align=True)
        row.prop(choices, "search", text="", icon="VIEWZOOM")
        row.prop(choices, "link_sides", text="", icon="LINKED" if choices.link_sides else "UNLINKED")
        words = choices.search.lower().split()
        for region, patterns in arkit.REGIONS.items():
            rows = [pattern for pattern in patterns if all(word in pattern.lower() for word in words)]
            if not rows:
                continue
            header, body = layout.panel(f"facelift_expressions_{region.lower()}", default_closed=region != "Eyes")
            header.label(text=region)
            # What is searched for shows up in closed regions too.
            body = body or (layout if words else None)
            if body is not None:
                column = body.column(align=True)
                if any(pattern.endswith("*") for pattern in rows):
                    _draw_sides(column)
                for pattern in rows:
                    _draw_row(column, pattern, blocks)


def _split(layout: bpy.types.UILayout, text: str) -> bpy.types.UILayout:
    split = layout.split(factor=0.36, align=True)
    split.label(text=text)
    return split.row(align=True)


def _draw_sides(layout: bpy.types.UILayout) -> None:
    row = _split(layout, "")
    for side in reversed(arkit.SIDES):
        column = row.column()
        column.alignment = "CENTER"
        column.label(text=side)


def _draw_row(layout: bpy.types.UILayout, pattern: str, blocks: dict[str, bpy.types.ShapeKey]) -> None:
    """Draw an expression's slider; for those with two sides the person's right one is at the left, as it is seen."""
    row = _split(layout, arkit.label(pattern))
    for name in reversed(arkit.sided(pattern)):
        if name in blocks:
            row.prop(blocks[name], "value", text="", slider=True)
        else:
            row.label(text="removed")


def _on_moved() -> None:
    link.follow()


@persistent
def _listen(*_arguments) -> None:
    """Hear of sliders that are moved; opening a file ends the message bus' subscriptions."""
    bpy.msgbus.clear_by_owner(link)
    bpy.msgbus.subscribe_rna(key=(bpy.types.ShapeKey, "value"), owner=link, args=(), notify=_on_moved)


def register() -> None:
    """Add the sliders' settings to scenes and listen."""
    bpy.types.Scene.facelift_expressions = PointerProperty(type=FaceliftExpressions)
    bpy.app.handlers.load_post.append(_listen)
    _listen()


def unregister() -> None:
    """Listen no more and forget the settings."""
    bpy.msgbus.clear_by_owner(link)
    bpy.app.handlers.load_post.remove(_listen)
    del bpy.types.Scene.facelift_expressions
    link.drawn = None


CLASSES = (
    FaceliftExpressions,
    FACELIFT_OT_set_expression,
    FACELIFT_OT_reset_expressions,
    FACELIFT_OT_mirror_expressions,
    FACELIFT_OT_key_expressions,
    FACELIFT_PT_expressions,
)
