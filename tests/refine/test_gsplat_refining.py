"""Refine to Photos, second step: splats whose places and shapes were disturbed, drawn by a plain rasterizer of ours."""

from __future__ import annotations

import inspect
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from core.cameras import Camera  # noqa: E402
from core.errors import Cancelled, FaceLiftError  # noqa: E402
from core.gaussians import Gaussians  # noqa: E402
from core.processes.launch import Launch  # noqa: E402
from core.progress import Reporter  # noqa: E402
from core.rasterize import gsplat_backend  # noqa: E402
from core.rasterize.cpu import render  # noqa: E402
from core.rasterize.metrics import psnr  # noqa: E402
from core.refine.anchors import cameras_beside  # noqa: E402
from core.refine.gradients import bounds, rasterizer  # noqa: E402
from core.refine.gradients.bounds import bounds_of, head_size  # noqa: E402
from core.refine.gradients.losses import structural_similarity  # noqa: E402
from core.refine.gradients.movable import Movable  # noqa: E402
from core.refine.gradients.rasterizer import Rasterizer, cuda_rasterizer  # noqa: E402
from core.refine.gradients.shapes import refine_shapes, words_without  # noqa: E402
from core.refine.refine import RefineOptions, refine_to_views  # noqa: E402
from core.refine.types import Refined, View  # noqa: E402
from core.worker.client import WorkerClient  # noqa: E402
from core.worker.launch import worker_command  # noqa: E402
from tests.helpers.gaussian import random_gaussians  # noqa: E402
from tests.helpers.refining_worker_entry import PLAIN_STEPS  # noqa: E402
from tests.helpers.shell import ball, photo, reshaped  # noqa: E402
from tests.helpers.torch_rasterizer import rasterization  # noqa: E402
from tests.helpers.worker import wait_for  # noqa: E402

ENTRY = Path(__file__).resolve().parents[1] / "helpers" / "refining_worker_entry.py"

COUNT, SIZE, STEPS = 200, 40, 60
FRONT, BACK = (Camera.orbit(azimuth, size=SIZE) for azimuth in (270, 90))
UNSEEN = [Camera.orbit(*side, size=SIZE) for side in ((225, 0), (315, 0), (180, 0), (0, 0), (250, 40))]
PLAIN = Rasterizer(rasterization, "cpu")


@pytest.fixture(autouse=True)
def one_thread():
    """Threads cost more than they bring for few splats."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def truth() -> Gaussians:
    return ball(COUNT)


@pytest.fixture(scope="module")
def disturbed(truth) -> Gaussians:
    return reshaped(truth)


@pytest.fixture(scope="module")
def views(truth) -> list[View]:
    return [photo(truth, FRONT), photo(truth, BACK)]


@pytest.fixture(scope="module")
def first(disturbed, views) -> Refined:
    """What the first step makes of it."""
    return refine_to_views(disturbed, views, RefineOptions(split=False), Reporter())


@pytest.fixture(scope="module")
def second(first, views) -> Refined:
    return refine_shapes(first, views, Reporter(), PLAIN, STEPS)


def likeness(gaussians: Gaussians, truth: Gaussians, camera: Camera) -> float:
    """How near splats look to the truth, in dB."""
    grey = (0.5, 0.5, 0.5)
    return psnr(render(gaussians, camera, grey).image, render(truth, camera, grey).image)


# Conventions


@pytest.mark.parametrize("degree", [0, 1])
@pytest.mark.parametrize("azimuth", [270, 200])
def test_the_plain_rasterizer_draws_what_ours_does(degree, azimuth):
    """So the arguments mean the same to both: the camera's axes, pixels, the order in quaternions, harmonics."""
    gaussians = random_gaussians(300, degree=degree, seed=7, size=0.05, spread=0.35)
    orbit = Camera.orbit(azimuth, 15)
    camera = Camera(64, 48, 70.0, 60.0, 30.0, 26.0, orbit.c2w)
    cpu = torch.device("cpu")
    view = {**gsplat_backend.camera_arguments(camera, cpu), "render_mode": "RGB"}
    colors, alphas, _ = rasterization(**gsplat_backend.splat_arguments(gaussians, cpu), **view)
    expected = render(gaussians, camera, (0, 0, 0))
    assert psnr(colors[0].numpy(), expected.image) > 80
    assert psnr(alphas[0, ..., 0].numpy(), expected.alpha) > 80


