"""Shape keys that others drive, for writers that look for keyframes alone."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

import bpy


@contextlib.contextmanager
def playing_alike(leader: bpy.types.Object, followers: Sequence[bpy.types.Object]) -> Iterator[None]:
    """Let driven shape keys play the action of those that drive them, for a moment.

    Args:
        leader: A mesh.
        followers: Meshes; those whose keys have no drivers, or an action of their own, stay as they are.
    """
    keys = leader.data.shape_keys
    played = keys.animation_data if keys is not None else None
    if played is None or played.action is None:
        yield
        return
    given = []
    for target in followers:
        own = target.data.shape_keys.animation_data if target.data.shape_keys is not None else None
        if own is not None and len(own.drivers) and own.action is None:
            own.action, own.action_slot = played.action, played.action_slot
            given.append(own)
    try:
        yield
    finally:
        for own in given:
            own.action = None
