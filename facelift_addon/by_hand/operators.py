"""Placing photos by hand: the steps, which scripts and the mouse share."""

from __future__ import annotations

from functools import partial
from typing import Any

import bpy
from bpy.props import BoolProperty, FloatProperty, IntProperty, StringProperty

from ...core.errors import FaceLiftError
from ...core.photo.sides import AUTO
from ..editing import targets
from ..interface.explaining import Explained
from ..making.session import session
from ..making.tasks import Task
from ..reporting import reported
from ..splats.data import heads, recipes
from ..viewport import split
from . import fitting, overlay
from . import placing as state
from .modal import KEYS, follow_mouse
from .view import PlacingView


def finish() -> None:
    """End placing, applied or not."""
    if state.current() is not None:
        state.leave()
        overlay.stop()
        for workspace in bpy.data.workspaces:
            workspace.status_text_set(None)


class FACELIFT_OT_place_by_hand(Explained, bpy.types.Operator):
    """Look through the camera of one of the head's photos and drag the head's wireframe onto it with pins, where it was not placed well by itself"""  # noqa: E501

    bl_idname = "facelift.place_by_hand"
    bl_label = "Place by Hand"
    # The undo step is that of the operator that applies it.
    bl_options = {"REGISTER"}

    photo: IntProperty(
        name="Photo",
        description="Of the head's photos, the one; 0 is the portrait. -1 takes the one looked through, or else the "
        "first that needs it",
        default=-1,
        min=-1,
        options={"SKIP_SAVE"},
    )
    head: StringProperty(description="Id of the head; the active one if empty", options={"HIDDEN", "SKIP_SAVE"})

    @classmethod
    def description(cls, _context: bpy.types.Context, properties: bpy.types.OperatorProperties) -> str:
        """Of the portrait, tell why its button is greyed out."""
        return f"{state.PORTRAIT_STAYS} {state.PORTRAIT_ADVICE}" if properties.photo == 0 else ""

    @classmethod
    def obstacle(cls, context: bpy.types.Context) -> str:
        """A head of several photos is needed."""
        if state.current() is not None:
            return "A photo is being placed: apply or cancel that first"
        if fitting.is_under_way():
            return "The head is being fitted: placing begins when that is done"
        if context.mode != "OBJECT":
            return "Go to Object Mode first"
        return ""

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """Begin, and follow the mouse."""
        area = context.area
        if area is None or area.type != "VIEW_3D":
            area = next((area for area in context.window.screen.areas if area.type == "VIEW_3D"), None)
        if area is None:
            self.report({"ERROR"}, "Open a 3D View to place the photo in.")
            return {"CANCELLED"}
        if self._begin(context, area, asked=True) == {"CANCELLED"}:
            return {"CANCELLED"}
        if state.current() is None:
            # The head is being fitted, and placing begins after that.
            return {"FINISHED"}
        context.window_manager.modal_handler_add(self)
        if context.workspace is not None:
            context.workspace.status_text_set(KEYS)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Begin; scripts go on with the other operators."""
        area = context.area
        return self._begin(context, area if area is not None and area.type == "VIEW_3D" else None)

    def modal(self, _context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Set, drag and remove pins."""
        return follow_mouse(event)

    def _begin(self, context: bpy.types.Context, area: bpy.types.Area | None, asked: bool = False) -> set[str]:
        """Begin to place a photo, in a 3D View if there is one.

        Args:
            context: Blender's.
            area: The 3D View.
            asked: Whether a person waits: a head without a fit then gets one in the background, and placing begins
                after that.
        """
        head = heads.find(self.head) if self.head else targets.active_splats(context)
        reason = state.obstacle(head)
        if reason:
            self.report({"ERROR"}, f"{reason}.")
            return {"CANCELLED"}
        number = self.photo if self.photo >= 0 else state.wanted(head, split.camera_in(context))
        try:
            heads.identify(head)
            if fitting.is_needed(head):
                if asked:
                    fitting.fit_in_background(context, head, partial(place_once_fitted, head[heads.ID_KEY], number))
                    self.report({"INFO"}, "The head is fitted first, which takes a moment: then placing begins")
                    return {"FINISHED"}
                fitting.fit(context, head)
            placing = state.begin(head, number, _side_in_list(head, number))
            seen_through = heads.photo_camera_of(head, number) or heads.photo_camera_of(head)
            if area is not None:
                if seen_through is None:
                    raise FaceLiftError(
                        "The head's photo cameras are gone.", "Make the head again from its photos.", code="no-camera"
                    )
                placing.view = PlacingView(area, seen_through)
                overlay.start()
        except FaceLiftError as error:
            finish()
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"}


