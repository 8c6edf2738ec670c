"""Where pictures lie in the atlas: tall cells for long hair, low ones for short hair, a square for the cap."""

from __future__ import annotations

from dataclasses import dataclass

COLUMNS = 16
TALL_ROWS = 2
BAND = 0.25
"""Share of the atlas, at its lower edge, that the cap and the low cells have."""
MARGIN = 1 / 1024
"""Share of the atlas that a picture leaves free on each side: in smaller copies of the atlas neighbours would mix."""


@dataclass(frozen=True)
class Rect:
    """A rectangle of texture coordinates, origin at the lower left."""

    left: float
    bottom: float
    right: float
    top: float

    def pixels(self, size: int) -> tuple[slice, slice]:
        """Return rows and columns of a picture of ``size`` pixels, whose first row is the upper one."""
        rows = slice(round((1 - self.top) * size), round((1 - self.bottom) * size))
        return rows, slice(round(self.left * size), round(self.right * size))

    @property
    def inner(self) -> Rect:
        """The rectangle without its margin."""
        return Rect(self.left + MARGIN, self.bottom + MARGIN, self.right - MARGIN, self.top - MARGIN)


CAP = Rect(0.0, 0.0, BAND, BAND)


def cells() -> list[Rect]:
    """Return the cells, the tallest first."""
    width, height = 1 / COLUMNS, (1 - BAND) / TALL_ROWS
    tall = [
        Rect(column * width, 1 - (row + 1) * height, (column + 1) * width, 1 - row * height)
        for row in range(TALL_ROWS)
        for column in range(COLUMNS)
    ]
    low = [Rect(column * width, 0.0, (column + 1) * width, BAND) for column in range(round(BAND * COLUMNS), COLUMNS)]
    return tall + low
