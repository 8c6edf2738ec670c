"""One view's drawing: splats blended in a picture of their own, which then covers the view.

The view's own overlay has eight bits a channel and blends linear light; Gaussians are meant
to be blended as they are encoded, and hundreds of faint ones lie over each other. So they
are blended in half floats first. That picture needs the scene's depth, which Blender hands
out as numbers only: it makes a way through the processor, a few milliseconds.
"""

from __future__ import annotations

import gpu
import numpy as np
from gpu_extras.batch import batch_for_shader

from . import shaders, textures
from .batches import Batch, Sorting

CORNERS = ((-1.0, -1.0), (1.0, -1.0), (-1.0, 1.0), (1.0, 1.0))


class Pipeline:
    """The compiled shaders, shared by all views."""

    def __init__(self) -> None:
        self.picture_shader = shaders.picture_shader()
        self.picture_quad = batch_for_shader(self.picture_shader, "TRI_STRIP", {"corner": CORNERS})
        self._splats: dict[int, tuple[gpu.types.GPUShader, gpu.types.GPUBatch]] = {}
        self.splats(0)

    def splats(self, degree: int) -> tuple[gpu.types.GPUShader, gpu.types.GPUBatch]:
        """Return the shader of splats with spherical harmonics of a degree, and the quad to instance."""
        if degree not in self._splats:
            shader = shaders.splat_shader(degree)
            self._splats[degree] = shader, batch_for_shader(shader, "TRI_STRIP", {"corner": CORNERS})
        return self._splats[degree]


class Canvas:
    """What one region of a 3D View keeps between two redraws."""

    def __init__(self) -> None:
        self._sorting = Sorting()
        self._picture: gpu.types.GPUTexture | None = None
        self._framebuffer: gpu.types.GPUFrameBuffer | None = None

    def draw(
        self,
        pipeline: Pipeline,
        batch: Batch,
        matrices: np.ndarray,
        projection: np.ndarray,
        highlight: tuple[float, float, float, float],
    ) -> None:
        """Draw a batch into the active framebuffer, which has the scene's depth.

        Args:
            pipeline: The shaders.
            batch: The splats.
            matrices: [M, 4, 4] from each object's space to the view's.
            projection: [4, 4] of the view.
            highlight: Colour of selected splats, sRGB-encoded.
        """
        view = gpu.state.active_framebuffer_get()
        width, height = gpu.state.viewport_get()[2:]
        depth = gpu.types.GPUTexture((width, height), format="R32F", data=view.read_depth(0, 0, width, height))
        self._fit(width, height)
        order = self._sorting.texture(batch, matrices)
        # Shaders keep no reference to a texture: one without a name would be gone before it is used.
        objects = textures.of_objects(_object_texels(matrices, projection))

        shader, quad = pipeline.splats(batch.degree)
        gpu.state.depth_test_set("NONE")
        gpu.state.depth_mask_set(False)
        try:
            gpu.state.blend_set("ALPHA_PREMULT")
            with self._framebuffer.bind():
                self._framebuffer.clear(color=(0.0, 0.0, 0.0, 0.0))
                shader.bind()
                shader.uniform_float("projection", projection.T.ravel())
                shader.uniform_float("highlight", highlight)
                shader.uniform_float("viewport", (width, height))
                shader.uniform_sampler("splats", batch.splats)
                shader.uniform_sampler("order", order)
                shader.uniform_sampler("objects", objects)
                shader.uniform_sampler("scene_depth", depth)
                if batch.harmonics is not None:
                    shader.uniform_sampler("harmonics", batch.harmonics)
                quad.draw_instanced(shader, instance_count=len(batch))
            pipeline.picture_shader.bind()
            pipeline.picture_shader.uniform_sampler("picture", self._picture)
            pipeline.picture_quad.draw(pipeline.picture_shader)
        finally:
            gpu.state.blend_set("NONE")
            gpu.state.depth_mask_set(True)

    def _fit(self, width: int, height: int) -> None:
        if self._picture is None or (self._picture.width, self._picture.height) != (width, height):
            self._picture = gpu.types.GPUTexture((width, height), format="RGBA16F")
            self._framebuffer = gpu.types.GPUFrameBuffer(color_slots=(self._picture,))


def _object_texels(matrices: np.ndarray, projection: np.ndarray) -> np.ndarray:
    """Return [M, 4, 4]: three rows of each matrix, and the eye (a point, or a direction with 0) in its space."""
    values = np.array(matrices, np.float32)
    perspective = projection[3, 3] == 0
    eye = np.array([0, 0, 0, 1.0]) if perspective else np.array([0, 0, -1.0, 0])
    values[:, 3, :] = np.linalg.inv(matrices) @ eye
    return values
