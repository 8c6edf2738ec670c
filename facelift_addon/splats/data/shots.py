"""What became of a head's photos, kept on the head. Cameras and pictures are :mod:`..scene.photo_cameras`' matter."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import bpy

from ....core.engines.outcomes import ShotOutcome

SHOTS_KEY = "facelift_shots"
"""Custom property of a head: what is kept of each of its photos, as JSON, the portrait first."""


@dataclass(frozen=True)
class KeptShot:
    """What became of a photo, as :class:`~core.engines.outcomes.ShotOutcome` says it.

    Attributes:
        state: "placed", "help" or "left-out".
        message: Sentence for the user, or "".
        side: What the photo shows.
    """

    state: str
    message: str
    side: str


def keep(head: bpy.types.Object, outcomes: Iterable[ShotOutcome[Any]]) -> None:
    """Note on a head what became of its photos, in place of what was noted; nothing for imported splats."""
    facts = [{"state": each.state, "message": each.message, "side": each.side} for each in outcomes]
    if facts:
        head[SHOTS_KEY] = json.dumps(facts)
    elif SHOTS_KEY in head:
        del head[SHOTS_KEY]


def of(head: bpy.types.Object) -> tuple[KeptShot, ...]:
    """Return what became of a head's photos; empty for imported splats and heads of earlier versions."""
    text = head.get(SHOTS_KEY)
    return _read(text) if isinstance(text, str) else ()


@lru_cache(maxsize=256)
def _read(text: str) -> tuple[KeptShot, ...]:
    """Return the photos of their JSON form; panels ask for it with every redraw."""
    try:
        return tuple(KeptShot(str(each["state"]), str(each["message"]), str(each["side"])) for each in json.loads(text))
    except (ValueError, KeyError, TypeError):
        return ()
