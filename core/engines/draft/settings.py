"""What a user may choose for the draft engine."""

from __future__ import annotations

from dataclasses import dataclass

from ...photo import lens as lenses
from ..settings import choice, flag, number


@dataclass(frozen=True)
class Budget:
    """How many Gaussians a head gets at most.

    Attributes:
        photo: For the pixels of the photo.
        skin: For the fitted head's skin; where the photo shows it, some lie behind the photo's pixels.
        cloth: For clothes and torso that the photo does not show.
        hair: For strands and what lies under them.
        detail: Further ones for pixels that are divided, where the photo is larger than its aligned picture.
    """

    photo: int
    skin: int
    cloth: int
    hair: int
    detail: int = 0


BUDGETS = {
    "low": Budget(50_000, 20_000, 12_000, 30_000),
    "medium": Budget(70_000, 30_000, 18_000, 45_000),
    "high": Budget(85_000, 40_000, 22_000, 62_000),
    "ultra": Budget(150_000, 50_000, 25_000, 95_000, 180_000),
}
"""Enough for a closed surface, light enough for a viewport: 110,000 to 210,000 in all, and up to 500,000 for close-ups
of photos that are large enough."""


@dataclass(frozen=True)
class DraftSettings:
    """Settings of the draft engine.

    Attributes:
        body: "shoulders" for a bust, "neck" to cut below the neck.
        quality: Number of Gaussians, a key of :data:`BUDGETS`.
        face: Index of the face to use, largest first; None for the largest.
        lens: How near the camera stood (see :mod:`core.photo.lens`): "selfie", "portrait" or "telephoto", "degrees"
            or "mm" with a number; "auto" asks the photo's EXIF data and takes a portrait's where they don't tell.
        lens_degrees: For "degrees", horizontal field of view of the aligned picture.
        lens_mm: For "mm", 35 mm equivalent focal length of the whole photo.
        seed: Seed of everything random.
        straighten: Turn the whole bust so that the head looks straight ahead; otherwise it keeps
            the photo's frame, as FaceLift's heads do.
        aligned: The photo is an aligned portrait already, as FaceLift's own examples are.
    """

    body: str = choice(("shoulders", "neck"), "shoulders", "Bust with shoulders, or cut below the neck")
    quality: str = choice(tuple(BUDGETS), "high", "Number of Gaussians")
    face: int | None = number(0, 1000, None, "Which face of the photo, largest first; empty for the largest")
    lens: str = choice(
        lenses.CHOICES,
        "auto",
        "How near the camera stood: selfie (0.5 m), portrait (1 m) or telephoto (1.5 m and more), or by lens_degrees "
        "or lens_mm; auto asks the photo's EXIF data, and takes a portrait where there are none",
    )
    lens_degrees: float = number(
        *lenses.DEGREES_RANGE, lenses.TYPICAL, "With lens degrees: field of view of the aligned picture"
    )
    lens_mm: float = number(
        *lenses.MILLIMETRES_RANGE,
        lenses.USUAL_MILLIMETRES,
        "With lens mm: 35 mm equivalent focal length of the whole photo",
    )
    seed: int = number(0, 2**31 - 1, 0, "Seed of the invented texture")
    straighten: bool = flag(True, "Turn the head to look straight ahead")
    aligned: bool = flag(False, "The photo is an aligned portrait already")

    @property
    def budget(self) -> Budget:
        """The number of Gaussians of the chosen quality."""
        return BUDGETS[self.quality]
