"""Workers that crash, hang, babble or never start: a clear error, the other jobs kept, a clean restart."""

from __future__ import annotations

import os
import signal
import sys

import psutil
import pytest

from core.processes import connection
from core.processes.connection import Timeouts
from core.processes.job import JobState
from core.processes.launch import Launch
from core.processes.protocol import PROTOCOL_VERSION, Method
from core.worker.client import WorkerClient
from tests.helpers.patience import PATIENCE, wait_until_gone
from tests.helpers.worker import HOLD, capture, make_client, photo_bytes, test_launch, wait_for, wait_until_working

HANG = 8
"""Seconds, of the connection's clock, of silence after which a worker counts as hung."""


@pytest.fixture
def client(tmp_path):
    client = make_client(tmp_path)
    yield client
    client.close()


def generate(client: WorkerClient, engine: str, **settings):
    return client.generate(capture(photo_bytes(), "a.png"), engine, settings)


def assert_works(client: WorkerClient, job=None) -> None:
    """The worker (another one, if need be) makes a head."""
    job = job or generate(client, "steps")
    wait_for(client, lambda: job.finished)
    assert job.state is JobState.DONE, job.error


@pytest.mark.parametrize(("how", "status"), [("exit", "exit code 3"), ("segfault", "signal 11"), ("kill", "signal 9")])
def test_a_crash_fails_the_running_job_and_keeps_the_queue(client, how, status):
    crashing = generate(client, "failing", how=how)
    waiting = generate(client, "steps")
    wait_for(client, lambda: crashing.finished)
    assert crashing.state is JobState.FAILED
    assert crashing.error.code == "worker-crashed"
    assert status in crashing.error.message
    assert crashing.error.advice
    assert "last words" in crashing.error.details["log"]
    if how == "segfault":
        assert any("Segmentation fault" in line for line in crashing.error.details["log"])
    assert waiting.state is JobState.QUEUED
    assert_works(client, waiting)


def test_a_driver_reset_is_told_and_the_next_job_gets_another_worker(client):
    assert_works(client)
    pid = client.pid
    failing = generate(client, "failing", how="card")
    waiting = generate(client, "steps")
    preparing = client.prepare(capture(photo_bytes(), "a.png"), "steps", {})
    wait_for(client, lambda: failing.finished)
    assert failing.error.code == "card-lost"
    assert failing.error.advice
    assert "unspecified launch failure" in failing.error.details["traceback"]
    assert_works(client, waiting)
    assert_works(client, preparing)
    assert client.pid != pid


def test_a_killed_idle_worker_is_replaced(client):
    assert_works(client)
    pid = client.pid
    os.kill(pid, signal.SIGKILL)
    wait_for(client, lambda: client.pid is None)
    assert not psutil.pid_exists(pid)
    assert_works(client)
    assert client.pid != pid


def test_a_job_sent_to_a_worker_that_just_died_fails_clearly(client):
    assert_works(client)
    os.kill(client.pid, signal.SIGKILL)
    wait_until_gone(client.pid)
    job = generate(client, "steps")
    wait_for(client, lambda: job.finished)
    assert job.state is JobState.DONE or job.error.code == "worker-crashed"
    assert_works(client)


def test_a_job_that_ignores_cancel_is_killed_and_its_neighbours_go_on(tmp_path, monkeypatch):
    hold = tmp_path / "hold"
    hold.touch()
    monkeypatch.setenv(HOLD, str(hold))
    client = make_client(tmp_path, cancel=0.3)
    stuck = generate(client, "stuck")
    neighbour = client.prepare(capture(photo_bytes(), "b.png"), "held-prepare", {})
    waiting = generate(client, "steps")
    wait_until_working(client, stuck, neighbour)
    pid = client.pid
    stuck.cancel()
    wait_for(client, lambda: stuck.finished)
    assert stuck.state is JobState.CANCELLED
    assert neighbour.state is JobState.QUEUED and neighbour.progress is None
    hold.unlink()
    assert_works(client, neighbour)
    assert_works(client, waiting)
    assert client.pid != pid
    client.close()
    assert not psutil.pid_exists(pid)