def test_what_is_passed_is_what_gsplat_takes(first, views):
    """Every name is a parameter of gsplat's, everything that it needs is given, and shapes are as it documents them."""
    gsplat = pytest.importorskip("gsplat")
    signature = inspect.signature(gsplat.rasterization)
    calls = []

    def watched(**arguments):
        calls.append(arguments)
        return rasterization(**arguments)

    refine_shapes(first, views, Reporter(), Rasterizer(watched, "cpu"), 1)
    assert calls
    for arguments in calls:
        signature.bind(**arguments)
        shapes = {name: tuple(value.shape) for name, value in arguments.items() if isinstance(value, torch.Tensor)}
        assert shapes == {
            "means": (COUNT, 3),
            "quats": (COUNT, 4),
            "scales": (COUNT, 3),
            "opacities": (COUNT,),
            "colors": (COUNT, 1, 3),
            "viewmats": (1, 4, 4),
            "Ks": (1, 3, 3),
        }
        assert all(arguments[name].dtype == torch.float32 for name in shapes)
    moved = [arguments for arguments in calls if arguments["means"].requires_grad]
    assert moved and all(arguments[name].requires_grad for arguments in moved for name in ("quats", "scales"))


@pytest.mark.parametrize("scale", [1.0, 0.01])
def test_near_planes_are_in_the_splats_own_unit(truth, views, scale):
    """A head of a centimetre is no nearer to its camera than one of a metre."""
    near = []

    def watched(**arguments):
        near.append(arguments["near_plane"])
        return rasterization(**arguments)

    small = truth.transform(np.diag([scale, scale, scale, 1.0]))
    c2w = FRONT.c2w.copy()
    c2w[:3, 3] *= scale
    camera = Camera(SIZE, SIZE, FRONT.fx, FRONT.fy, FRONT.cx, FRONT.cy, c2w)
    given = Refined(np.arange(COUNT), small, small, 0.0, 0.0)
    view = View(camera, views[0].image, views[0].alpha)
    refine_shapes(given, [view], Reporter(), Rasterizer(watched, "cpu"), 1)
    np.testing.assert_allclose(near, 0.2 * scale, rtol=0.05)


# What it brings


def test_the_photos_come_nearer_and_other_sides_no_less(truth, first, second):
    for camera in (FRONT, BACK):
        assert likeness(second.gaussians, truth, camera) > likeness(first.gaussians, truth, camera) + 2
    for camera in UNSEEN:
        assert likeness(second.gaussians, truth, camera) > likeness(first.gaussians, truth, camera) - 0.2
    assert second.after > first.after + 1 and second.before == first.before


def test_means_scales_and_rotations_all_take_part(first, second):
    for name in ("means", "scales", "rotations"):
        change = np.abs(getattr(second.gaussians, name) - getattr(first.gaussians, name))
        assert np.median(change.max(axis=1) / np.abs(getattr(first.gaussians, name)).max()) > 1e-3


def test_nothing_goes_farther_than_it_may(first, second):
    before, after = first.gaussians, second.gaussians
    limits, size = bounds_of(before, True), head_size(before.means)
    travelled = np.linalg.norm(after.means - before.means, axis=1)
    assert (travelled <= limits.travel * 1.001).all()
    assert (travelled <= bounds.TRAVEL_OF_SIZE * size * 1.001).all()
    assert travelled.max() > 0.5 * limits.travel.max(), "the limits were never near"
    factors = after.scales / before.scales
    assert factors.min() >= 1 / bounds.FACTOR - 1e-3 and factors.max() <= bounds.FACTOR + 1e-3
    grown = factors > 1.001
    assert (after.scales[grown] <= bounds.LARGEST * size * 1.001).all()
    np.testing.assert_allclose(np.linalg.norm(after.rotations, axis=1), 1, atol=1e-5)
    turns = 2 * np.arccos(np.clip(np.abs((after.rotations * before.rotations).sum(axis=1)), 0, 1))
    assert turns.max() <= bounds.TURN + 1e-3
    assert np.abs(after.colors - before.colors).max() <= bounds.COLOR + 1e-5
    assert after.colors.min() >= min(before.colors.min(), 0) - 1e-6
    assert np.abs(after.opacities - before.opacities).max() <= bounds.OPACITY + 1e-6
    assert after.opacities.min() >= 0 and after.opacities.max() <= 1


def test_splats_that_are_large_already_do_not_grow():
    large = random_gaussians(50, size=0.5, spread=0.2)
    _, grow = bounds_of(large, True).scales
    assert (grow[large.scales > bounds.LARGEST * head_size(large.means)] == 0).all()


