"""Splats that follow the base mesh: binding them, and a frame of the modifier, through the installed zip."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from core.avatar.binding import bind, rest_mesh
from core.avatar.deformation import deform
from core.gaussians import Gaussians
from tests.bench.report import Measurement, print_table
from tests.helpers import addon as addon_helpers
from tests.helpers.avatar import astronaut_base, extension_base
from tests.helpers.draft import astronaut_head

COUNT = 150_000
RUNS = 5


def main() -> None:
    """Measure and print."""
    import bpy

    random = np.random.default_rng(0)
    whole = astronaut_head()[0].gaussians
    splats = whole.select(np.sort(random.permutation(len(whole))[:COUNT]))
    with tempfile.TemporaryDirectory() as folder:
        extension = addon_helpers.install(Path(folder))
        bpy.ops.wm.read_homefile(use_empty=True)
        measurements = [*_core(splats), *_blender(extension, splats)]
    print_table(f"{COUNT:,} splats on the base mesh, Blender {bpy.app.version_string}", measurements)


def _times(name: str, function: Callable[[], object], aim: str) -> list[Measurement]:
    """Return the least time by the clock and the least processor time of all threads, of a few runs."""
    clock, processor = [], []
    for _ in range(RUNS):
        start, started = time.perf_counter(), time.process_time()
        function()
        clock.append(time.perf_counter() - start)
        processor.append(time.process_time() - started)
    return [
        Measurement(name, min(clock), "s", aim),
        Measurement(f"{name}, processor time", min(processor), "s"),
    ]


def _core(splats: Gaussians) -> list[Measurement]:
    base = astronaut_base()
    bound = bind(splats, base)
    rest = rest_mesh(base)
    open_mouth = base.expression.copy()
    open_mouth[base.model.expression_names.index("jawOpen")] = 1
    turned = base.shown @ np.array([[0.9, -0.435889894, 0], [0.435889894, 0.9, 0], [0, 0, 1]])
    return [
        *_times("bind", lambda: bind(splats, base), "<= 1"),
        *_times("deform, jawOpen", lambda: deform(bound, rest, base.vertices(open_mouth)), "<= 0.1"),
        *_times("deform, the whole head turned", lambda: deform(bound, rest, turned), "<= 0.1"),
    ]


def _blender(extension: addon_helpers.Extension, splats: Gaussians) -> list[Measurement]:
    import bpy

    head = addon_helpers.add_splats(extension, splats, "astronaut")
    mesh = extension.module("facelift_addon.avatar.base_objects").give(head, extension_base(extension), neutral=False)
    operator = _times("Bind to Mesh, the operator", bpy.ops.facelift.bind_to_mesh, "<= 1")
    extension.module("facelift_addon.splats.display.display").find_display(head).show_viewport = False
    jaw = mesh.data.shape_keys.key_blocks["jawOpen"]

    def speak() -> None:
        jaw.value = 0.4 if jaw.value > 0.5 else 0.9
        bpy.context.view_layer.update()

    def turn() -> None:
        mesh.rotation_euler.z += 0.1
        bpy.context.view_layer.update()

    speak()
    return [
        *operator,
        *_times("a frame of the modifier, jawOpen", speak, "<= 0.1"),
        *_times("a frame of the modifier, the whole mesh turned", turn, "<= 0.1"),
    ]


if __name__ == "__main__":
    main()
