"""How workers start and end: with their parent, without leftovers, behind wrappers, inside an extension."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

from core.processes.job import JobState
from core.processes.launch import Launch
from core.processes.protocol import Method
from core.worker.client import WorkerClient
from core.worker.launch import custom_command, worker_command
from tests.helpers.patience import PATIENCE, wait_until_gone
from tests.helpers.worker import (
    ENTRY,
    ROOT,
    capture,
    make_client,
    photo_bytes,
    test_launch,
    wait_for,
    wait_until_working,
)

pytestmark = pytest.mark.skipif(os.name != "posix", reason="drives processes by POSIX signals")


def generate(client: WorkerClient, engine: str = "steps", **settings):
    return client.generate(capture(photo_bytes(), "a.png"), engine, settings)


def test_workers_start_before_what_only_engines_need_is_loaded():
    code = "import sys, core.worker.server; assert not {'scipy', 'torch'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def assert_makes_a_head(client: WorkerClient) -> None:
    job = generate(client)
    wait_for(client, lambda: job.finished)
    assert job.state is JobState.DONE, job.error and (job.error, job.error.details)


def start_raw() -> subprocess.Popen:
    launch = test_launch()
    return subprocess.Popen(
        launch.argv,
        env=launch.env,
        cwd=launch.cwd,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def test_the_end_of_stdin_ends_the_worker():
    with start_raw() as process:
        process.stdin.close()
        assert process.wait(PATIENCE) == 0


PARENT = f"""
import sys, time
sys.path[:0] = [{str(ROOT)!r}, {str(ENTRY.parent)!r}]
from pathlib import Path
from core.worker.client import WorkerClient
from core.processes.launch import Launch
from tests.helpers.worker import capture, photo_bytes, test_launch
launch = test_launch()
if sys.argv[2] == "wrapped":
    launch = Launch(("sh", "-c", '"$@"; true', "sh", *launch.argv), launch.env, launch.cwd)
client = WorkerClient(launch)
job = client.generate(capture(photo_bytes(), "a.png"), sys.argv[1], {{"steps": 100000, "seconds": 0.01}})
while job.progress is None or job.progress.stage != "Stepping":
    client.poll()
    assert not job.finished, job.error
    time.sleep(0.01)
print(client.hello["pid"], flush=True)
time.sleep(1000)
"""


@pytest.mark.parametrize(
    ("engine", "wrapping"),
    [
        ("steps", "direct"),
        ("stuck", "direct"),
        pytest.param(
            "frozen",
            "direct",
            marks=pytest.mark.skipif(sys.platform != "linux", reason="needs the kernel's death signal"),
        ),
        ("steps", "wrapped"),
        ("stuck", "wrapped"),
    ],
)
def test_the_worker_dies_with_its_parent(engine, wrapping):
    parent = subprocess.Popen([sys.executable, "-c", PARENT, engine, wrapping], stdout=subprocess.PIPE, text=True)
    with parent:
        pid = int(parent.stdout.readline())
        assert psutil.pid_exists(pid)
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        wait_until_gone(pid)


def test_close_is_graceful_and_leaves_nothing(tmp_path):
    client = make_client(tmp_path)
    assert_makes_a_head(client)
    pid = client.pid
    process = psutil.Process(pid)
    client.close()
    assert not process.is_running()
    assert client.pid is None and client.hello is None
    client.close()
    assert_makes_a_head(client)
    client.close()


def test_stop_waits_for_nothing_and_the_next_job_starts_another_worker(tmp_path):
    client = make_client(tmp_path)
    busy = client.generate(capture(photo_bytes(), "a.png"), "stuck", {})
    wait_until_working(client, busy)
    pid = client.pid
    client.stop()
    assert busy.state is JobState.CANCELLED
    assert client.pid is None
    again = client.generate(capture(photo_bytes(), "a.png"), "steps", {})
    wait_for(client, lambda: again.finished)
    assert again.state is JobState.DONE
    assert client.pid != pid
    wait_for(client, lambda: not psutil.pid_exists(pid))
    client.close()


def test_close_ends_a_busy_worker_and_cancels_its_jobs(tmp_path):
    client = make_client(tmp_path)
    jobs = [generate(client, "frozen"), generate(client)]
    wait_until_working(client, jobs[0])
    pid = client.pid
    client.close(timeout=0.2)
    assert {job.state for job in jobs} == {JobState.CANCELLED}
    assert not psutil.pid_exists(pid)


def test_restarts_leave_no_process_thread_or_descriptor(tmp_path):
    launch = worker_command(sys.executable)
    client = WorkerClient(launch, tmp_path / "worker.log")
    me = psutil.Process()

    def restart(index: int) -> None:
        job = client.submit(Method.HELLO)
        wait_for(client, lambda: job.finished)
        if index % 2:
            os.kill(client.pid, signal.SIGKILL)
            wait_for(client, lambda: client.pid is None)
        else:
            client.close()

    restart(0)
    before = me.num_fds(), threading.active_count(), len(me.children())
    for index in range(6):
        restart(index)
    client.close()
    # Threads that read the pipes end a moment after their process.
    wait_for(client, lambda: (me.num_fds(), threading.active_count(), len(me.children())) == before)


def test_a_wrapper_that_clears_everything_works(tmp_path):
    """As ``ssh host``: another folder, no environment, only the pipes."""
    command = f"cd /; exec env -i PYTHONPATH={ROOT} {sys.executable} {ENTRY}"
    client = WorkerClient(custom_command(f"sh -c '{command}'"), tmp_path / "worker.log")
    assert_makes_a_head(client)
    client.close()


def test_killing_a_wrapped_worker_reaches_the_worker(tmp_path):
    launch = test_launch()
    client = make_client(tmp_path, cancel=0.2)
    client.launch = Launch(("sh", "-c", '"$@"; true', "sh", *launch.argv), launch.env, launch.cwd)
    job = generate(client, "stuck")
    wait_until_working(client, job)
    pid = client.hello["pid"]
    assert pid != client.pid
    job.cancel()
    wait_for(client, lambda: job.finished)
    wait_until_gone(pid)
    client.close()


def copy_extension(folder: Path, init: str) -> Path:
    """An extension's folder as the zip has it, with a given ``__init__.py``."""
    extension = folder / "facelift_extension"
    shutil.copytree(ROOT / "core", extension / "core", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "blender_manifest.toml", extension)
    (extension / "__init__.py").write_text(init)
    return extension


