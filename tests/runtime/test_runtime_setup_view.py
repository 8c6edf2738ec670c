"""The setup's words, and what it keeps: without installing anything."""

from __future__ import annotations

import sys

import pytest

from core.errors import FaceLiftError
from core.processes.job import JobState
from core.runtime import environment
from core.runtime.backends import Backend
from core.runtime.background import BackgroundTask, Status
from core.runtime.cuda_driver import CudaDevice, CudaDriver
from core.runtime.probe import Hardware
from core.runtime.setup_flow import SetupFlow
from core.runtime.setup_memory import Memory
from core.runtime.setup_state import SetupState, Stage
from core.runtime.setup_view import duration, progress_text, report_text, view
from tests.helpers.runtime import drive, wait

GIB = 1 << 30
CARD = CudaDriver(True, (CudaDevice("NVIDIA RTX 4090", (8, 9), 24 * GIB),), (13, 0), "580.95.05")


@pytest.fixture
def flow(tmp_path, monkeypatch):
    for name in ("FACELIFT_RUNTIME", "FACELIFT_WEIGHTS", "FACELIFT_CHECKPOINT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    return SetupFlow(SetupState(tmp_path / "setup.json"), sys.executable, True)


def with_hardware(flow: SetupFlow, cuda: CudaDriver = CARD, platform: str = "linux-x64") -> None:
    flow.state.memory.hardware = Hardware(platform, "6.1", cuda).to_dict()
    flow.state.remember()


def test_bare_computer_offers_to_check(flow):
    shown = view(flow)
    assert shown.button == "Check"
    assert shown.enabled
    assert [step.mark for step in shown.steps] == ["now"] + ["later"] * 5


def test_verdict_tells_card_size_place_time_and_quality(flow):
    with_hardware(flow)
    text = " ".join(view(flow).lines)
    lock = flow.state.lock
    assert lock.backend is Backend.CU130
    for part in ("RTX 4090", f"{lock.download_bytes / 1e9:.1f} GB", str(flow.state.home), "free", "min", "24 GB"):
        assert part in text
    assert "measured" not in text
    flow.state.memory.speed = 20e6
    assert "measured 20 MB/s" in " ".join(view(flow).lines)


@pytest.mark.parametrize("platform", ["linux-x64", "windows-x64"])
def test_what_is_not_checked_by_a_hash_is_said(flow, tmp_path, platform):
    for backend in Backend.CU130, Backend.CU126, Backend.CPU:
        with_hardware(flow, platform=platform)
        flow.state.use_backend(backend)
        flow.state.use_wheels(None)
        text = " ".join(view(flow).lines)
        assert ("download.pytorch.org is trusted" in text) == bool(flow.state.lock.torch_index)
        flow.state.use_wheels(tmp_path)
        text = " ".join(view(flow).lines)
        assert ("whoever filled that folder is trusted" in text) == bool(flow.state.lock.torch_index)


def test_refusal_tells_why_and_offers_to_check_again(flow):
    with_hardware(flow, CudaDriver(False), "macos-x64")
    shown = view(flow)
    assert flow.state.stage is Stage.CHECK
    assert shown.button == "Check again"
    assert shown.lines
    assert shown.hint


def test_offline_the_button_is_grey_until_there_are_wheels(flow, tmp_path):
    with_hardware(flow)
    flow.online_access = False
    shown = view(flow)
    assert not shown.enabled
    assert "System > Network" in shown.hint
    flow.proceed()
    assert flow.error.code == "offline"
    flow.state.use_wheels(tmp_path)
    assert view(flow).enabled


def test_chosen_backend_stays_and_can_be_taken_back(flow, tmp_path):
    with_hardware(flow)
    flow.state.use_backend(Backend.CPU)
    again = SetupState(tmp_path / "setup.json")
    assert again.lock.backend is Backend.CPU
    again.use_backend(None)
    assert again.lock.backend is Backend.CU130


def test_newer_driver_does_not_ask_for_another_download(flow):
    with_hardware(flow)
    marker = {"state": "complete", "environment": "e1", "backend": "cu126"}
    flow.state.home.mkdir(parents=True)
    environment.write_marker(flow.state.home, marker)
    assert flow.state.backend is Backend.CU126
    environment.write_marker(flow.state.home, {**marker, "backend": "cpu"})
    assert flow.state.backend is Backend.CU130


def test_licence_can_not_be_accepted_unseen(flow):
    with pytest.raises(FaceLiftError):
        flow.state.accept_licence()
    flow.state.weights_folder.mkdir(parents=True)
    (flow.state.weights_folder / "LICENSE").write_text("Terms")
    flow.state.refresh()
    flow.state.accept_licence()
    assert flow.state.licence_accepted
    assert flow.state.memory.licence["accepted"]
    flow.state.withdraw_licence()
    assert not flow.state.licence_accepted


def test_consent_to_another_revision_does_not_count(flow):
    flow.state.memory.licence = {"repository": flow.state.table.repository, "revision": "older"}
    assert not flow.state.licence_accepted


def test_failed_install_shows_error_and_raw_text_and_report(flow, tmp_path):
    with_hardware(flow)
    flow.state.use_backend(Backend.CPU)
    flow.state.use_wheels(tmp_path / "not-there")
    flow.proceed()
    drive(flow)
    assert flow.task.state is JobState.FAILED
    shown = view(flow)
    assert shown.error.code == "no-wheels"
    assert shown.enabled
    text = report_text(flow, "log", ["secret-photo"])
    assert "RTX 4090" in text
    assert "no-wheels" in text


def test_tasks_that_need_the_runtime_say_so_without_it(flow, tmp_path):
    with_hardware(flow)
    weights = tmp_path / "weights"
    for file in flow.state.table.files:
        (weights / file.path).parent.mkdir(parents=True, exist_ok=True)
        (weights / file.path).touch()
    flow.state.use_weights(weights)
    flow.verify()
    assert flow.error.code == "no-runtime"


@pytest.mark.parametrize("content", ["", "{", "[]", '{"speed": 1, "unknown": 2}', '{"hardware": {"platform": 1}}'])
def test_damaged_memory_begins_anew(tmp_path, content):
    path = tmp_path / "setup.json"
    path.write_text(content)
    assert isinstance(Memory.read(path), Memory)
    assert SetupState(path).stage is Stage.CHECK


def test_progress_text_has_bytes_speed_and_time():
    status = Status("Downloading", 0.2, 1_200_000_000, 9_300_000_000, 24e6, 340.0)
    assert progress_text(status) == "Downloading: 1.2 of 9.3 GB, 24 MB/s, 6 min left"
    assert progress_text(Status("Testing", 0.5)) == "Testing"
    assert progress_text(status, cancelling=True) == "Cancelling..."


def test_durations_have_one_unit():
    assert [duration(seconds) for seconds in (0.2, 59, 61, 7200)] == ["1 s", "59 s", "1 min", "2.0 h"]


def test_python_that_is_not_there_fails_the_task_with_advice(tmp_path):
    task = wait(BackgroundTask(tmp_path / "python", "probe", {}))
    assert task.state is JobState.FAILED
    assert task.error.advice


def test_program_that_is_no_task_fails_with_its_last_words(tmp_path):
    task = wait(BackgroundTask(sys.executable, "no-such-task", {}))
    assert task.state is JobState.FAILED
    assert "no-such-task" in task.error.details["raw"]


def test_a_chosen_build_without_a_readable_verdict_begins_anew(flow):
    with_hardware(flow)
    flow.state.memory.backend = str(Backend.CU126)
    flow.state.memory.hardware = {"platform": "linux-x64"}
    flow.state.remember()
    state = SetupState(flow.state._store)
    assert (state.stage, state.backend, state.lock) == (Stage.CHECK, None, None)


def test_a_self_test_whose_weights_were_removed_meanwhile_is_taken_for_none(flow):
    with_hardware(flow)
    assert flow.state.weights is None
    flow._take_result("test", {"device_name": "a card"})
    assert flow.state.stage is Stage.INSTALL
