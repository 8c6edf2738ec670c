"""The operators that make hair cards of a base mesh's hair curves, and their panel."""

from __future__ import annotations

from collections.abc import Callable

import bpy
from bpy.props import BoolProperty, EnumProperty, IntProperty, StringProperty

from ...core.errors import FaceLiftError
from ...core.groom.cards.making import SIZE, SIZES, TRIANGLES, cards_of
from ...core.progress import Reporter
from ...core.system.pictures import png_bytes
from ..avatar import base_objects, faces
from ..avatar.belonging import base_mesh_of
from ..avatar.panel import draw_progress
from ..interface.explaining import Explained
from ..interface.widgets import SidebarPanel, draw_lines
from ..making import errands
from ..making.handover import Handover
from ..reporting import reported
from . import cards_objects, cards_reading, hairs

TITLE = "Making hair cards"
PAINTING = 0.9
"""Share of the time until the atlas is painted; the rest is for expressions and files."""

_handover = Handover[cards_objects.Made]("The hair cards", "Make them again.", keep=False)


class FACELIFT_OT_hair_cards(Explained, bpy.types.Operator):
    """Make hair cards of the hair curves, for game engines: ribbons with a picture of the hair, and a cap under them. They go along with expressions and rig, and into Export Avatar. The curves are hidden, not changed"""  # noqa: E501

    bl_idname = "facelift.hair_cards"
    bl_label = "Hair Cards"
    # The undo step is that of the operator that adds the cards.
    bl_options = {"REGISTER"}

    triangles: IntProperty(
        name="Triangles",
        description="The cards, and the cap under them, have at most so many",
        min=TRIANGLES[0],
        default=TRIANGLES[1],
        max=TRIANGLES[2],
    )
    atlas_size: EnumProperty(
        name="Atlas",
        description="Width and height of the pictures in pixels",
        items=[(str(size), str(size), f"{size} × {size} pixels") for size in SIZES],
        default=str(SIZE),
    )
    in_background: BoolProperty(options={"HIDDEN", "SKIP_SAVE"})

    @classmethod
    def obstacle(cls, context: bpy.types.Context) -> str:
        """Hair curves must be there, in Object Mode."""
        mesh = base_mesh_of(context.active_object)
        if mesh is None or not hairs.of(mesh):
            return "Turn the hair into curves first"
        return "" if context.mode == "OBJECT" else "Go to Object Mode first"

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Ask for the options; then it goes on in the background."""
        self.in_background = True
        return context.window_manager.invoke_props_dialog(self, confirm_text="Make Cards")

    def draw(self, _context: bpy.types.Context) -> None:
        """Draw the options."""
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        layout.prop(self, "triangles")
        layout.prop(self, "atlas_size")

    @reported
    def execute(self, context: bpy.types.Context) -> set[str]:
        """Make them."""
        mesh = base_mesh_of(context.active_object)
        faces.required_own(mesh)
        work = work_of(context, mesh, self.triangles, int(self.atlas_size))
        if self.in_background:
            errands.start(TITLE, work, _add, belongs_to_file=True, heavy=True)
        else:
            self.report({"INFO"}, _add(work(Reporter())))
        return {"FINISHED"}


class FACELIFT_OT_add_hair_cards(bpy.types.Operator):
    """Give a base mesh the hair cards that were made for it"""

    bl_idname = "facelift.add_hair_cards"
    bl_label = "Hair Cards"
    bl_options = {"UNDO", "INTERNAL"}

    made: StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    @reported
    def execute(self, context: bpy.types.Context) -> set[str]:
        """Add them, and show them instead of the curves."""
        made = _handover.take(self.made)
        mesh = _mesh_of(made)
        if mesh is None:
            raise FaceLiftError("The base mesh is gone.", "Undo, and make the cards again.", code="base-mesh-gone")
        cards_objects.give(mesh, made)
        show(mesh, cards=True)
        return {"FINISHED"}


class FACELIFT_OT_show_hair(Explained, bpy.types.Operator):
    """Show the hair in viewport and renders as curves or as cards"""

    bl_idname = "facelift.show_hair"
    bl_label = "Show Hair"
    bl_options = {"REGISTER", "UNDO"}

    kind: EnumProperty(
        name="Show",
        description="What is shown of the hair",
        items=(("CURVES", "Curves", "The hair curves"), ("CARDS", "Cards", "The hair cards for game engines")),
    )

    @classmethod
    def obstacle(cls, context: bpy.types.Context) -> str:
        """There must be cards."""
        return "" if cards_objects.of(base_mesh_of(context.active_object)) else "Make hair cards first"

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Show it."""
        show(base_mesh_of(context.active_object), cards=self.kind == "CARDS")
        return {"FINISHED"}


