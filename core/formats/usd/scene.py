"""What of a USD scene counts: the moment that is read, which prims show, and the space of their colours."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ...errors import FormatError
from .schema import COEFFICIENTS, HALF_SUFFIX, KIND

_HIDDEN_PURPOSES = ("guide", "proxy")
_LINEAR = "lin_rec709"
_DISPLAY = ("srgb_rec709", "g22_rec709", "srgb", "raw", "data", "identity", "unknown", "auto")
"""Beginnings of names of colour spaces whose values are taken as they are."""


def moment(pxr: Any, stage: Any, prims: Iterable[Any]) -> Any:
    """Return the time code at which everything is read: the scene's first frame, the default without animation."""
    samples, seen = [], set()
    for prim in prims:
        for each in _upwards(prim):
            if each.GetPath() not in seen:
                seen.add(each.GetPath())
                samples += [samples_of[0] for item in each.GetAttributes() if (samples_of := item.GetTimeSamples())]
    if not samples:
        return pxr.Usd.TimeCode.Default()
    return pxr.Usd.TimeCode(stage.GetStartTimeCode() if stage.HasAuthoredTimeCodeRange() else min(samples))


def is_hidden(prim: Any, time: Any) -> bool:
    """Whether a prim or one above it is invisible, or it is meant as a guide or stand-in."""
    purpose = None
    for each in _upwards(prim):
        visibility = each.GetAttribute("visibility")
        if visibility and visibility.Get(time) == "invisible":
            return True
        attribute = each.GetAttribute("purpose")
        if purpose is None and attribute and attribute.HasAuthoredValue():
            purpose = attribute.Get(time)
    return purpose in _HIDDEN_PURPOSES


def is_linear(prim: Any) -> bool:
    """Whether a prim's colours are linear Rec. 709 rather than display-referred.

    Raises:
        FormatError: they are in a space of other primaries ("usd-unsupported").
    """
    name = (_color_space(prim) or _DISPLAY[0]).lower()
    if name.startswith(_LINEAR):
        return True
    if name.startswith(_DISPLAY) and "ap1" not in name and "p3" not in name:
        return False
    raise FormatError(
        f"The USD file holds colors in the color space “{name[:40]}”, which can't be read here.",
        "Export it again with sRGB colors.",
        code=f"{KIND}-unsupported",
    )


def _color_space(prim: Any) -> str | None:
    for name in (COEFFICIENTS, COEFFICIENTS + HALF_SUFFIX):
        attribute = prim.GetAttribute(name)
        if attribute and attribute.HasColorSpace():
            return str(attribute.GetColorSpace())
    for each in _upwards(prim):
        attribute = each.GetAttribute("colorSpace:name")
        if attribute and attribute.Get():
            return str(attribute.Get())
    return None


def _upwards(prim: Any) -> Iterator[Any]:
    """Yield a prim and those above it, without the root."""
    while prim and not prim.IsPseudoRoot():
        yield prim
        prim = prim.GetParent()
