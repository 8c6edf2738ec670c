"""Parts of panels: wrapped text, errors, time left."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import bpy

from ...core.progress import Progress
from ..making.tasks import State, Task
from .previews import previews

if TYPE_CHECKING:
    from ..making.errands import Errand

CHARACTER_WIDTH = 6.5
"""Average width of a letter in pixels at interface scale 1."""
STATE_ICONS = {State.DONE: "CHECKMARK", State.FAILED: "ERROR"}
"""Icons of photos and heads in lists; others are waiting or under way."""
PICTURE_SCALE = 9.0
MARGIN = 60
"""Pixels that a panel's frame, padding and icon take."""


class SidebarPanel:
    """Mix-in of the panels in the 3D View's FaceLift tab."""

    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "FaceLift"


def draw_lines(
    layout: bpy.types.UILayout, context: bpy.types.Context, text: str, icon: str = "NONE", width_share: float = 1.0
) -> None:
    """Draw a sentence in as many lines as a share of the region's width needs."""
    scale = context.preferences.system.ui_scale or 1.0  # It is 0 without a window.
    width = context.region.width if context.region is not None else 300
    characters = max(20, int((width / scale * width_share - MARGIN) / CHARACTER_WIDTH))
    column = layout.column(align=True)
    column.scale_y = 0.8
    for index, line in enumerate(textwrap.wrap(text, characters)):
        column.label(text=line, icon=icon if index == 0 or icon == "NONE" else "BLANK1")


def draw_error(layout: bpy.types.UILayout, task: Task, prefix: str = "") -> None:
    """Draw what went wrong with a task and what can be done about it."""
    box = layout.box()
    box.alert = True
    draw_lines(box, bpy.context, prefix + task.error.message, icon="ERROR")
    box.alert = False
    if task.error.advice:
        draw_lines(box, bpy.context, task.error.advice, icon="BLANK1")
    row = box.row(align=True)
    row.operator("facelift.open_log", icon="TEXT")
    if task.method == "generate":
        row.operator("facelift.retry", icon="FILE_REFRESH").task = task.id
        row.operator("facelift.dismiss", text="", icon="X").task = task.id


def draw_errand(layout: bpy.types.UILayout, errand: Errand) -> None:
    """Draw the progress of what runs in the background, and its cancel button."""
    layout.label(text=errand.title)
    if errand.picture:
        draw_work(layout, errand.progress, errand.picture)
    row = layout.row(align=True)
    row.progress(text=time_left(errand.progress), factor=errand.progress.fraction)
    row.operator("facelift.cancel_errands", text="", icon="X").title = errand.title


def draw_work(layout: bpy.types.UILayout, progress: Progress, picture: str) -> None:
    """Draw what is being worked on, by the key of its preview, and at which of how many steps it is."""
    if picture in previews:
        layout.template_icon(previews.icon(picture), scale=PICTURE_SCALE)
    count = f": {progress.step:,} of {progress.steps:,}" if progress.steps > 1 else ""
    layout.label(text=progress.stage + count)


def size_text(size: int) -> str:
    """Return bytes in words."""
    return f"{size / 1e9:.1f} GB" if size >= 1e8 else f"{size / 1e6:.0f} MB"


def time_left(progress: Progress | None) -> str:
    """Return the estimate as a progress bar's text; the share while there is no estimate."""
    if progress is None:
        return ""
    if progress.eta is None:
        return f"{progress.fraction:.0%}"
    seconds = max(1, round(progress.eta))
    return f"{seconds} s left" if seconds < 90 else f"{round(seconds / 60)} min left"
