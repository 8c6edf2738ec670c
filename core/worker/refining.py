"""Refine to Photos' second step as messages: what the first one made there, the splats' new shapes back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..cameras import Camera
from ..gaussians import Gaussians
from ..processes.codec import MALFORMED, Attachment, ProtocolError, as_array
from ..refine.types import Refined, View
from .packing import Packed

FIELDS = ("means", "scales", "rotations", "opacities", "sh")
"""Of Gaussians, in the order in which they are made of them."""
LOOKS = ("opacities", "sh")
REFINED, PHOTO = "refined/", "photo/"
"""Attachments of a request: what the first step changed, and the photos by their number."""


@dataclass(frozen=True, eq=False)
class ReceivedShapes:
    """What the second step made, as it arrives at the client.

    Attributes:
        values: Fields of Gaussians by name.
        after: How near they are to the photos, in dB.
    """

    values: Mapping[str, np.ndarray]
    after: float

    def onto(self, first: Refined) -> Refined:
        """Return the first step's result with them.

        Raises:
            ProtocolError: they are of other splats.
        """
        try:
            return replace(first, gaussians=first.gaussians.replace(**self.values), after=self.after)
        except ValueError as error:
            raise ProtocolError(f"Refined splats don't fit: {error}.") from error


def pack_refined(refined: Refined, views: Sequence[View]) -> Packed:
    """Return the parameters of a request and the attachments that go with it. Photos travel with 8 bits."""
    before, after = refined.unrefined, refined.gaussians
    attachments: dict[str, Attachment] = {name: getattr(before, name) for name in FIELDS}
    attachments |= {REFINED + name: getattr(after, name) for name in LOOKS}
    for number, view in enumerate(views):
        rgba = np.dstack([view.image, view.alpha])
        attachments[f"{PHOTO}{number}"] = np.rint(np.clip(rgba, 0, 1) * 255).astype(np.uint8)
    photos = [{"camera": view.camera.to_dict(), "outlines": view.outlines} for view in views]
    return {"photos": photos, "before": _finite(refined.before), "after": _finite(refined.after)}, attachments


def unpack_refined(
    params: Mapping[str, Any], attachments: Mapping[str, Attachment]
) -> tuple[Refined, tuple[View, ...]]:
    """Return the values of :func:`pack_refined`'s form.

    Raises:
        ProtocolError: something is missing or of the wrong kind.
    """
    try:
        means, scales, rotations, opacities, sh = (as_array(attachments[name]) for name in FIELDS)
        before = Gaussians(means, scales, rotations, opacities, sh)
        after = before.replace(**{name: as_array(attachments[REFINED + name]) for name in LOOKS})
        views = tuple(
            _view(facts, as_array(attachments[f"{PHOTO}{number}"])) for number, facts in enumerate(params["photos"])
        )
        nearness = float(params["before"]), float(params["after"])
        return Refined(np.arange(len(before)), before, after, *nearness), views
    except MALFORMED as error:
        raise ProtocolError(f"What is to be refined can't be read: {error!r}.") from error


def pack_shapes(refined: Refined) -> Packed:
    """Return the result object and attachments of refined splats."""
    arrays: dict[str, Attachment] = {name: getattr(refined.gaussians, name) for name in FIELDS}
    return {"after": _finite(refined.after)}, arrays


def unpack_shapes(result: Mapping[str, Any], attachments: Mapping[str, Attachment]) -> ReceivedShapes:
    """Return the value of :func:`pack_shapes`'s form.

    Raises:
        ProtocolError: something is missing or of the wrong kind.
    """
    try:
        return ReceivedShapes({name: as_array(attachments[name]) for name in FIELDS}, float(result["after"]))
    except MALFORMED as error:
        raise ProtocolError(f"Refined splats can't be read: {error!r}.") from error


def _view(facts: Mapping[str, Any], rgba: np.ndarray) -> View:
    if rgba.dtype != np.uint8 or rgba.ndim != 3 or rgba.shape[2] != 4:
        raise ValueError(f"a photo of {rgba.dtype} {rgba.shape}")
    values = rgba.astype(np.float32) / 255
    return View(Camera.from_dict(facts["camera"]), values[..., :3], values[..., 3], facts["outlines"] is True)


def _finite(decibels: float) -> float:
    """Return a nearness as JSON has it: equal pictures are infinitely near."""
    return min(decibels, 999.0)
