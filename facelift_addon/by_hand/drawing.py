"""What panels show of placing by hand."""

from __future__ import annotations

import bpy

from ..interface.widgets import draw_lines
from ..splats.data import hand_placements
from . import placing as state

HAND_ICON = "VIEW_PAN"
"""Of photos placed by hand, and of the way there."""
FEW_PINS = "Click on the wireframe and drag it to where the photo shows that place. Five pins place any photo."


def draw_under_way(layout: bpy.types.UILayout, context: bpy.types.Context) -> bool:
    """Draw the steps while a photo is being placed; return whether one is."""
    placing = state.current()
    if placing is None:
        return False
    board = placing.board
    box = layout.box()
    box.label(text=f"Placing {placing.photo}", icon=HAND_ICON)
    count = len(board.step.pins)
    if count:
        unit = "pin" if count == 1 else "pins"
        box.label(text=f"{count} {unit}, at most {board.step.placement.error:.1f} pixels off")
    else:
        draw_lines(box, context, FEW_PINS)
    row = box.row(align=True)
    row.label(text="Let follow:")
    for name in ("lens", "shape"):
        allowed = {"lens": board.step.lens, "shape": board.step.shape}
        operator = row.operator("facelift.pins_allow", text=name.title(), depress=allowed[name])
        allowed[name] = not allowed[name]
        operator.lens, operator.shape = allowed["lens"], allowed["shape"]
    row = box.row(align=True)
    row.operator("facelift.pins_undo", text="Undo", icon="LOOP_BACK")
    row.operator("facelift.pins_undo", text="Redo", icon="LOOP_FORWARDS").redo = True
    row.operator("facelift.pins_reset", text="Reset", icon="X")
    row = box.row(align=True)
    row.scale_y = 1.3
    row.operator("facelift.place_apply", text="Apply", icon="CHECKMARK")
    row.operator("facelift.place_cancel", text="Cancel", icon="X")
    return True


def draw_button(layout: bpy.types.UILayout, number: int, head: str = "", text: str = "") -> None:
    """Draw the way to place a photo; greyed out for the portrait, which all others are placed by.

    Args:
        layout: Where.
        number: Of the photo.
        head: Id of its head; the active one if empty.
        text: Of the button.
    """
    column = layout.column(align=True)
    column.operator_context, column.enabled = "INVOKE_DEFAULT", number != 0
    operator = column.operator("facelift.place_by_hand", text=text, icon=HAND_ICON)
    operator.photo, operator.head = number, head


def draw_waiting(layout: bpy.types.UILayout, context: bpy.types.Context, head: bpy.types.Object) -> None:
    """Draw the way to make a head again where photos were placed since it was made."""
    count = len(hand_placements.of(head))
    if not count:
        return
    text = "A photo was" if count == 1 else f"{count} photos were"
    draw_lines(layout, context, f"{text} placed since this head was made.", icon="INFO")
    row = layout.row()
    row.scale_y = 1.3
    row.operator("facelift.regenerate", text="Make Head Again", icon="FILE_REFRESH").mode = "REPLACE"
