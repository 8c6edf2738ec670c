"""How near a photo's camera stood: the choice in the panel, and for a head that is there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import bpy
from bpy.props import EnumProperty, FloatProperty

from ..core.photo import lens as lenses

OPTIONS = ("lens", "lens_degrees", "lens_mm")
"""Engine settings of :class:`LensChoice`'s properties."""
NUMBERS = {"lens_degrees": lenses.DEGREES, "lens_mm": lenses.MILLIMETRES}
"""Which choice each number belongs to."""
SOURCES = {
    "chosen": "as chosen",
    "photo": "from the photo's file",
    "convention": "as for all aligned photos",
    "typical": "typical of portraits",
}
"""Where a lens is known from, in words."""


class LensChoice:
    """Mix-in of what has a lens to choose: a scene's settings, an operator."""

    lens: EnumProperty(
        name="Lens",
        description="How near the camera stood. From near by, noses look large and ears hide behind the cheeks",
        items=(
            ("auto", "Auto", "As the photo's file tells, else as portraits are usually taken"),
            ("selfie", "Selfie", "Taken at arm's length, from about half a meter"),
            ("portrait", "Portrait", "Taken from about one meter"),
            ("telephoto", "Telephoto", "Taken from one and a half meters or more"),
            (lenses.DEGREES, "Degrees", "The field of view of the aligned photo, which shows head and shoulders"),
            (lenses.MILLIMETRES, "Focal Length", "The focal length of the whole photo, as on a 35 mm camera"),
        ),
    )
    lens_degrees: FloatProperty(
        name="Degrees",
        description="Horizontal field of view of the aligned photo, which shows head and shoulders",
        min=lenses.DEGREES_RANGE[0],
        max=lenses.DEGREES_RANGE[1],
        default=lenses.TYPICAL,
        precision=1,
        step=100,
    )
    lens_mm: FloatProperty(
        name="Focal Length",
        description="Focal length of the whole photo, before any cropping, as on a 35 mm camera",
        min=lenses.MILLIMETRES_RANGE[0],
        max=lenses.MILLIMETRES_RANGE[1],
        soft_max=300.0,
        default=lenses.USUAL_MILLIMETRES,
        unit="CAMERA",
        precision=1,
        step=100,
    )


def options_of(choice: LensChoice) -> tuple[str, ...]:
    """Return which of :data:`OPTIONS` count: the choice, and its number where it has one."""
    return tuple(option for option in OPTIONS if NUMBERS.get(option, choice.lens) == choice.lens)


def settings_of(choice: LensChoice) -> dict[str, Any]:
    """Return the engine settings of a choice."""
    return {option: getattr(choice, option) for option in options_of(choice)}


def take(choice: LensChoice, settings: Mapping[str, Any]) -> None:
    """Make a choice that of a head's settings; what they don't say stays."""
    for option in OPTIONS:
        if option in settings:
            setattr(choice, option, settings[option])


def draw(layout: bpy.types.UILayout, choice: LensChoice) -> None:
    """Draw the choice, and its number where it has one."""
    for option in options_of(choice):
        layout.prop(choice, option)


def kept(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return a head's lens as engine settings, empty where it was left to the photo: the panel may then choose."""
    if settings.get("lens", "auto") == "auto":
        return {}
    return {option: settings[option] for option in OPTIONS if option in settings}


def words(recipe: Mapping[str, Any]) -> str:
    """Return a head's lens in words, "" where its recipe names none."""
    lens = recipe.get("lens")
    return f"{lens['degrees']:.0f}°, {SOURCES.get(lens['source'], lens['source'])}" if lens else ""