class _WhilePlacing(Explained):
    """Mix-in of the steps."""

    @classmethod
    def obstacle(cls, _context: bpy.types.Context) -> str:
        """A photo must be placed."""
        return "" if state.current() is not None else "Begin with Place by Hand"

    @reported
    def execute(self, _context: bpy.types.Context) -> set[str]:
        """Take the step."""
        placing = state.current()
        self.step(placing)
        if placing.view is not None:
            placing.view.redraw()
        return {"FINISHED"}

    def step(self, placing: state.Placing) -> None:
        """Change the placement."""
        raise NotImplementedError


def _share(name: str, description: str) -> Any:
    return FloatProperty(name=name, description=description, min=-10.0, max=11.0, options={"SKIP_SAVE"})


X = "Place in the photo's picture, 0 to 1 from its left edge"
Y = "Place in the photo's picture, 0 to 1 from its lower edge"


class FACELIFT_OT_pin_set(_WhilePlacing, bpy.types.Operator):
    """Pin what is seen of the head at a place of the photo to another place; a pin that is there is moved"""

    bl_idname = "facelift.pin_set"
    bl_label = "Set Pin"
    bl_options = {"INTERNAL"}

    x: _share("X", X)
    y: _share("Y", Y)
    to_x: _share("To X", X)
    to_y: _share("To Y", Y)

    def step(self, placing: state.Placing) -> None:
        """Set or move the pin."""
        side = placing.board.camera.width
        placing.set_pin((self.x * side, (1 - self.y) * side), (self.to_x * side, (1 - self.to_y) * side))


class FACELIFT_OT_pin_remove(_WhilePlacing, bpy.types.Operator):
    """Remove the pin at a place of the photo"""

    bl_idname = "facelift.pin_remove"
    bl_label = "Remove Pin"
    bl_options = {"INTERNAL"}

    x: _share("X", X)
    y: _share("Y", Y)

    def step(self, placing: state.Placing) -> None:
        """Remove it."""
        side = placing.board.camera.width
        placing.remove_pin((self.x * side, (1 - self.y) * side))


class FACELIFT_OT_pins_reset(_WhilePlacing, bpy.types.Operator):
    """Remove all pins and go back to how the photo was placed by itself"""

    bl_idname = "facelift.pins_reset"
    bl_label = "Reset Placement"
    bl_options = {"INTERNAL"}

    def step(self, placing: state.Placing) -> None:
        """Reset."""
        placing.board.reset()


class FACELIFT_OT_pins_undo(_WhilePlacing, bpy.types.Operator):
    """Take the last pin step back, or take it again"""

    bl_idname = "facelift.pins_undo"
    bl_label = "Undo Pin Step"
    bl_options = {"INTERNAL"}

    redo: BoolProperty(name="Redo", options={"SKIP_SAVE"})

    def step(self, placing: state.Placing) -> None:
        """Undo, or redo."""
        if not (placing.board.redo() if self.redo else placing.board.undo()):
            raise FaceLiftError("There is no further step.", code="no-step")


class FACELIFT_OT_pins_allow(_WhilePlacing, bpy.types.Operator):
    """Say what may follow the pins beside the head's pose: the lens, from four pins on, and the head's shape, from three on"""  # noqa: E501

    bl_idname = "facelift.pins_allow"
    bl_label = "Let Follow"
    bl_options = {"INTERNAL"}

    lens: BoolProperty(name="Lens", description="How near the camera stood; from four pins on", options={"SKIP_SAVE"})
    shape: BoolProperty(
        name="Shape",
        description="The head's shape, for all photos, when it is made again; from three pins on",
        options={"SKIP_SAVE"},
    )

    def step(self, placing: state.Placing) -> None:
        """Allow it, or not."""
        placing.board.allow(self.lens, self.shape)


