"""One view's drawing: splats blended in a picture of their own, which then covers the view.

The view's own overlay has eight bits a channel and blends linear light; Gaussians are meant
to be blended as they are encoded, and hundreds of faint ones lie over each other. So they
are blended in half floats first. That picture needs the scene's depth, which Blender hands
out as numbers only: it makes a way through the processor, a few milliseconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import gpu
import numpy as np
from gpu_extras.batch import batch_for_shader

from ...core.viewing import irradiance
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


@dataclass(frozen=True, eq=False)
class View:
    """How a view shows splats.

    Attributes:
        matrices: [M, 4, 4] from the space of each of the batch's objects to the view's.
        projection: [4, 4].
        marks: [M, 2] float, 1 for objects to be outlined as selected, and as active.
        xray: Draw over everything, because the view sees through its objects.
        chosen_color: Red, green, blue of splats selected in Edit Mode, sRGB-encoded.
        selected_color: The same of the outline of selected objects.
        active_color: The same of the outline of the active object.
        shading: [M, 9, 3] of :func:`core.viewing.irradiance.polynomial`, by normals in the view's
            space, where light falls on the objects; None to draw their colours as they are.
    """

    matrices: np.ndarray
    projection: np.ndarray
    marks: np.ndarray
    xray: bool
    chosen_color: Sequence[float]
    selected_color: Sequence[float]
    active_color: Sequence[float]
    shading: np.ndarray | None = None


class Canvas:
    """What one region of a 3D View keeps between two redraws."""

    def __init__(self) -> None:
        self._sorting = Sorting()
        self._picture: gpu.types.GPUTexture | None = None
        self._marks: gpu.types.GPUTexture | None = None
        self._framebuffer: gpu.types.GPUFrameBuffer | None = None

    def draw(self, pipeline: Pipeline, batch: Batch, view: View) -> None:
        """Draw a batch into the active framebuffer, which has the scene's depth."""
        width, height = gpu.state.viewport_get()[2:]
        depth = _scene_depth(width, height, view.xray)
        self._fit(width, height)
        gpu.state.depth_test_set("NONE")
        gpu.state.depth_mask_set(False)
        gpu.state.blend_set("ALPHA_PREMULT")
        try:
            with self._framebuffer.bind():
                self._framebuffer.clear(color=(0.0, 0.0, 0.0, 0.0))
                self._draw_splats(pipeline, batch, view, depth)
            shader = pipeline.picture_shader
            shader.bind()
            shader.uniform_float("selected_color", (*view.selected_color, 1.0))
            shader.uniform_float("active_color", (*view.active_color, 1.0))
            shader.uniform_sampler("picture", self._picture)
            shader.uniform_sampler("marks", self._marks)
            pipeline.picture_quad.draw(shader)
        finally:
            gpu.state.blend_set("NONE")
            gpu.state.depth_mask_set(True)

    def _draw_splats(self, pipeline: Pipeline, batch: Batch, view: View, depth: gpu.types.GPUTexture) -> None:
        order = self._sorting.texture(batch, view.matrices)
        # Shaders keep no reference to a texture: one without a name would be gone before it is used.
        objects = textures.of_objects(_object_texels(view))
        shader, quad = pipeline.splats(batch.degree)
        shader.bind()
        shader.uniform_float("projection", view.projection.T.ravel())
        shader.uniform_float("highlight", view.chosen_color)
        shader.uniform_float("viewport", (self._picture.width, self._picture.height))
        shader.uniform_sampler("splats", batch.splats)
        shader.uniform_sampler("order", order)
        shader.uniform_sampler("objects", objects)
        shader.uniform_sampler("scene_depth", depth)
        if batch.harmonics is not None:
            shader.uniform_sampler("harmonics", batch.harmonics)
        quad.draw_instanced(shader, instance_count=len(batch))

    def _fit(self, width: int, height: int) -> None:
        if self._picture is None or (self._picture.width, self._picture.height) != (width, height):
            self._picture = gpu.types.GPUTexture((width, height), format="RGBA16F")
            self._marks = gpu.types.GPUTexture((width, height), format="RG16F")
            self._framebuffer = gpu.types.GPUFrameBuffer(color_slots=(self._picture, self._marks))


def _scene_depth(width: int, height: int, xray: bool) -> gpu.types.GPUTexture:
    """Return the depth of the active framebuffer, 0..1; nothing is in front of anything with ``xray``."""
    values = None if xray else gpu.state.active_framebuffer_get().read_depth(0, 0, width, height)
    # EEVEE fills the view's depth for overlays only: without these it is zero everywhere.
    if values is None or not np.asarray(values).any():
        depth = gpu.types.GPUTexture((width, height), format="R32F")
        depth.clear(format="FLOAT", value=(1.0,))
        return depth
    return gpu.types.GPUTexture((width, height), format="R32F", data=values)


def _object_texels(view: View) -> np.ndarray:
    """Return [M, 14, 4]: three rows of each matrix, the eye in its space (a point or a direction), marks, shading."""
    values = np.zeros((len(view.matrices), 5 + irradiance.TERMS, 4), np.float32)
    values[:, :3] = view.matrices[:, :3]
    perspective = view.projection[3, 3] == 0
    eye = np.array([0, 0, 0, 1.0]) if perspective else np.array([0, 0, -1.0, 0])
    values[:, 3] = np.linalg.inv(view.matrices) @ eye
    values[:, 4, :2] = view.marks
    if view.shading is not None:
        values[:, 4, 2] = 1
        values[:, 5:, :3] = view.shading
    return values
