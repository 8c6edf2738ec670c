"""Real workers with engines that misbehave, for the worker's tests."""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from core.engines.capture import Capture, PhotoFile
from core.processes.connection import Timeouts
from core.processes.job import Job
from core.processes.launch import Launch
from core.worker.client import WorkerClient
from core.worker.launch import worker_command
from tests.helpers.patience import PATIENCE

ROOT = Path(__file__).resolve().parents[2]
ENTRY = Path(__file__).with_name("worker_entry.py")
HOLD = "FACELIFT_TEST_HOLD"
"""Environment variable with the path of a file for whose life the engine ``held-prepare`` prepares."""
WORKING_STAGES = ("Stepping", "Thinking")


def photo_bytes(size: int = 128) -> bytes:
    """A PNG with the same colours in every test."""
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (size, size, 3), np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def capture(data: bytes, name: str = "a.png") -> Capture[PhotoFile]:
    """A photo's bytes as a worker is given them."""
    return Capture.of(PhotoFile(name, data))


def test_launch(*arguments: str, python: str = sys.executable) -> Launch:
    """How to start a worker that knows the engines of worker_entry.py."""
    launch = worker_command(python, arguments=arguments)
    argv = (launch.argv[0], "-s", "-P", str(ENTRY), *arguments)
    return Launch(argv, launch.env, launch.cwd)


test_launch.__test__ = False


def wait_for(client: WorkerClient, condition: Callable[[], object]) -> None:
    """Poll until a condition holds."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        client.poll()
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.002)


def wait_until_working(client: WorkerClient, *jobs: Job) -> None:
    """Poll until every job is past preparing."""

    def working() -> bool:
        assert not any(job.finished for job in jobs), [job.error for job in jobs]
        return all(job.progress is not None and job.progress.stage in WORKING_STAGES for job in jobs)

    wait_for(client, working)


def make_client(tmp_path: Path, *arguments: str, **timeouts: float) -> WorkerClient:
    """A client of the test worker with quick heartbeats, and patient where a test does not say otherwise."""
    launch = test_launch("--heartbeat-seconds", "0.1", *arguments)
    return WorkerClient(
        launch,
        tmp_path / "worker.log",
        Timeouts(**{"start": PATIENCE, "hang": PATIENCE, "cancel": PATIENCE} | timeouts),
    )
