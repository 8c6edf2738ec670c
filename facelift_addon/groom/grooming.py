"""The operators that turn a head's hair into curves and bring them into the scene."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import bpy
import numpy as np
from bpy.props import BoolProperty, EnumProperty, IntProperty, StringProperty

from ...core.avatar.base_mesh import BaseMesh
from ...core.errors import FaceLiftError
from ...core.groom.groom import Groom
from ...core.groom.making import make_groom
from ...core.progress import Reporter
from ..avatar import base_objects, bindings, faces, fitting
from ..avatar.belonging import head_of
from ..avatar.showing import show_only
from ..editing import targets
from ..interface.explaining import Explained
from ..making import errands
from ..making.handover import Handover
from ..reporting import reported
from ..splats.data import baking, columns, heads
from ..splats.data.columns import Column
from . import cards_objects, essentials, hairs, material, stack

TITLE = "Turning hair into curves"
"""Of the errand, for panels."""
FIT_SHARE = 0.6
"""Of the time, what the base mesh takes where there is none yet."""
GUIDES = 500, 1500, 3000
"""Fewest, usual and most guides."""
CHOSEN = ".chosen"
"""Name, as none of an object's own is, of the column that says which splats a person selected."""
ALL_STRANDS = 20_000
"""So many curves are all that can be told apart in a head's hair."""


@dataclass(frozen=True, eq=False)
class Grown:
    """A finished groom on its way into the scene.

    Attributes:
        head: The head's id.
        name: Its object's name.
        base: The mesh on which the hair was found, in the head's local space.
        fit: Of that mesh, where the head has none yet.
        groom: The hair.
        fill: Whether hair is to grow between the guides.
        notes: What a person should know.
    """

    head: str
    name: str
    base: BaseMesh
    fit: fitting.Fit | None
    groom: Groom
    fill: bool
    notes: tuple[str, ...]


_handover = Handover[Grown]("The hair", "Turn it into curves again.", keep=False)


class FACELIFT_OT_hair_to_curves(Explained, bpy.types.Operator):
    """Turn the hair of this head into Blender's hair curves on its base mesh: to comb, cut, style, shade and render. Fits the mesh first where there is none. In Edit Mode the selected splats are the hair. The splats are hidden, not changed"""  # noqa: E501

    bl_idname = "facelift.hair_to_curves"
    bl_label = "Hair to Curves"
    # The undo step is that of the operator that adds the hair.
    bl_options = {"REGISTER"}

    strands: EnumProperty(
        name="Strands",
        items=(
            ("GUIDES", "Guides + Interpolate", "Few curves to comb, and a modifier that lets hair grow between them"),
            ("ALL", "All Strands", "All curves that were found, and nothing between them"),
        ),
    )
    guides: IntProperty(
        name="Guides",
        description="About how many curves there are to comb; fewer for eyebrows, eyelashes and beard",
        min=GUIDES[0],
        default=GUIDES[1],
        max=GUIDES[2],
    )
    ask: BoolProperty(options={"HIDDEN", "SKIP_SAVE"})

    @classmethod
    def obstacle(cls, context: bpy.types.Context) -> str:
        """A head must be active, or what belongs to it."""
        if head_of(context.active_object) is None:
            return "Select a head or imported splats"
        return "" if context.mode in ("OBJECT", "EDIT_POINTCLOUD") else "Go to Object Mode first"

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """Begin at once, or ask for the options first."""
        if self.ask:
            return context.window_manager.invoke_props_dialog(self, confirm_text="Make Curves")
        return self.execute(context)

    def draw(self, _context: bpy.types.Context) -> None:
        """Draw the options."""
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        layout.prop(self, "strands", expand=True)
        column = layout.column()
        column.enabled = self.strands == "GUIDES"
        column.prop(self, "guides")

    @reported
    def execute(self, context: bpy.types.Context) -> set[str]:
        """Find the hair; from the interface in the background."""
        head = head_of(context.active_object)
        work = work_of(context, head, self.guides if self.strands == "GUIDES" else None)
        if self.options.is_invoke:
            errands.start(TITLE, work, add, belongs_to_file=True, heavy=True)
        else:
            self.report({"INFO"}, add(work(Reporter())))
        return {"FINISHED"}

    @classmethod
    def unregister(cls) -> None:
        """The extension is switched off."""
        _handover.clear()


class FACELIFT_OT_add_groom(bpy.types.Operator):
    """Let the hair that was found grow on the head's base mesh"""

    bl_idname = "facelift.add_groom"
    bl_label = "Hair to Curves"
    bl_options = {"UNDO", "INTERNAL"}

    made: StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    @reported
    def execute(self, context: bpy.types.Context) -> set[str]:
        """Add mesh and hair, show them instead of the splats, select the hair."""
        grown = _handover.take(self.made)
        head = heads.find(grown.head, grown.name)
        if head is None:
            raise FaceLiftError("The head is gone.", "Undo, and turn its hair into curves again.", code="head-gone")
        mesh = base_objects.find(head)
        if mesh is None and grown.fit is None:
            raise FaceLiftError(
                "The base mesh is gone.", "Undo, or turn the hair into curves again.", code="base-mesh-gone"
            )
        if any(target.mode != "OBJECT" for target in (mesh, *hairs.of(mesh).values()) if target is not None):
            raise FaceLiftError(
                "The base mesh or its hair is being edited.", "Go to Object Mode and turn the hair into curves again."
            )
        if mesh is None:
            mesh = fitting.give(head, grown.fit, neutral=False)
        grow(head, mesh, grown)
        show_only(context, head, mesh)
        shown = next(iter(hairs.of(mesh).values()), None)
        if context.mode == "OBJECT" and shown is not None and shown.name in context.view_layer.objects:
            heads.select_only(context.view_layer, shown)
        return {"FINISHED"}


