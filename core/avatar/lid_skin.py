"""What the skin of a closed lid looks like: the tone of the skin around the eye, and the grain of a plain piece of it.

All in a picture of the face as its photo saw it, from the front: there grain, brush strokes and pores are even.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage, signal
from scipy.spatial import cKDTree

from .patches import LUMA

PIXEL = 0.0005
"""Metres of a pixel of that picture; splats of a face lie about as far apart."""
REACH = 0.06
"""Metres around the eye that it shows."""
GAP = 2.0
"""Pixels from the next splat within which a pixel is known."""
RING = (0.011, 0.026)
"""Metres from the middle of the eye between which the lid's tone is looked for."""
SMOOTH = 0.002
"""Metres, standard deviation of what counts as tone there; what is finer is grain."""
TEXTURE = 0.003
"""The same in the piece whose grain the lid takes, and the size from which unevenness is no grain any more."""
PLAIN = 0.009
"""Metres over which a plain piece is even."""
DARKER = 0.2
"""Shares of brightness below an even change across the eye from which skin is brow, lash, shadow or make-up."""
ROUNDS = 6
"""Of leaving such places out."""
COVERED = 0.97
"""Share of the best piece's known pixels that others must have."""
FALLOFF, NEAREST = 3.0, 0.003
"""Power by which the skin around a place counts less with distance, and metres within which it does not."""
CONTRAST = (0.4, 1.8)
"""Bounds of a grain's brightness against its tone."""


class LidSkin:
    """The colours of a closed lid, from those of the skin around it.

    Args:
        places: [N, 2] metres across the face and up, from the middle of the eye: splats of skin.
        colors: [N, 3] theirs.
        lid: [M, 2] the same of the closed lid's splats.
    """

    def __init__(self, places: np.ndarray, colors: np.ndarray, lid: np.ndarray) -> None:
        side = 2 * int(np.ceil(REACH / PIXEL)) + 1
        self._middle = side // 2
        grid = (np.moveaxis(np.indices((side, side)), 0, 2) - self._middle) * PIXEL
        apart, nearest = cKDTree(places).query(grid.reshape(-1, 2), distance_upper_bound=GAP * PIXEL)
        self._known = np.isfinite(apart).reshape(side, side)
        picture = np.zeros((side, side, 3))
        picture[self._known] = colors[nearest[np.isfinite(apart)]]
        self._grid, self._picture, self._lid = grid, picture, lid
        self._cells = self._pixels(lid)
        distance = np.linalg.norm(grid, axis=2)
        self._ring = self._known & (distance > RING[0]) & (distance < RING[1])
        self._ring[self._cells] = False
        self.seen = bool(self._ring.any())
        """Whether there is skin around the eye; without any, it has no colours."""

    def _pixels(self, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        cells = np.clip(np.round(places / PIXEL).astype(int) + self._middle, 0, 2 * self._middle)
        return cells[:, 0], cells[:, 1]

    def colors(self) -> np.ndarray:
        """Return the colour [M, 3] of each of the lid's splats."""
        return np.clip(self._tone() * self._grain(), 0, 1)

    def _tone(self) -> np.ndarray:
        """Return the mean colour [M, 3] of the bare skin around, by distance."""
        smooth = _blurred(self._picture, self._ring, SMOOTH)
        bare = self._ring.copy()
        bare[self._ring] = _even(self._grid[self._ring], smooth[self._ring] @ LUMA)
        nearness = ((self._grid**2).sum(axis=2) + NEAREST**2) ** (-FALLOFF / 2)
        fields = np.dstack([smooth * bare[..., None], bare])
        *total, weight = np.moveaxis(signal.fftconvolve(fields, nearness[..., None], mode="same", axes=(0, 1)), 2, 0)
        return np.stack(total, axis=2)[self._cells] / weight[self._cells][:, None]

    def _grain(self) -> np.ndarray:
        """Return the colours [M, 3] of the plainest piece of skin of the lid's shape, against their tone."""
        shape = np.zeros(self._known.shape)
        shape[self._cells] = 1
        fine, broad = (_blurred(self._picture, self._known, size) @ LUMA for size in (TEXTURE, PLAIN))
        uneven = np.where(self._known, (fine / np.maximum(broad, 1e-3) - 1) ** 2, 0)
        known, unevenness = (
            signal.fftconvolve(field, shape[::-1, ::-1], mode="same") for field in (self._known.astype(float), uneven)
        )
        unevenness = np.where(known >= COVERED * known.max(), unevenness / np.maximum(known, 1), np.inf)
        shift = np.array(np.unravel_index(unevenness.argmin(), unevenness.shape)) - self._middle
        cells = self._pixels(self._lid + shift * PIXEL)
        tone = _blurred(self._picture, self._known, TEXTURE)
        ratio = self._picture[cells] / np.maximum(tone[cells], 1 / 255)
        return np.where(self._known[cells][:, None], np.clip(ratio, *CONTRAST), 1)


def _blurred(picture: np.ndarray, known: np.ndarray, size: float) -> np.ndarray:
    """Return the mean [H, W, 3] of known pixels around each, for ``size`` metres around."""
    sigma = size / PIXEL
    weight = ndimage.gaussian_filter(known.astype(float), sigma)
    total = ndimage.gaussian_filter(np.where(known[..., None], picture, 0), (sigma, sigma, 0))
    return total / np.maximum(weight, 1e-6)[..., None]


def _even(places: np.ndarray, luma: np.ndarray) -> np.ndarray:
    """Return which places [N, 2] are not darker than a brightness that changes evenly across the eye."""
    columns = np.column_stack([np.ones(len(places)), places])
    bare = luma >= np.median(luma) * (1 - 2 * DARKER)
    for _ in range(ROUNDS):
        factors = np.linalg.lstsq(columns[bare], luma[bare], rcond=None)[0]
        bare = luma >= (columns @ factors) * (1 - DARKER)
    return bare
