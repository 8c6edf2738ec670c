"""What became of a head's photos, kept on the head. Cameras and pictures are :mod:`..scene.photo_cameras`' matter."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import bpy

from ....core.engines.outcomes import ShotOutcome
from ....core.errors import PhotoError
from ....core.photo.edits import Crop

SHOTS_KEY = "facelift_shots"
"""Custom property of a head: what is kept of each of its photos, as JSON, the portrait first."""
PICTURE_KEY = "facelift_shot_picture"
"""Custom properties of a head, each ending in its photo's number: pictures of photos that have no camera."""


@dataclass(frozen=True)
class KeptShot:
    """What became of a photo, as :class:`~core.engines.outcomes.ShotOutcome` says it.

    Attributes:
        state: "placed", "help" or "left-out".
        message: Sentence for the user, or "".
        side: What the photo shows.
        crop: The part of the photo that its picture shows; None where that is not known.
    """

    state: str
    message: str
    side: str
    crop: Crop | None = None


def keep(head: bpy.types.Object, outcomes: Iterable[ShotOutcome[Any]]) -> None:
    """Note on a head what became of its photos, in place of what was noted; nothing for imported splats."""
    facts = [
        {
            "state": each.state,
            "message": each.message,
            "side": each.side,
            "crop": None if each.crop is None else each.crop.values(),
        }
        for each in outcomes
    ]
    if facts:
        head[SHOTS_KEY] = json.dumps(facts)
    elif SHOTS_KEY in head:
        del head[SHOTS_KEY]


def of(head: bpy.types.Object) -> tuple[KeptShot, ...]:
    """Return what became of a head's photos; empty for imported splats and heads of earlier versions."""
    text = head.get(SHOTS_KEY)
    return _read(text) if isinstance(text, str) else ()


def keep_picture(head: bpy.types.Object, number: int, image: bpy.types.Image | None) -> None:
    """Let a head carry the picture of a photo that has no camera, or no longer."""
    key = f"{PICTURE_KEY}_{number}"
    if image is not None:
        head[key] = image
    elif key in head:
        del head[key]


def picture_of(head: bpy.types.Object, number: int) -> bpy.types.Image | None:
    """Return the picture of a photo that has no camera; None where there is none."""
    image = head.get(f"{PICTURE_KEY}_{number}")
    return image if isinstance(image, bpy.types.Image) else None


@lru_cache(maxsize=256)
def _read(text: str) -> tuple[KeptShot, ...]:
    """Return the photos of their JSON form; panels ask for it with every redraw."""
    try:
        return tuple(_shot(each) for each in json.loads(text))
    except (PhotoError, ValueError, KeyError, TypeError):
        return ()


def _shot(facts: Mapping[str, Any]) -> KeptShot:
    crop = facts.get("crop")
    return KeptShot(
        str(facts["state"]), str(facts["message"]), str(facts["side"]), None if crop is None else Crop.read(crop)
    )
