"""Which file a scene's frame shows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum


class Loop(Enum):
    """What follows the last file, and precedes the first."""

    HOLD = "hold"
    """The last one stays, and so does the first."""
    REPEAT = "repeat"
    """The first one again."""
    PING_PONG = "ping-pong"
    """The files backwards, then forwards again."""


@dataclass(frozen=True)
class Timing:
    """How files follow the frames of a scene.

    Attributes:
        first: Number of the first file that plays.
        last: Of the last one, at least ``first``.
        start: Frame of the scene at which the first one shows.
        offset: Files further on at that frame.
        speed: Files a frame; below 0 backwards.
        loop: What is beyond the ends.
    """

    first: int
    last: int
    start: float = 1.0
    offset: float = 0.0
    speed: float = 1.0
    loop: Loop = Loop.HOLD

    def number_at(self, frame: float) -> int:
        """Return the number of the file that a frame of the scene shows, whether there is one or not."""
        return self.number_of((frame - self.start) * self.speed + self.offset)

    def number_of(self, place: float) -> int:
        """Return the number of the file that is ``place`` files after the first."""
        # What speeds such as 0.1 add up to may lack a little to a whole number.
        step, length = math.floor(place + 1e-6), self.last - self.first + 1
        if self.loop is Loop.REPEAT:
            step %= length
        elif self.loop is Loop.PING_PONG and length > 1:
            step %= 2 * (length - 1)
            step = min(step, 2 * (length - 1) - step)
        return self.first + min(max(step, 0), length - 1)
