"""A head's splats, base mesh and wrap mesh stand in one place: one of them is shown, and with the mesh its hair."""

from __future__ import annotations

import bpy
from bpy.props import EnumProperty

from ...core.errors import FaceLiftError
from ..groom import cards_objects, hairs
from ..interface.explaining import Explained
from ..reporting import reported
from ..splats.data import heads
from ..splats.scene import arrival_view
from . import base_objects, texturing, wraps
from .belonging import head_of

KINDS = (
    ("SPLATS", "Splats", "The Gaussian splats"),
    ("BASE_MESH", "Base Mesh", "The mesh with expressions, and the hair on it"),
    ("WRAP_MESH", "Wrap Mesh", "The closed mesh around the splats"),
)


def show_only(context: bpy.types.Context, head: bpy.types.Object, shown: bpy.types.Object) -> None:
    """Show one of a head's objects in viewport and renders, and select it; the panel's eyes bring the others back.

    Args:
        context: Whose selection changes, unless the user edits something. What is edited stays in view.
        head: The head.
        shown: It, its base mesh or its wrap mesh.
    """
    mesh = base_objects.find(head)
    curves, cards = hairs.of(mesh).values(), cards_objects.of(mesh)
    hair = cards if cards_objects.are_shown(mesh) else curves
    for target in (head, mesh, wraps.find(head), *curves, *cards):
        if target is not None and (target == shown or target.mode == "OBJECT"):
            seen = target == shown or (target in hair and mesh == shown)
            target.hide_viewport = target.hide_render = not seen
    textured = base_objects.is_base_mesh(shown) and texturing.has_texture(shown)
    arrival_view.color_solid_views(arrival_view.TEXTURE_COLORS if textured else arrival_view.ATTRIBUTE_COLORS)
    # Asking for the mode brings the view layer's list of objects up to date, which looking a name up does not.
    editing = context.mode != "OBJECT"
    layer = context.view_layer
    if shown.name in layer.objects:
        shown.hide_set(False, view_layer=layer)
        if not editing:
            heads.select_only(layer, shown)


class FACELIFT_OT_show_only(Explained, bpy.types.Operator):
    """Show this in viewport and renders instead of what stands in the same place, and select it"""

    bl_idname = "facelift.show_only"
    bl_label = "Show Only"
    bl_options = {"REGISTER", "UNDO"}

    kind: EnumProperty(name="Show", description="Which of a head's objects", items=KINDS)

    @classmethod
    def obstacle(cls, context: bpy.types.Context) -> str:
        """A head must be active, or what belongs to it."""
        found = head_of(context.active_object) is not None
        return "" if found else "Select a head, its base mesh or its wrap mesh"

    @reported
    def execute(self, context: bpy.types.Context) -> set[str]:
        """Show it."""
        head = head_of(context.active_object)
        found = {"SPLATS": lambda head: head, "BASE_MESH": base_objects.find, "WRAP_MESH": wraps.find}
        shown = found[self.kind](head)
        if shown is None:
            raise FaceLiftError(f"{head.name!r} has no such mesh.", "Fit or wrap one first.", code="nothing-to-show")
        show_only(context, head, shown)
        return {"FINISHED"}


CLASSES = (FACELIFT_OT_show_only,)
"""The operator behind the panels' buttons."""
