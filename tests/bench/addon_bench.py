"""The extension's figures: making objects, blocking Blender, rendering. Through the installed zip."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from core.cameras import front_camera
from core.rasterize import cpu
from tests.bench.report import Measurement, best_seconds, print_table
from tests.helpers import addon as addon_helpers

COUNT = 200_000
RENDER_SIZE = 512


def main() -> None:
    """Measure and print."""
    import bpy

    with tempfile.TemporaryDirectory() as folder:
        extension = addon_helpers.install(Path(folder))
        bpy.ops.wm.read_homefile(use_empty=True)
        measurements = [*_objects(extension), *_job(extension, Path(folder)), *_rendering(extension, Path(folder))]
        measurements += _tools(extension)
        extension.connection.close()
    print_table(f"Extension in Blender {bpy.app.version_string}", measurements)


def _objects(extension: addon_helpers.Extension) -> list[Measurement]:
    """Arrays to object and back, and how long Blender evaluates one."""
    import bpy

    gaussians = addon_helpers.surface_gaussians(COUNT).replace(extras={})
    geometry = extension.module("facelift_addon.splats.data.geometry")
    display = extension.module("facelift_addon.splats.display.display")
    for step in display.preparations(0):
        step()
    made = []
    seconds = best_seconds(lambda: made.append(addon_helpers.add_splats(extension, gaussians, quads=True)))
    target = made[-1]
    for other in made[:-1]:
        bpy.data.objects.remove(other)
    reading = best_seconds(lambda: geometry.to_gaussians(target.data))

    def evaluate() -> None:
        target.update_tag()
        bpy.context.view_layer.update()

    surface = best_seconds(evaluate)
    camera = extension.module("facelift_addon.splats.scene.cameras").new_camera("bench")
    bpy.context.scene.collection.objects.link(camera)
    camera.location, camera.rotation_euler = (0, -2.7, 0), (np.pi / 2, 0, 0)
    bpy.context.scene.camera = camera
    display.set_option(target, display.CAMERA_IN_VIEWPORT, True)
    quads = best_seconds(evaluate)
    bpy.data.objects.remove(target)
    bpy.data.objects.remove(camera)
    return [
        Measurement("200,000 Gaussians from arrays to object", seconds * 1000, "ms", "< 100"),
        Measurement("and back to arrays", reading * 1000, "ms"),
        Measurement("evaluating surface elements for the viewport", surface * 1000, "ms"),
        Measurement("evaluating camera quads", quads * 1000, "ms"),
    ]


def _job(extension: addon_helpers.Extension, folder: Path) -> list[Measurement]:
    """How long ticks block Blender's main thread while a head is made."""
    import bpy
    from skimage import data

    session = extension.session
    # As with a window, where the viewport's drawing takes the place of surface elements.
    bpy.context.scene.facelift_viewport.drawing = True
    bpy.ops.facelift.choose_photo(filepath=str(addon_helpers.save_photo(folder / "astronaut.png", data.astronaut())))
    ticks: list[float] = []

    def tick_until_idle(stop_before_arrival: bool = False) -> None:
        while session.busy and not (stop_before_arrival and any(task.has_arrived for task in session.tasks)):
            start = time.perf_counter()
            session.tick()
            ticks.append(time.perf_counter() - start)
            time.sleep(0.02)

    tick_until_idle()
    start = time.perf_counter()
    bpy.ops.facelift.generate()
    tick_until_idle(stop_before_arrival=True)
    running, arrival = list(ticks), len(ticks)
    tick_until_idle()
    return [
        Measurement("photo to head, worker warm", time.perf_counter() - start, "s"),
        Measurement("longest tick while a head is made", max(running) * 1000, "ms", "< 30"),
        Measurement("median tick while a head is made", float(np.median(running)) * 1000, "ms"),
        Measurement("the tick that adds the head, Blender's evaluation included", max(ticks[arrival:]) * 1000, "ms"),
    ]


def _rendering(extension: addon_helpers.Extension, folder: Path) -> list[Measurement]:
    """Cycles at one sample against the reference rasterizer, on the head just made."""
    import bpy

    head = bpy.context.view_layer.objects.active
    from tests.tools.demo import pictures

    geometry = extension.module("facelift_addon.splats.data.geometry")
    placement = np.linalg.inv(extension.heads.placement_of(head))
    camera = front_camera(RENDER_SIZE)
    start = time.perf_counter()
    (path,) = pictures.render_views(head, [camera], folder, RENDER_SIZE)
    seconds = time.perf_counter() - start
    expected = np.clip(cpu.render(geometry.to_gaussians(head.data).transform(placement), camera).image, 0, 1)
    error = np.mean((pictures.load_pixels(path) / 255 - expected) ** 2)
    return [
        Measurement("Cycles, 1 sample, photo colours, against the rasterizer", -10 * np.log10(error), "dB", ">= 40"),
        Measurement(f"Cycles, 1 sample, {RENDER_SIZE}x{RENDER_SIZE}", seconds, "s"),
    ]


def _tools(extension: addon_helpers.Extension) -> list[Measurement]:
    """Processor time of the slowest tools, on the head just made."""
    import bpy

    target = bpy.context.view_layer.objects.active
    bpy.context.scene.camera = extension.heads.photo_camera_of(target)
    tools = bpy.ops.facelift
    found = []

    def measure(name: str, tool: Callable[[], object]) -> None:
        # Threads of the one before spin a while longer.
        time.sleep(0.5)
        start = time.process_time()
        tool()
        found.append(Measurement(name, time.process_time() - start, "s", "< 0.3"))
        if target.mode == "EDIT":
            bpy.ops.object.mode_set(mode="OBJECT")
        bpy.context.view_layer.update()

    measure("select visible", lambda: tools.select_visible(view="CAMERA"))
    for name, scale in (("transform", (1.1, 1.1, 1.1)), ("uneven transform", (1.1, 1.3, 1.0))):
        target.scale, target.rotation_euler = scale, (0.3, 0.2, 0.5)
        bpy.context.view_layer.update()
        measure(f"apply {name}", tools.apply_transform)
    measure("add adjustments, the file's first", tools.add_adjustments)
    measure("apply adjustments", tools.apply_adjustments)
    measure("clean floaters", tools.clean_floaters)
    return found


if __name__ == "__main__":
    main()
