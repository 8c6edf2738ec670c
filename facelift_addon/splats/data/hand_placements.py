"""Where a head's photos were placed by hand since it was made: kept with it until it is made again."""

from __future__ import annotations

import json
from functools import lru_cache

import bpy

from ....core.errors import PhotoError
from ....core.photo.hand_placement import HandPlacement

PLACEMENTS_KEY = "facelift_hand_placements"
"""Custom property of a head: JSON with the placements by the photos' numbers; null leaves one to be found anew."""


def of(head: bpy.types.Object) -> dict[int, HandPlacement | None]:
    """Return what was placed since the head was made, by the photos' numbers; None was taken back to be found."""
    text = head.get(PLACEMENTS_KEY)
    return dict(_read(text)) if isinstance(text, str) else {}


def keep(head: bpy.types.Object, number: int, placement: HandPlacement | None, made_with: HandPlacement | None) -> None:
    """Note where a photo was placed.

    Args:
        head: The head.
        number: Of the photo.
        placement: None leaves it to be found.
        made_with: How it was placed when the head was made; what is as it was then needs no note.
    """
    kept = of(head)
    kept.pop(number, None)
    if placement != made_with:
        kept[number] = placement
    if kept:
        facts = {number: None if each is None else each.facts() for number, each in sorted(kept.items())}
        head[PLACEMENTS_KEY] = json.dumps(facts)
    else:
        clear(head)


def clear(head: bpy.types.Object) -> None:
    """Forget them: the head was made with them."""
    if PLACEMENTS_KEY in head:
        del head[PLACEMENTS_KEY]


@lru_cache(maxsize=64)
def _read(text: str) -> dict[int, HandPlacement | None]:
    """Return the placements of their JSON form; panels ask for them with every redraw."""
    try:
        facts = json.loads(text)
        return {int(key): None if each is None else HandPlacement.from_facts(each) for key, each in facts.items()}
    except (PhotoError, ValueError, AttributeError):
        return {}
