"""The hardware's verdict: NVIDIA's driver through a compiled stand-in, paths, disks."""

from __future__ import annotations

import sys

import pytest

from core.processes.job import JobState
from core.runtime import backends, cuda_driver, probe
from core.runtime.backends import Backend
from core.runtime.background import BackgroundTask
from core.runtime.cuda_driver import CudaDevice
from core.runtime.probe import Hardware
from tests.helpers.runtime import build_driver, wait

GIB = 1 << 30


@pytest.fixture(scope="module")
def drivers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("driver")
    return {"": build_driver(folder), "OLD_DRIVER": build_driver(folder, "OLD_DRIVER")}


@pytest.fixture
def ask(drivers, monkeypatch):
    """Ask the stand-in, set up by FAKE_... variables."""

    def ask(kind: str = "", **settings: object) -> cuda_driver.CudaDriver:
        monkeypatch.setenv(cuda_driver.LIBRARY_VARIABLE, str(drivers[kind]))
        for name, value in settings.items():
            monkeypatch.setenv(f"FAKE_{name.upper()}", str(value))
        return cuda_driver.read()

    return ask


def test_driver_tells_name_capability_memory_and_version(ask):
    found = ask(name="NVIDIA RTX Ü 4090", capability=89, gib=24, cuda=13010)
    assert found.devices == (CudaDevice("NVIDIA RTX Ü 4090", (8, 9), 24 * GIB),)
    assert found.cuda_version == (13, 1)
    assert not found.problem


def test_two_cards_are_both_listed(ask):
    assert len(ask(count=2).devices) == 2


@pytest.mark.parametrize("code", [3, 34, 100, 803, 804, 999, 12345])
def test_failing_start_becomes_a_problem_with_advice(ask, code):
    found = ask(init=code)
    assert found.present
    assert not found.devices
    assert found.problem
    assert found.advice


def test_failing_device_becomes_a_problem(ask):
    assert "cuDeviceGet" in ask(get=101).problem


def test_no_cards_become_a_problem(ask):
    assert ask(count=0).problem == cuda_driver.RESULTS[100][0]


def test_old_driver_without_a_function_becomes_a_problem(ask):
    found = ask("OLD_DRIVER")
    assert "too old" in found.problem
    assert "cuDeviceTotalMem_v2" in found.problem


def test_file_that_is_no_library_counts_as_absent(monkeypatch, tmp_path):
    path = tmp_path / "libcuda.so.1"
    path.write_bytes(b"no library")
    monkeypatch.setenv(cuda_driver.LIBRARY_VARIABLE, str(path))
    assert not cuda_driver.read().present


def test_probe_as_task_survives_the_trip(ask, monkeypatch):
    expected = ask(name="Card", capability=120, gib=32)
    task = wait(BackgroundTask(sys.executable, "probe", {}))
    assert Hardware.from_dict(task.result).cuda.devices == expected.devices


def test_driver_that_crashes_ends_the_task_only(ask, monkeypatch):
    monkeypatch.setenv("FAKE_COUNT", "1")
    ask()
    monkeypatch.setenv("FAKE_CRASH", "1")
    task = wait(BackgroundTask(sys.executable, "probe", {}))
    assert task.state is JobState.FAILED
    assert task.error.message


def _hardware(**changes: object) -> Hardware:
    facts = {"capability": (8, 9), "cuda": (13, 0), "memory": 24 * GIB, "platform": "linux-x64"} | changes
    device = CudaDevice("Card", facts["capability"], facts["memory"])
    return Hardware(facts["platform"], "6.1", cuda_driver.CudaDriver(True, (device,), facts["cuda"]))


@pytest.mark.parametrize(
    ("capability", "cuda", "expected"),
    [
        ((8, 9), (13, 0), Backend.CU130),
        ((7, 5), (13, 2), Backend.CU130),
        ((12, 0), (13, 0), Backend.CU130),
        ((7, 0), (13, 0), Backend.CU126),
        ((6, 1), (12, 4), Backend.CU126),
        ((8, 6), (12, 8), Backend.CU126),
        ((5, 0), (12, 0), Backend.CU126),
        ((12, 0), (12, 8), Backend.CPU),
        ((8, 6), (11, 8), Backend.CPU),
        ((3, 5), (13, 0), Backend.CPU),
    ],
)
@pytest.mark.parametrize("platform", ["linux-x64", "windows-x64"])
def test_choice_by_capability_and_driver(capability, cuda, expected, platform):
    choice = backends.choose(_hardware(capability=capability, cuda=cuda, platform=platform))
    assert choice.backend is expected
    assert choice.reasons
    assert choice.backend is not Backend.CPU or (choice.advice and backends.CPU_NOTE in choice.reasons)


def test_old_driver_is_told_which_series_is_needed():
    blackwell = backends.choose(_hardware(capability=(12, 0), cuda=(12, 8)))
    assert "580" in blackwell.advice
    assert "525" in backends.choose(_hardware(capability=(6, 1), cuda=(11, 4))).advice


def test_quality_follows_memory():
    assert not any(backends.choose(_hardware(memory=size * GIB)).low_memory for size in (10, 24))
    assert all(backends.choose(_hardware(memory=size * GIB)).low_memory for size in (4, 6, 8))
    texts = {backends.choose(_hardware(memory=size * GIB)).quality for size in (4, 6, 24)}
    assert len(texts) == 3


@pytest.mark.parametrize(
    ("platform", "version", "expected"),
    [
        ("macos-arm64", "14.5", Backend.MPS),
        ("macos-arm64", "26.1", Backend.MPS),
        ("macos-arm64", "13.6", None),
        ("macos-x64", "14.5", None),
        ("linux-arm64", "6.1", None),
        ("linux-x64", "6.1", Backend.CPU),
    ],
)
def test_choice_without_nvidia(platform, version, expected):
    choice = backends.choose(Hardware(platform, version, cuda_driver.CudaDriver(False)))
    assert choice.backend is expected
    assert choice.backend is Backend.MPS or choice.advice


def test_windows_paths_are_measured(tmp_path):
    home = probe.Path("C:\\Users\\somebody\\AppData\\Local\\facelift-blender\\rt")
    assert probe.excess_path_length(home, windows=True) == 0
    longer = probe.Path(str(home) + "x" * 100)
    assert probe.excess_path_length(longer, windows=True) > 0
    assert probe.excess_path_length(longer, windows=False) == 0


def test_free_space_of_a_folder_that_does_not_exist_yet(tmp_path):
    assert probe.free_bytes(tmp_path / "not" / "yet") > 0
