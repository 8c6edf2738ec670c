"""The toy engine as interfaces see it."""

from __future__ import annotations

from dataclasses import dataclass

from ..description import Description, Takes
from ..settings import Option, choice, flag, number


@dataclass(frozen=True)
class ToySettings:
    """How the ball is made."""

    count: int = number(10, 10_000, 500, "How many Gaussians the ball has")
    roundness: float = number(0.0, 1.0, 1.0, "How round the ball is; 0 is a disk")
    paint: str = choice(
        (Option("photo", "Photo", "The photos' mean color"), Option("gray", "Gray", "No color")),
        "photo",
        "Where the ball's color comes from",
    )
    solid: bool = flag(True, "Whether one can't see through")
    seed: int = number(0, 2**31 - 1, 0, "Another seed gives another variant of what the photo hides")
    half: bool = flag(False, "Make only one half", expert=True)


DESCRIPTION = Description(
    id="toy",
    label="Toy",
    doc="A ball in the photo's color",
    licence="CC0",
    settings_type=ToySettings,
    engine=".engine:ToyEngine",
    takes=Takes(shots=2),
)
