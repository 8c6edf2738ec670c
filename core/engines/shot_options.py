"""What a user may choose about a photo, whatever the engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from ..photo import lens as lenses
from ..photo import sides
from .settings import Option, choice, flag, number


@dataclass(frozen=True)
class ShotOptions:
    """How a photo is to be taken.

    Attributes:
        lens: How near the camera stood (see :mod:`core.photo.lens`): "selfie", "portrait" or "telephoto", "degrees"
            or "mm" with a number; "auto" asks the photo's EXIF data and takes a portrait's where they don't tell.
        lens_degrees: For "degrees", horizontal field of view of the aligned picture.
        lens_mm: For "mm", 35 mm equivalent focal length of the whole photo.
        face: Index of the face to use, largest first; None for the largest.
        aligned: The photo is an aligned portrait already, as FaceLift's own examples are: it is only brought to
            512 x 512.
        side: What of the head the photo shows, as the user says: "front", "three-quarter", "left" or "right" (the
            person's own), or "back"; "auto" leaves it to be found out.
    """

    lens: str = choice(
        (
            Option("auto", "Auto", "As the photo's file tells, else as portraits are usually taken"),
            Option("selfie", "Selfie", "Taken at arm's length, from about half a meter"),
            Option("portrait", "Portrait", "Taken from about one meter"),
            Option("telephoto", "Telephoto", "Taken from one and a half meters or more"),
            Option(lenses.DEGREES, "Degrees", "The field of view of the aligned photo, which shows head and shoulders"),
            Option(lenses.MILLIMETRES, "Focal Length", "The focal length of the whole photo, as on a 35 mm camera"),
        ),
        "auto",
        "How near the camera stood. From near by, noses look large and ears hide behind the cheeks",
    )
    lens_degrees: float = number(
        *lenses.DEGREES_RANGE,
        lenses.TYPICAL,
        "Horizontal field of view of the aligned photo, which shows head and shoulders",
        label="Degrees",
        only_with=("lens", lenses.DEGREES),
    )
    lens_mm: float = number(
        *lenses.MILLIMETRES_RANGE,
        lenses.USUAL_MILLIMETRES,
        "Focal length of the whole photo, before any cropping, as on a 35 mm camera",
        label="Focal Length",
        soft_high=300.0,
        unit="mm",
        only_with=("lens", lenses.MILLIMETRES),
    )
    face: int | None = number(
        0, 1000, None, "Which face of the photo, largest first; empty for the largest", expert=True
    )
    aligned: bool = flag(False, "The photo is an aligned portrait already: no face is looked for", expert=True)
    side: str = choice(
        (
            Option(sides.AUTO, "Auto", "Found out from the face"),
            Option(sides.FRONT, "Front", "The person looks about into the camera"),
            Option(sides.THREE_QUARTER, "Three-Quarter", "The face is turned, and both eyes are seen"),
            Option(sides.LEFT, "Left Profile", "The person's own left side"),
            Option(sides.RIGHT, "Right Profile", "The person's own right side"),
            Option(sides.BACK, "Back", "The head from behind"),
        ),
        sides.AUTO,
        "What of the head the photo shows. Profiles and backs have to be named: no face tells",
    )


SIDE_OPTIONS = ("side",)
"""Options that only engines use that take several photos."""
LENS_OPTIONS = ("lens", "lens_degrees", "lens_mm")
"""Options that only engines use that know of lenses."""


def split_options(values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return options of a shot, and all others: command lines and early recipes name both in one row."""
    names = {each.name for each in fields(ShotOptions)}
    return (
        {name: value for name, value in values.items() if name in names},
        {name: value for name, value in values.items() if name not in names},
    )
