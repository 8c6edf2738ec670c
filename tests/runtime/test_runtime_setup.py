"""The whole way for real: an empty folder, real uv, real lock file, a hub on loopback; and kill -9 in every state."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from core.processes.job import JobState
from core.runtime import environment
from core.runtime.setup_flow import SetupFlow
from core.runtime.setup_state import SetupState, Stage
from core.runtime.setup_view import view
from tests.helpers import hub as hub_helpers
from tests.helpers import setup as setup_helpers
from tests.helpers.patience import PATIENCE
from tests.helpers.runtime import ROOT, drive, roomy_folder, wait, wheel_folder

LARGE = "mvdiffusion/pipeckpts/unet/diffusion_pytorch_model.safetensors"
PROCEED = """
import sys, time
from pathlib import Path
from core.runtime.setup_flow import SetupFlow
from core.runtime.setup_state import SetupState

flow = SetupFlow(SetupState(Path(sys.argv[1]), Path(sys.argv[2])), sys.executable, True)
flow.proceed()
while flow.busy:
    flow.poll()
    print(flow.task.pid, flow.task.status.stage, flush=True)
    time.sleep(0.02)
print('ended', flow.error, flush=True)
"""
"""Does the next step and tells the task's process and its stage all the time."""

pytestmark = pytest.mark.skipif(
    sys.version_info[:2] != (3, 11), reason="installs for minutes, once: in the run with Python 3.11"
)


class Place:
    """A computer without anything: folders, a hub with small weights, and flows that begin anew."""

    def __init__(self, folder: Path, hub: hub_helpers.Hub, table: Path, wheels: Path) -> None:
        self.folder, self.hub, self.table, self.wheels = folder, hub, table, wheels
        self.store = folder / "setup.json"

    def flow(self, online: bool = True) -> SetupFlow:
        """Return a flow as after a restart of Blender."""
        return SetupFlow(SetupState(self.store, self.table), sys.executable, online)

    def kill_while(self, stage: str) -> None:
        """Do the next step in another process and kill it without warning while it shows a stage."""
        command = [sys.executable, "-c", PROCEED, str(self.store), str(self.table)]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        lines = []
        for line in process.stdout:
            lines.append(line)
            assert not line.startswith("ended"), f"it ended before {stage!r}: {lines[-5:]}"
            if line.rstrip().endswith(stage):
                break
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        task = int(lines[-1].split()[0])
        limit = time.monotonic() + PATIENCE
        while is_running(task):
            assert time.monotonic() < limit, "the task outlives the process that started it"
            time.sleep(0.05)


