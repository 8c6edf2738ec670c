"""For tests of the setup's buttons: a computer where nothing of FaceLift is installed."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.helpers import hub as hub_helpers
from tests.helpers import setup as setup_helpers
from tests.helpers.addon import PACKAGE, TICK_SECONDS
from tests.helpers.patience import PATIENCE

VARIABLES = ("FACELIFT_RUNTIME", "FACELIFT_WEIGHTS", "FACELIFT_CHECKPOINT", "HF_TOKEN", "HF_ENDPOINT")
"""What this computer may have set, and a bare one has not."""
STEPS = 2
"""Denoising steps of heads in tests: the tiny weights' heads look like nothing anyway."""


class Computer:
    """The extension as on a computer where nothing of FaceLift is installed."""

    def __init__(self, blender, folder) -> None:
        self.blender, self.folder = blender, folder

    @property
    def guide(self):
        return self.blender.module("facelift_addon.setup.guide").guide

    @property
    def flow(self):
        return self.guide.flow

    @property
    def view(self):
        return self.guide.view()

    def tick_until(self, condition) -> None:
        """Do what the extension's timer does until something is true."""
        timer = self.blender.module("facelift_addon.making.timers")._on_timer
        limit = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < limit, "the setup hangs"
            timer()
            time.sleep(TICK_SECONDS)

    def proceed(self) -> None:
        """Press the one button and wait for the end."""
        import bpy

        assert bpy.ops.facelift.setup_proceed() == {"FINISHED"}
        self.tick_until(lambda: not self.flow.busy)

    def restart(self) -> None:
        """Forget everything that is not on the disk."""
        self.guide.close()

    def maintain(self, action: str) -> None:
        """Press a button of the maintenance and wait for the end."""
        import bpy

        assert bpy.ops.facelift.setup_maintain(action=action) == {"FINISHED"}
        self.tick_until(lambda: not self.flow.busy)

    def remove(self, kind: str) -> None:
        """Confirm a deletion and wait for the end."""
        import bpy

        assert bpy.ops.facelift.setup_remove(kind=kind) == {"FINISHED"}
        self.tick_until(lambda: not self.flow.busy)

    def resources(self) -> list[Path]:
        """Return the folders that Blender itself keeps for this user."""
        import bpy

        return [Path(bpy.utils.user_resource("CONFIG")), Path(bpy.utils.extension_path_user(PACKAGE))]

    def generate(self, photo):
        """Choose a photo, press Generate with the FaceLift engine, and return the task and its object."""
        import bpy

        choices = bpy.context.scene.facelift
        choices.engine, choices.steps = "facelift", STEPS
        bpy.ops.facelift.choose_photo(filepath=str(photo))
        self.blender.settle()
        assert bpy.ops.facelift.generate() == {"FINISHED"}
        self.tick_until(lambda: not self.blender.session.busy)
        (task,) = self.blender.session.tasks
        assert task.state == "Done", task.error
        (head,) = self.blender.heads.heads_of(bpy.context.scene)
        return task, head


@pytest.fixture
def computer(blender, tmp_path, monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    checkpoint, table = setup_helpers.make_weights(tmp_path)
    folders = {"XDG_DATA_HOME": "data", "XDG_CACHE_HOME": "cache", "HF_HOME": "hf", "FACELIFT_CUDA_DRIVER": "none.so"}
    for name, folder in folders.items():
        monkeypatch.setenv(name, str(tmp_path / folder))
    monkeypatch.setenv("FACELIFT_WEIGHTS_TABLE", str(table))
    blender.connection.close()
    place = Computer(blender, tmp_path)
    place.checkpoint = checkpoint
    place.restart()
    yield place
    blender.session.reset()
    blender.connection.close()
    place.restart()


@pytest.fixture
def with_runtime(computer):
    """The hardware is known and an existing runtime was chosen."""
    import bpy

    home = setup_helpers.make_runtime(computer.folder / "rt")
    computer.proceed()
    assert bpy.ops.facelift.setup_use_folder(kind="RUNTIME", directory=str(home)) == {"FINISHED"}
    assert computer.flow.state.stage == "licence"
    return computer


@pytest.fixture
def online(computer):
    """Blender's online access is on, as a person switches it."""
    import bpy

    bpy.context.preferences.system.use_online_access = True
    assert bpy.app.online_access
    yield computer
    bpy.context.preferences.system.use_online_access = False


@pytest.fixture
def hub(computer):
    """A hub that has the tiny weights."""
    with hub_helpers.serve(computer.checkpoint, setup_helpers.REPOSITORY, setup_helpers.REVISION) as hub:
        yield hub


def use_weights(computer) -> None:
    import bpy

    assert bpy.ops.facelift.setup_use_folder(kind="WEIGHTS", directory=str(computer.checkpoint)) == {"FINISHED"}
