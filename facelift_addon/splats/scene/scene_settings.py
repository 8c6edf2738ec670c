"""Settings of a scene that are changed for the user, and put back again."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import bpy

from ....core.errors import FaceLiftError


def change(scene: bpy.types.Scene, key: str, wanted: Iterable[tuple[str, Any]]) -> None:
    """Change settings and remember what they were.

    Args:
        scene: Whose settings.
        key: Custom property of the scene that remembers the values, as JSON. A value that is
            remembered there already stays: the first one is the user's own, later ones are ours.
        wanted: Paths from the scene and values, in the order in which Blender allows them.

    Raises:
        FaceLiftError: Blender does not know a value ("unknown-setting").
    """
    wanted = list(wanted)
    # Before the first assignment: one setting may change others.
    before = {path: scene.path_resolve(path) for path, _ in wanted} | saved(scene, key)
    if before:
        scene[key] = json.dumps(before)
    for path, value in wanted:
        _assign(scene, path, value)


def saved(scene: bpy.types.Scene, key: str) -> dict[str, Any]:
    """Return the values that are remembered under a key, by their paths."""
    return json.loads(scene.get(key, "{}"))


def can_restore(scene: bpy.types.Scene, key: str) -> bool:
    """Whether values are remembered under a key."""
    return key in scene


def restore(scene: bpy.types.Scene, key: str) -> None:
    """Put back what :func:`change` changed under a key."""
    for path, value in saved(scene, key).items():
        _assign(scene, path, value)
    if key in scene:
        del scene[key]


def _assign(scene: bpy.types.Scene, path: str, value: Any) -> None:
    owner, _, name = path.rpartition(".")
    try:
        setattr(scene.path_resolve(owner) if owner else scene, name, value)
    except TypeError as error:
        raise FaceLiftError(
            f"This Blender has no {name.replace('_', ' ')} named {value!r}.",
            "If it is a view transform, the color configuration (OCIO) is not the usual one: set it yourself.",
            code="unknown-setting",
        ) from error
