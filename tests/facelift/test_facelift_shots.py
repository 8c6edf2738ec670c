"""Heads of several photos from the FaceLift engine, with the tiny random checkpoint: noise, but the whole road."""

from __future__ import annotations

# First of all: where torch is absent, it skips the module.
from tests.helpers.facelift import cut_out_astronaut, torch

# isort: split
import json
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from core.cameras import Camera, front_camera, six_view_rig
from core.engines.capture import FURTHER, Capture, Shot
from core.engines.facelift import memory, preparation, rays
from core.engines.facelift.gslrm import GSLRM, GSLRMConfig
from core.engines.facelift.pictures import resized
from core.engines.facelift.preparation import Preparation
from core.engines.facelift.runner import VIEWS
from core.engines.facelift.shots import photos as photos_module
from core.engines.facelift.shots.frame import carried, to_frame
from core.engines.further import prepare_further
from core.engines.recipe import Recipe
from core.engines.shot_options import ShotOptions
from core.errors import Cancelled, SettingsError
from core.photo.alignment import Alignment
from core.photo.decode import Photo, decode, from_array
from core.photo.lens import PRESETS, Lens
from core.photo.sides import BACK, FRONT, HELP, LEFT, LEFT_OUT, PLACED
from core.placing.types import PlacedShot
from core.progress import Reporter
from core.refine.refine import RefineOptions, refine_to_views
from core.refine.views import view_of
from tests.bench.facelift_operations import gslrm_bytes

PIXELS = 128 * 128
"""Gaussians of a view of the tiny checkpoint."""


@pytest.fixture(scope="module")
def portrait() -> Photo:
    return cut_out_astronaut()


@pytest.fixture(scope="module")
def prepared() -> dict[tuple[str, ShotOptions], Preparation]:
    """Portraits that were prepared already."""
    return {}


@pytest.fixture(autouse=True)
def prepare_once(prepared, monkeypatch) -> None:
    """Prepare each portrait once for all tests."""
    prepare = preparation.prepare

    def remembered(shot: Shot[Photo], reporter: Reporter) -> Preparation:
        key = (shot.photo.sha256, shot.options)
        if key not in prepared:
            prepared[key] = prepare(shot, reporter)
        return prepared[key]

    monkeypatch.setattr(preparation, "prepare", remembered)


@pytest.fixture
def settings(checkpoint_folder: Path) -> dict:
    return {"checkpoint": str(checkpoint_folder), "steps": 1, "guidance": 1.0}


def noise(seed: int) -> Photo:
    """Return a photo of 512 pixels whose every pixel tells where it is; nobody is in it."""
    rgb = np.random.default_rng(seed).integers(0, 256, (512, 512, 3), np.uint8)
    return from_array(rgb, f"noise-{seed}.png")


def capture_of(portrait: Photo, further: Sequence[Photo], **options) -> Capture[Photo]:
    return Capture((Shot(portrait, ShotOptions(**options)), *(Shot(photo, role=FURTHER) for photo in further)))


@pytest.fixture
def given(monkeypatch):
    """Return a function that has photos placed at cameras of the rig's frame, exactly, and without another exposure."""

    def place_at(cameras: Sequence[Camera], states: Sequence[str] = (), other_hair: Sequence[int] = ()) -> None:
        def place_shots(portrait, fit, camera, shots, reporter):
            back = np.linalg.inv(to_frame(camera, front_camera(), fit.pose.translation))
            placed = []
            reporter.stage("Placing the photos", len(shots))
            for number, (shot, wanted) in enumerate(zip(shots, cameras, strict=True)):
                reporter.step()
                state = states[number] if states else PLACED
                rgb = np.ascontiguousarray(shot.photo.rgba[..., :3])
                opaque = np.full(rgb.shape[:2], 255, np.uint8)
                placed.append(
                    PlacedShot(
                        np.dstack([rgb, opaque]),
                        carried(wanted, back),
                        fit.shape,
                        None,
                        LEFT,
                        state,
                        "" if state == PLACED else "Why.",
                        Alignment.stretched((512, 512)),
                        rgb,
                        opaque,
                        other_hair=number in other_hair,
                    )
                )
            return tuple(placed), fit

        monkeypatch.setattr(photos_module, "place_shots", place_shots)
        monkeypatch.setattr(photos_module, "exposure_factors", lambda model, seen: [np.ones(3)] * len(seen))

    return place_at


