"""What a user may choose for the draft engine."""

from __future__ import annotations

from dataclasses import dataclass

from ..settings import Option, choice, flag, number


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
        seed: Seed of everything random.
        straighten: Turn the whole bust so that the head looks straight ahead; otherwise it keeps
            the photo's frame, as FaceLift's heads do.
    """

    body: str = choice(
        (
            Option("shoulders", "Bust", "Head, neck and shoulders, as far as the photo shows them"),
            Option("neck", "Neck", "Cut below the neck, to be put on a body"),
        ),
        "shoulders",
        "How much of the person the head comes with",
    )
    quality: str = choice(
        (
            Option("low", "Low", "About 90 thousand: light to move around, for crowds and the background"),
            Option("medium", "Medium", "About 145 thousand, for most pictures"),
            Option("high", "High", "About 195 thousand, for close-ups"),
            Option(
                "ultra",
                "Ultra",
                "Up to 500 thousand: finer hair, and of a large photo the face as sharp as it is there. Slower",
            ),
        ),
        "high",
        "How many Gaussians the head is made of",
    )
    seed: int = number(0, 2**31 - 1, 0, "Another seed gives another variant of what the photo hides")
    straighten: bool = flag(True, "Turn the head to look straight ahead", expert=True)

    @property
    def budget(self) -> Budget:
        """The number of Gaussians of the chosen quality."""
        return BUDGETS[self.quality]
