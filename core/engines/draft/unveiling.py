"""Keeps the photo in sight: what is invented may neither cover its pixels nor stick out of its outline."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import ndimage

from ...splats.parts import Part
from .compensation import BLUR
from .fields import signed_distance
from .photo_sheet import PhotoSheet
from .portrait import FittedPortrait
from .samples import THICKNESS, Samples, pixel_index

FAMILY = np.zeros(len(Part), np.int64)
FAMILY[[Part.SKIN, Part.NECK, Part.EYES, Part.MOUTH]] = 1
FAMILY[Part.HAIR], FAMILY[Part.CLOTHES] = 2, 3
"""Parts between which pixels and samples are interchangeable."""
NOBODY = 9
"""Family of the background."""
SPILL = 9
"""Side in pixels of the square that a sample may cover."""
BEHIND = (0.004, 0.012)
"""World units by which samples stay behind the photo's pixels, where these are seen edge-on and straight on."""
STEEP, FLAT = 1 / 3, 0.63
"""Cosines between normal and ray at which pixels count as seen edge-on and straight on."""
DEEPEST = 0.03
"""World units by which a slope in the photo may push samples back."""
FARTHEST, FARTHEST_AT_EDGE = 0.1, 0.4
"""World units by which a sample is pushed back at most before it goes, inside of a part and at the edge of one."""
ASIDE = 4.0
"""Depth by which strands and what backs them stay behind another part, over their standard deviation."""
CLEAR = 0.03
"""World units behind the photo's pixels from which a sample of another part may stay."""
OUTLINE_ALPHA, OUTSIDE = 0.3, 1.5
"""Alpha at the person's outline, and pixels outside of it from which samples go."""
FINE_RADIUS = 0.009
"""Largest sample close behind the face, world units: about two pixels."""
DRAWN_IN = 10.0
"""Pixels by which samples are drawn in at most, so that they end at the person's outline."""
EDGE = 3.0
"""Standard deviations from its middle at which samples end: many lie behind one another where a surface turns away, and
their faint rims add up."""
SLOPE = 5
"""Side in pixels of the square over which a slope's samples give way: about what a fine one covers."""
DISC, AROUND = 2.0, 35
"""Standard deviations of a large disc that end where another part begins, and side in pixels of the square in which it
is looked for."""
CLOSE = 0.12
"""World units behind the photo that count as close."""