@pytest.fixture
def seen(monkeypatch) -> list[tuple[torch.Tensor, ...]]:
    """What GS-LRM was called with: pictures [V, 3, S, S], c2w [V, 4, 4], intrinsics [V, 4]."""
    calls: list[tuple[torch.Tensor, ...]] = []
    forward = GSLRM.forward

    def watched(self, pictures, c2w, intrinsics, *rest):
        calls.append((pictures, c2w, intrinsics))
        return forward(self, pictures, c2w, intrinsics, *rest)

    monkeypatch.setattr(GSLRM, "forward", watched)
    return calls


def small(photo: Photo) -> np.ndarray:
    """Return a photo as the tiny models see it, [3, 128, 128] float 0..1."""
    return np.moveaxis(resized(np.ascontiguousarray(photo.rgba[..., :3]), 128), -1, 0) / np.float32(255)


def test_photos_take_the_place_of_generated_views(engine, portrait, settings, given, seen):
    """A photo from the rig's own places at 45 and 90 degrees: exactly these views are it, with the rig's cameras."""
    plain = engine.generate(portrait, settings, Reporter())
    (alone, c2w, intrinsics) = seen.pop()
    rig = six_view_rig()
    given([rig[4], rig[1]])
    further, progress = [noise(0), noise(1)], []

    result = engine.generate(capture_of(portrait, further), settings, Reporter(progress.append))

    ((pictures, c2w_now, intrinsics_now),) = seen
    assert len(pictures) == 6
    for view in (0, 2, 3, 5):
        assert torch.equal(pictures[view], alone[view])
    for view, photo in ((4, further[0]), (1, further[1])):
        np.testing.assert_allclose(pictures[view].numpy(), small(photo), atol=1e-6)
    torch.testing.assert_close(c2w_now, c2w, rtol=0, atol=1e-6)
    torch.testing.assert_close(intrinsics_now, intrinsics, rtol=1e-6, atol=0)
    assert np.array_equal(result.views[[0, 2, 3, 5]], plain.views[[0, 2, 3, 5]])
    assert not np.array_equal(result.gaussians.means[:50], plain.gaussians.means[:50])
    # Every photo stays with the head: the portrait as ever, the others with their cameras in the head's frame.
    assert [shot.state for shot in result.shots] == [PLACED] * 3
    np.testing.assert_array_equal(result.photo_camera.c2w, plain.photo_camera.c2w)
    np.testing.assert_array_equal(result.aligned, plain.aligned)
    for shot, camera, photo in zip(result.shots[1:], (rig[4], rig[1]), further, strict=True):
        np.testing.assert_allclose(shot.camera.c2w, camera.c2w, atol=1e-9)
        np.testing.assert_array_equal(shot.picture[..., :3], photo.rgba[..., :3])
    assert any("left, front right" in note for note in result.notes)
    recipe = result.recipe
    assert Recipe.from_dict(json.loads(json.dumps(recipe.to_dict()))) == recipe
    assert recipe.digests == (portrait.sha256, further[0].sha256, further[1].sha256)
    assert [photo.lens is None for photo in recipe.capture.photos] == [False, True, True]
    fractions = [entry.fraction for entry in progress]
    assert fractions == sorted(fractions) and fractions[-1] == 1.0
    assert max(entry.fraction for entry in progress if entry.stage != "Naming the parts") < 1.0
    assert [entry.step for entry in progress if entry.stage == "Placing the photos"] == [0, 1, 2]