def show(mesh: bpy.types.Object, cards: bool) -> None:
    """Show a base mesh's hair as cards or as curves: both stand in one place."""
    mesh[cards_objects.SHOWN_KEY] = cards
    for target in cards_objects.of(mesh):
        target.hide_viewport = target.hide_render = not cards
    for target in hairs.of(mesh).values():
        target.hide_viewport = target.hide_render = cards


def work_of(
    context: bpy.types.Context, mesh: bpy.types.Object, triangles: int, atlas_size: int
) -> Callable[[Reporter], cards_objects.Made]:
    """Read a base mesh's hair; return what makes cards of it in any thread. Other parameters as for :func:`cards_of`.

    Raises:
        FaceLiftError: the mesh was changed.
    """
    base = base_objects.read(mesh)
    curves = cards_reading.curves_of(context, mesh, base)
    name, head = mesh.name, mesh[base_objects.BASE_KEY]

    def work(reporter: Reporter) -> cards_objects.Made:
        making, packing = reporter.parts(PAINTING, 1 - PAINTING)
        cards = cards_of(curves, triangles, atlas_size, base, making)
        packing.stage("Packing the pictures")
        names = base.model.expression_names
        made = cards_objects.Made(
            name, head, cards, cards.moves(base), names, png_bytes(cards.color), png_bytes(cards.normal)
        )
        packing.finish()
        return made

    return work


def _mesh_of(made: cards_objects.Made) -> bpy.types.Object | None:
    """Return the base mesh that cards were made for, whatever its name is by now."""
    found = [
        target
        for target in bpy.data.objects
        if base_objects.is_base_mesh(target) and target[base_objects.BASE_KEY] == made.head and target.users_scene
    ]
    return next((target for target in found if target.name == made.mesh), found[0] if found else None)


def _add(made: cards_objects.Made) -> str:
    """Bring cards into the scene as one undo step; return what to tell."""
    _handover.pass_on(bpy.ops.facelift.add_hair_cards, made)
    cards = made.cards
    return f"{cards.count:,} hair cards with a cap: {cards.triangles:,} triangles; the curves are hidden"


class FACELIFT_PT_hair_cards(SidebarPanel, bpy.types.Panel):
    """Cards for game engines."""

    bl_label = "Hair Cards"
    bl_parent_id = "FACELIFT_PT_avatar"
    bl_order = 3

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """There must be hair curves, or cards."""
        mesh = base_mesh_of(context.active_object)
        return bool(hairs.of(mesh) or cards_objects.of(mesh))

    def draw(self, context: bpy.types.Context) -> None:
        """Draw the next step, and what is shown."""
        layout, mesh = self.layout, base_mesh_of(context.active_object)
        if draw_progress(layout, TITLE):
            return
        made, grown = cards_objects.of(mesh), hairs.of(mesh)
        if not made:
            draw_lines(layout, context, "Ribbons with pictures of the hair, for game engines.")
        elif grown:
            row = layout.row(align=True)
            for kind, some in (("CURVES", grown.values()), ("CARDS", made)):
                shown = any(not target.hide_viewport for target in some)
                row.operator("facelift.show_hair", text=kind.capitalize(), depress=shown).kind = kind
        if grown:
            row = layout.row()
            row.operator_context = "INVOKE_DEFAULT"
            text = "Make Cards Again…" if made else "Hair Cards…"
            row.operator("facelift.hair_cards", text=text, icon="MESH_GRID")


CLASSES = (FACELIFT_OT_hair_cards, FACELIFT_OT_add_hair_cards, FACELIFT_OT_show_hair, FACELIFT_PT_hair_cards)
"""Operators and panel of hair cards."""
