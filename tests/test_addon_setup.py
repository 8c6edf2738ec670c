"""The setup's buttons in the installed extension: every road to a FaceLift head, and every way to stop on it."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

import pytest

from tests import setup_helpers
from tests.addon_helpers import PACKAGE, PATIENCE_SECONDS, TICK_SECONDS, needs_blender

pytestmark = needs_blender

ROOT = Path(__file__).resolve().parents[1]
VARIABLES = ("FACELIFT_RUNTIME", "FACELIFT_WEIGHTS", "FACELIFT_CHECKPOINT")
GENERATING_SECONDS = 240.0


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

    def tick_until(self, condition, patience: float = PATIENCE_SECONDS) -> None:
        """Do what the extension's timer does until something is true."""
        timer = self.blender.module("facelift_addon.timers")._on_timer
        limit = time.monotonic() + patience
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


def use_weights(computer) -> None:
    import bpy

    assert bpy.ops.facelift.setup_use_folder(kind="WEIGHTS", directory=str(computer.checkpoint)) == {"FINISHED"}


def test_a_head_from_a_bare_computer_by_pressing_the_buttons(with_runtime, astronaut):
    import bpy

    computer, blender = with_runtime, with_runtime.blender
    choices = bpy.context.scene.facelift
    bpy.ops.facelift.choose_photo(filepath=str(astronaut))
    blender.settle()
    choices.engine = "facelift"
    assert not bpy.ops.facelift.generate.poll(), "before the setup has ended"
    use_weights(computer)
    assert computer.view.licence_text == setup_helpers.LICENCE
    assert not bpy.ops.facelift.setup_proceed.poll(), "the licence is answered by buttons of its own"
    assert bpy.ops.facelift.setup_licence(accept=True) == {"FINISHED"}
    assert computer.flow.state.stage == "test"
    computer.proceed()
    assert computer.flow.error is None, computer.flow.error.details
    assert computer.guide.ready
    stored = json.loads((computer.folder / "data/facelift-blender/setup.json").read_text())
    assert stored["licence"]["licence"] == "Test Licence"

    assert bpy.ops.facelift.generate() == {"FINISHED"}
    computer.tick_until(lambda: not blender.session.busy, GENERATING_SECONDS)
    (task,) = blender.session.tasks
    assert task.state == "Done", task.error
    seats = blender.connection._clients
    assert {seat.value for seat in seats} == {"blender", "runtime"}
    (head,) = blender.heads.heads_of(bpy.context.scene)
    assert head.type == "POINTCLOUD"
    assert len(head.data.points) == len(task.result.gaussians)
    recipe = blender.heads.recipe_of(head)
    assert recipe["engine"] == "facelift"
    assert "Adobe Research License" in recipe["licence"]
    assert str(computer.folder) not in json.dumps(recipe)

    assert bpy.ops.facelift.unload_models() == {"FINISHED"}
    unloading = blender.module("facelift_addon.setup.unloading").unloading
    computer.tick_until(lambda: not unloading.busy)
    assert "computer's memory" in unloading.text
    assert blender.connection.is_running(), "the workers stay warm"

    computer.restart()
    assert computer.guide.ready, "after a restart of Blender nothing is asked again"


def test_a_worker_elsewhere_gets_no_path_and_needs_no_setup(computer, astronaut, tmp_path):
    import bpy

    blender = computer.blender
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(ROOT / "core", elsewhere / "core", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "blender_manifest.toml", elsewhere)
    script = tmp_path / "play ssh"
    # As sshd does: another folder, another environment, a shell.
    script.write_text(
        f"#!/bin/sh\ncd {elsewhere}\nsleep 0.3\n"
        f"exec env -i HOME={elsewhere} PATH=/usr/bin:/bin FACELIFT_CHECKPOINT={computer.checkpoint} "
        f'{setup_helpers.runtime_python()} -s -m core.worker "$@"\n'
    )
    script.chmod(0o755)
    bpy.context.preferences.addons[PACKAGE].preferences.worker_command = f"'{script}' --idle-seconds 60"

    trial = blender.module("facelift_addon.setup.trial").trial
    assert bpy.ops.facelift.test_connection() == {"FINISHED"}
    assert not bpy.ops.facelift.test_connection.poll()
    computer.tick_until(lambda: not trial.busy)
    assert trial.error is None
    assert "FaceLift: ready" in trial.lines
    bpy.context.scene.facelift.engine = "facelift"
    assert not blender.connection.needs_setup("facelift"), "the setup is about this computer only"
    bpy.ops.facelift.choose_photo(filepath=str(astronaut))
    blender.settle()
    assert bpy.ops.facelift.generate() == {"FINISHED"}
    computer.tick_until(lambda: not blender.session.busy, GENERATING_SECONDS)
    assert [task.state for task in blender.session.tasks] == ["Done"], blender.session.tasks[0].error
    assert len(blender.heads.heads_of(bpy.context.scene)) == 1
    for path in (str(tmp_path), str(astronaut.parent)):
        assert path not in json.dumps(blender.session.tasks[0]._work.params)