def test_photos_come_beside_the_views(engine, portrait, settings, given, seen):
    aside, above = Camera.orbit(45, 3, radius=5.2, fov=27), Camera.orbit(270, 50)
    given([aside, above])
    further = [noise(0), noise(1)]

    result = engine.generate(capture_of(portrait, further), settings, Reporter())

    ((pictures, c2w, intrinsics),) = seen
    assert len(pictures) == 8 and result.views.shape == (8, 128, 128, 3)
    cameras = [each.resized(128) for each in (above, aside)]
    expected = rays.camera_tensors([*six_view_rig(128), *cameras])
    torch.testing.assert_close(c2w, expected[0], rtol=0, atol=1e-5)
    # The lens is that of a camera there that shows as much around the head as the rig's.
    torch.testing.assert_close(intrinsics[:7], expected[1][:7], rtol=1e-4, atol=1e-3)
    assert intrinsics[7, 0] == pytest.approx(5.2 / 2.7 * intrinsics[0, 0].item(), rel=1e-3)
    np.testing.assert_allclose(pictures[6].numpy(), small(further[1]), atol=1e-6)
    assert [shot.state for shot in result.shots] == [PLACED] * 3
    assert any("beside the generated views: 2" in note for note in result.notes)


@pytest.mark.parametrize(("count", "views"), [(1, 7), (2, 8)])
def test_the_gaussians_follow_the_views(engine, portrait, settings, given, count, views, monkeypatch):
    made = []
    forward = GSLRM.forward
    monkeypatch.setattr(GSLRM, "forward", lambda self, *args: made.append(forward(self, *args)) or made[-1])
    given([Camera.orbit(45), Camera.orbit(135)][:count])
    result = engine.generate(capture_of(portrait, [noise(0), noise(1)][:count]), settings, Reporter())
    assert len(made[0].xyz) == 2 + views * PIXELS
    assert 1000 < len(result.gaussians) < len(made[0].xyz)


def test_a_chosen_lens_counts_with_several_photos_alone(engine, portrait, settings, given):
    given([Camera.orbit(0)])
    result = engine.generate(capture_of(portrait, [noise(0)], lens="telephoto"), settings, Reporter())
    assert result.recipe.portrait.photo.lens == Lens(PRESETS["telephoto"], "chosen")
    assert not any("lens" in note for note in result.notes)
    alone = engine.generate(Capture.of(portrait, lens="telephoto"), settings, Reporter())
    assert alone.recipe.portrait.photo.lens is None and any("no difference" in note for note in alone.notes)


def test_what_could_not_be_placed_stays_out(engine, portrait, settings, given, seen):
    given([Camera.orbit(0), Camera.orbit(90), Camera.orbit(180)], [HELP, LEFT_OUT, PLACED])
    result = engine.generate(capture_of(portrait, [noise(0), noise(1), noise(2)]), settings, Reporter())
    pictures = seen[0][0]
    assert len(pictures) == 6
    np.testing.assert_allclose(pictures[2].numpy(), small(noise(2)), atol=1e-6)
    assert [shot.state for shot in result.shots] == [PLACED, HELP, LEFT_OUT, PLACED]
    assert [shot.message for shot in result.shots] == ["", "Why.", "Why.", ""]
    assert [shot.camera is None for shot in result.shots] == [False, False, True, False]


def test_a_photo_with_other_hair_stays_out_as_views_are_used_whole(engine, portrait, settings, given, seen):
    given([Camera.orbit(0), Camera.orbit(180)], other_hair=[0])
    result = engine.generate(capture_of(portrait, [noise(0), noise(1)]), settings, Reporter())
    assert [shot.state for shot in result.shots] == [PLACED, LEFT_OUT, PLACED]
    assert "hair looks different" in result.shots[1].message
    assert not any(np.allclose(picture.numpy(), small(noise(0)), atol=1e-6) for picture in seen[0][0])


