"""The worker's preferences in the installed extension: another computer's worker, the connection test, presets."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from tests.helpers import setup as setup_helpers
from tests.helpers.addon import PACKAGE, needs_blender

pytestmark = needs_blender

ROOT = Path(__file__).resolve().parents[2]


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
    task, _ = computer.generate(astronaut)
    for path in (str(tmp_path), str(astronaut.parent)):
        assert path not in json.dumps(task._work.params)


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
