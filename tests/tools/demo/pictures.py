"""Pictures of a head, rendered by Cycles in photo colours: for the demo, tests and measurements."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import bpy
import numpy as np

from core.cameras import Camera
from tests.helpers.headless import installed

WHITE = (1.0, 1.0, 1.0, 1.0)
POINT_SAMPLING_WIDTH = 0.01
"""Pixels; the smallest filter. The splats' own blur is what smooths, as in the reference rasterizer."""


def _splats(name: str) -> ModuleType:
    """Return a module of how the installed extension keeps and shows splats."""
    return installed(f"facelift_addon.splats.{name}")


@contextmanager
def studio(head: bpy.types.Object, samples: int = 1) -> Iterator[bpy.types.Scene]:
    """Lend a scene with nothing but the head before white, set up for its photo's own colours.

    The user's scenes and settings stay as they are.

    Args:
        head: A splat object.
        samples: Of Cycles; 1 takes the colour at the pixel's centre, without noise.
    """
    display, rendering = _splats("display.display"), _splats("scene.rendering")
    scene = bpy.data.scenes.new("FaceLift pictures")
    world = bpy.data.worlds.new("FaceLift pictures")
    wanted = {display.PHOTO_COLORS: True, display.LIT: False, display.EXACT: True}
    before = {option: display.get_option(head, option) for option in wanted}
    try:
        _light_white(world)
        scene.world = world
        scene.collection.objects.link(head)
        scene.render.engine = "CYCLES"
        scene.render.resolution_percentage = 100
        scene.render.image_settings.file_format = "PNG"
        scene.cycles.samples = samples
        scene.cycles.use_adaptive_sampling = False
        scene.cycles.use_denoising = False
        scene.cycles.pixel_filter_type = "BOX"
        scene.cycles.filter_width = POINT_SAMPLING_WIDTH if samples == 1 else 1.0
        for option, value in wanted.items():
            display.set_option(head, option, value)
        rendering.apply(scene, "PHOTO")
        yield scene
    finally:
        for option, value in before.items():
            display.set_option(head, option, value)
        bpy.data.scenes.remove(scene)
        bpy.data.worlds.remove(world)


def render_views(
    head: bpy.types.Object, views: Iterable[Camera], directory: Path, size: int = 512, samples: int = 1
) -> list[Path]:
    """Render a head through cameras of the engine's frame, which move with the head.

    Args:
        head: A splat object.
        views: Cameras with square pixels.
        directory: Where the PNGs go; made when missing.
        size: Width of the pictures in pixels.
        samples: Of Cycles.

    Returns:
        ``view_00.png`` and so on, in the cameras' order.
    """
    cameras, heads = _splats("scene.cameras"), _splats("data.heads")
    directory.mkdir(parents=True, exist_ok=True)
    paths = []
    with studio(head, samples) as scene:
        for index, view in enumerate(views):
            camera = cameras.new_camera("FaceLift view")
            try:
                cameras.fit(camera, view, head, heads.placement_of(head))
                paths.append(_render(scene, camera, view.resized(size), directory / f"view_{index:02d}.png"))
            finally:
                bpy.data.cameras.remove(camera.data)
    return paths


def _render(scene: bpy.types.Scene, camera: bpy.types.Object, view: Camera, path: Path) -> Path:
    if scene not in camera.users_scene:
        scene.collection.objects.link(camera)
    scene.camera = camera
    scene.render.resolution_x, scene.render.resolution_y = view.width, view.height
    scene.render.filepath = str(path)
    bpy.ops.render.render(write_still=True, scene=scene.name)
    return path


def _light_white(world: bpy.types.World) -> None:
    if world.node_tree is None:  # Blender 4.5; later worlds always have nodes.
        world.use_nodes = True
    nodes = world.node_tree.nodes
    background = next((node for node in nodes if node.type == "BACKGROUND"), None)
    if background is None:
        background = nodes.new("ShaderNodeBackground")
        output = next((node for node in nodes if node.type == "OUTPUT_WORLD"), None) or nodes.new(
            "ShaderNodeOutputWorld"
        )
        world.node_tree.links.new(background.outputs["Background"], output.inputs["Surface"])
    background.inputs["Color"].default_value = WHITE


def load_pixels(path: Path) -> np.ndarray:
    """Return a picture file's pixels [H, W, 3] uint8, top row first."""
    image = bpy.data.images.load(str(path))
    try:
        image.colorspace_settings.name = "Non-Color"
        width, height = image.size
        pixels = np.empty(width * height * 4, np.float32)
        image.pixels.foreach_get(pixels)
    finally:
        bpy.data.images.remove(image)
    upright = pixels.reshape(height, width, 4)[::-1, :, :3]
    return np.round(upright * 255).astype(np.uint8)


def save_sheet(paths: Sequence[Path], target: Path, columns: int) -> None:
    """Join pictures of one size into rows of a sheet, in the order of reading."""
    pictures = [load_pixels(path) for path in paths]
    rows = [np.concatenate(pictures[start : start + columns], axis=1) for start in range(0, len(pictures), columns)]
    sheet = np.concatenate(rows, axis=0)
    height, width = sheet.shape[:2]
    image = bpy.data.images.new("FaceLift sheet", width, height, alpha=False)
    try:
        image.colorspace_settings.name = "Non-Color"
        pixels = np.ones((height, width, 4), np.float32)
        pixels[..., :3] = sheet[::-1] / 255
        image.pixels.foreach_set(pixels.ravel())
        image.filepath_raw = str(target)
        image.file_format = "PNG"
        image.save()
    finally:
        bpy.data.images.remove(image)
