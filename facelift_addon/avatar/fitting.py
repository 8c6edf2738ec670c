"""The operators that fit a base mesh and bring it into the scene."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import bpy
import numpy as np
from bpy.props import BoolProperty, EnumProperty, StringProperty

from ...core.avatar.base_mesh import BaseMesh
from ...core.avatar.fit import fit_base_mesh
from ...core.errors import FaceLiftError
from ...core.progress import Reporter
from ..groom import cards_objects, hairs
from ..interface.explaining import Explained
from ..making import errands
from ..making.handover import Handover
from ..reporting import reported
from ..splats.data import columns, following, heads
from . import base_objects, bindings, model_faces, texturing
from .belonging import base_mesh_of, head_of
from .showing import show_only

EXPRESSION = EnumProperty(
    name="Expression",
    description="What the mesh shows at first. Both are in it: the shape keys lead from one to the other",
    items=(
        ("PHOTO", "As in the Photo", "The expression that the splats have, as values of the shape keys"),
        ("NEUTRAL", "Neutral", "The face at rest: a smile, an open mouth or closed eyes are removed"),
    ),
)

TITLE = "Fitting the base mesh"
"""Of the errand, for panels."""
FIT_SHARE = 0.5
"""Of the time, what the fit takes; the rest is the texture's."""


@dataclass(frozen=True, eq=False)
class Fit:
    """A finished fit: the head's id and its object's name, the mesh in its local space, and its texture."""

    head: str
    name: str
    base: BaseMesh
    texture: texturing.Baked | None = None


_handover = Handover[Fit]("The base mesh", "Fit it again.")


def give(head: bpy.types.Object, fit: Fit, neutral: bool) -> bpy.types.Object:
    """Give a head the mesh of its fit, with its texture; return it. Hair that grows on one it has goes along."""
    known = base_objects.find(head)
    worn = hairs.of(known) or cards_objects.of(known)
    followed = worn and model_faces.of(known.data, fit.base.model) is not None
    before = base_objects.read(known) if followed else None
    target = base_objects.give(head, fit.base, neutral)
    if before is not None and target == known:
        after = base_objects.read(target)
        hairs.follow(target, before, after)
        cards_objects.follow(target, before, after)
    if fit.texture is not None:
        texturing.give(target, head, fit.texture)
    return target


def _add(fit: Fit, expression: str) -> str:
    """Bring a fit into the scene as one undo step; return what to tell."""
    _handover.pass_on(bpy.ops.facelift.add_base_mesh, fit, expression=expression)
    head = heads.find(fit.head, fit.name)
    hidden = "; its splats are hidden" if head.hide_viewport else ""
    return f"{fit.name} has a base mesh" + ("" if fit.texture is None else " with a texture") + hidden


def work_of(context: bpy.types.Context, head: bpy.types.Object, textured: bool) -> Callable[[Reporter], Fit]:
    """Return the fit of a head as work for a thread.

    Raises:
        FaceLiftError: the head belongs to another file, or shows no splats.
    """
    heads.identify(head)
    rows, known = bindings.at_rest(context, head), heads.shape_of(head)
    upright = np.array(head.matrix_world.to_quaternion().to_matrix())
    identifier, name = head[heads.ID_KEY], head.name

    def work(reporter: Reporter) -> Fit:
        gaussians = columns.to_gaussians(rows)
        fitting, painting = reporter.parts(FIT_SHARE, 1 - FIT_SHARE if textured else 0)
        base = fit_base_mesh(gaussians, known, upright, fitting)
        if not textured:
            return Fit(identifier, name, base)
        return Fit(identifier, name, base, texturing.bake(gaussians, base, texturing.SIZE, 0.0, painting))

    return work


def fit_in_background(context: bpy.types.Context, head: bpy.types.Object, expression: str, textured: bool) -> None:
    """Begin a fit; the mesh is added when it is done.

    Args:
        context: In which the head is seen.
        head: A splat object.
        expression: An identifier of :data:`EXPRESSION`.
        textured: Bake a texture too.

    Raises:
        FaceLiftError: the head belongs to another file, or shows no splats.
    """
    errands.start(
        TITLE, work_of(context, head, textured), lambda fit: _add(fit, expression), belongs_to_file=True, heavy=True
    )


class FACELIFT_OT_fit_base_mesh(Explained, bpy.types.Operator):
    """Fit a clean head mesh to these splats: quads, UV map, texture, vertex groups and 52 expressions as shape keys. The splats are hidden, not changed"""  # noqa: E501

    bl_idname = "facelift.fit_base_mesh"
    bl_label = "Fit Base Mesh"
    # The undo step is that of the operator that adds the mesh.
    bl_options = {"REGISTER"}

    expression: EXPRESSION
    bake_texture: BoolProperty(
        name="Bake Texture",
        description="Bake what the splats show onto the mesh, as a picture in the file",
        default=True,
    )

    @classmethod
    def obstacle(cls, context: bpy.types.Context) -> str:
        """A head must be active, or its base mesh, outside Edit Mode."""
        if head_of(context.active_object) is None:
            return "Select a head or imported splats"
        return "" if context.mode == "OBJECT" else "Go to Object Mode: the fit needs the whole head"

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """Fit in the background: a button was pressed."""
        return self.execute(context)

    @reported
    def execute(self, context: bpy.types.Context) -> set[str]:
        """Fit; from the interface in the background."""
        head = head_of(context.active_object)
        if self.options.is_invoke:
            fit_in_background(context, head, self.expression, self.bake_texture)
        else:
            fit = work_of(context, head, self.bake_texture)(Reporter())
            self.report({"INFO"}, _add(fit, self.expression))
        return {"FINISHED"}

    @classmethod
    def unregister(cls) -> None:
        """The extension is switched off."""
        _handover.clear()


class FACELIFT_OT_add_base_mesh(bpy.types.Operator):
    """Give a head the base mesh that was fitted to it"""

    bl_idname = "facelift.add_base_mesh"
    bl_label = "Fit Base Mesh"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    made: StringProperty(options={"HIDDEN", "SKIP_SAVE"})
    expression: EXPRESSION

    @reported
    def execute(self, context: bpy.types.Context) -> set[str]:
        """Add the mesh, or give the one that is there its new shape; show it instead of the splats."""
        fit = _handover.take(self.made)
        head = heads.find(fit.head, fit.name)
        if head is None:
            raise FaceLiftError("The head is gone.", "Undo, and fit the base mesh again.", code="head-gone")
        known = base_objects.find(head)
        target = give(head, fit, neutral=self.expression == "NEUTRAL")
        # Who sees the splats follow, or the mesh that they follow, goes on with that.
        if following.find(head) is None:
            show_only(context, head, target)
        elif target != known:
            show_only(context, head, head)
        return {"FINISHED"}


class FACELIFT_OT_show_expression(Explained, bpy.types.Operator):
    """Set the shape keys of the base mesh to the expression of the photo, or to the face at rest"""

    bl_idname = "facelift.show_expression"
    bl_label = "Show Expression"
    bl_options = {"REGISTER", "UNDO"}

    expression: EXPRESSION

    @classmethod
    def obstacle(cls, context: bpy.types.Context) -> str:
        """A base mesh must be there."""
        return "" if base_mesh_of(context.active_object) is not None else "Fit a base mesh first"

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Set the values."""
        base_objects.show_expression(base_mesh_of(context.active_object), self.expression == "NEUTRAL")
        return {"FINISHED"}


CLASSES = (FACELIFT_OT_fit_base_mesh, FACELIFT_OT_add_base_mesh, FACELIFT_OT_show_expression)
"""Operators of the base mesh."""
