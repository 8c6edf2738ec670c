"""Placing a photo with the mouse: what events mean."""

from __future__ import annotations

import bpy

from . import placing as state
from .overlay import to_picture
from .placing import Placing

POINT = 12.0
"""Pixels of the screen around a pin in which the mouse means it."""
KEYS = (
    "Click: Set Pin  |  Drag: Move  |  Right Click or X: Remove  |  Ctrl Z: Undo  |  R: Reset  |  "
    "L: Lens  |  S: Shape  |  Home: Fit  |  Enter: Apply  |  Esc: Cancel"
)
PASSED = ("WHEELUPMOUSE", "WHEELDOWNMOUSE", "TRACKPADZOOM", "NUMPAD_PLUS", "NUMPAD_MINUS", "TIMER")
"""Events that Blender uses as ever in a camera's view: they zoom."""
PAN = "MIDDLEMOUSE"


def follow_mouse(event: bpy.types.Event) -> set[str]:
    """Take an event of the modal operator; return what that returns."""
    placing = state.current()
    if placing is None or placing.view is None:
        return {"FINISHED"}
    if placing.target() is None or placing.picture() is None:
        return end(bpy.ops.facelift.place_cancel)
    if placing.dragged is None and placing.panned is None and not placing.view.holds(event.mouse_x, event.mouse_y):
        _point(placing, None)
        return {"PASS_THROUGH"}
    return _in_view(event, placing)


def end(operator) -> set[str]:
    """End by an operator."""
    try:
        operator("EXEC_DEFAULT", True)
    except RuntimeError:
        # It said why.
        return {"CANCELLED"}
    return {"FINISHED"}


def _in_view(event: bpy.types.Event, placing: Placing) -> set[str]:
    """Take an event of the view."""
    board, view = placing.board, placing.view
    kind, pressed = event.type, event.value == "PRESS"
    place = _place(placing, event)
    if kind in ("RET", "NUMPAD_ENTER") and pressed:
        return end(bpy.ops.facelift.place_apply)
    if kind == "ESC" and pressed and placing.dragged is None:
        return end(bpy.ops.facelift.place_cancel)
    if place is None:
        # The view was turned away: nothing can be meant there.
        if pressed:
            view.look()
        view.redraw()
        return {"RUNNING_MODAL"}
    if kind in PASSED or (kind == PAN and pressed and event.ctrl):
        view.redraw()
        return {"PASS_THROUGH"}
    if kind == PAN:
        placing.panned = (event.mouse_x, event.mouse_y) if pressed else None
    elif kind == "TRACKPADPAN":
        view.pan(event.mouse_x - event.mouse_prev_x, event.mouse_y - event.mouse_prev_y)
    elif kind == "MOUSEMOVE":
        _move(event, placing, place)
    elif kind == "LEFTMOUSE":
        if event.value in ("PRESS", "DOUBLE_CLICK"):
            _press(placing, place)
        elif event.value == "RELEASE":
            _release(placing)
    elif kind == "ESC" and pressed:
        _release(placing)
        if placing.stepped:
            board.undo()
    elif pressed:
        _key(event, placing, place)
    view.redraw()
    return {"RUNNING_MODAL"}


def _key(event: bpy.types.Event, placing: Placing, place: tuple[float, float]) -> None:
    board = placing.board
    if placing.dragged is not None:
        return
    match event.type:
        case "RIGHTMOUSE" | "X" | "DEL":
            number = board.near(place, _reach(placing))
            if number is not None:
                board.remove(number)
                placing.pointed = None
        case "Z" if event.ctrl or event.oskey:
            board.redo() if event.shift else board.undo()
        case "R":
            board.reset()
        case "L":
            board.allow(not board.step.lens, board.step.shape)
        case "S":
            board.allow(board.step.lens, not board.step.shape)
        case "HOME":
            placing.view.fill()


def _press(placing: Placing, place: tuple[float, float]) -> None:
    """Take the pin under the mouse, or set one."""
    board = placing.board
    number = board.near(place, _reach(placing))
    placing.stepped = number is None
    if number is None:
        pin = board.pick(place)
        if pin is None:
            return
        number = board.add(pin)
    placing.dragged = placing.pointed = number
    start = board.step.pins[number].pixel
    placing.grip = (start[0] - place[0], start[1] - place[1])


def _move(event: bpy.types.Event, placing: Placing, place: tuple[float, float]) -> None:
    if placing.panned is not None:
        x, y = placing.panned
        placing.view.pan(event.mouse_x - x, event.mouse_y - y)
        placing.panned = (event.mouse_x, event.mouse_y)
    elif placing.dragged is not None:
        if not placing.stepped:
            placing.board.grab()
            placing.stepped = True
        x, y = placing.grip
        placing.board.drag(placing.dragged, (place[0] + x, place[1] + y))
    else:
        _point(placing, placing.board.near(place, _reach(placing)))


def _release(placing: Placing) -> None:
    placing.dragged = None


def _point(placing: Placing, number: int | None) -> None:
    """Let the pin under the mouse be seen."""
    if placing.pointed != number:
        placing.pointed = number
        placing.view.redraw()


def _place(placing: Placing, event: bpy.types.Event) -> tuple[float, float] | None:
    """Return the pixel of the photo's picture under the mouse; None where the view shows none."""
    frame = placing.view.frame
    if frame is None:
        return None
    region = placing.view.region
    return to_picture(event.mouse_x - region.x, event.mouse_y - region.y, frame, placing.board.camera.width)


def _reach(placing: Placing) -> float:
    """Return how far from a pin the mouse still means it, in pixels of the photo's picture."""
    scale = bpy.context.preferences.system.ui_scale
    return POINT * scale * placing.board.camera.width / placing.view.frame.width