def test_a_connection_that_fails_says_why(computer):
    import bpy

    preferences = bpy.context.preferences.addons[PACKAGE].preferences
    trial = computer.blender.module("facelift_addon.setup.trial").trial
    for command, code in (("/nowhere/ssh host", "worker-not-started"), ("ssh 'unbalanced", "bad-command")):
        preferences.worker_command = command
        assert bpy.ops.facelift.test_connection() == {"FINISHED"}
        computer.tick_until(lambda: not trial.busy)
        assert trial.error.code == code
        assert trial.error.advice
    preferences.worker_command = "sleep 1000"
    bpy.ops.facelift.test_connection()
    assert trial.busy
    bpy.ops.facelift.cancel_test()
    assert not trial.busy
    computer.tick_until(lambda: not computer.blender.connection.is_running())


def test_presets_are_commands_that_can_be_read(blender):
    import bpy

    launch = blender.module("core.worker.launch")
    preferences = bpy.context.preferences.addons[PACKAGE].preferences
    for preset, program in (("SSH", "ssh"), ("CLUSTER", "srun")):
        assert bpy.ops.facelift.worker_preset(preset=preset) == {"FINISHED"}
        argv = launch.custom_command(preferences.worker_command).argv
        assert argv[0] == program
        assert argv[-1].endswith("exec python3 -m core.worker")
    bpy.ops.facelift.worker_preset(preset="LOCAL")
    assert preferences.worker_command == ""


def test_weights_are_verified_moved_and_removed(with_runtime):
    import bpy

    computer = with_runtime
    use_weights(computer)
    bpy.ops.facelift.setup_licence(accept=True)
    size = sum(path.stat().st_size for path in computer.checkpoint.rglob("*") if path.is_file())
    computer.guide.size(computer.checkpoint)
    computer.tick_until(lambda: computer.guide.size(computer.checkpoint) == size)

    damaged = next(computer.checkpoint.rglob("*.safetensors"))
    data = bytearray(damaged.read_bytes())
    data[-1] ^= 1
    damaged.write_bytes(data)
    assert bpy.ops.facelift.setup_maintain(action="VERIFY") == {"FINISHED"}
    computer.tick_until(lambda: not computer.flow.busy)
    assert damaged.name in computer.flow.error.message
    data[-1] ^= 1
    damaged.write_bytes(data)

    target = computer.folder / "large disk" / "weights"
    assert bpy.ops.facelift.setup_move(kind="WEIGHTS", directory=str(target)) == {"FINISHED"}
    computer.tick_until(lambda: not computer.flow.busy)
    assert computer.flow.error is None
    assert computer.flow.state.weights.folder == target
    assert not computer.checkpoint.exists()

    stranger = target / "diary.txt"
    stranger.write_text("keep me")
    assert bpy.ops.facelift.setup_remove(kind="WEIGHTS") == {"FINISHED"}
    computer.tick_until(lambda: not computer.flow.busy)
    assert computer.flow.error is None
    assert computer.flow.task.result["freed"] == size
    assert [path.name for path in target.iterdir()] == ["diary.txt"]
    assert computer.flow.state.stage == "download"


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
    import psutil

    bpy.ops.facelift.setup_proceed()
    task = psutil.Process(computer.flow.task.pid)
    bpy.ops.preferences.addon_disable(module=PACKAGE)
    psutil.wait_procs([task], timeout=10)
    assert not task.is_running() or task.status() == psutil.STATUS_ZOMBIE
    bpy.ops.preferences.addon_enable(module=PACKAGE)