def work_of(context: bpy.types.Context, head: bpy.types.Object, guides: int | None) -> Callable[[Reporter], Grown]:
    """Return the search for a head's hair as work for a thread. Edit Mode, which tells what is hair, is left.

    Args:
        context: In which the head is seen.
        head: A splat object.
        guides: How many curves to make, between which hair is to grow; None for all that there are.

    Raises:
        FaceLiftError: the head or its mesh belongs to another file, the mesh was changed, nothing is selected in
            Edit Mode, or no splats are shown.
    """
    heads.identify(head)
    chosen = _chosen_hair(head)
    if head.mode == "EDIT":
        bpy.ops.object.mode_set(mode="OBJECT")
    mesh, fit_of, known = base_objects.find(head), None, None
    if mesh is None:
        fit_of = fitting.work_of(context, head, textured=True)
    else:
        faces.required_own(mesh)
        known = base_objects.read(mesh, head)
    rows = bindings.at_rest(context, head) if chosen is None else _with(head, chosen)
    notes = ()
    if guides is not None and essentials.library() is None:
        guides = None
        notes = ("This Blender came without its hair assets: there are all strands, and nothing between them",)
    identifier, name = head[heads.ID_KEY], head.name

    def work(reporter: Reporter) -> Grown:
        fitted, solving = reporter.parts(FIT_SHARE if fit_of is not None else 0, 1 - FIT_SHARE)
        fit = None if fit_of is None else fit_of(fitted)
        base = known if fit is None else fit.base
        told = rows.pop(CHOSEN, None)
        splats = columns.to_gaussians(rows)
        groom = make_groom(splats, base, guides or ALL_STRANDS, solving, None if told is None else told.values)
        return Grown(identifier, name, base, fit, groom, guides is not None, notes)

    return work


def add(grown: Grown) -> str:
    """Bring a groom into the scene as one undo step; return what to tell."""
    _handover.pass_on(bpy.ops.facelift.add_groom, grown)
    counts = [f"{len(tuft.guides):,} curves of {growth.value.lower()}" for growth, tuft in grown.groom.tufts.items()]
    told = (f"{grown.name} has {', '.join(counts)}; its splats are hidden", *grown.groom.notes, *grown.notes)
    return ". ".join(sentence.rstrip(".") for sentence in told)


def grow(head: bpy.types.Object, mesh: bpy.types.Object, grown: Grown) -> None:
    """Let hair grow on a head's base mesh, instead of what grows there.

    Args:
        head: The head.
        mesh: Its base mesh.
        grown: The hair.
    """
    base, to_mesh = base_objects.read(mesh, head), np.linalg.inv(base_objects.to_head(mesh, head))
    own = base.transformed(to_mesh)
    # New curves are what one wants to see, not cards of the old ones.
    mesh[cards_objects.SHOWN_KEY] = False
    for growth, hair in hairs.of(mesh).items():
        if growth not in grown.groom.tufts:
            hairs.remove(hair)
    for growth, tuft in grown.groom.tufts.items():
        curves = tuft.guides.moved(grown.base.shown, base.neutral).transformed(to_mesh)
        hair = hairs.give(mesh, growth, curves, f"{head.name} {growth.value.lower()}", base_objects.UV_MAP)
        hairs.set_density(mesh, growth, tuft.density)
        material.give(hair, tuft)
        styled = replace(tuft, wave=tuft.wave.scaled(own.pose.scale / base.pose.scale))
        stack.give(hair, styled, own, grown.fill and tuft.hairs > len(tuft.guides))


def _chosen_hair(head: bpy.types.Object) -> np.ndarray | None:
    """Return the mask [N] of the splats that a person says are hair; None where nobody says anything.

    Raises:
        FaceLiftError: in Edit Mode nothing is selected ("nothing-selected").
    """
    if head.mode != "EDIT":
        return None
    chosen = targets.chosen(head)
    if not chosen.any():
        raise FaceLiftError(
            "No splats are selected.",
            "Select the hair, or leave Edit Mode to have it found.",
            code="nothing-selected",
        )
    return None if chosen.all() else chosen


def _with(head: bpy.types.Object, chosen: np.ndarray) -> dict[str, Column]:
    """Return the attributes of an object's own splats, and whether each is in a mask [N] as one more."""
    return bindings.own(baking.stored_columns(head) | {CHOSEN: Column("BOOLEAN", chosen)})


CLASSES = (FACELIFT_OT_hair_to_curves, FACELIFT_OT_add_groom)
"""Operators of hair curves."""
