"""The setup's buttons in the installed extension: the licence, online access, cancelling, the report."""

from __future__ import annotations

import shutil

import pytest

from tests.helpers.addon import PACKAGE, needs_blender
from tests.helpers.addon_setup import use_weights
from tests.helpers.patience import wait_until_gone

pytestmark = needs_blender


def test_a_folder_that_is_not_there_is_told(computer):
    import bpy

    with pytest.raises(RuntimeError, match="does not exist"):
        bpy.ops.facelift.setup_use_folder(kind="WEIGHTS", directory=str(computer.folder / "gone"))


def test_the_report_tells_the_error_and_hides_names(computer, astronaut):
    import bpy

    steps = computer.blender.module("facelift_addon.setup.steps")
    advice = computer.blender.module("core.runtime.advice")
    photo = shutil.copy(astronaut, computer.folder / "Grandma Erna.png")
    bpy.ops.facelift.choose_photo(filepath=str(photo))
    computer.blender.settle()
    assert steps.raw_text() == ""
    computer.flow.error = advice.explain("OSError: [Errno 28] No space left on device")
    assert "Errno 28" in steps.raw_text()
    assert bpy.ops.facelift.setup_details.poll()
    report = steps.current_report()
    assert "disk is full" in report
    assert "Errno 28" in report
    assert "Erna" not in report
    assert bpy.ops.facelift.copy_report() == {"FINISHED"}


def test_declined_licence_leaves_the_draft_engine(with_runtime):
    import bpy

    use_weights(with_runtime)
    bpy.context.scene.facelift.engine = "facelift"
    assert bpy.ops.facelift.setup_licence(accept=False) == {"FINISHED"}
    assert bpy.context.scene.facelift.engine == "draft"
    assert with_runtime.flow.state.stage == "licence"
    assert bpy.ops.facelift.setup_licence(accept=True) == {"FINISHED"}
    assert with_runtime.flow.state.stage == "test"
    assert bpy.ops.facelift.setup_licence(accept=False) == {"FINISHED"}
    assert with_runtime.flow.state.stage == "licence", "a consent can be withdrawn"


def test_a_licence_that_was_not_shown_can_not_be_accepted(computer):
    import bpy

    with pytest.raises(RuntimeError, match="not here yet"):
        bpy.ops.facelift.setup_licence(accept=True)
    assert not computer.flow.state.licence_accepted


def test_online_access_off_tries_nothing_and_says_how_to_go_on(computer):
    import bpy

    assert not bpy.app.online_access, "Blender as a module starts without online access"
    computer.proceed()
    assert computer.flow.state.stage == "install"
    assert not bpy.ops.facelift.setup_proceed.poll()
    assert "Preferences > System > Network" in computer.view.hint
    assert "folders" in computer.view.hint
    bpy.ops.facelift.setup_maintain(action="REPAIR")
    assert computer.flow.error.code == "offline"
    assert not computer.flow.busy
    wheels = computer.folder / "wheels"
    wheels.mkdir()
    assert bpy.ops.facelift.setup_use_folder(kind="WHEELS", directory=str(wheels)) == {"FINISHED"}
    assert computer.view.enabled
    assert bpy.ops.facelift.setup_proceed.poll()
    assert bpy.ops.facelift.setup_use_usual(kind="WHEELS") == {"FINISHED"}
    assert not bpy.ops.facelift.setup_proceed.poll()


def test_cancel_stops_the_task_and_the_step_can_be_done_again(computer):
    import bpy

    assert not bpy.ops.facelift.setup_cancel.poll()
    assert bpy.ops.facelift.setup_proceed() == {"FINISHED"}
    assert not bpy.ops.facelift.setup_proceed.poll(), "one thing at a time"
    assert not bpy.ops.facelift.setup_use_folder.poll()
    assert bpy.ops.facelift.setup_cancel() == {"FINISHED"}
    computer.tick_until(lambda: not computer.flow.busy)
    assert computer.flow.task.state == "cancelled"
    assert computer.flow.error is None
    assert computer.flow.state.stage == "check"
    computer.proceed()
    assert computer.flow.state.stage == "install"


def test_switching_the_extension_off_ends_the_setup(computer):
    import bpy

    bpy.ops.facelift.setup_proceed()
    task = computer.flow.task.pid
    bpy.ops.preferences.addon_disable(module=PACKAGE)
    wait_until_gone(task)
    bpy.ops.preferences.addon_enable(module=PACKAGE)
