"""The operators that wrap splats into a mesh, and their panel."""

from __future__ import annotations

from collections.abc import Callable

import bpy
from bpy.props import BoolProperty, EnumProperty, IntProperty, StringProperty

from ...core.avatar.wrap.wrap import SIZES, TARGETS, wrap
from ...core.errors import FaceLiftError
from ...core.progress import Reporter
from ...core.system.pictures import png_bytes
from ..interface.explaining import Explained
from ..interface.widgets import SidebarPanel, draw_lines
from ..making import errands
from ..making.handover import Handover
from ..reporting import reported
from ..splats.data import baking, columns, heads
from . import wraps
from .belonging import head_of
from .panel import draw_progress, draw_shown
from .showing import show_only

TITLE = "Wrapping the splats"

_handover = Handover[wraps.Wrapped]("The wrap mesh", "Wrap the splats again.", keep=False)


class FACELIFT_OT_wrap_mesh(Explained, bpy.types.Operator):
    """Make a closed mesh around these splats, hair and shoulders included: for blocking, sculpting, 3D print. The splats are hidden, not changed"""  # noqa: E501

    bl_idname = "facelift.wrap_mesh"
    bl_label = "Wrap Mesh"
    # The undo step is that of the operator that adds the mesh.
    bl_options = {"REGISTER"}

    faces: IntProperty(
        name="Faces",
        description="About how many triangles the mesh gets: flat places get fewer, features more",
        min=TARGETS[0],
        default=TARGETS[1],
        max=TARGETS[2],
        soft_max=100_000,
    )
    detail: EnumProperty(
        name="Detail",
        description="How fine the surface is before its faces are reduced",
        items=(
            ("LOW", "Low", "About 3.5 millimetres on a bust: smooth, quick, closes small gaps"),
            ("MEDIUM", "Medium", "About 2 millimetres on a bust"),
            ("HIGH", "High", "About 1.5 millimetres on a bust: for many faces"),
        ),
        default="MEDIUM",
    )
    use_texture: BoolProperty(
        name="Texture",
        description="Unfold the mesh and paint a texture. Its color attribute it has in any case",
        default=True,
    )
    texture_size: EnumProperty(
        name="Texture Size",
        description="Width and height in pixels",
        items=[(str(size), str(size), f"{size} × {size} pixels") for size in SIZES],
        default="2048",
    )
    ask: BoolProperty(options={"HIDDEN", "SKIP_SAVE"})

    @classmethod
    def obstacle(cls, context: bpy.types.Context) -> str:
        """Splats must be active, or their wrap mesh, outside Edit Mode."""
        if head_of(context.active_object) is None:
            return "Select a head or imported splats"
        return "" if context.mode == "OBJECT" else "Go to Object Mode: the wrap needs the whole object"

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Begin at once, or ask for the options first."""
        if self.ask:
            return context.window_manager.invoke_props_dialog(self, confirm_text="Wrap")
        return self.execute(context)

    def draw(self, context: bpy.types.Context) -> None:
        """Draw the options."""
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        layout.prop(self, "faces")
        layout.row().prop(self, "detail", expand=True)
        layout.prop(self, "use_texture")
        column = layout.column()
        column.enabled = self.use_texture
        column.prop(self, "texture_size")

    @reported
    def execute(self, context: bpy.types.Context) -> set[str]:
        """Wrap; from the interface in the background."""
        head = head_of(context.active_object)
        heads.identify(head)
        work = work_on(context, head, self.faces, self.detail, int(self.texture_size) if self.use_texture else 0)
        if self.options.is_invoke:
            errands.start(TITLE, work, add, belongs_to_file=True, heavy=True)
        else:
            self.report({"INFO"}, add(work(Reporter())))
        return {"FINISHED"}


class FACELIFT_OT_add_wrap_mesh(bpy.types.Operator):
    """Add the mesh that was wrapped around splats"""

    bl_idname = "facelift.add_wrap_mesh"
    bl_label = "Wrap Mesh"
    bl_options = {"UNDO", "INTERNAL"}

    made: StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    @reported
    def execute(self, context: bpy.types.Context) -> set[str]:
        """Add the mesh, show it instead of the splats, select it."""
        wrapped = _handover.take(self.made)
        head = heads.find(wrapped.head, wrapped.name)
        if head is None:
            raise FaceLiftError("The splats are gone.", "Undo, and wrap them again.", code="head-gone")
        target = wraps.give(head, wrapped)
        show_only(context, head, target)
        return {"FINISHED"}


def work_on(
    context: bpy.types.Context, head: bpy.types.Object, faces: int, detail: str, texture_size: int
) -> Callable[[Reporter], wraps.Wrapped]:
    """Read splats; return what wraps them in any thread. Parameters and errors as for :func:`wrap`."""
    with baking.visible(head, context.view_layer):
        rows = baking.evaluated_columns(context, head)
    identifier, name = head[heads.ID_KEY], head.name

    def work(reporter: Reporter) -> wraps.Wrapped:
        made = wrap(columns.to_gaussians(rows), faces, detail, texture_size, reporter)
        return wraps.make(identifier, name, made, None if made.texture is None else png_bytes(made.texture))

    return work


def add(wrapped: wraps.Wrapped) -> str:
    """Bring a wrap into the scene as one undo step; return what to tell."""
    _handover.pass_on(bpy.ops.facelift.add_wrap_mesh, wrapped)
    return f"{wrapped.name} is wrapped in {len(wrapped.mesh.triangles):,} faces; its splats are hidden"


class FACELIFT_PT_wrap(SidebarPanel, bpy.types.Panel):
    """A closed mesh around the splats."""

    bl_label = "Wrap Mesh"
    bl_order = 4

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Splats must be active, or their wrap mesh."""
        return head_of(context.active_object) is not None or wraps.is_wrap(context.active_object)

    def draw(self, context: bpy.types.Context) -> None:
        """Draw the next step, and what is shown."""
        layout, active = self.layout, context.active_object
        if draw_progress(layout, TITLE):
            return
        head = head_of(active)
        mesh = active if wraps.is_wrap(active) else wraps.find(head)
        if mesh is None:
            draw_lines(layout, context, "A closed mesh with hair and shoulders: for blocking, sculpting, 3D print.")
        else:
            draw_shown(layout, context, head, mesh, "WRAP_MESH")
        if head is not None:
            row = layout.row(align=True)
            row.operator_context = "INVOKE_DEFAULT"
            row.operator(
                "facelift.wrap_mesh", text="Wrap Mesh" if mesh is None else "Wrap Again", icon="MOD_SHRINKWRAP"
            )
            row.operator("facelift.wrap_mesh", text="", icon="OPTIONS").ask = True


CLASSES = (FACELIFT_OT_wrap_mesh, FACELIFT_OT_add_wrap_mesh, FACELIFT_PT_wrap)
"""Operators and panel of the wrap mesh."""
