"""Render settings that splats need, proposed and restorable."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import bpy

from ....core.errors import FaceLiftError
from ....core.rasterize.layers import MOST, UNKNOWN
from ...identity import preferences
from ..data import heads
from ..data.heads import BOUNCES_KEY
from ..display import display
from . import scene_settings

VIEW_TRANSFORMS = {"PHOTO": "Raw", "SCENE": "Standard", "LIT": "Standard"}
"""By colour mode: Raw shows a photo's own values unchanged; Standard shows linear ones without a tone curve."""

NEUTRAL_VIEW = [("view_settings.look", "None"), ("view_settings.exposure", 0.0), ("view_settings.gamma", 1.0)]
"""Paths from the scene and values that leave colours alone."""

LOCK = "render.use_lock_interface"
"""Path from the scene of what keeps the interface from reading objects that a render changes."""

LABELS = {
    "view_settings.view_transform": "View transform",
    "view_settings.look": "Look",
    "view_settings.exposure": "Exposure",
    "view_settings.gamma": "Gamma",
    LOCK: "Lock interface",
    "cycles.transparent_max_bounces": "Transparent bounces",
    "cycles.min_transparent_bounces": "Min transparent bounces",
}
"""What settings are called in the interface, by their paths from the scene."""

SAVED_KEY = "facelift_saved_render_settings"
"""Custom property of the scene: what the settings were before."""


@dataclass(frozen=True)
class Change:
    """One setting that differs from what splats need.

    Attributes:
        path: RNA path from the scene.
        label: What it is called in the interface.
        current: Its value.
        wanted: The value that splats need.
    """

    path: str
    label: str
    current: Any
    wanted: Any


def needed_bounces(scene: bpy.types.Scene) -> int:
    """Return the bounces that the heads of a scene need, one behind the other.

    Cycles' default of 8 leaves a black crust on splats. What lies behind more surfaces than are allowed is black,
    as specks under a chin.
    """
    found = [head.get(BOUNCES_KEY, UNKNOWN) for head in heads.rendered_in(scene) if display.renders_quads(head)]
    return min(sum(found) or UNKNOWN, MOST)


def proposed_changes(scene: bpy.types.Scene, color_mode: str) -> list[Change]:
    """Return what should change in a scene for splats to render right.

    Args:
        scene: To be rendered.
        color_mode: A key of :data:`VIEW_TRANSFORMS`.
    """
    wishes = [("view_settings.view_transform", VIEW_TRANSFORMS[color_mode])]
    if color_mode == "PHOTO":
        wishes += NEUTRAL_VIEW
    if color_mode == "LIT" or any(map(heads.is_sequence, heads.rendered_in(scene))):
        # The proxies of animated heads, and the splats of sequences, change while it renders: meanwhile nobody may
        # draw them.
        wishes += [(LOCK, True)]
    if hasattr(scene, "cycles") and any(display.renders_quads(head) for head in heads.rendered_in(scene)):
        bounces = needed_bounces(scene)
        # With fewer certain ones, Cycles ends rays by chance, which is most of the noise and saves little time.
        wishes += [("cycles.transparent_max_bounces", bounces), ("cycles.min_transparent_bounces", bounces)]
    changes = []
    for path, wanted in wishes:
        current = scene.path_resolve(path)
        enough = current >= wanted if isinstance(wanted, int) else current == wanted
        if not enough:
            changes.append(Change(path, LABELS[path], current, wanted))
    return changes


def apply(scene: bpy.types.Scene, color_mode: str, only: frozenset[str] = frozenset(LABELS)) -> list[Change]:
    """Make the changes of :func:`proposed_changes`, remember what was before, and return them.

    Args:
        scene: To be rendered.
        color_mode: A key of :data:`VIEW_TRANSFORMS`.
        only: The paths that may change.

    Raises:
        FaceLiftError: Blender does not know a view transform ("unknown-setting").
    """
    changes = [change for change in proposed_changes(scene, color_mode) if change.path in only]
    scene_settings.change(scene, SAVED_KEY, [(change.path, change.wanted) for change in changes])
    return changes


def prepare(scene: bpy.types.Scene, arrived: int) -> str:
    """Set a scene up for its first heads, unless the user wants to do it himself; return what to tell.

    The first sequence may come later: of what renders need it alone needs the interface's lock.

    Args:
        scene: With the heads.
        arrived: How many of its heads have just come.
    """
    if not preferences().prepare_renders:
        return ""
    present = heads.rendered_in(scene)
    is_first = len(present) <= arrived
    if not is_first and not any(map(heads.is_sequence, present)):
        return ""
    try:
        changes = apply(scene, scene.facelift.color_mode, frozenset(LABELS if is_first else {LOCK}))
    except FaceLiftError as error:
        return str(error)
    return f"Renders are set up for splats: {told(changes)}. Restore Render Settings undoes it" if changes else ""


def told(changes: list[Change]) -> str:
    """Return changes in words."""
    return ", ".join(f"{change.label} {change.current} → {change.wanted}" for change in changes)


def made_changes(scene: bpy.types.Scene) -> list[Change]:
    """Return what :func:`apply` changed and still is: from the user's values to those of now."""
    saved = scene_settings.saved(scene, SAVED_KEY)
    changes = [Change(path, LABELS[path], before, scene.path_resolve(path)) for path, before in saved.items()]
    return [change for change in changes if change.current != change.wanted]


def can_restore(scene: bpy.types.Scene) -> bool:
    """Whether settings of the user are remembered."""
    return scene_settings.can_restore(scene, SAVED_KEY)


def restore(scene: bpy.types.Scene) -> None:
    """Put back what :func:`apply` changed."""
    scene_settings.restore(scene, SAVED_KEY)
