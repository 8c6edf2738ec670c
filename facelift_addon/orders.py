"""What the panel's choices mean to an engine."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import bpy

from ..core.engines.draft.settings import DraftSettings
from ..core.engines.facelift.settings import FaceLiftSettings
from . import connection
from .jobs import session
from .photos import PhotoSource
from .tasks import Order

OPTIONS = ("body", "quality", "preset", "steps", "seed")
"""Properties of a scene's settings that are engine settings of the same name."""
SETTINGS = {"draft": DraftSettings, "facelift": FaceLiftSettings}


def options_of(engine: str) -> tuple[str, ...]:
    """Return which of :data:`OPTIONS` an engine knows: as its worker told, before it started as our own copy does."""
    described = connection.engines().get(engine)
    if described is None:
        known = {field.name for field in fields(SETTINGS[engine])}
    else:
        known = {setting["name"] for setting in described.get("settings", ())}
    return tuple(option for option in OPTIONS if option in known)


def settings_for(scene: bpy.types.Scene, face: int | None = None) -> dict[str, Any]:
    """Return the engine settings of a scene's choices; no face means the largest."""
    choices = scene.facelift
    settings = {option: getattr(choices, option) for option in options_of(choices.engine)}
    return settings if face is None else settings | {"face": face}


def order_for(context: bpy.types.Context, source: PhotoSource, face: int | None = None, **changes: Any) -> Order:
    """Return an order with the scene's choices.

    Args:
        context: Its scene is where the head will go.
        source: The photo.
        face: Index of the face, the largest first; None for the largest.
        changes: Other fields of the order.
    """
    choices = context.scene.facelift
    return Order(
        source, choices.engine, settings_for(context.scene, face), choices.head_height, context.scene.name, **changes
    )


def chosen_face() -> int | None:
    """Return the face that was chosen of the photo, None for the largest."""
    return session.photo.order.settings.get("face") if session.photo is not None else None
