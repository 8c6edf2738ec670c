"""The buttons on what is installed: verify, slim, move, repair, remove, another build, another server."""

from __future__ import annotations

import json
import logging
import sys

import pytest

from tests.helpers import runtime as runtime_helpers
from tests.helpers import setup as setup_helpers
from tests.helpers.addon import PACKAGE, needs_blender
from tests.helpers.addon_setup import use_weights

pytestmark = needs_blender


def size_of(folder) -> int:
    """Return the bytes of a folder's files."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_weights_are_verified_moved_and_removed(with_runtime):
    import bpy

    computer = with_runtime
    use_weights(computer)
    bpy.ops.facelift.setup_licence(accept=True)
    size = size_of(computer.checkpoint)
    computer.guide.size(computer.checkpoint)
    computer.tick_until(lambda: computer.guide.size(computer.checkpoint) == size)

    damaged = next(computer.checkpoint.rglob("*.safetensors"))
    data = bytearray(damaged.read_bytes())
    data[-1] ^= 1
    damaged.write_bytes(data)
    computer.maintain("VERIFY")
    assert damaged.name in computer.flow.error.message
    data[-1] ^= 1
    damaged.write_bytes(data)
    computer.maintain("VERIFY")
    assert computer.flow.error is None

    target = computer.folder / "large disk" / "weights"
    assert bpy.ops.facelift.setup_move(kind="WEIGHTS", directory=str(target)) == {"FINISHED"}
    computer.tick_until(lambda: not computer.flow.busy)
    assert computer.flow.error is None
    assert computer.flow.state.weights.folder == target
    assert not computer.checkpoint.exists()

    stranger = target / "diary.txt"
    stranger.write_text("keep me")
    computer.remove("WEIGHTS")
    assert computer.flow.error is None
    assert computer.flow.task.result["freed"] == size
    assert [path.name for path in target.iterdir()] == ["diary.txt"]
    assert computer.flow.state.stage == "download"


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="slims for a while, once: in the run with Python 3.11")
def test_originals_go_only_after_the_slimmed_weights_were_checked(with_runtime):
    import bpy

    computer = with_runtime
    use_weights(computer)
    bpy.ops.facelift.setup_licence(accept=True)
    assert computer.flow.state.original is None
    with pytest.raises(RuntimeError, match="no slimmed weights"):
        bpy.ops.facelift.setup_remove(kind="ORIGINAL")
    computer.maintain("SLIM")
    assert computer.flow.error is None, computer.flow.error.details
    weights = computer.flow.state.weights
    assert weights.slimmed
    assert computer.flow.state.original == computer.checkpoint
    computer.restart()
    assert computer.flow.state.original == computer.checkpoint, "remembered over a restart of Blender"

    damaged = next(weights.folder.rglob("unet/*.safetensors"))
    data = bytearray(damaged.read_bytes())
    data[-1] ^= 1
    damaged.write_bytes(data)
    computer.remove("ORIGINAL")
    assert damaged.name in computer.flow.error.message
    assert computer.flow.state.original == computer.checkpoint
    data[-1] ^= 1
    damaged.write_bytes(data)

    before, slimmed = size_of(computer.checkpoint), size_of(weights.folder)
    computer.remove("ORIGINAL")
    assert computer.flow.error is None
    assert 0 < computer.flow.task.result["freed"] <= before
    assert not list(computer.checkpoint.rglob("*.safetensors"))
    assert size_of(weights.folder) == slimmed
    assert computer.flow.state.original is None
    assert computer.flow.state.stage == "test"


def test_failed_repair_keeps_the_runtime(with_runtime):
    import bpy

    computer = with_runtime
    wheels = computer.folder / "wheels"
    wheels.mkdir()
    bpy.ops.facelift.setup_use_folder(kind="WHEELS", directory=str(wheels))
    computer.maintain("REPAIR")
    assert computer.flow.error.code == "missing-wheels"
    assert computer.flow._params["use_uv"]
    bpy.context.preferences.addons[PACKAGE].preferences.use_pip = True
    computer.restart()
    computer.maintain("REPAIR")
    assert not computer.flow._params["use_uv"], "remembered over a restart of Blender"
    assert computer.flow.state.runtime.status == "ready"
    assert computer.flow.state.stage == "licence"


def test_another_build_is_chosen_and_taken_back(computer, monkeypatch):
    import bpy

    assert not bpy.ops.facelift.setup_build.poll()
    driver = runtime_helpers.build_driver(computer.folder)
    monkeypatch.setenv("FACELIFT_CUDA_DRIVER", str(driver))
    computer.proceed()
    assert computer.flow.state.backend == "cu130"
    assert "NVIDIA Test Card" in computer.view.lines[0]
    assert bpy.ops.facelift.setup_build(build="cu126") == {"FINISHED"}
    assert computer.flow.state.lock.torch == "torch==2.13.0+cu126"
    computer.restart()
    assert computer.flow.state.backend == "cu126"
    assert bpy.ops.facelift.setup_build(build="cu130") == {"FINISHED"}
    assert computer.flow.state.memory.backend == ""
    with pytest.raises(TypeError, match="mps"):
        bpy.ops.facelift.setup_build(build="mps")


def test_a_server_that_wants_a_token_gets_it_and_nobody_else(with_runtime, online, hub, caplog):
    import bpy

    caplog.set_level(logging.DEBUG)
    computer, secret = with_runtime, "hub-Secret-4711"
    preferences = bpy.context.preferences.addons[PACKAGE].preferences
    hub.token = secret
    preferences.weights_server = hub.endpoint
    computer.proceed()
    assert computer.flow.error.code == "not-allowed"
    assert "token" in computer.flow.error.advice
    preferences.weights_token = secret
    computer.proceed()
    assert computer.view.licence_text == setup_helpers.LICENCE
    bpy.ops.facelift.setup_licence(accept=True)
    computer.proceed()
    assert computer.flow.error is None, computer.flow.error.details
    assert computer.flow.state.stage == "test"
    assert hub.leaked == [], "the store of large files is another server"

    computer.flow.error = computer.blender.module("core.runtime.advice").explain(f"401 for {secret}")
    steps = computer.blender.module("facelift_addon.setup.steps")
    assert secret not in steps.current_report()
    assert secret not in steps.raw_text()
    assert secret not in caplog.text
    bpy.ops.wm.save_userpref()
    for folder in (computer.folder, *computer.resources()):
        for path in folder.rglob("*"):
            assert not path.is_file() or secret.encode() not in path.read_bytes(), path
    computer.restart()
    assert preferences.weights_token == "", "forgotten with Blender's end"
    assert preferences.weights_server == hub.endpoint


@pytest.mark.parametrize("address", ["https://me:secret@mirror.example", "mirror", "file:///etc"])
def test_addresses_that_can_not_be_used_are_told_and_not_kept(computer, address):
    import bpy

    bpy.context.preferences.addons[PACKAGE].preferences.weights_server = address
    assert computer.flow.error.advice
    assert computer.flow.state.memory.server == ""
    assert "secret" not in json.dumps([str(path) for path in computer.folder.rglob("setup.json")])


def test_what_another_blender_did_is_seen_and_not_undone(computer):
    """A second window at the same setup: what it changes is taken over, what it did not touch is kept."""
    from core.runtime.setup_state import SetupState

    computer.proceed()
    assert computer.flow.state.stage == "install"
    guide = computer.blender.module("facelift_addon.setup.guide")
    state = computer.blender.module("core.weights.places")
    other = SetupState(state.user_data() / guide.STORE_NAME, computer.flow.state.table_path)
    other.use_wheels(computer.folder)
    assert computer.view.button == "Install"
    assert computer.flow.state.memory.wheels == str(computer.folder), "taken over when it is drawn"
    computer.flow.state.use_server("https://mirror.example")
    other.use_home(computer.folder / "rt")
    computer.flow.state.refresh()
    computer.flow.state.use_wheels(None)
    assert computer.flow.state.memory.home == str(computer.folder / "rt")
    other.follow()
    assert (other.memory.server, other.memory.wheels) == ("https://mirror.example", "")