def is_running(pid: int) -> bool:
    """Return whether a process exists that is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.fixture(scope="module")
def place():
    wheels = wheel_folder()
    with roomy_folder() as folder:
        yield from _place(folder, wheels)


def _place(folder: Path, wheels: Path):
    weights, table = setup_helpers.make_weights(folder)
    environ = {
        "XDG_DATA_HOME": str(folder / "data"),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "HF_HOME": str(folder / "hf"),
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "FACELIFT_CUDA_DRIVER": str(folder / "none.so"),
        "HOME": str(folder),
    }
    patch = pytest.MonkeyPatch()
    with hub_helpers.serve(weights, setup_helpers.REPOSITORY, setup_helpers.REVISION) as hub:
        for name, value in {**environ, "HF_ENDPOINT": hub.endpoint}.items():
            patch.setenv(name, value)
        for name in ("FACELIFT_RUNTIME", "FACELIFT_WEIGHTS", "FACELIFT_CHECKPOINT"):
            patch.delenv(name, raising=False)
        yield Place(folder, hub, table, wheels)
    patch.undo()


def test_the_whole_way_with_a_kill_in_every_state(place):
    flow = place.flow()
    assert flow.state.stage is Stage.CHECK
    place.kill_while("Starting")

    flow = place.flow()
    assert flow.state.stage is Stage.CHECK
    flow.proceed()
    drive(flow)
    assert flow.error is None
    assert flow.state.stage is Stage.INSTALL
    flow.state.use_wheels(place.wheels)

    for stage in ("Looking for the installer", "Installing packages", "Testing the runtime"):
        place.kill_while(stage)
        flow = place.flow()
        assert flow.state.stage is Stage.INSTALL, stage
        assert not flow.state.runtime.usable
        assert view(flow).button in ("Install", "Go on installing")
    flow.proceed()
    drive(flow)
    assert flow.error is None, flow.error.details
    assert flow.task.result["installer"] == "uv"
    assert flow.task.result["torch"] == "2.13.0+cpu"
    assert flow.state.runtime.status == "ready"
    assert flow.state.stage is Stage.LICENCE

    assert not view(flow).licence_text
    flow.proceed()
    drive(flow)
    assert view(flow).licence_text == setup_helpers.LICENCE
    assert flow.state.stage is Stage.LICENCE
    flow = place.flow()
    flow.state.accept_licence()
    assert flow.state.stage is Stage.DOWNLOAD

    place.hub.hold_after[LARGE] = (place.hub.folder / LARGE).stat().st_size // 2
    place.kill_while("Downloading the weights")
    place.hub.hold_after.clear()
    place.hub.released.set()
    flow = place.flow()
    assert flow.state.stage is Stage.DOWNLOAD
    flow.proceed()
    drive(flow)
    assert flow.error is None, flow.error.details
    assert flow.state.stage is Stage.TEST

    place.kill_while("Testing the device")
    flow = place.flow()
    assert flow.state.stage is Stage.TEST
    flow.proceed()
    drive(flow)
    assert flow.error is None, flow.error.details
    assert flow.state.stage is Stage.READY
    assert place.flow().state.stage is Stage.READY
    assert not (flow.state.home / environment.CACHE).exists()
    names = [path.name for path in environment.environments(flow.state.home)]
    assert names == [flow.state.runtime.facts["environment"]]


@pytest.fixture
def ready(place):
    flow = place.flow()
    if flow.state.stage is not Stage.READY:
        pytest.fail("the whole way did not end Ready")
    return flow


def test_failed_repair_leaves_the_working_runtime(ready, place, tmp_path):
    before = ready.state.runtime
    (tmp_path / "torch-2.13.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl").write_bytes(b"cut off")
    ready.state.use_wheels(tmp_path)
    ready.install()
    drive(ready)
    assert ready.task.state is JobState.FAILED
    assert ready.error.details["raw"]
    assert ready.error.code in ("damaged-package", "not-found")
    ready.state.use_wheels(place.wheels)
    assert ready.state.runtime.status == "ready"
    assert ready.state.runtime.python == before.python
    assert ready.state.stage is Stage.READY


def test_repair_replaces_the_runtime(ready):
    before = ready.state.runtime.python
    (folder,) = environment.environments(ready.state.home)
    (folder / "lib").rename(folder / "lost")
    ready.install()
    drive(ready)
    assert ready.error is None, ready.error.details
    assert ready.state.runtime.python != before
    assert not before.exists()
    assert ready.state.stage is Stage.TEST
    ready.proceed()
    drive(ready)
    assert ready.error is None, ready.error.details
    assert ready.state.stage is Stage.READY


def test_cancelled_repair_leaves_the_working_runtime(ready):
    ready.install()
    wait(ready.task, lambda task: task.status.stage == "Installing packages")
    ready.cancel()
    drive(ready)
    assert ready.task.state is JobState.CANCELLED
    assert ready.error is None
    assert ready.state.runtime.python.exists()


def test_runtime_moves_to_another_folder_and_still_works(ready, place):
    target = place.folder / "elsewhere" / "rt"
    ready.move_runtime(target)
    drive(ready)
    assert ready.error is None
    assert ready.state.home == target
    assert ready.state.runtime.status == "ready"
    assert ready.state.stage is Stage.TEST
    ready.proceed()
    drive(ready)
    assert ready.error is None, ready.error.details
    assert ready.state.stage is Stage.READY


def test_damaged_weights_are_found_and_fetched_again(ready):
    path = ready.state.weights.folder / LARGE
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    ready.verify()
    drive(ready)
    assert ready.error.details["files"] == [LARGE]
    path.unlink()
    ready.state.refresh()
    assert ready.state.stage is Stage.DOWNLOAD
    ready.proceed()
    drive(ready)
    assert ready.error is None
    assert ready.state.stage is Stage.READY


def test_without_online_access_nothing_is_tried(ready, place):
    (ready.state.weights.folder / LARGE).unlink()
    flow = place.flow(online=False)
    requests = len(place.hub.requests)
    assert flow.state.stage is Stage.DOWNLOAD
    shown = view(flow)
    assert not shown.enabled
    assert "Network" in shown.hint
    flow.proceed()
    assert flow.error.code == "offline"
    assert not flow.busy
    assert len(place.hub.requests) == requests
    flow = place.flow()
    flow.proceed()
    drive(flow)
    assert flow.state.stage is Stage.READY


def test_lock_of_another_version_makes_the_runtime_outdated(ready):
    state = environment.state(ready.state.home, "other")
    assert state.status == "outdated"
    assert state.usable


def test_removed_base_python_is_a_broken_runtime(ready):
    python = ready.state.runtime.python
    target = python.readlink()
    python.unlink()
    python.symlink_to("/nowhere/python3.11")
    ready.state.refresh()
    try:
        assert ready.state.runtime.status == "broken"
        assert view(ready).button == "Repair"
    finally:
        python.unlink()
        python.symlink_to(target)


def test_removing_frees_the_space_and_leaves_what_is_not_ours(ready):
    home = ready.state.home
    stranger = home / "diary.txt"
    stranger.write_text("keep me")
    ready.remove_runtime()
    drive(ready)
    assert ready.task.result["freed"] > 500_000_000
    assert stranger.read_text() == "keep me"
    assert [path.name for path in home.iterdir()] == ["diary.txt"]
    assert ready.state.stage is Stage.INSTALL