def test_where_memory_is_short_fewer_come_beside(engine, portrait, settings, given, seen, monkeypatch):
    given([Camera.orbit(45), Camera.orbit(0), Camera.orbit(285)])
    capture = capture_of(portrait, [noise(0), noise(1), noise(2)])
    config = engine_config(engine, portrait, settings)
    seen.clear()
    monkeypatch.setattr(memory, "free_bytes", lambda device: 1.25 * config.working_bytes(7, 128, 4))

    result = engine.generate(capture, settings, Reporter())

    assert len(seen[0][0]) == 7
    # Of those beside the views, the one stays that shows what no other does; the third is nearly the portrait's.
    assert [shot.state for shot in result.shots] == [PLACED, PLACED, PLACED, LEFT_OUT]
    assert result.shots[3].message == "It was left out: the computer has no memory for more than 7 views."
    assert result.shots[3].camera is not None
    monkeypatch.setattr(memory, "free_bytes", lambda device: 0)
    assert [shot.state for shot in engine.generate(capture, settings, Reporter()).shots][1:] == [
        LEFT_OUT,
        PLACED,
        LEFT_OUT,
    ]
    monkeypatch.setattr(memory, "free_bytes", lambda device: None)
    assert len(engine.generate(capture, settings, Reporter()).views) == 8


def engine_config(engine, portrait, settings) -> GSLRMConfig:
    """Return the sizes of the engine's GS-LRM, which it has loaded."""
    engine.generate(portrait, settings, Reporter())
    return engine._runner.pipeline._models["gslrm"].config


def test_where_memory_runs_out_photos_are_given_up(engine, portrait, settings, given, monkeypatch):
    """The estimate was wrong: first one model at a time is tried, then fewer views, and the head is made."""
    forward, tried = GSLRM.forward, []

    def exhausted(self, pictures, *rest):
        tried.append(len(pictures))
        if len(pictures) > 7:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 3.00 GiB.")
        return forward(self, pictures, *rest)

    monkeypatch.setattr(GSLRM, "forward", exhausted)
    given([Camera.orbit(285), Camera.orbit(45), Camera.orbit(225)])
    result = engine.generate(capture_of(portrait, [noise(0), noise(1), noise(2)]), settings, Reporter())
    assert tried == [8, 8, 7]
    assert [shot.state for shot in result.shots] == [PLACED, LEFT_OUT, PLACED, PLACED]
    assert any("low-memory" in note for note in result.notes) and "7 views" in result.shots[1].message


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32])
def test_the_memory_of_more_views_is_estimated(dtype):
    """Against every tensor of a pass, counted; of the released sizes, but for fewer layers and smaller pictures."""
    config = GSLRMConfig(width=1024, head_width=64, layers=2, patch_size=8, free_gaussians=2)
    for views in (6, 9):
        counted = gslrm_bytes(config, views, 128, dtype)
        assert config.working_bytes(views, 128, dtype.itemsize) == pytest.approx(counted, rel=0.05)
    assert config.tokens(6, 512) == 24_578
    pairs = config.working_bytes(6, 512, 2, scores=True) - config.working_bytes(6, 512, 2)
    assert pairs == 24_578**2 * 16 * 2


def test_cancelling_while_photos_are_placed(engine, portrait, settings, given):
    given([Camera.orbit(0), Camera.orbit(90)])
    cancel = threading.Event()

    def on_progress(progress):
        if progress.stage == "Placing the photos" and progress.step == 1:
            cancel.set()

    with pytest.raises(Cancelled):
        engine.generate(capture_of(portrait, [noise(0), noise(1)]), settings, Reporter(on_progress, cancel=cancel))


