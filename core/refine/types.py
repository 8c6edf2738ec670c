"""What goes into refining, and what comes out. Nothing here needs more than numpy: processes that only pass it on start
without the rest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..cameras import Camera
from ..editing.edit import Edit
from ..gaussians import Gaussians
from ..geometry import quaternions


@dataclass(frozen=True, eq=False)
class View:
    """A photo of the splats, and the camera that took it.

    Attributes:
        camera: In the Gaussians' space; its size is the picture's.
        image: [H, W, 3] float32, 0..1, sRGB-encoded as the rasterizer's pictures are: the person's own colours,
            unmixed with the background.
        alpha: [H, W] float32, 0..1: where the photo shows the person. Only there it tells colours.
        outlines: Whether ``alpha`` is the person's true outline, which the splats are to have. False where it only
            says which pixels count.
    """

    camera: Camera
    image: np.ndarray
    alpha: np.ndarray
    outlines: bool = True

    def __post_init__(self) -> None:
        shape = (self.camera.height, self.camera.width)
        if self.image.shape != (*shape, 3) or self.alpha.shape != shape:
            raise ValueError(f"a picture of {self.image.shape} and an alpha of {self.alpha.shape} for {shape} pixels")

    def reduced(self, size: int) -> View:
        """Return the view with pixels averaged so that it is about ``size`` wide; itself where it is no wider."""
        factor = -(-self.camera.width // size)
        if factor < 2:
            return self
        height, width = (length // factor * factor for length in self.alpha.shape)
        parts = (part[:height, :width] for part in (self.image, self.alpha))
        image, alpha = (
            part.reshape(height // factor, factor, width // factor, factor, -1).mean(axis=(1, 3)) for part in parts
        )
        camera = self.camera
        fx, fy, cx, cy = (value / factor for value in (camera.fx, camera.fy, camera.cx, camera.cy))
        smaller = Camera(width // factor, height // factor, fx, fy, cx, cy, camera.c2w)
        return View(smaller, image, alpha[..., 0], self.outlines)


@dataclass(frozen=True, eq=False)
class Refined:
    """Refined splats.

    Attributes:
        sources: [M] int64, for every splat the row it came from.
        unrefined: M Gaussians, split already, otherwise as they were.
        gaussians: The same ones, refined.
        before: How near the splats were to the photos, in dB where the photos show the person.
        after: How near they are.
    """

    sources: np.ndarray
    unrefined: Gaussians
    gaussians: Gaussians
    before: float
    after: float

    def at(self, strength: float) -> Edit:
        """Return the edit that goes a share 0..1 of the way from the unrefined look to the refined one."""
        if strength == 1:
            return Edit(self.sources, self.gaussians)
        start, end, share = self.unrefined, self.gaussians, np.float32(strength)

        def mixed(name: str) -> np.ndarray:
            return getattr(start, name) + share * (getattr(end, name) - getattr(start, name))

        # Turns are small: the shorter way between two quaternions is straight enough.
        same_side = np.where((start.rotations * end.rotations).sum(axis=1, keepdims=True) < 0, -1, 1)
        changed = start.replace(
            means=mixed("means"),
            scales=start.scales * (end.scales / start.scales) ** share,
            rotations=quaternions.normalize(start.rotations * (1 - share) + end.rotations * same_side * share),
            sh=mixed("sh"),
            opacities=mixed("opacities"),
        )
        return Edit(self.sources, changed)
