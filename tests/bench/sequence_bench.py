"""How long a splat sequence keeps Blender's main thread, against importing each frame anew; by the installed zip."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np

from core import formats
from core.gaussians import Gaussians
from tests.bench.report import Measurement, best_seconds, print_table
from tests.helpers import addon as addon_helpers

COUNT = 150_000
FRAMES = 12
AIM = "< 100"


def main() -> None:
    """Measure and print."""
    import bpy

    with tempfile.TemporaryDirectory() as folder:
        extension = addon_helpers.install(Path(folder))
        for degree in (0, 3):
            gaussians = addon_helpers.surface_gaussians(COUNT, degree).replace(extras={})
            for suffix in (".ply", ".spz"):
                place = Path(folder) / f"{degree}{suffix}"
                place.mkdir()
                _write(gaussians, place, suffix)
                bpy.ops.wm.read_homefile(use_empty=True)
                title = f"{COUNT:,} splats of degree {degree}, {suffix[1:].upper()}, Blender {bpy.app.version_string}"
                print_table(title, _measure(extension, place, suffix))


def _write(gaussians: Gaussians, folder: Path, suffix: str) -> None:
    for number in range(FRAMES):
        part = gaussians.select(np.arange(len(gaussians) - 500 * number))
        formats.save(part, folder / f"frame_{number:03d}{suffix}")


def _measure(extension: addon_helpers.Extension, folder: Path, suffix: str) -> list[Measurement]:
    import bpy

    playback: ModuleType = extension.module("facelift_addon.sequences.playback")
    streams: ModuleType = extension.module("facelift_addon.sequences.streams")
    clouds: ModuleType = extension.module("facelift_addon.viewport.clouds")
    scene = bpy.context.scene
    path = folder / f"frame_000{suffix}"
    bpy.ops.facelift.import_splats(filepath=str(path))
    bpy.data.objects.remove(bpy.context.active_object)

    def anew() -> None:
        bpy.ops.facelift.import_splats(filepath=str(path))
        bpy.data.objects.remove(bpy.context.active_object)

    baseline = best_seconds(anew) * 1e3
    bpy.ops.facelift.import_splat_sequence(filepath=str(path), start=0)
    target = bpy.context.active_object
    # As with a window, where the viewport's drawing takes the place of surface elements.
    scene.facelift_viewport.drawing = True
    scene.update_tag()
    stream = streams.of(target)

    def decode() -> None:
        stream.cache.forget()
        stream.exact(3)

    decoded = best_seconds(decode) * 1e3
    for number in range(FRAMES):
        scene.frame_set(number)
    kept = _each(scene.frame_set)
    drawn = target.evaluated_get(bpy.context.evaluated_depsgraph_get()).data
    texels = best_seconds(lambda: clouds.to_cloud(clouds.read(drawn)) if clouds.read(drawn) else None) * 1e3
    handlers = bpy.app.handlers.frame_change_pre
    handlers.remove(playback.on_frame_begins)
    stream.cache.forget()
    stream.exact(0)

    def scrub(number: int) -> None:
        scene.frame_set(number)
        playback.show(scene, waits=False)
        bpy.context.view_layer.update()

    # Threads decode meanwhile: what they take of Python's lock is in it.
    scrubbed = _each(scrub)
    handlers.append(playback.on_frame_begins)
    frame = streams.size_of(stream.exact(3)[1]) / 1e6
    return [
        Measurement("a frame that is in memory, evaluated", max(kept), "ms", AIM, "import anew", baseline),
        Measurement("a frame that is not: the nearest one, threads busy", max(scrubbed), "ms", AIM),
        Measurement("reading it for the viewport's drawing", texels, "ms"),
        Measurement("decoding in a thread", decoded, "ms"),
        Measurement("memory of a frame", frame, "MB"),
    ]


def _each(step: Callable[[int], object]) -> list[float]:
    """Return the milliseconds of each of several frames, in an order that is no playing."""
    found = []
    for number in (5, 1, 9, 3, 7, 0, 11, 4, 2, 10, 6, 8):
        start = time.perf_counter()
        step(number)
        found.append((time.perf_counter() - start) * 1e3)
    return found


if __name__ == "__main__":
    main()