def test_values_at_their_limits_are_the_limits(first):
    limits = bounds_of(first.gaussians, True)
    movable = Movable(first.gaussians, limits, torch.device("cpu"))
    with torch.no_grad():
        for share in movable.shares:
            share += 1000
    movable.keep_within()
    after = movable.gaussians()
    np.testing.assert_allclose(np.linalg.norm(after.means - first.gaussians.means, axis=1), limits.travel, rtol=1e-3)
    np.testing.assert_allclose(np.log(after.scales / first.gaussians.scales), limits.scales[1], atol=1e-5)
    np.testing.assert_allclose(after.opacities - first.gaussians.opacities, limits.opacities[1], atol=1e-6)
    with torch.no_grad():
        for share in movable.shares:
            share -= 1000
    movable.keep_within()
    after = movable.gaussians()
    np.testing.assert_allclose(np.log(first.gaussians.scales / after.scales), limits.scales[0], atol=1e-5)
    np.testing.assert_allclose(first.gaussians.opacities - after.opacities, limits.opacities[0], atol=1e-6)
    assert (limits.scales[1] == 0).any(), "some may not grow, and all may shrink"


def test_every_value_that_may_change_has_a_slope(first):
    """Also at the beginning, and where it may go one way only."""
    limits = bounds_of(first.gaussians, True)
    movable = Movable(first.gaussians, limits, torch.device("cpu"))
    values = movable.arguments()
    uneven = torch.tensor([0.1, 0.2, 0.3, 0.4])
    total = (values["quats"] * uneven).sum()
    for name in ("means", "scales", "opacities", "colors"):
        total = total + values[name].sum()
    total.backward()
    means, turns, *others = (share.grad.numpy() for share in movable.shares)
    assert (means != 0).all() and (turns != 0).all()
    for slopes, ways in zip(others, (limits.scales, limits.colors, limits.opacities), strict=True):
        np.testing.assert_array_equal(slopes != 0, ways.max(axis=0) > 0)


def test_a_splat_that_did_not_move_is_as_before(first):
    movable = Movable(first.gaussians, bounds_of(first.gaussians, True), torch.device("cpu"))
    for name in ("means", "scales", "rotations", "opacities", "sh"):
        np.testing.assert_allclose(getattr(movable.gaussians(), name), getattr(first.gaussians, name), atol=1e-6)


def test_opacities_stay_where_no_outline_is_known(first, views):
    covered = [View(view.camera, view.image, view.alpha, outlines=False) for view in views]
    result = refine_shapes(first, covered, Reporter(), PLAIN, 10)
    np.testing.assert_allclose(result.gaussians.opacities, first.gaussians.opacities, atol=1e-7)
    assert result.after > first.after


def test_strength_leads_from_the_unrefined_shapes_to_the_refined(truth, second):
    at = {strength: second.at(strength).gaussians for strength in (0.0, 0.5, 1.0)}
    for name in ("means", "scales", "rotations"):
        np.testing.assert_allclose(getattr(at[0.0], name), getattr(second.unrefined, name), atol=1e-6)
    np.testing.assert_allclose(at[0.5].means, (at[0.0].means + at[1.0].means) / 2, atol=1e-6)
    np.testing.assert_allclose(at[0.5].scales, np.sqrt(at[0.0].scales * at[1.0].scales), rtol=1e-4)
    likenesses = [likeness(each, truth, FRONT) for each in at.values()]
    assert likenesses == sorted(likenesses)


def test_what_is_right_already_is_left_alone(truth, views):
    given = Refined(np.arange(COUNT), truth, truth, 0.0, 0.0)
    result = refine_shapes(given, views, Reporter(), PLAIN, 10)
    for camera in (FRONT, *UNSEEN):
        assert likeness(result.gaussians, truth, camera) > 45


def test_anchors_stand_where_no_photo_does(truth):
    def sides(cameras):
        return np.array([camera.position / np.linalg.norm(camera.position) for camera in cameras])

    alone = cameras_beside(truth.means, [FRONT], 32)
    assert len(alone) == 5 and all(camera.width == 32 for camera in alone)
    several = [FRONT, BACK, Camera.orbit(330, size=SIZE)]
    beside = cameras_beside(truth.means, several, 32)
    angles = np.degrees(np.arccos(np.clip(sides(beside) @ np.concatenate([sides(several), sides(beside)]).T, -1, 1)))
    angles[np.arange(len(beside)), len(several) + np.arange(len(beside))] = 180
    assert len(beside) > 2 and angles.min() > 24