def test_cancelling_in_the_reconstruction(engine, portrait, settings, given, monkeypatch):
    given([Camera.orbit(45)])
    cancel, forward = threading.Event(), GSLRM.forward

    def cancelled(self, *args):
        cancel.set()
        return forward(self, *args)

    monkeypatch.setattr(GSLRM, "forward", cancelled)
    with pytest.raises(Cancelled):
        engine.generate(capture_of(portrait, [noise(0)]), settings, Reporter(cancel=cancel))


def test_a_portrait_without_a_face_is_made_alone(engine, settings):
    blank = Photo(np.full((300, 200, 4), 200, np.uint8), False, "blank.png", "00")
    stages = []
    result = engine.generate(
        capture_of(blank, [noise(0)], aligned=True), settings, Reporter(lambda one: stages.append(one.stage))
    )
    assert [shot.state for shot in result.shots] == [PLACED, LEFT_OUT]
    assert "portrait" in result.shots[1].message and VIEWS in stages
    assert result.views.shape == (6, 128, 128, 3)


def test_more_photos_than_it_takes_are_refused(engine, portrait, settings):
    with pytest.raises(SettingsError, match="at most 8"):
        engine.generate(capture_of(portrait, [noise(n) for n in range(8)]), settings, Reporter())


def test_nobody_in_a_photo_is_told_and_the_head_is_the_plain_one(engine, portrait, settings):
    """Without anything to place, the views and their cameras are those of one photo, bit by bit."""
    plain = engine.generate(portrait, settings, Reporter())
    wall = from_array(np.full((300, 400, 3), 90, np.uint8), "wall.png")
    result = engine.generate(capture_of(portrait, [wall]), settings, Reporter())
    assert [shot.state for shot in result.shots] == [PLACED, LEFT_OUT] and "Nobody" in result.shots[1].message
    np.testing.assert_array_equal(result.gaussians.means, plain.gaussians.means)
    np.testing.assert_array_equal(result.gaussians.sh, plain.gaussians.sh)


def test_a_further_photo_is_prepared_with_its_side(engine, portrait, settings):
    prepared = prepare_further(engine, Capture.of(portrait), settings, Reporter())
    assert prepared.side == FRONT and prepared.has_face


def test_photos_of_a_scan_replace_its_sides(engine, settings, shared, seen):
    """Placed by themselves: the views from the left and from behind are the photos, and Refine to Photos takes them."""
    folder = shared / "truth-heads" / "scan"
    read = {name: decode((folder / name).read_bytes(), name) for name in ("photo_20.png", "shot_090.png")}
    back = folder / "shot_180.png"
    capture = Capture(
        (
            Shot(read["photo_20.png"]),
            Shot(read["shot_090.png"], role=FURTHER),
            Shot(decode(back.read_bytes(), back.name), ShotOptions(side=BACK), role=FURTHER),
        )
    )

    result = engine.generate(capture, settings, Reporter())

    assert [(shot.state, shot.side) for shot in result.shots] == [(PLACED, FRONT), (PLACED, LEFT), (PLACED, BACK)]
    ((pictures, c2w, _),) = seen
    rig = six_view_rig(128)
    for view, shot in ((4, result.shots[1]), (3, result.shots[2])):
        towards = [np.array(each)[:3, 3] / np.linalg.norm(np.array(each)[:3, 3]) for each in (c2w[view], rig[view].c2w)]
        assert np.degrees(np.arccos(towards[0] @ towards[1])) < 8
        # What the reconstruction sees is the photo, turned and zoomed where it stood: the head lies in the middle.
        person = pictures[view].numpy().min(0) < 0.97
        assert 0.15 < person.mean() < 0.7 and person[:, 30:98].any(1).sum() > 80
        assert np.linalg.norm(shot.camera.position) > 4
    views = [view_of(shot.camera, shot.picture) for shot in result.shots]
    options = RefineOptions(outlines=False, split=False)
    keep = np.random.default_rng(0).choice(len(result.gaussians), 4000, replace=False)
    refined = refine_to_views(result.gaussians.select(np.sort(keep)), views, options, Reporter())
    assert refined.after > refined.before
