"""Recipes as earlier versions wrote them. This is the only place that knows their spellings.

They were dictionaries with one photo (``photo``, and ``sha256`` or ``photo_sha256``), whose lens, face and alignment
stood among the engine's settings. The FaceLift engine called an aligned photo ``auto_crop`` off, and the largest face 0
even where nobody had chosen one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .shot_options import split_options

DIGESTS = ("sha256", "photo_sha256")
"""Names that the photo's hash had."""


def upgraded(facts: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a recipe's facts in today's form; those that have it stay as they are."""
    if "shots" in facts:
        return facts
    options, settings = split_options(facts.get("settings", {}))
    if "auto_crop" in settings:
        options["aligned"] = not settings.pop("auto_crop")
        options["face"] = options.get("face") or None
    photo = {
        "name": facts.get("photo", ""),
        "sha256": next((facts[name] for name in DIGESTS if name in facts), ""),
        "matte_sha256": facts.get("matte_sha256", ""),
        "lens": facts.get("lens"),
    }
    if "seed" in facts:
        settings.setdefault("seed", facts["seed"])
    shot = {"photo": photo, "options": options, "crop": facts.get("crop")}
    kept = {name: facts[name] for name in ("licence", "models") if name in facts}
    return {
        "engine": facts["engine"],
        "version": facts.get("version", ""),
        "settings": settings,
        "shots": [shot],
        **kept,
    }