def test_ssim_of_equal_pictures_is_one_and_blur_lowers_it():
    picture = torch.tensor(np.random.default_rng(0).uniform(size=(24, 30, 3)), dtype=torch.float32)
    np.testing.assert_allclose(structural_similarity(picture, picture), 1, atol=1e-4)
    # A constant difference leaves the means' term alone, which is known.
    flat = torch.full((32, 32, 3), 0.5)
    expected = (2 * 0.5 * 0.6 + 1e-4) / (0.5**2 + 0.6**2 + 1e-4)
    assert structural_similarity(flat, flat + 0.1)[16, 16].item() == pytest.approx(expected, abs=1e-3)
    assert structural_similarity(picture, picture.roll(1, 0)).mean() < 0.5


# Ways to end


def test_progress_counts_steps_and_tells_the_time_left(first, views):
    told = []
    refine_shapes(first, views, Reporter(told.append), PLAIN, 6)
    steps = [(progress.step, progress.steps) for progress in told if progress.stage == "Fitting shapes"]
    assert steps == [(number, 6) for number in range(7)]
    assert all(progress.eta is not None and progress.eta >= 0 for progress in told[1:])


def test_cancelling_takes_effect_within_a_step(first, views):
    cancel, drawn = threading.Event(), []

    def watched(**arguments):
        drawn.append(arguments)
        return rasterization(**arguments)

    def on_progress(progress):
        if progress.step == 2:
            cancel.set()
            drawn.clear()

    with pytest.raises(Cancelled):
        refine_shapes(first, views, Reporter(on_progress, cancel=cancel), Rasterizer(watched, "cpu"), 50)
    assert len(drawn) <= 2, "a step draws a photo and an anchor"


def test_a_worse_result_is_not_taken(first, views):
    def misled(**arguments):
        """Draws what has nothing to do with the splats, later and later."""
        colors, alphas, facts = rasterization(**arguments)
        misled.calls += 1
        return colors * 0.99**misled.calls, alphas, facts

    misled.calls = 0
    assert refine_shapes(first, views, Reporter(), Rasterizer(misled, "cpu"), 4) is first


def test_gradients_that_are_no_numbers_move_nothing(first, views):
    def broken(**arguments):
        colors, alphas, facts = rasterization(**arguments)
        # 0 times the derivative of a root at 0, which is no number.
        edge = torch.sqrt((arguments["means"] - arguments["means"].detach())[0].sum())
        return colors + 0 * edge, alphas, facts

    result = refine_shapes(first, views, Reporter(), Rasterizer(broken, "cpu"), 4)
    for name in ("means", "scales", "rotations", "sh", "opacities"):
        assert np.isfinite(getattr(result.gaussians, name)).all()


def test_without_a_card_it_says_what_is_missing(monkeypatch, first, views):
    monkeypatch.setattr(rasterizer, "find_spec", lambda name: None if name == "gsplat" else name)
    with pytest.raises(FaceLiftError) as caught:
        refine_shapes(first, views, Reporter())
    assert caught.value.code == rasterizer.CODE and "gsplat, which is not installed" in words_without(caught.value)
    monkeypatch.setattr(rasterizer, "find_spec", lambda name: name)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(FaceLiftError, match="NVIDIA graphics card"):
        cuda_rasterizer()
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(gsplat_backend, "is_available", lambda: False)
    with pytest.raises(FaceLiftError, match="does not work with this graphics card"):
        cuda_rasterizer()


def test_a_worker_does_the_same(first, views, tmp_path):
    launch = worker_command(sys.executable)
    argv = (launch.argv[0], "-s", "-P", str(ENTRY), "plain")
    client = WorkerClient(Launch(argv, launch.env, launch.cwd), tmp_path / "worker.log")
    job = client.refine(first, views)
    try:
        wait_for(client, lambda: job.finished)
    finally:
        client.close()
    assert job.error is None
    here = refine_shapes(first, views, Reporter(), PLAIN, PLAIN_STEPS)
    # Photos travel with 8 bits.
    np.testing.assert_allclose(job.result.onto(first).gaussians.means, here.gaussians.means, atol=2e-3)
    assert job.result.after == pytest.approx(here.after, abs=0.05)


def test_on_a_card_gsplat_brings_the_photos_nearer(truth, first, views):
    pytest.importorskip("gsplat")
    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    result = refine_shapes(first, views, Reporter(), steps=STEPS)
    for camera in (FRONT, BACK):
        assert likeness(result.gaussians, truth, camera) > likeness(first.gaussians, truth, camera) + 2
    for camera in UNSEEN:
        assert likeness(result.gaussians, truth, camera) > likeness(first.gaussians, truth, camera) - 0.2
