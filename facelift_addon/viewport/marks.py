"""Drawing of splats' centres and rings into a view, with what hides them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import gpu
import numpy as np
from gpu_extras.batch import batch_for_shader

from ...core.viewing import texels
from . import overlay_shaders as shaders
from . import textures
from .canvas import CORNERS


@dataclass(frozen=True, eq=False)
class Look:
    """How marks are drawn.

    Attributes:
        rings: Whether each splat is an ellipse, one standard deviation around.
        centers: Whether its centre is a point.
        size: Of the point, in pixels.
        plain: Red, green, blue, sRGB-encoded.
        highlight: The same of splats selected in Edit Mode.
        strength: Opacity of all marks together.
    """

    rings: bool
    centers: bool
    size: float
    plain: Sequence[float]
    highlight: Sequence[float]
    strength: float = 0.9


class Load:
    """The splats of several objects on the graphics card.

    Args:
        rows: For each object [N, 16] of :func:`core.viewing.texels.splat_texels`.
        marked: For each object [N] bool, the splats to be marked; the others only hide.
    """

    def __init__(self, rows: Sequence[np.ndarray], marked: Sequence[np.ndarray]) -> None:
        self.rows = tuple(rows)
        self.count = sum(map(len, rows))
        self.splats = textures.of_texels(texels.join(list(rows)))
        self.all = textures.of_indices(np.arange(self.count))
        chosen = np.flatnonzero(np.concatenate(list(marked)))
        self.marked_count = len(chosen)
        self.marked = textures.of_indices(chosen) if len(chosen) else None


class Marks:
    """The shaders, and a picture of the size of the last view."""

    def __init__(self) -> None:
        self._shader, self._overlay = shaders.marks_shader(), shaders.overlay_shader()
        self._quad = batch_for_shader(self._shader, "TRI_STRIP", {"corner": CORNERS})
        self._whole = batch_for_shader(self._overlay, "TRI_STRIP", {"corner": CORNERS})
        self._picture: gpu.types.GPUTexture | None = None
        self._depth: gpu.types.GPUTexture | None = None
        self._framebuffer: gpu.types.GPUFrameBuffer | None = None

    def draw(self, load: Load, matrices: np.ndarray, projection: np.ndarray, look: Look) -> None:
        """Draw marks into the active framebuffer.

        Args:
            load: What.
            matrices: [M, 4, 4] from each object's space to the view's.
            projection: [4, 4].
            look: How.
        """
        if load.marked is None:
            return
        self._fit(*gpu.state.viewport_get()[2:])
        # Shaders keep no reference to a texture.
        objects = textures.of_objects(np.ascontiguousarray(matrices[:, :3], np.float32))
        shader = self._shader
        try:
            with self._framebuffer.bind():
                self._framebuffer.clear(color=(0.0, 0.0, 0.0, 0.0), depth=1.0)
                gpu.state.depth_test_set("LESS_EQUAL")
                shader.bind()
                shader.uniform_float("projection", projection.T.ravel())
                shader.uniform_float("viewport", (self._picture.width, self._picture.height))
                shader.uniform_float("size", look.size)
                shader.uniform_float("plain", look.plain)
                shader.uniform_float("highlight", look.highlight)
                shader.uniform_sampler("splats", load.splats)
                shader.uniform_sampler("objects", objects)
                gpu.state.depth_mask_set(True)
                gpu.state.blend_set("NONE")
                self._pass(shaders.HIDE, load.all, load.count)
                gpu.state.depth_mask_set(False)
                gpu.state.blend_set("ALPHA")
                for what, wanted in ((shaders.RINGS, look.rings), (shaders.CENTERS, look.centers)):
                    if wanted:
                        self._pass(what, load.marked, load.marked_count)
            gpu.state.depth_test_set("NONE")
            gpu.state.blend_set("ALPHA_PREMULT")
            self._overlay.bind()
            self._overlay.uniform_float("strength", look.strength)
            self._overlay.uniform_sampler("picture", self._picture)
            self._whole.draw(self._overlay)
        finally:
            gpu.state.depth_test_set("NONE")
            gpu.state.blend_set("NONE")
            gpu.state.depth_mask_set(True)

    def _pass(self, what: int, chosen: gpu.types.GPUTexture, count: int) -> None:
        self._shader.uniform_int("what", what)
        self._shader.uniform_sampler("chosen", chosen)
        self._quad.draw_instanced(self._shader, instance_count=count)

    def _fit(self, width: int, height: int) -> None:
        if self._picture is None or (self._picture.width, self._picture.height) != (width, height):
            self._picture = gpu.types.GPUTexture((width, height), format="RGBA16F")
            self._depth = gpu.types.GPUTexture((width, height), format="DEPTH_COMPONENT32F")
            self._framebuffer = gpu.types.GPUFrameBuffer(depth_slot=self._depth, color_slots=(self._picture,))