class View:
    """The photo as seen by samples. Made once, asked for every kind of them."""

    def __init__(self, portrait: FittedPortrait, sheet: PhotoSheet, behind: np.ndarray | None = None) -> None:
        """Prepare the maps.

        Args:
            portrait: The portrait.
            sheet: The photo's pixels in space.
            behind: [512, 512] bool: hair that shows beside the jaw and lies behind it, so that surfaces end before it;
                None for none.
        """
        self.portrait, self.sheet = portrait, sheet
        self.family = np.where(portrait.mask, FAMILY[sheet.parts], NOBODY)
        near = ndimage.maximum_filter(self.family, SPILL) != ndimage.minimum_filter(self.family, SPILL)
        self.edge = near
        self.face = ndimage.binary_dilation(portrait.face_oval, iterations=SPILL)
        # For each family the pixels of the others: what its samples may not blur.
        others = [np.where(portrait.mask & (self.family != own), sheet.depth, 0) for own in range(FAMILY.max() + 1)]
        self.deep = np.stack([ndimage.maximum_filter(depth, SPILL) for depth in others])
        # At the edge of hair and cloth, which overlap what is beside them, samples give way altogether.
        yields = near & (self.family != FAMILY[Part.SKIN])
        slope = np.where(self.face, ndimage.maximum_filter(sheet.depth, SLOPE), ndimage.maximum_filter(sheet.depth, 3))
        gentle = np.minimum(slope, sheet.depth + DEEPEST)
        beside = np.choose(self.family, self.deep, mode="clip")
        deepest = np.where(yields, np.maximum(beside, gentle), gentle)
        flat = np.clip((sheet.facing - STEEP) / (FLAT - STEEP), 0, 1)
        self.limit = deepest + BEHIND[0] + (BEHIND[1] - BEHIND[0]) * flat
        outline = portrait.mask if behind is None else portrait.mask & ~behind
        self.within = signed_distance(outline).astype(np.float32)
        self.inwards = np.stack(np.gradient(ndimage.gaussian_filter(self.within, 1.0)), axis=-1)[..., ::-1]
        self.outside = ndimage.distance_transform_edt(portrait.alpha <= OUTLINE_ALPHA) > OUTSIDE

    def blocked(self, positions: np.ndarray, parts: np.ndarray | int, radii: np.ndarray | float = 0.0) -> np.ndarray:
        """Return which positions [N, 3] are seen before pixels that show another part, or off the person.

        Args:
            positions: [N, 3] world.
            parts: [N] values of Part, or one for all.
            radii: [N] largest standard deviations, world units: what is large reaches beside what hides its middle.
        """
        rows, columns, inside = pixel_index(self.portrait, positions)
        _, depths = self.portrait.camera.project(positions)
        other = FAMILY[parts] != self.family[rows, columns]
        other &= inside & self.portrait.mask[rows, columns]
        deep = self.deep[FAMILY[parts], rows, columns]
        before = other & (depths < deep + CLEAR + ASIDE * np.asarray(radii))
        return before | (inside & self.outside[rows, columns])

    def trimmed(self, positions: np.ndarray, part: int, radii: np.ndarray) -> np.ndarray:
        """Return the radii [N] of large discs, smaller where they would reach over another part that lies behind them.

        Args:
            positions: [N, 3] world.
            part: A value of Part.
            radii: [N] standard deviations, world units.
        """
        rows, columns, inside = pixel_index(self.portrait, positions)
        _, depths = self.portrait.camera.project(positions)
        others = self.portrait.mask & (self.family != FAMILY[part])
        deepest = ndimage.maximum_filter(np.where(others, self.sheet.depth, 0), AROUND)
        apart = ndimage.distance_transform_edt(~others)[rows, columns]
        before = inside & (depths < deepest[rows, columns] + CLEAR)
        return np.where(before, np.minimum(radii, apart / DISC * depths / self.portrait.camera.fx), radii)

    def place(
        self, positions: np.ndarray, parts: np.ndarray | int, radii: np.ndarray | float = 0.0
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return positions [N, 3] pushed behind the photo's pixels, which may stay, and which lie close to the face.

        Args:
            positions: [N, 3] world.
            parts: [N] values of Part, or one for all.
            radii: [N] largest standard deviations, world units.
        """
        rows, columns, inside = pixel_index(self.portrait, positions)
        pixels, depths = self.portrait.camera.project(positions)
        same = FAMILY[parts] == self.family[rows, columns]
        covered = inside & same & self.sheet.used[rows, columns]
        pushed = np.where(covered, np.maximum(depths, self.limit[rows, columns]), depths)
        farthest = np.where(self.edge[rows, columns], FARTHEST_AT_EDGE, FARTHEST)
        kept = ~self.blocked(positions, parts, radii) & (pushed - depths < farthest)
        close = covered & (pushed - self.sheet.depth[rows, columns] < CLOSE) & self.face[rows, columns]
        return self.portrait.camera.unproject(pixels, pushed), kept, close

    def fit(self, samples: Samples, parts: np.ndarray) -> tuple[Samples, np.ndarray]:
        """Return the samples that may stay, pushed behind the photo's pixels, and which they are [N] bool."""
        positions, kept, close = self.place(self._drawn_in(samples), parts)
        radii = np.where(close, np.minimum(samples.radii, FINE_RADIUS), samples.radii)
        return replace(samples, positions=positions, radii=radii).select(kept), kept

    def _drawn_in(self, samples: Samples) -> np.ndarray:
        """Return the samples' positions [N, 3], moved across the picture until they end at the person's outline."""
        camera = self.portrait.camera
        pixels, depths = camera.project(samples.positions)
        facing = self.portrait.facing(samples.positions, samples.normals)
        # A flat sample seen edge-on reaches over the outline by its thickness alone.
        spread = samples.radii * camera.fx / depths * np.hypot(facing, THICKNESS)
        rows, columns, inside = pixel_index(self.portrait, samples.positions)
        lacking = EDGE * np.sqrt(spread**2 + BLUR) - self.within[rows, columns]
        move = np.where(inside & (lacking < DRAWN_IN), np.clip(lacking, 0, DRAWN_IN), 0)
        return camera.unproject(pixels + move[:, None] * self.inwards[rows, columns], depths)
