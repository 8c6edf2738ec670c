"""A clip's sound in the sequencer, in time with the keyframes."""

from __future__ import annotations

from pathlib import Path

import bpy

from .. import paths


def add(scene: bpy.types.Scene, path: Path, frame: int) -> bool:
    """Put a clip's sound into a free channel, its beginning at a frame; return whether Blender could read it.

    A scene that plays no sound yet plays every frame's from now on: pictures are left out instead.
    """
    editor = scene.sequence_editor or scene.sequence_editor_create()
    strips = editor.strips
    taken = {strip.channel for strip in strips}
    channel = next(number for number in range(1, 129) if number not in taken)
    try:
        strips.new_sound(name=path.stem, filepath=paths.stored(path), channel=channel, frame_start=frame)
    except RuntimeError:
        return False
    scene.sync_mode = "AUDIO_SYNC"
    return True
