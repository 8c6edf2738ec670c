"""The setup's figures: how long Blender's main thread is held, when a button first shows progress, and memory.

Through the installed zip and the operators that the buttons call, from a bare computer to a head,
then 20 heads of the draft engine. Downloads come from a hub on the loopback interface.
"""

from __future__ import annotations

import gc
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.bench.report import Measurement, print_table
from tests.helpers import addon as addon_helpers
from tests.helpers import hub as hub_helpers
from tests.helpers import setup as setup_helpers
from tests.helpers.runtime import roomy_folder, wheel_folder

TICK_SECONDS = 0.02
ARRIVAL = "the tick that adds a head"
"""Blender's own work, whose size addon_bench tells."""
WARM_JOBS, JOBS = 3, 20
MB = 1e6


class Clock:
    """Presses buttons and ticks as Blender does, and keeps the longest time that either held the main thread.

    Attributes:
        blocks: Name of what held it -> longest seconds on the clock, and of this thread's processor time.
        first: Name of a button -> seconds until its task told of progress.
    """

    def __init__(self, extension: addon_helpers.Extension) -> None:
        self.extension = extension
        self.blocks: dict[str, tuple[float, float]] = {}
        self.first: dict[str, float] = {}

    @property
    def guide(self):
        return self.extension.module("facelift_addon.setup.guide").guide

    def hold(self, name: str, work: Callable[[], object]) -> object:
        """Do something on the main thread and keep how long it took."""
        clock, processor = time.perf_counter(), time.thread_time()
        result = work()
        longest = self.blocks.get(name, (0.0, 0.0))
        taken = (time.perf_counter() - clock, time.thread_time() - processor)
        self.blocks[name] = tuple(max(pair) for pair in zip(longest, taken, strict=True))
        return result

    def press(self, name: str, operator: Callable[..., set], progressed: Callable[[], bool], **options: object) -> None:
        """Press a button and tick until nothing is going on; drawing is what a panel asks for."""
        timers = self.extension.module("facelift_addon.making.timers")
        begin = time.perf_counter()
        self.hold(f"button {name}", lambda: operator(**options))
        while self.guide.flow.busy or self.extension.session.busy:
            arrives = any(task.has_arrived for task in self.extension.session.tasks)
            self.hold(ARRIVAL if arrives else f"tick {name}", timers._on_timer)
            self.hold("what the panels ask for", self.guide.view)
            if name not in self.first and progressed():
                self.first[name] = time.perf_counter() - begin
            time.sleep(TICK_SECONDS)
        if self.guide.flow.error is not None:
            raise self.guide.flow.error

    def proceed(self, name: str) -> None:
        """Press the setup's one button."""
        import bpy

        self.press(name, bpy.ops.facelift.setup_proceed, self.told)

    def maintain(self, action: str) -> None:
        """Press a button of the maintenance."""
        import bpy

        self.press(action.lower(), bpy.ops.facelift.setup_maintain, self.told, action=action)

    def generate(self, name: str) -> None:
        """Press Generate."""
        import bpy

        def told() -> bool:
            return self.extension.session.tasks[-1].progress is not None

        self.press(name, bpy.ops.facelift.generate, told)

    def told(self) -> bool:
        """Whether the setup's task told of progress."""
        return self.guide.flow.task.status.stage != "Starting"


def main() -> None:
    """Measure and print."""
    import bpy

    with tempfile.TemporaryDirectory() as name, roomy_folder() as roomy:
        folder = Path(name)
        checkpoint, table = setup_helpers.make_weights(folder)
        os.environ |= {
            "XDG_DATA_HOME": str(folder / "data"),
            "XDG_CACHE_HOME": str(folder / "cache"),
            "HF_HOME": str(folder / "hf"),
            "FACELIFT_CUDA_DRIVER": "none.so",
            "FACELIFT_RUNTIME": str(roomy / "rt"),
            "FACELIFT_WEIGHTS_TABLE": str(table),
        }
        extension = addon_helpers.install(folder)
        bpy.ops.wm.read_homefile(use_empty=True)
        bpy.context.preferences.system.use_online_access = True
        clock = Clock(extension)
        with hub_helpers.serve(checkpoint, setup_helpers.REPOSITORY, setup_helpers.REVISION) as hub:
            os.environ["HF_ENDPOINT"] = hub.endpoint
            _set_up(clock, folder, roomy)
        _choose_photo(extension, folder)
        bpy.context.scene.facelift.engine, bpy.context.scene.facelift.steps = "facelift", 2
        clock.generate("generate, FaceLift, cold worker")
        clock.generate("generate, FaceLift, warm worker")
        for action in ("VERIFY", "SLIM", "TEST"):
            clock.maintain(action)
        clock.press("delete originals", bpy.ops.facelift.setup_remove, clock.told, kind="ORIGINAL")
        bpy.context.scene.facelift.engine = "draft"
        clock.generate("generate, draft, cold worker")
        print_table(f"Setup in Blender {bpy.app.version_string}", _figures(clock))
        print_table(f"{JOBS} heads in Blender {bpy.app.version_string}", _memory(extension, clock))
        extension.connection.close()
        clock.guide.close()


def _set_up(clock: Clock, folder: Path, roomy: Path) -> None:
    import bpy

    clock.proceed("check")
    try:
        bpy.ops.facelift.setup_use_folder(kind="WHEELS", directory=str(wheel_folder()))
        clock.proceed("install")
    except pytest.skip.Exception as reason:
        print(f"Nothing is installed, a runtime is borrowed: {reason}")
        setup_helpers.make_runtime(roomy / "rt")
        clock.guide.flow.state.refresh()
    clock.proceed("licence")
    bpy.ops.facelift.setup_licence(accept=True)
    clock.proceed("download")
    clock.proceed("test")


def _choose_photo(extension: addon_helpers.Extension, folder: Path) -> None:
    import bpy
    from skimage import data

    photo = addon_helpers.save_photo(folder / "astronaut.png", data.astronaut())
    bpy.ops.facelift.choose_photo(filepath=str(photo))
    extension.settle()


def _memory(extension: addon_helpers.Extension, clock: Clock) -> list[Measurement]:
    """Memory of this process before and after many heads, each deleted when it is there."""
    import bpy

    def job() -> None:
        clock.generate("generate, draft, warm worker")
        for head in extension.heads.heads_of(bpy.context.scene):
            bpy.data.objects.remove(head)
        bpy.ops.outliner.orphans_purge(do_recursive=True)

    def resident() -> float:
        gc.collect()
        return psutil.Process().memory_info().rss / MB

    for _ in range(WARM_JOBS):
        job()
    before = resident()
    for _ in range(JOBS):
        job()
    after = resident()
    return [
        Measurement(f"memory of Blender's process before {JOBS} heads", before, "MB"),
        Measurement("and after them", after, "MB", f"{before:.0f}"),
    ]


def _figures(clock: Clock) -> list[Measurement]:
    rows = [
        Measurement(
            f"main thread: {name} ({processor * 1000:.1f} processor)",
            seconds * 1000,
            "ms",
            "" if name == ARRIVAL else "<= 30",
        )
        for name, (seconds, processor) in clock.blocks.items()
    ]
    return rows + [
        Measurement(f"first progress: {name}", seconds, "s", "<= 0.5") for name, seconds in clock.first.items()
    ]


if __name__ == "__main__":
    main()
