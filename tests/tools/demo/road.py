"""The extension without a person: photo in; head, .blend and pictures out.

Runs where ``bpy`` is imported and the extension is installed and enabled, and takes the same
road as a user: the operators, the worker, the ticks.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Any

import bpy
from PIL import Image

from core.cameras import Camera, turntable
from core.gaussians import Gaussians
from core.rasterize import cpu
from core.rasterize.layers import UNKNOWN
from core.rasterize.projection import project
from tests.helpers.headless import installed

from . import pictures

TICK_SECONDS = 0.02
TURNTABLE_VIEWS = 8
TURNTABLE_COLUMNS = 4
TURNTABLE_SIZE = 256
FRONT_SIZE = 512
MOST_LAYERS = UNKNOWN // 2
"""Splats over a pixel, on average, up to which Cycles draws the pictures. With more, many rays meet more
than it follows: the pictures would be wrong, and at 2 microseconds a splat and pixel take many minutes."""

Draw = Callable[[Sequence[Camera], Path, int], list[Path]]
"""Draws a head through cameras into PNGs of a directory, of this width."""


def run(
    photo: Path, engine: str, out: Path, say: Callable[[str], None], settings: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Make a head of a photo and write ``head.ply``, ``head.blend``, ``front.png``, ``turntable.png``.

    Args:
        photo: A portrait.
        engine: Engine's id.
        out: Folder for the results; made when missing.
        say: Takes lines about progress.
        settings: Values for properties of ``scene.facelift`` (body, quality, seed, head_height).

    Returns:
        Facts for a report: ``stage_seconds`` of the engine, ``seconds`` of every step,
        ``gaussians``, ``notes``, ``renderer``, ``blender`` version, ``files``.

    Raises:
        FaceLiftError: the photo or the engine can't be used.
    """
    out.mkdir(parents=True, exist_ok=True)
    bpy.ops.wm.read_homefile(use_empty=True)
    bpy.context.scene.facelift.engine = engine
    for name, value in (settings or {}).items():
        setattr(bpy.context.scene.facelift, name, value)
    seconds: dict[str, float] = {}

    with _timed(seconds, "photo to head", say):
        result = _generate(photo, say)
    head = bpy.context.active_object
    files = {name: out / name for name in ("head.ply", "front.png", "turntable.png", "head.blend")}
    with _timed(seconds, "head.ply", say):
        bpy.ops.facelift.export_splats(filepath=str(files["head.ply"]), frame="HEAD", check_existing=False)
    photo_camera = result.shots[0].camera
    renderer, draw = _renderer(head, result.gaussians, photo_camera, say)
    folder = out / "views"
    with _timed(seconds, "front.png", say):
        (front,) = draw([photo_camera], folder, FRONT_SIZE)
        front.replace(files["front.png"])
    with _timed(seconds, "turntable.png", say):
        views = draw(turntable(TURNTABLE_VIEWS), folder, TURNTABLE_SIZE)
        pictures.save_sheet(views, files["turntable.png"], TURNTABLE_COLUMNS)
    shutil.rmtree(folder)
    with _timed(seconds, "head.blend", say):
        # Blender would keep the file of an earlier demo as head.blend1.
        files["head.blend"].unlink(missing_ok=True)
        bpy.ops.wm.save_as_mainfile(filepath=str(files["head.blend"]), compress=True)
    return {
        "gaussians": len(result.gaussians),
        "stage_seconds": dict(result.stage_seconds),
        "seconds": seconds,
        "notes": list(result.notes),
        "recipe": result.recipe.to_dict(),
        "renderer": renderer,
        "blender": bpy.app.version_string,
        "files": {name: str(path) for name, path in files.items()},
    }


def _generate(photo: Path, say: Callable[[str], None]) -> Any:
    """Take the user's road from a photo to a head in the scene; return the worker's result."""
    session = _session()
    bpy.ops.facelift.choose_photo(filepath=str(photo))
    _wait(lambda: session.photo.state)
    if session.photo.error is not None:
        raise session.photo.error
    bpy.ops.facelift.generate()
    task = session.tasks[-1]
    stage = ""

    def state() -> Enum:
        nonlocal stage
        if task.progress is not None and task.progress.stage != stage:
            stage = task.progress.stage
            say(f"{task.progress.fraction:5.0%}  {stage}")
        return task.state

    _wait(state)
    if task.error is not None:
        raise task.error
    return task.result


def _renderer(
    head: bpy.types.Object, gaussians: Gaussians, camera: Camera, say: Callable[[str], None]
) -> tuple[str, Draw]:
    """Return the name of what shall draw the pictures, and the function that does."""
    layers = project(gaussians, camera).layers(camera.width, camera.height)
    if layers <= MOST_LAYERS:
        return "Cycles", partial(pictures.render_views, head)
    say(f"       {layers:,.0f} splats lie over a pixel, more than Cycles can draw: the reference rasterizer does")
    return "reference rasterizer", partial(_draw_views, gaussians)


def _draw_views(gaussians: Gaussians, views: Sequence[Camera], directory: Path, size: int) -> list[Path]:
    """Draw Gaussians with the reference rasterizer; like :func:`.pictures.render_views`."""
    directory.mkdir(parents=True, exist_ok=True)
    paths = [directory / f"view_{index:02d}.png" for index in range(len(views))]
    for path, view in zip(paths, views, strict=True):
        Image.fromarray(cpu.render(gaussians, view.resized(size)).to_uint8()).save(path)
    return paths


def _session() -> Any:
    """Return the installed extension's tasks and its tick."""
    return installed("facelift_addon.making.session").session


def _wait(state: Callable[[], Enum]) -> None:
    """Tick, as Blender's timer does, until a task has ended."""
    while state().name not in ("DONE", "FAILED", "CANCELLED"):
        _session().tick()
        time.sleep(TICK_SECONDS)


@contextmanager
def _timed(seconds: dict[str, float], name: str, say: Callable[[str], None]) -> Iterator[None]:
    """Measure a step and tell when it is done."""
    start = time.perf_counter()
    yield
    seconds[name] = time.perf_counter() - start
    say(f"       {name}: {seconds[name]:.1f} s")


def finish() -> None:
    """End the worker."""
    _session().reset()
    installed("facelift_addon.making.connection").close()
