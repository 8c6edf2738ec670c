"""What came with a head and goes with it: its cameras and its collection."""

from __future__ import annotations

import bpy

OWNER_KEY = "facelift_belongs_to"
"""Custom property of a camera object or a collection: the id of its head."""


def mark(thing: bpy.types.Object | bpy.types.Collection, identifier: str) -> None:
    """Let something go when no head of an id is left."""
    thing[OWNER_KEY] = identifier


def remove_abandoned(identifiers: set[str]) -> None:
    """Remove what belongs to heads that are no more, as far as the user made nothing of it.

    Cameras that are animated stay, and collections with something in them.

    Args:
        identifiers: Of the heads that are in some collection.
    """
    for target in _abandoned(bpy.data.objects, identifiers):
        data = target.data
        if target.animation_data is None and data.animation_data is None:
            bpy.data.objects.remove(target)
            if data.users == 0:
                bpy.data.batch_remove([data])
    for collection in _abandoned(bpy.data.collections, identifiers):
        if not collection.objects and not collection.children:
            bpy.data.collections.remove(collection)


def _abandoned(things, identifiers: set[str]) -> list:
    return [
        thing for thing in things if OWNER_KEY in thing and thing[OWNER_KEY] not in identifiers and thing.is_editable
    ]
