"""Render settings that splats need, proposed and restorable."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import bpy

from . import display, heads, scene_settings

TRANSPARENT_BOUNCES = 512
"""Cycles' default of 8 leaves a black crust on splats; where a view grazes a surface a ray passes
hundreds of them, and 256 still leave black specks under a chin."""
MIN_TRANSPARENT_BOUNCES = 512
"""Below it Cycles ends rays at random, which is most of the noise, and costs no time to prevent."""

VIEW_TRANSFORMS = {"PHOTO": "Raw", "SCENE": "Standard", "LIT": "Standard"}
"""By colour mode: Raw shows a photo's own values unchanged; Standard shows linear ones without a tone curve."""

NEUTRAL_VIEW = [
    ("view_settings.look", "Look", "None"),
    ("view_settings.exposure", "Exposure", 0.0),
    ("view_settings.gamma", "Gamma", 1.0),
]
"""Paths from the scene, labels and values that leave colours alone."""

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


def proposed_changes(scene: bpy.types.Scene, color_mode: str) -> list[Change]:
    """Return what should change in a scene for splats to render right.

    Args:
        scene: To be rendered.
        color_mode: A key of :data:`VIEW_TRANSFORMS`.
    """
    wishes = [("view_settings.view_transform", "View transform", VIEW_TRANSFORMS[color_mode])]
    if color_mode == "PHOTO":
        wishes += NEUTRAL_VIEW
    if color_mode == "LIT":
        # The proxies of animated heads are made anew while it renders: meanwhile nobody may draw them.
        wishes += [("render.use_lock_interface", "Lock interface", True)]
    if hasattr(scene, "cycles") and any(display.renders_quads(head) for head in heads.heads_of(scene)):
        wishes += [
            ("cycles.transparent_max_bounces", "Transparent bounces", TRANSPARENT_BOUNCES),
            ("cycles.min_transparent_bounces", "Min transparent bounces", MIN_TRANSPARENT_BOUNCES),
        ]
    changes = []
    for path, label, wanted in wishes:
        current = scene.path_resolve(path)
        enough = current >= wanted if isinstance(wanted, int) else current == wanted
        if not enough:
            changes.append(Change(path, label, current, wanted))
    return changes


def apply(scene: bpy.types.Scene, color_mode: str) -> list[Change]:
    """Make the proposed changes, remember what was before, and return them.

    Raises:
        FaceLiftError: Blender does not know a view transform ("unknown-setting").
    """
    changes = proposed_changes(scene, color_mode)
    scene_settings.change(scene, SAVED_KEY, [(change.path, change.wanted) for change in changes])
    return changes


def can_restore(scene: bpy.types.Scene) -> bool:
    """Whether settings of the user are remembered."""
    return scene_settings.can_restore(scene, SAVED_KEY)


def restore(scene: bpy.types.Scene) -> None:
    """Put back what :func:`apply` changed."""
    scene_settings.restore(scene, SAVED_KEY)
