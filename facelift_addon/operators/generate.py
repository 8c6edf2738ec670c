"""Operators that make heads: generate, regenerate, and the step into the scene."""

from __future__ import annotations

import dataclasses

import bpy
from bpy.props import EnumProperty, StringProperty

from ...core.errors import FaceLiftError
from ..connection import engines, needs_setup
from ..editing import targets
from ..explaining import Explained
from ..jobs import session
from ..orders import chosen_face, order_for
from ..photos import PhotoSource
from ..splats import heads
from ..tasks import State
from ..timers import wake
from ..viewport.drawing import drawing
from .reporting import reported


class FACELIFT_OT_generate(Explained, bpy.types.Operator):
    """Make a 3D head of the photo. Blender stays usable meanwhile"""

    bl_idname = "facelift.generate"
    bl_label = "Generate Head"

    @classmethod
    def obstacle(cls, context: bpy.types.Context) -> str:
        """A usable photo and engine are needed."""
        engine = engines().get(context.scene.facelift.engine)
        if session.photo is None:
            return "Choose a photo first"
        if session.photo.state is State.FAILED:
            return "This photo can't be used. Choose another one"
        if needs_setup(context.scene.facelift.engine):
            return "Set the FaceLift engine up first"
        if engine is not None and not engine["available"]:
            return engine["reason"] or "This engine can't be used here"
        return ""

    @reported
    def execute(self, context: bpy.types.Context) -> set[str]:
        """Queue the head."""
        session.generate(order_for(context, session.photo.order.source, face=chosen_face()))
        wake()
        return {"FINISHED"}


class FACELIFT_OT_regenerate(Explained, bpy.types.Operator):
    """Make the active head again from its photo, with the settings in the panel"""

    bl_idname = "facelift.regenerate"
    bl_label = "Regenerate"

    mode: EnumProperty(
        name="Mode",
        items=(
            ("REPLACE", "Replace", "Exchange the splats of this head; its place, name and modifiers stay"),
            ("ADD", "Add", "Keep this head and add another at the 3D cursor, with a seed not used for this photo yet"),
        ),
        options={"SKIP_SAVE"},
    )
    filepath: StringProperty(
        name="Photo",
        description="The head's photo, when it was moved",
        subtype="FILE_PATH",
        options={"SKIP_SAVE"},
    )

    @classmethod
    def obstacle(cls, context: bpy.types.Context) -> str:
        """A generated head is needed."""
        made = heads.is_head(targets.active_splats(context)) and heads.recipe_of(targets.active_splats(context))
        return "" if made else "Select a head that was made from a photo"

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """Ask for the photo when it is not where it was."""
        if heads.photo_of(targets.active_splats(context)) is None:
            self.report({"INFO"}, "The photo is not where it was: choose it again")
            context.window_manager.fileselect_add(self)
            return {"RUNNING_MODAL"}
        return self.execute(context)

    @reported
    def execute(self, context: bpy.types.Context) -> set[str]:
        """Queue the head."""
        head = targets.active_splats(context)
        found = self.filepath or heads.photo_of(head)
        if found is None:
            raise FaceLiftError("The head's photo was not found.", "Choose the photo in the panel and generate again.")
        if isinstance(found, bpy.types.Image):
            source = PhotoSource.from_image(found)
        else:
            source = PhotoSource.from_file(found)
        face = heads.recipe_of(head).get("settings", {}).get("face")
        replaced = {"replaces": head[heads.ID_KEY], "replaces_name": head.name} if self.mode == "REPLACE" else {}
        order = order_for(context, source, face, **replaced)
        if self.mode == "ADD":
            order = dataclasses.replace(order, settings=order.settings | {"seed": _unused_seed(context.scene, head)})
        session.generate(order)
        wake()
        return {"FINISHED"}


def _unused_seed(scene: bpy.types.Scene, head: bpy.types.Object) -> int:
    """Return a seed that gives another head than those of the same photo: in the scene, or on their way."""
    photo = heads.recipe_of(head).get("sha256")
    recipes = (heads.recipe_of(other) for other in heads.heads_of(scene))
    used = [recipe.get("seed", 0) for recipe in recipes if recipe.get("sha256") == photo]
    coming = [task.order.settings.get("seed", 0) for task in session.unfinished]
    return max([*used, *coming]) + 1


class FACELIFT_OT_bring_in(bpy.types.Operator):
    """Put a finished head into the scene"""

    bl_idname = "facelift.bring_in"
    bl_label = "Generate Head"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    task: StringProperty(options={"HIDDEN"})

    @reported
    def execute(self, context: bpy.types.Context) -> set[str]:
        """Add the head, or exchange the one it replaces."""
        task = session.find(self.task)
        if task is None or task.arrival is None:
            raise FaceLiftError("The head's data are gone.", "Generate it again.")
        scene = bpy.data.scenes.get(task.order.scene, context.scene)
        replaced = heads.find(task.order.replaces, task.order.replaces_name) if task.order.replaces else None
        if replaced is not None:
            heads.replace(scene, replaced, task.arrival)
            head = replaced
        else:
            head = heads.add(scene, task.arrival, heads.view_layer_of(context, scene))
        if task.arrival.drawn is not None:
            drawing.clouds.expect(head, task.arrival.drawn)
        return {"FINISHED"}


CLASSES = (FACELIFT_OT_generate, FACELIFT_OT_regenerate, FACELIFT_OT_bring_in)
