"""The setup's tasks as processes: in a bare Python, cancelled hard, without orphans, with their last words."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import venv
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from core.processes.job import JobState
from core.runtime import background
from core.runtime.background import BackgroundTask
from core.runtime.report import report
from core.runtime.setup_flow import SetupFlow
from core.runtime.setup_state import SetupState
from tests.helpers.patience import PATIENCE, wait_until_gone
from tests.helpers.runtime import ROOT, wait

ENTRY = Path(__file__).with_name("task_entry.py")
PARENT = """
import sys, time
from tests.runtime import test_runtime_tasks
from core.runtime.background import BackgroundTask
test_runtime_tasks.use_entry()
task = BackgroundTask(sys.executable, "tool", {"file": sys.argv[1]})
print(task.pid, flush=True)
while True:
    task.poll()
    time.sleep(0.02)
"""


def use_entry(patch=setattr) -> None:
    """Have tasks run by task_entry.py."""
    original = background.module_command

    def command(module: str, python: Path | str):
        launch = original(module, python)
        return replace(launch, argv=(launch.argv[0], "-s", "-P", str(ENTRY)))

    patch(background, "module_command", command)


@pytest.fixture
def entry(monkeypatch):
    use_entry(monkeypatch.setattr)


def wait_for_tool(file: Path, poll=lambda: None) -> int:
    """Return the process id that a tool wrote."""
    limit = time.monotonic() + PATIENCE
    while not (file.is_file() and file.read_text()):
        poll()
        assert time.monotonic() < limit
        time.sleep(0.02)
    return int(file.read_text())


def test_tasks_run_in_a_python_without_packages(tmp_path, entry):
    venv.create(tmp_path, with_pip=False)
    python = tmp_path / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    without = subprocess.run([python, "-c", "import numpy"], capture_output=True, check=False)
    assert without.returncode, "this Python has numpy of its own"
    task = wait(BackgroundTask(python, "counting", {"until": str(tmp_path)}))
    assert task.state is JobState.DONE, task.error and task.error.details
    assert task.result["modules"] == []


def test_bytes_have_a_speed(tmp_path, entry):
    task = BackgroundTask(sys.executable, "counting", {"until": str(tmp_path / "enough")})
    wait(task, lambda task: task.status.speed)
    status = task.status
    assert (status.stage, status.total) == ("Downloading", 1 << 40)
    assert 0 < status.done < status.total
    assert status.seconds_left == (status.total - status.done) / status.speed
    (tmp_path / "enough").touch()
    wait(task)
    assert task.state is JobState.DONE
    assert task.status.fraction == 1.0
    assert task.best_speed >= status.speed


def test_task_that_ignores_cancel_is_killed(entry):
    task = BackgroundTask(sys.executable, "stuck", {})
    wait(task, lambda task: task.status.stage == "Sleeping")
    pid = task.pid
    task.cancel()
    assert task.cancelling
    wait(task)
    assert task.state is JobState.CANCELLED
    wait_until_gone(pid)


def test_cancelled_task_takes_its_tool_along(tmp_path, entry):
    task = BackgroundTask(sys.executable, "tool", {"file": str(tmp_path / "pid")})
    tool = wait_for_tool(tmp_path / "pid", task.poll)
    task.cancel()
    wait(task)
    assert task.state is JobState.CANCELLED
    wait_until_gone(tool)


@pytest.mark.parametrize("number", [signal.SIGTERM, getattr(signal, "SIGKILL", signal.SIGTERM)])
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a tool ends with the pipe of its output")
def test_task_and_its_tool_end_with_their_parent(tmp_path, number):
    command = [sys.executable, "-c", PARENT, str(tmp_path / "pid")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        task, tool = int(parent.stdout.readline()), wait_for_tool(tmp_path / "pid")
        parent.send_signal(number)
        parent.wait()
    wait_until_gone(task)
    wait_until_gone(tool)


def test_task_cancelled_before_it_answered_is_over_at_once(tmp_path):
    flow = SetupFlow(SetupState(tmp_path / "setup.json"), sys.executable, online_access=True)
    flow.check()
    pid = flow.task.pid
    flow.cancel()
    assert flow.task.state is JobState.CANCELLED
    assert not flow.busy
    assert flow.error is None
    wait_until_gone(pid)


def test_unexpected_failure_is_explained_by_its_cause(entry):
    task = wait(BackgroundTask(sys.executable, "failing", {}))
    assert task.state is JobState.FAILED
    assert task.error.code == "disk-full"
    assert "KeyError: 'lost'" in task.error.details["raw"]
    assert report(task.error, {}).count("KeyError: 'lost'") == 1


def test_process_that_ends_by_itself_leaves_its_last_words(entry):
    task = wait(BackgroundTask(sys.executable, "babbling", {}))
    assert task.state is JobState.FAILED
    raw = task.error.details["raw"]
    assert "the last words" in raw and "from C" in raw
    assert raw.rstrip().endswith("status 3")


@pytest.mark.skipif(os.name != "posix", reason="counts descriptors")
def test_ended_tasks_leave_no_process_thread_or_descriptor(entry):
    me = psutil.Process()

    def count() -> tuple[int, int, int]:
        return len(me.children()), me.num_fds(), threading.active_count()

    wait(BackgroundTask(sys.executable, "failing", {}))
    before = count()
    for _ in range(3):
        wait(BackgroundTask(sys.executable, "failing", {}))
    limit = time.monotonic() + PATIENCE
    while any(now > then for now, then in zip(count(), before, strict=True)):
        assert time.monotonic() < limit, f"{count()} instead of {before} stay"
        time.sleep(0.02)
