"""How a head was made, kept on the head: its recipe, its photos and what was painted on them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

import bpy

from ....core.engines.capture import PORTRAIT, Capture, Shot
from ....core.engines.recipe import Recipe
from ....core.errors import FaceLiftError
from ....core.photo.edits import NO_EDITS, Crop, PhotoEdits
from ...photo import kept
from ...photo.photos import PhotoSource
from . import hand_placements

RECIPE_KEY = "facelift_recipe"
"""Custom property: the recipe as JSON."""
OLD_KEYS = ("photo", "sha256", "photo_sha256", "engine", "version", "settings", "lens", "seed", "licence")
"""Entries of a recipe that files of early versions have as custom properties of their own."""
OLD_PREFIX, OLD_CROP_KEY = "facelift_", "facelift_photo_crop"


def keep(head: bpy.types.Object, recipe: Recipe | None, capture: Capture[PhotoSource] | None) -> None:
    """Store on a head how it was made, in place of what it had."""
    for key in (RECIPE_KEY, OLD_CROP_KEY, *(OLD_PREFIX + key for key in OLD_KEYS)):
        if key in head:
            del head[key]
    hand_placements.clear(head)
    if recipe is not None:
        head[RECIPE_KEY] = json.dumps(recipe.to_dict())
    for number, shot in enumerate(capture.shots if capture is not None else ()):
        kept.keep(head, number, shot)


def of(head: bpy.types.Object) -> Recipe | None:
    """Return a head's recipe; None for imported splats, and where it can't be read."""
    text = head.get(RECIPE_KEY)
    try:
        return _read(text if isinstance(text, str) else json.dumps(_old_facts(head)))
    except (FaceLiftError, TypeError, ValueError):
        return None


def edits_of(head: bpy.types.Object, number: int = 0) -> PhotoEdits:
    """Return what the user changed by hand of one of a head's photos, by default of the portrait."""
    recipe = of(head)
    edits = recipe.capture.shots[number].edits if recipe is not None else NO_EDITS
    return replace(edits, matte=kept.matte_of(head, number))


def photo_of(head: bpy.types.Object, number: int = 0) -> str | bpy.types.Image | None:
    """Return where one of a head's photos is: a file, an image datablock, or None when it is gone."""
    return kept.photo_of(head, number)


def capture_of(head: bpy.types.Object, portrait: PhotoSource) -> Capture[PhotoSource]:
    """Return what a head was made from.

    Args:
        head: A head with a recipe.
        portrait: Where its portrait is now.

    Raises:
        FaceLiftError: some of its further photos are gone ("photo-gone").
    """
    shots = [replace(shot, photo=portrait) if shot.role == PORTRAIT else shot for shot in shots_of(head)]
    gone = [recorded for recorded, shot in zip(of(head).capture.photos, shots, strict=True) if shot.photo is None]
    if gone:
        names = ", ".join(photo.name for photo in gone)
        raise FaceLiftError(
            f"Not where they were: {names}.",
            "Put them back, or choose the head's photos again and add them from where they are now.",
            code="photo-gone",
        )
    return Capture(tuple(shots))


def shots_of(head: bpy.types.Object) -> list[Shot[PhotoSource | None]]:
    """Return the photos that a head was made from and how each was taken; None stands for photos that are gone."""
    return [shot_of(head, number) for number in range(len(of(head).capture.shots))]


def shot_of(head: bpy.types.Object, number: int) -> Shot[PhotoSource | None]:
    """Return one of the photos that a head was made from and how it is taken; None stands for one that is gone.

    Where it was placed by hand since then counts.

    Raises:
        PhotoError: it is an image without pixels.
    """
    found, taken = photo_of(head, number), of(head).capture.shots[number]
    placement = hand_placements.of(head).get(number, taken.placement)
    photo = None if found is None else PhotoSource.of(found)
    return replace(taken, photo=photo, edits=edits_of(head, number), placement=placement)


@lru_cache(maxsize=256)
def _read(text: str) -> Recipe | None:
    """Return the recipe of its JSON form; panels ask for it with every redraw."""
    facts = json.loads(text)
    return Recipe.from_dict(facts) if facts else None


def _old_facts(head: bpy.types.Object) -> Mapping[str, Any]:
    """Return a recipe that lies in several custom properties; empty where there is none."""
    facts = {key: head[OLD_PREFIX + key] for key in OLD_KEYS if OLD_PREFIX + key in head}
    if "engine" not in facts:
        return {}
    for key in ("settings", "lens"):
        if key in facts:
            facts[key] = json.loads(facts[key])
    if OLD_CROP_KEY in head:
        facts["crop"] = Crop.read(head[OLD_CROP_KEY]).values()
    return facts
