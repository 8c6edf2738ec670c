"""From a bare Blender to a head of the FaceLift engine, by nothing but the buttons.

With Blender 4.5's Python the runtime is really installed, by uv, from its lock file and a folder
with PyTorch's wheel. PyTorch's CPU build for 5.2's Python can't be counted on, so there an existing
runtime is chosen, of another Python, as one that Blender 4.5 installed would be.
"""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.helpers import setup as setup_helpers
from tests.helpers.addon import PACKAGE, needs_blender
from tests.helpers.runtime import roomy_folder, wheel_folder

pytestmark = needs_blender


@pytest.fixture
def get_runtime(computer, monkeypatch):
    """Go from the hardware's verdict to a usable runtime."""
    import bpy

    if sys.version_info[:2] != (3, 11):
        home = setup_helpers.make_runtime(computer.folder / "rt")
        yield lambda: bpy.ops.facelift.setup_use_folder(kind="RUNTIME", directory=str(home))
        return

    def install() -> None:
        assert bpy.ops.facelift.setup_use_folder(kind="WHEELS", directory=str(wheel_folder())) == {"FINISHED"}
        assert bpy.ops.facelift.setup_proceed() == {"FINISHED"}
        shown = set()

        def installed() -> bool:
            shown.add(computer.view.progress_text.partition(":")[0])
            return not computer.flow.busy

        computer.tick_until(installed)
        assert computer.flow.error is None, computer.flow.error.details
        assert {"Making the environment", "Installing packages", "Testing the runtime"} <= shown
        facts = computer.flow.state.runtime.facts
        assert (facts["installer"], facts["torch"]) == ("uv", "2.13.0+cpu")

    with roomy_folder() as folder:
        monkeypatch.setenv("FACELIFT_RUNTIME", str(folder / "rt"))
        computer.restart()
        yield install
        computer.blender.connection.close()


def shows_picture(computer) -> bool:
    """Whether the preferences have the self-test's picture; icons have numbers only where there are windows."""
    computer.guide.picture()
    guide, previews = (
        computer.blender.module(f"facelift_addon.{name}") for name in ("setup.guide", "interface.previews")
    )
    return guide.PICTURE_KEY in (previews.previews._icons or ())


def test_a_head_from_a_bare_computer_by_pressing_the_buttons(computer, online, hub, get_runtime, astronaut):
    import bpy

    preferences = bpy.context.preferences.addons[PACKAGE].preferences
    assert computer.flow.state.stage == "check"
    bpy.context.scene.facelift.engine = "facelift"
    computer.proceed()
    assert computer.flow.state.stage == "install"
    get_runtime()
    assert computer.flow.state.stage == "licence"

    preferences.weights_server = hub.endpoint
    computer.proceed()
    assert computer.view.licence_text == setup_helpers.LICENCE
    assert not bpy.ops.facelift.setup_proceed.poll(), "the licence is answered by buttons of its own"
    assert [path for _, path, _ in hub.requests if path != "LICENSE"] == [], "nothing comes before the consent"
    assert bpy.ops.facelift.setup_licence(accept=True) == {"FINISHED"}
    stored = json.loads((computer.folder / "data/facelift-blender/setup.json").read_text())
    assert stored["licence"]["licence"] == "Test Licence"
    assert computer.flow.state.stage == "download"
    assert not bpy.ops.facelift.generate.poll(), "before the setup has ended"

    computer.proceed()
    assert computer.flow.error is None, computer.flow.error.details
    assert computer.flow.state.weights.source == "downloaded"
    assert computer.flow.state.stage == "test"
    assert not shows_picture(computer)
    computer.proceed()
    assert computer.flow.error is None, computer.flow.error.details
    assert computer.guide.ready
    picture = bpy.data.images.load(str(computer.flow.state.picture))
    assert tuple(picture.size) == (256, 256)
    assert shows_picture(computer)

    task, head = computer.generate(astronaut)
    seats = computer.blender.connection._clients
    assert {seat.value for seat in seats} == {"blender", "runtime"}
    assert head.type == "POINTCLOUD"
    assert len(head.data.points) == len(task.result.gaussians)
    recipe = computer.blender.recipes.of(head)
    assert recipe.engine == "facelift"
    assert "Adobe Research License" in recipe.licence
    assert str(computer.folder) not in json.dumps(recipe.to_dict())

    assert bpy.ops.facelift.unload_models() == {"FINISHED"}
    unloading = computer.blender.module("facelift_addon.setup.unloading").unloading
    computer.tick_until(lambda: not unloading.busy)
    assert "computer's memory" in unloading.text
    assert computer.blender.connection.is_running(), "the workers stay warm"

    computer.restart()
    assert computer.guide.ready, "after a restart of Blender nothing is asked again"
    assert shows_picture(computer)
    if sys.version_info[:2] == (3, 11):
        move_and_remove(computer)


def move_and_remove(computer) -> None:
    """The runtime that was really installed goes to another folder, works there, and goes for good."""
    import bpy

    old = computer.flow.state.home
    new = old.parent / "large disk" / "rt"
    assert bpy.ops.facelift.setup_move(kind="RUNTIME", directory=str(new)) == {"FINISHED"}
    assert not computer.blender.connection.is_running(), "its files are needed"
    computer.tick_until(lambda: not computer.flow.busy)
    assert computer.flow.error is None
    assert computer.flow.state.home == new
    assert not old.exists()
    python = computer.flow.state.runtime.python
    assert python.is_relative_to(new)
    subprocess.run([python, "-c", "import numpy, PIL"], check=True)
    assert computer.flow.state.stage == "test", "at another place everything is tried again"
    computer.remove("RUNTIME")
    assert computer.flow.error is None
    assert computer.flow.task.result["freed"] > 500_000_000
    assert not new.exists()
    assert computer.flow.state.stage == "install"
