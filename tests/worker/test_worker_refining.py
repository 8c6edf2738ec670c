"""The second step of Refine to Photos on real worker processes: there and back, cancelling, cards that fail."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from core.cameras import Camera
from core.errors import FaceLiftError
from core.processes.codec import ProtocolError
from core.processes.job import JobState
from core.processes.launch import Launch
from core.processes.protocol import Method
from core.progress import Reporter
from core.refine.refine import RefineOptions, refine_to_views
from core.refine.types import Refined, View
from core.worker.client import WorkerClient
from core.worker.launch import worker_command
from core.worker.refining import FIELDS, pack_refined, unpack_refined
from tests.helpers.refining_worker_entry import SHIFT, STEPS
from tests.helpers.shell import ball, photo
from tests.helpers.worker import wait_for

ENTRY = Path(__file__).resolve().parents[1] / "helpers" / "refining_worker_entry.py"
FRONT = Camera.orbit(270, size=64)


@pytest.fixture(scope="module")
def views() -> list[View]:
    return [photo(ball(300), FRONT)]


@pytest.fixture(scope="module")
def first(views) -> Refined:
    generator = np.random.default_rng(0)
    given = ball(300)
    sh = given.sh + generator.normal(scale=0.2, size=given.sh.shape)
    return refine_to_views(given.replace(sh=sh), views, RefineOptions(), Reporter())


@pytest.fixture
def start():
    """Start workers of refining_worker_entry.py, or with "" ours."""
    clients = []

    def start(how: str) -> WorkerClient:
        launch = worker_command(sys.executable)
        # No card, whatever this computer has.
        env = {**(launch.env or {}), "CUDA_VISIBLE_DEVICES": ""}
        argv = (launch.argv[0], "-s", "-P", str(ENTRY), how) if how else launch.argv
        clients.append(WorkerClient(Launch(argv, env, launch.cwd)))
        return clients[-1]

    yield start
    for client in clients:
        client.close()


def test_shapes_come_back_and_progress_on_the_way(start, first, views):
    client = start("moves")
    job = client.refine(first, views)
    told = []

    def done() -> bool:
        if job.progress is not None:
            told.append((job.progress.stage, job.progress.step))
        return job.finished

    wait_for(client, done)
    assert job.error is None
    second = job.result.onto(first)
    np.testing.assert_array_equal(second.gaussians.means, first.gaussians.means + SHIFT)
    for name in ("scales", "rotations", "opacities", "sh"):
        np.testing.assert_array_equal(getattr(second.gaussians, name), getattr(first.gaussians, name))
    assert second.after == pytest.approx(first.after + 1) and second.before == first.before
    np.testing.assert_array_equal(second.sources, first.sources)
    assert ("Fitting shapes", STEPS) in told and told == sorted(told, key=lambda step: step[1])


def test_a_running_step_is_cancelled_and_the_worker_goes_on(start, first, views):
    client = start("waits")
    job, next_job = client.refine(first, views), client.refine(first, views)
    wait_for(client, lambda: job.progress is not None and job.progress.step > 0)
    assert next_job.state is JobState.QUEUED, "one at a time"
    pid = client.pid
    job.cancel()
    wait_for(client, lambda: job.finished and next_job.state is JobState.RUNNING)
    assert job.state is JobState.CANCELLED and client.pid == pid


@pytest.mark.parametrize(
    ("how", "code", "words"),
    [("lost", "card-lost", "graphics driver"), ("memory", "cuda-memory", "too little free memory")],
)
def test_a_card_that_fails_is_told_in_words(start, first, views, how, code, words):
    client = start(how)
    job = client.refine(first, views)
    wait_for(client, lambda: job.finished)
    assert job.state is JobState.FAILED and job.error.code == code and words in job.error.message


def test_without_gsplat_or_card_a_worker_says_so(start, first, views):
    client = start("")
    job = client.refine(first, views)
    wait_for(client, lambda: job.finished)
    assert job.error.code == "no-gradients" and job.error.message.startswith("Changing them needs")


def test_a_request_is_read_as_it_was_sent(first, views):
    hidden = View(FRONT, views[0].image, views[0].alpha, outlines=False)
    refined, sent = unpack_refined(*pack_refined(first, [*views, hidden]))
    for ours, theirs in ((refined.unrefined, first.unrefined), (refined.gaussians, first.gaussians)):
        for name in FIELDS:
            np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))
    assert [view.outlines for view in sent] == [True, False]
    np.testing.assert_array_equal(sent[0].camera.c2w, FRONT.c2w)
    assert np.abs(sent[0].image - views[0].image).max() <= 0.5 / 255 + 1e-6
    assert np.abs(sent[0].alpha - views[0].alpha).max() <= 0.5 / 255 + 1e-6


def test_what_is_no_request_is_refused(start, first, views):
    params, attachments = pack_refined(first, views)
    client = start("moves")
    broken = [
        (params, {name: value for name, value in attachments.items() if name != "means"}),
        (params, attachments | {"photo/0": np.zeros((3, 4, 4), np.uint8)}),
        (params, attachments | {"photo/0": np.zeros((64, 64, 3), np.uint8)}),
        (params, attachments | {"refined/sh": np.zeros((7, 1, 3), np.float32)}),
        ({**params, "photos": [{"camera": {}}]}, attachments),
        ({**params, "after": None}, attachments),
    ]
    jobs = [client.submit(Method.REFINE, *request) for request in broken]
    wait_for(client, lambda: all(job.finished for job in jobs))
    for job in jobs:
        assert job.error.code == "worker-invalid-request" and "needs splats and photos" in job.error.message


def test_an_answer_about_other_splats_is_told(start, first, views):
    client = start("moves")
    job = client.refine(first, views)
    wait_for(client, lambda: job.finished)
    fewer = Refined(
        first.sources[:5], *(each.select(np.arange(5)) for each in (first.unrefined, first.gaussians)), 0, 0
    )
    with pytest.raises(ProtocolError):
        job.result.onto(fewer)
    assert issubclass(ProtocolError, FaceLiftError), "the add-on tells it, and keeps the first step's result"