class Clock:
    """The connection's time: it stands still, but for the seconds that a test lets pass."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now

    def pass_second(self, client: WorkerClient) -> None:
        self.now += 1.0
        client.poll()

    def runs_until_finished(self, client: WorkerClient, job) -> None:
        def finished() -> bool:
            self.now += 1.0
            return job.finished

        wait_for(client, finished)


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(connection, "time", clock)
    return clock


def test_long_silent_jobs_are_not_taken_for_hung(tmp_path, clock):
    client = make_client(tmp_path, hang=HANG)
    silent = generate(client, "stuck")
    wait_until_working(client, silent)
    for _ in range(3):
        seen = client._connection._process.bytes_received
        wait_for(client, lambda seen=seen: client._connection._process.bytes_received > seen)
        for _ in range(HANG - 1):
            clock.pass_second(client)
    assert silent.state is JobState.RUNNING
    client.close()


def test_a_frozen_worker_is_found_and_killed(tmp_path, clock):
    client = make_client(tmp_path, hang=HANG)
    frozen, waiting = generate(client, "frozen"), generate(client, "steps")
    wait_until_working(client, frozen)
    clock.runs_until_finished(client, frozen)
    assert frozen.state is JobState.FAILED
    assert frozen.error.code == "worker-hung"
    assert clock.now > HANG
    assert_works(client, waiting)
    client.close()


def test_a_computer_that_slept_goes_on_where_it_was(tmp_path, clock):
    client = make_client(tmp_path, hang=HANG)
    job = generate(client, "steps", steps=150, seconds=0.02)
    wait_until_working(client, job)
    pid = client.pid
    # Nobody polls and the worker gives no sign of life, for longer than patience lasts; then both wake up.
    os.kill(pid, signal.SIGSTOP)
    clock.now += 100 * HANG
    client.poll()
    os.kill(pid, signal.SIGCONT)
    assert_works(client, job)
    assert client.pid == pid
    client.close()


def test_a_stopped_worker_is_found_and_killed(tmp_path, clock):
    client = make_client(tmp_path, hang=HANG)
    job = generate(client, "steps", steps=1_000_000, seconds=0.01)
    wait_until_working(client, job)
    pid = client.pid
    os.kill(pid, signal.SIGSTOP)
    clock.runs_until_finished(client, job)
    assert job.error.code == "worker-hung"
    client.close()
    assert not psutil.pid_exists(pid)


def test_cancelling_a_frozen_worker_cancels(tmp_path):
    client = make_client(tmp_path, cancel=0.3)
    frozen = generate(client, "frozen")
    wait_until_working(client, frozen)
    frozen.cancel()
    wait_for(client, lambda: frozen.finished)
    assert frozen.state is JobState.CANCELLED
    assert_works(client)
    client.close()


def test_garbage_in_the_stream_is_reported_and_the_worker_replaced(client):
    job, waiting = generate(client, "garbage"), generate(client, "steps")
    wait_for(client, lambda: job.finished)
    assert job.state is JobState.FAILED
    assert job.error.code == "worker-protocol"
    assert "Loading model: 42%" in job.error.message
    assert job.error.advice
    assert_works(client, waiting)


def starts_with(tmp_path, *argv: str, env=None, start: float = PATIENCE) -> WorkerClient:
    return WorkerClient(Launch(argv, env), tmp_path / "worker.log", Timeouts(start=start))


def assert_fails_to_start(client: WorkerClient, words: str):
    """All waiting jobs fail, since none of them could ever run; return the error."""
    jobs = [generate(client, "steps"), generate(client, "steps"), client.submit(Method.HELLO)]
    wait_for(client, lambda: all(job.finished for job in jobs))
    assert {job.state for job in jobs} == {JobState.FAILED}
    error = jobs[0].error
    assert error.code == "worker-not-started"
    assert words in error.message
    assert error.advice and "worker" not in str(error), "an artist does not know the word"
    client.close()
    return error


def test_a_missing_python_is_said(tmp_path):
    client = starts_with(tmp_path, "/nowhere/python3", "-m", "core.worker")
    assert_fails_to_start(client, "/nowhere/python3")


def test_an_import_error_is_said_with_the_log(tmp_path):
    client = starts_with(tmp_path, sys.executable, "-m", "core_that_is_not_there.worker")
    error = assert_fails_to_start(client, "exit code 1")
    assert any("core_that_is_not_there" in line for line in error.details["log"])


def test_a_shell_greeting_is_said(tmp_path):
    client = starts_with(tmp_path, "sh", "-c", "echo 'Welcome to the cluster!'; exec cat")
    error = assert_fails_to_start(client, "Welcome to the cluster!")
    assert "print nothing" in error.advice


def test_a_command_that_never_answers_is_given_up(tmp_path):
    client = starts_with(tmp_path, "sleep", "1000", start=0.3)
    assert_fails_to_start(client, "0.3 seconds")


@pytest.mark.parametrize(
    ("protocol", "says", "advice"), [(1, "older", "on the other computer"), (999, "newer", "Update this add-on")]
)
def test_a_worker_of_another_version_is_told_apart_and_named(tmp_path, protocol, says, advice):
    script = (
        f'import sys; body = b\'{{"jsonrpc":"2.0","id":1,"result":{{"protocol":{protocol},"version":"0.0.7"}}}}\';'
        "sys.stdout.buffer.write(b'Content-Length: %d\\r\\n\\r\\n' % len(body) + body); sys.stdout.flush();"
        "sys.stdin.read()"
    )
    client = starts_with(tmp_path, sys.executable, "-c", script)
    job = generate(client, "steps")
    wait_for(client, lambda: job.finished)
    assert job.error.code == "worker-version"
    assert says in job.error.message and "0.0.7" in job.error.message and advice in job.error.advice
    client.close()


def test_a_repaired_command_is_used_at_the_next_start(tmp_path):
    client = starts_with(tmp_path, "false")
    job = generate(client, "steps")
    wait_for(client, lambda: job.finished)
    assert job.state is JobState.FAILED
    client.launch = test_launch()
    assert_works(client)
    client.close()


@pytest.mark.parametrize(
    "answer",
    [
        '{"jsonrpc":"2.0","method":"progress","params":{"job":2,"stage":"x"}}',
        '{"jsonrpc":"2.0","method":"progress","params":[]}',
        '{"jsonrpc":"2.0","id":2,"result":{}}',
        '{"jsonrpc":"2.0","id":2}',
        '{"jsonrpc":"2.0","id":2,"error":{"code":-1,"message":"x"}}',
        '{"jsonrpc":"2.0","id":2,"error":7}',
        '{"jsonrpc":"2.0","method":"preview","params":{"job":[2]}}',
        '{"jsonrpc":"2.0","method":"preview","params":{"job":2,"kind":"crop"},'
        '"attachments":[{"name":"png","dtype":"uint8","shape":[0],"bytes":0}]}',
    ],
)
def test_nonsense_in_valid_frames_is_reported(tmp_path, answer):
    script = (
        "import sys\n"
        "def send(text):\n"
        "    sys.stdout.write('Content-Length: %d\\r\\n\\r\\n%s' % (len(text), text)); sys.stdout.flush()\n"
        f'send(\'{{"jsonrpc":"2.0","id":1,"result":{{"protocol":{PROTOCOL_VERSION}}}}}\')\n'
        "sys.stdin.readline(); sys.stdin.readline(); sys.stdin.readline()\n"
        f"send({answer!r})\n"
        "sys.stdin.read()\n"
    )
    client = starts_with(tmp_path, sys.executable, "-c", script)
    job = generate(client, "steps")
    wait_for(client, lambda: job.finished)
    assert job.state is JobState.FAILED
    assert job.error.code == "worker-protocol"
    client.close()
