"""Where an export happens: a scene of its own for a moment, files that are whole or not there, Blender's writers."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import addon_utils
import bpy

from ...core.errors import FaceLiftError


@contextlib.contextmanager
def alone(context: bpy.types.Context, targets: Sequence[bpy.types.Object]) -> Iterator[bpy.types.Scene]:
    """Make a scene for a moment in which nothing but some objects is selected; the user's stays as it is."""
    origin = context.scene
    scene = bpy.data.scenes.new("Export")
    layer = scene.view_layers[0]
    for name in ("frame_start", "frame_end", "frame_current"):
        setattr(scene, name, getattr(origin, name))
    scene.render.fps, scene.render.fps_base = origin.render.fps, origin.render.fps_base
    hidden = [target for target in targets if target.hide_viewport]
    try:
        # Writers look for the objects among their parents' children; splats are not worked out while hidden.
        for parent in {parent for target in targets for parent in _parents(target)} - set(targets):
            scene.collection.objects.link(parent)
            parent.hide_set(True, view_layer=layer)
        for target in targets:
            scene.collection.objects.link(target)
            target.hide_viewport = False
            target.select_set(True, view_layer=layer)
        layer.objects.active = targets[0]
        with context.temp_override(
            scene=scene, view_layer=layer, active_object=targets[0], object=targets[0], selected_objects=list(targets)
        ):
            yield scene
    finally:
        for target in hidden:
            target.hide_viewport = True
        bpy.data.scenes.remove(scene)


def _parents(target: bpy.types.Object) -> Iterator[bpy.types.Object]:
    while target.parent is not None:
        target = target.parent
        yield target


@contextlib.contextmanager
def whole_files(path: Path) -> Iterator[Path]:
    """Let a file, and what belongs to it, be written elsewhere and then put in place: whole or not at all.

    Raises:
        FaceLiftError: it could not be written ("not-written"); files that were there stay.
    """
    try:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".avatar-") as folder:
            yield Path(folder) / path.name
            written = [file for file in Path(folder).rglob("*") if file.is_file()]
            if not any(file.name == path.name for file in written):
                raise FaceLiftError(
                    f"{path.name} could not be written.", "Details are in Blender's console.", code="not-written"
                )
            for file in written:
                target = path.parent / file.relative_to(folder)
                target.parent.mkdir(exist_ok=True)
                shutil.move(file, target)
    except (OSError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or str(error).strip().splitlines()[-1]
        raise FaceLiftError(
            f"{path.name} could not be written: {reason}.", "Choose another folder.", code="not-written"
        ) from error


@contextlib.contextmanager
def switched_on(addon: str, kind: str) -> Iterator[None]:
    """Have an add-on of Blender's own, switched on for a moment where the user switched it off.

    Args:
        addon: Its module.
        kind: What it writes, in words.

    Raises:
        FaceLiftError: this Blender has none ("no-exporter").
    """
    _, enabled = addon_utils.check(addon)
    if not enabled and addon_utils.enable(addon, default_set=False) is None:
        raise FaceLiftError(
            f"This Blender has no {kind} exporter.",
            f"Install Blender's own {kind} add-on, or export OBJ.",
            code="no-exporter",
        )
    try:
        yield
    finally:
        if not enabled:
            addon_utils.disable(addon, default_set=False)