class FACELIFT_OT_place_apply(_WhilePlacing, bpy.types.Operator):
    """Keep this placement with the photo: its camera moves there, and the head is made with it the next time"""

    bl_idname = "facelift.place_apply"
    bl_label = "Apply Placement"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    @reported
    def execute(self, context: bpy.types.Context) -> set[str]:
        """Move the camera, and keep the placement."""
        placing = state.current()
        if not placing.board.can_undo:
            finish()
            self.report({"INFO"}, "Nothing was changed")
            return {"CANCELLED"}
        kept = placing.board.kept()
        try:
            head = state.apply(placing, context.scene.collection)
        finally:
            finish()
        _tell_list(head, placing.number, kept)
        told = "was placed by hand" if kept is not None else "is left to be placed by itself"
        self.report({"INFO"}, f"{placing.photo} {told}. Make the head again to use it")
        return {"FINISHED"}


class FACELIFT_OT_place_cancel(_WhilePlacing, bpy.types.Operator):
    """Leave the photo placed as it was"""

    bl_idname = "facelift.place_cancel"
    bl_label = "Cancel Placement"
    bl_options = {"INTERNAL"}

    def execute(self, _context: bpy.types.Context) -> set[str]:
        """Forget it."""
        finish()
        return {"FINISHED"}


class FACELIFT_OT_clear_placement(Explained, bpy.types.Operator):
    """Leave the photo to be placed by itself"""

    bl_idname = "facelift.clear_placement"
    bl_label = "Forget Placement"
    bl_options = {"INTERNAL"}

    photo: StringProperty(description="Of the chosen photos, the one", options={"HIDDEN", "SKIP_SAVE"})

    @classmethod
    def obstacle(cls, _context: bpy.types.Context) -> str:
        """Photos must be chosen."""
        return "" if session.photos else "Choose a photo first"

    def execute(self, _context: bpy.types.Context) -> set[str]:
        """Forget it."""
        photo = session.find_photo(self.photo)
        if photo is not None:
            photo.order = photo.order.with_placement(None)
        return {"FINISHED"}


def place_once_fitted(identifier: str, number: int) -> str:
    """Begin to place a photo of a head that was fitted meanwhile, in the first 3D View; return what to tell."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            region = next((region for region in area.regions if region.type == "WINDOW"), None)
            if area.type == "VIEW_3D" and region is not None:
                with bpy.context.temp_override(window=window, area=area, region=region):
                    if FACELIFT_OT_place_by_hand.poll(bpy.context):
                        bpy.ops.facelift.place_by_hand("INVOKE_DEFAULT", photo=number, head=identifier)
                        return "The head is fitted: place its photo"
    return "The head is fitted: press Place by Hand again"


def _in_list(head: bpy.types.Object, number: int) -> list[Task]:
    """Return a head's photo in the panel's list, as often as it is there."""
    digests = recipes.of(head).digests[number : number + 1]
    return [photo for photo in session.photos if digests and photo.digests == digests]


def _tell_list(head: bpy.types.Object, number: int, kept: Any) -> None:
    """Let the photo in the panel's list be taken as it was placed, too."""
    for photo in _in_list(head, number):
        photo.order = photo.order.with_placement(kept)


def _side_in_list(head: bpy.types.Object, number: int) -> str:
    """Return which side a photo shows as the list says it now, "" where it says nothing."""
    sides = [photo.order.options.side for photo in _in_list(head, number)]
    return next((side for side in sides if side != AUTO), "")


CLASSES = (
    FACELIFT_OT_place_by_hand,
    FACELIFT_OT_pin_set,
    FACELIFT_OT_pin_remove,
    FACELIFT_OT_pins_reset,
    FACELIFT_OT_pins_undo,
    FACELIFT_OT_pins_allow,
    FACELIFT_OT_place_apply,
    FACELIFT_OT_place_cancel,
    FACELIFT_OT_clear_placement,
)
