"""Render settings that splats need, proposed and restorable."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import bpy

from ...core.errors import FaceLiftError

TRANSPARENT_BOUNCES = 512
"""Cycles' default of 8 leaves a black crust on splats; where a view grazes a surface a ray passes
hundreds of them, and 256 still leave black specks under a chin."""
MIN_TRANSPARENT_BOUNCES = 512
"""Below it Cycles ends rays at random, which is most of the noise, and costs no time to prevent."""

VIEW_TRANSFORMS = {"PHOTO": "Raw", "SCENE": "Standard"}
"""By colour mode: Raw shows a photo's own values unchanged; Standard shows linear ones without a tone curve."""

NEUTRAL_VIEW = [
    ("view_settings.look", "Look", "None"),
    ("view_settings.exposure", "Exposure", 0.0),
    ("view_settings.gamma", "Gamma", 1.0),
]
"""Paths from the scene, labels and values that leave colours alone."""

SAVED_KEY = "facelift_saved_render_settings"
"""Custom property of the scene: what the settings were before, as JSON."""


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
    if hasattr(scene, "cycles"):
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
        FaceLiftError: Blender does not know a view transform ("no-view-transform").
    """
    changes = proposed_changes(scene, color_mode)
    saved = json.loads(scene.get(SAVED_KEY, "{}"))
    for change in changes:
        # The first value is the user's own; later ones are ours.
        saved.setdefault(change.path, change.current)
        _assign(scene, change.path, change.wanted)
    if saved:
        scene[SAVED_KEY] = json.dumps(saved)
    return changes


def can_restore(scene: bpy.types.Scene) -> bool:
    """Whether settings of the user are remembered."""
    return SAVED_KEY in scene


def restore(scene: bpy.types.Scene) -> None:
    """Put back what :func:`apply` changed."""
    for path, value in json.loads(scene.get(SAVED_KEY, "{}")).items():
        _assign(scene, path, value)
    if SAVED_KEY in scene:
        del scene[SAVED_KEY]


def _assign(scene: bpy.types.Scene, path: str, value: Any) -> None:
    owner, _, name = path.rpartition(".")
    try:
        setattr(scene.path_resolve(owner), name, value)
    except TypeError as error:
        raise FaceLiftError(
            f"This Blender has no {name.replace('_', ' ')} named {value!r}.",
            "Its colour configuration (OCIO) is not the usual one: set the view transform yourself.",
            code="no-view-transform",
        ) from error
