"""The shown photo's crop as numbers of the panel."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ...core.photo.edits import Crop
from ..making.session import session
from ..making.timers import wake
from . import editing as photo_editing

WHOLE = Crop(0.5, 0.5, 1.0)
"""Shown while nothing is known of a crop."""


def center(_settings: Any) -> tuple[float, float]:
    """Return the crop's centre."""
    crop = photo_editing.crop_of(session) or WHOLE
    return crop.x, crop.y


def size(_settings: Any) -> float:
    """Return the crop's side."""
    return (photo_editing.crop_of(session) or WHOLE).size


def set_center(_settings: Any, value: tuple[float, float]) -> None:
    """Move the crop."""
    _move(x=value[0], y=value[1])


def set_size(_settings: Any, value: float) -> None:
    """Scale the crop about its centre."""
    _move(size=value)


def _move(**values: float) -> None:
    if session.photo is not None:
        photo_editing.move_crop(session, replace(photo_editing.crop_of(session) or WHOLE, **values))
        wake()
