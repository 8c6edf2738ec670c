"""Operators that make heads: generate, regenerate, and the step into the scene."""

from __future__ import annotations

import bpy
from bpy.props import EnumProperty, StringProperty

from ...core.engines import registry
from ...core.errors import FaceLiftError
from ..editing import targets
from ..interface.explaining import Explained
from ..making import together
from ..making.connection import engines, needs_setup
from ..making.orders import order_again, order_as_made, orders_to_make, takes_lens, with_unused_seed
from ..making.session import session
from ..making.tasks import Order, State
from ..making.timers import wake
from ..photo import editing as photo_editing
from ..photo import lenses
from ..photo.lenses import LensChoice
from ..photo.photos import PhotoSource
from ..reporting import reported
from ..splats.data import heads, recipes
from ..splats.scene import entrance


class FACELIFT_OT_generate(Explained, bpy.types.Operator):
    """Make a 3D head of each chosen photo. Blender stays usable meanwhile"""

    bl_idname = "facelift.generate"
    bl_label = "Generate Head"

    @classmethod
    def obstacle(cls, context: bpy.types.Context) -> str:
        """A usable photo and engine are needed."""
        engine = engines().get(context.scene.facelift.engine)
        if session.photo is None:
            return "Choose a photo first"
        if session.together and together.capture_of(session.photos, context.scene.facelift.engine) is None:
            return "No photo shows the face. Add one that does"
        if all(photo.state is State.FAILED for photo in session.photos):
            return "This photo can't be used. Choose another one"
        if needs_setup(context.scene.facelift.engine):
            return f"Set the {registry.describe(context.scene.facelift.engine).label} engine up first"
        if engine is not None and not engine["available"]:
            return engine["reason"] or "This engine can't be used here"
        return "" if orders_to_make(context) else "It is being made already: wait, or change a setting first"

    @reported
    def execute(self, context: bpy.types.Context) -> set[str]:
        """Queue the heads."""
        photo_editing.take_painted(session)
        for order in orders_to_make(context):
            session.generate(order)
        wake()
        return {"FINISHED"}


class _OnMadeHead(targets.OnMadeHead):
    """Mix-in of operators that make the active head again from its photo, which may have been moved."""

    filepath: StringProperty(
        name="Photo",
        description="The head's photo, when it was moved",
        subtype="FILE_PATH",
        options={"SKIP_SAVE"},
    )

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """Ask for the photo when it is not where it was."""
        if recipes.photo_of(targets.active_splats(context)) is None:
            self.report({"INFO"}, "The photo is not where it was: choose it again")
            context.window_manager.fileselect_add(self)
            return {"RUNNING_MODAL"}
        return self.ask(context)

    def ask(self, context: bpy.types.Context) -> set[str]:
        """Go on once the photo is found."""
        return self.execute(context)

    def source_of(self, head: bpy.types.Object) -> PhotoSource:
        """Return the head's photo.

        Raises:
            FaceLiftError: it is not where it was, and no other was chosen.
        """
        found = self.filepath or recipes.photo_of(head)
        if found is None:
            raise FaceLiftError("The head's photo was not found.", "Choose the photo in the panel and generate again.")
        return PhotoSource.of(found)

    def queue(self, order: Order) -> None:
        """Queue the head.

        Raises:
            FaceLiftError: it is being made already.
        """
        if any(task.order == order for task in session.unfinished):
            raise FaceLiftError("This head is being made already.", "Wait, or change a setting first.")
        session.generate(order)
        wake()


class FACELIFT_OT_regenerate(_OnMadeHead, bpy.types.Operator):
    """Make the active head again from its photo, with the settings in the panel; a lens chosen for it stays"""

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

    @reported
    def execute(self, context: bpy.types.Context) -> set[str]:
        """Queue the head."""
        head = targets.active_splats(context)
        replaced = {"replaces": head[heads.ID_KEY], "replaces_name": head.name} if self.mode == "REPLACE" else {}
        order = order_again(context, head, self.source_of(head), **replaced)
        if self.mode == "ADD":
            coming = [task.order for task in session.unfinished]
            order = with_unused_seed(order, context.scene, recipes.of(head).digests, coming)
        self.queue(order)
        return {"FINISHED"}


class FACELIFT_OT_refit_lens(_OnMadeHead, LensChoice, bpy.types.Operator):
    """Make the active head again as taken with another lens. Its place, name and all other settings stay"""

    bl_idname = "facelift.refit_lens"
    bl_label = "Refit Lens"

    @classmethod
    def obstacle(cls, context: bpy.types.Context) -> str:
        """A head of an engine that knows of lenses is needed."""
        if reason := super().obstacle(context):
            return reason
        recipe = recipes.of(targets.active_splats(context))
        return (
            ""
            if takes_lens(recipe.engine, len(recipe.capture.shots))
            else "This head's engine always takes the same lens"
        )

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Begin with the head's own lens."""
        lenses.take(self, recipes.of(targets.active_splats(context)).portrait.options)
        return super().invoke(context, event)

    def ask(self, context: bpy.types.Context) -> set[str]:
        """Ask for the lens."""
        return context.window_manager.invoke_props_dialog(self, confirm_text="Refit")

    def draw(self, context: bpy.types.Context) -> None:
        """Draw the choice, and what the head has."""
        layout = self.layout
        layout.use_property_split = True
        lenses.draw(layout, self)
        now = lenses.words(recipes.of(targets.active_splats(context)))
        if now:
            layout.label(text=f"Now: {now}")

    @reported
    def execute(self, context: bpy.types.Context) -> set[str]:
        """Queue the head."""
        head = targets.active_splats(context)
        self.queue(order_as_made(context, head, self.source_of(head), **lenses.options_of(self)))
        return {"FINISHED"}


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
        told = entrance.bring_in(context, scene, [task.arrival], replaced)
        if told:
            self.report({"INFO"}, told)
        return {"FINISHED"}


CLASSES = (FACELIFT_OT_generate, FACELIFT_OT_regenerate, FACELIFT_OT_refit_lens, FACELIFT_OT_bring_in)
