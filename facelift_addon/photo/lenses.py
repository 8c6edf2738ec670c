"""How near a photo's camera stood: the choice in the panel, and for a head that is there."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import bpy

from ...core.engines.recipe import Recipe
from ...core.engines.settings import describe
from ...core.engines.shot_options import LENS_OPTIONS, ShotOptions
from .. import engine_properties

OPTIONS = tuple(option for option in describe(ShotOptions) if option.name in LENS_OPTIONS)
"""What can be chosen of a lens."""
SOURCES = {
    "chosen": "as chosen",
    "photo": "from the photo's file",
    "convention": "as for all aligned photos",
    "typical": "typical of portraits",
}
"""Where a lens is known from, in words."""

LensChoice = engine_properties.with_properties("LensChoice", OPTIONS)
"""Mix-in of what has a lens to choose: a scene's settings, an operator."""


def options_of(choice: bpy.types.bpy_struct) -> dict[str, Any]:
    """Return a choice as options of a shot: its number only where it counts."""
    return engine_properties.values_of(choice, OPTIONS)


def leave_out(options: ShotOptions) -> ShotOptions:
    """Return options without a lens, for engines that take the same for all photos."""
    return replace(options, **{option.name: option.default for option in OPTIONS})


def take(choice: bpy.types.bpy_struct, options: ShotOptions) -> None:
    """Make a choice that of a head's photo."""
    for name in LENS_OPTIONS:
        setattr(choice, name, getattr(options, name))


def draw(layout: bpy.types.UILayout, choice: bpy.types.bpy_struct) -> None:
    """Draw the choice, and its number where it has one."""
    engine_properties.draw(layout, choice, OPTIONS)


def kept(options: ShotOptions) -> dict[str, Any]:
    """Return a head's lens as options, empty where it was left to the photo: the panel may then choose."""
    return {} if options.lens == "auto" else {name: asdict(options)[name] for name in LENS_OPTIONS}


def words(recipe: Recipe | None) -> str:
    """Return a head's lens in words, "" where its recipe names none."""
    lens = recipe.portrait.photo.lens if recipe is not None else None
    return f"{lens.degrees:.0f}°, {SOURCES.get(lens.source, lens.source)}" if lens is not None else ""