HELLO = """
import sys, time
from facelift_extension.core.worker.client import WorkerClient
from facelift_extension.core.worker.launch import worker_command
client = WorkerClient(worker_command(sys.executable, sys.argv[1:]))
job = client.submit("hello")
while not job.finished:
    client.poll()
    time.sleep(0.01)
client.close()
assert job.state == "done", (job.error, job.error.details)
print(job.result["pid"])
"""


def test_inside_an_extension_the_add_on_is_not_imported(tmp_path):
    """The extension's ``__init__`` imports bpy; the worker must do without it."""
    record = tmp_path / "imported.txt"
    init = f"import os; open({str(record)!r}, 'a').write(f'{{os.getpid()}} ')"
    copy_extension(tmp_path, init)
    environment = os.environ | {"PYTHONPATH": str(tmp_path), "PYTHONHOME": "", "PYTHONSTARTUP": "/nowhere"}
    answer = subprocess.run(
        [sys.executable, "-c", HELLO], env=environment, cwd=tmp_path, stdout=subprocess.PIPE, check=True, text=True
    )
    importers = record.read_text().split()
    assert len(importers) == 1
    assert answer.stdout.strip() not in importers


def test_the_worker_runs_as_a_submodule_of_any_package(tmp_path):
    copy_extension(tmp_path, "")
    launch = Launch(
        (sys.executable, "-m", "facelift_extension.core.worker"), os.environ | {"PYTHONPATH": str(tmp_path)}
    )
    client = WorkerClient(launch, tmp_path / "worker.log")
    job = client.submit(Method.HELLO)
    wait_for(client, lambda: job.finished)
    assert job.state is JobState.DONE, job.error.details
    client.close()


def test_site_folders_are_on_the_workers_path_and_python_variables_are_not(tmp_path, monkeypatch):
    (tmp_path / "sitecustomize.py").write_text("import sys; print('site folder in use', file=sys.stderr)")
    monkeypatch.setenv("PYTHONHOME", "/nowhere")
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    client = WorkerClient(worker_command(sys.executable, [tmp_path]), tmp_path / "worker.log")
    job = client.submit(Method.HELLO)
    wait_for(client, lambda: job.finished)
    assert job.state is JobState.DONE, job.error.details
    wait_for(client, lambda: "site folder in use" in client.log_path.read_text())
    client.close()


def test_custom_commands_are_split_like_a_shell_does():
    assert custom_command("ssh 'my host' python3 -m core.worker").argv == (
        "ssh",
        "my host",
        "python3",
        "-m",
        "core.worker",
    )
    for wrong in ("", "ssh 'host"):
        with pytest.raises(ValueError):
            custom_command(wrong)
