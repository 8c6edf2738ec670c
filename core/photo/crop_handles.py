"""The handles of a crop: what lies under the mouse, and what a drag makes of the square."""

from __future__ import annotations

from .edits import FARTHEST_CROP, LARGEST_CROP, SMALLEST_CROP, Crop

CORNERS = ((-1, -1), (1, -1), (1, 1), (-1, 1))
"""Sides of the square that meet in a corner: left or right, upper or lower."""
MOVE = len(CORNERS)
"""Number of the handle that moves the whole square; the numbers before it are corners."""


def handle_at(crop: Crop, point: tuple[float, float], aspect: float, reach: float) -> int | None:
    """Return the handle under a point.

    Args:
        crop: The square.
        point: x in widths of the photo from its left edge, y in heights from its top.
        aspect: Height of the photo in widths.
        reach: How far from a corner its handle is still hit, in widths of the photo.

    Returns:
        Index into CORNERS, MOVE inside of the square, or None outside.
    """
    x, y, half = point[0] - crop.x, (point[1] - crop.y) * aspect, crop.size / 2
    for index, (right, down) in enumerate(CORNERS):
        if max(abs(x - right * half), abs(y - down * half)) <= reach:
            return index
    return MOVE if max(abs(x), abs(y)) <= half else None


def dragged(crop: Crop, handle: int, shift: tuple[float, float], aspect: float) -> Crop:
    """Return a crop whose handle was dragged; a corner scales the square about the corner opposite.

    Args:
        crop: The square when the drag began.
        handle: Index into CORNERS, or MOVE.
        shift: How far the handle was dragged: x in widths of the photo to the right, y in heights downwards.
        aspect: Height of the photo in widths.
    """
    across, down = shift[0], shift[1] * aspect
    size = crop.size
    if handle != MOVE:
        sides = CORNERS[handle]
        # The mean of both directions follows the mouse along the diagonal, and does not jump beside it.
        size = min(max(size + (across * sides[0] + down * sides[1]) / 2, SMALLEST_CROP), LARGEST_CROP)
        across, down = ((size - crop.size) / 2 * side for side in sides)
    x, y = (_near(value) for value in (crop.x + across, crop.y + down / aspect))
    return Crop(x, y, size)


def _near(value: float) -> float:
    return min(max(value, -FARTHEST_CROP), 1 + FARTHEST_CROP)
