"""Tells cuts in a clip: the whole picture changes from one frame to the next, and not by light alone."""

from __future__ import annotations

import numpy as np
from PIL import Image

SIDE = (48, 27)
"""Pixels in which pictures are compared: motion within them counts little."""
CHANGED = 0.4
"""1 minus the correlation of two pictures from which they are different ones."""
USUAL = 4.0
"""Times the usual difference of the clip, above which the change must lie: handheld clips change all the time."""
MEMORY = 0.9
"""Of the usual difference, from frame to frame."""


class CutDetector:
    """Looks at a clip's frames in their order."""

    def __init__(self) -> None:
        self._last: np.ndarray | None = None
        self._usual = 0.0

    def is_cut(self, rgb: np.ndarray) -> bool:
        """Return whether another shot begins with this frame.

        Args:
            rgb: [H, W, 3] uint8.
        """
        small = np.asarray(Image.fromarray(rgb).resize(SIDE, Image.Resampling.BOX).convert("L"), np.float32) / 255
        # Light that goes on or off changes mean and contrast, a cut changes what is to be seen.
        normal = (small - small.mean()) / max(float(small.std()), 0.02)
        last, self._last = self._last, normal
        if last is None:
            return False
        change = float(1 - (normal * last).mean())
        cut = change > max(CHANGED, USUAL * self._usual)
        if not cut:
            self._usual = MEMORY * self._usual + (1 - MEMORY) * change
        return cut
