"""The operators that bind splats to their base mesh and let them go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import bpy
from bpy.props import StringProperty

from ...core.avatar.base_mesh import BaseMesh
from ...core.avatar.binding import bind
from ...core.errors import FaceLiftError
from ...core.gaussians import Gaussians
from ...core.progress import Reporter
from ..interface.explaining import Explained
from ..making import errands
from ..making.handover import Handover
from ..reporting import reported
from ..splats.data import baking, columns, following, heads
from . import base_objects, bindings
from .belonging import head_of
from .showing import show_only

TITLE = "Binding the splats"


@dataclass(frozen=True, eq=False)
class _Bound:
    """Bound splats on their way back: the head's id, the names of head and mesh, the mesh's shape, the splats."""

    head: str
    name: str
    mesh: str
    base: BaseMesh
    splats: Gaussians


_handover = Handover[_Bound]("The binding", "Bind the splats again.", keep=False)


def _arrive(bound: _Bound) -> str:
    """Bring bound splats into the scene as one undo step; return what to tell."""
    _handover.pass_on(bpy.ops.facelift.add_binding, bound)
    return f"{bound.name} follows its mesh"


class _OnHeadWithMesh(Explained):
    """Mix-in of operators on a head with a base mesh, either of which is active."""

    @classmethod
    def obstacle(cls, context: bpy.types.Context) -> str:
        """Both must be there, outside Edit Mode."""
        head = head_of(context.active_object)
        if head is None or base_objects.mesh_of(head) is None:
            return "Select a head that has a base mesh: fit one first"
        if heads.is_sequence(head):
            return "A sequence has other splats in each frame. Import one of its files alone to bind that"
        return "" if context.mode == "OBJECT" else "Go to Object Mode: this works on the whole head"


class FACELIFT_OT_bind_to_mesh(_OnHeadWithMesh, bpy.types.Operator):
    """Let the splats follow the base mesh: its shape keys, modifiers and sculpting. The inner mouth is added, and shows when it opens"""  # noqa: E501

    bl_idname = "facelift.bind_to_mesh"
    bl_label = "Bind to Mesh"
    # The undo step is that of the operator that brings the result.
    bl_options = {"REGISTER"}

    @reported
    def execute(self, context: bpy.types.Context) -> set[str]:
        """Bind; from the interface in the background."""
        head = head_of(context.active_object)
        if self.options.is_invoke:
            bind_in_background(head)
        else:
            self.report({"INFO"}, _arrive(_work_of(head)(Reporter())))
        return {"FINISHED"}


def bind_in_background(head: bpy.types.Object) -> None:
    """Begin to bind a head to its mesh; it follows when that is done.

    Raises:
        FaceLiftError: head or mesh belong to another file ("linked-head").
    """
    errands.start(TITLE, _work_of(head), _arrive, belongs_to_file=True, heavy=True)


def _work_of(head: bpy.types.Object) -> Callable[[Reporter], _Bound]:
    mesh = base_objects.mesh_of(head)
    for target in (head, mesh):
        if not target.is_editable or not target.data.is_editable:
            raise FaceLiftError(
                f"{target.name!r} belongs to another file.",
                "Make it local first: Object > Relations > Make Local.",
                code="linked-head",
            )
    base = base_objects.read(mesh, head)
    rows = baking.stored_columns(head)
    identifier, name, mesh_name = head[heads.ID_KEY], head.name, mesh.name

    def work(reporter: Reporter) -> _Bound:
        reporter.stage(TITLE)
        return _Bound(identifier, name, mesh_name, base, bind(columns.to_gaussians(rows), base))

    return work


class FACELIFT_OT_add_binding(bpy.types.Operator):
    """Give a head's splats the places on its base mesh that were found for them"""

    bl_idname = "facelift.add_binding"
    bl_label = "Bind to Mesh"
    bl_options = {"UNDO", "INTERNAL"}

    made: StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    @reported
    def execute(self, context: bpy.types.Context) -> set[str]:
        """Store them, and show the splats instead of the mesh."""
        bound = _handover.take(self.made)
        head, mesh = heads.find(bound.head, bound.name), bpy.data.objects.get(bound.mesh)
        if head is None or not base_objects.is_base_mesh(mesh):
            raise FaceLiftError("The head or its mesh is gone.", "Undo, and bind again.", code="head-gone")
        if "EDIT" in (head.mode, mesh.mode):
            raise FaceLiftError("The head or its mesh is being edited.", "Leave Edit Mode and bind again.")
        again = following.find(head) is not None
        bindings.attach(head, mesh, bound.base, bound.splats)
        if not again:
            show_only(context, head, head)
        return {"FINISHED"}


class FACELIFT_OT_unbind(Explained, bpy.types.Operator):
    """Let the splats follow the base mesh no more: they are as they were before binding"""

    bl_idname = "facelift.unbind"
    bl_label = "Unbind"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def obstacle(cls, context: bpy.types.Context) -> str:
        """Bound splats must be active, or their mesh, outside Edit Mode."""
        head = head_of(context.active_object)
        if head is None or following.find(head) is None:
            return "Select a head whose splats are bound"
        return "" if context.mode == "OBJECT" else "Go to Object Mode: this works on the whole head"

    @reported
    def execute(self, context: bpy.types.Context) -> set[str]:
        """Unbind."""
        bindings.detach(head_of(context.active_object))
        return {"FINISHED"}


CLASSES = (FACELIFT_OT_bind_to_mesh, FACELIFT_OT_add_binding, FACELIFT_OT_unbind)
"""Operators of the binding."""
