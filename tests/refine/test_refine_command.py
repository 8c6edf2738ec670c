"""``python -m core refine``: a head, its photos' cameras as files, and what is wrong with them."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from core import formats
from core.cameras import front_camera
from core.command_line import refining
from core.command_line.cli import main
from core.errors import FaceLiftError
from core.formats.axes import Axes, to_ours_matrix
from core.gaussians import Gaussians
from core.rasterize.cpu import render
from core.rasterize.metrics import psnr
from core.refine.transforms import Frame, read_transforms, transforms_json
from core.splats import spherical_harmonics as harmonics

SIZE, COUNT = 128, 4000


def ball(seed: int, gray: bool = False) -> Gaussians:
    """A ball of small splats in soft colours, or without them."""
    random = np.random.default_rng(seed)
    means = random.normal(size=(COUNT, 3))
    means *= 0.5 / np.linalg.norm(means, axis=1, keepdims=True)
    colors = 0.5 + 0.4 * np.sin(7 * means)
    return Gaussians(
        means,
        np.full((COUNT, 3), 0.03),
        np.tile([1.0, 0, 0, 0], (COUNT, 1)),
        np.full(COUNT, 0.9),
        harmonics.from_colors(np.full_like(colors, 0.5) if gray else colors),
    )


@pytest.fixture
def photographed(tmp_path):
    """A grey ball as a file, the picture of the coloured one, and its camera in the file's axes."""

    def photographed(name: str, axes: Axes | None = None, transparent: bool = True, **frame):
        formats.save(ball(0, gray=True), tmp_path / name, axes=axes)
        rendering = render(ball(0), front_camera(SIZE), (0, 0, 0))
        alpha = np.clip(rendering.alpha, 0, 1)[..., None]
        rgb = rendering.image / np.maximum(alpha, 1e-2)
        picture = np.dstack([rgb, alpha]) if transparent else rgb * alpha + 1 - alpha
        Image.fromarray((np.clip(picture, 0, 1) * 255).astype(np.uint8)).save(tmp_path / "photo.png")
        to_file = to_ours_matrix(axes or formats.format_of(name).axes).T
        camera = front_camera(SIZE).moved(to_file)
        facts = json.loads(transforms_json([Frame(tmp_path / "photo.png", camera)]))
        facts["frames"][0] |= frame
        (tmp_path / "transforms.json").write_text(json.dumps(facts))
        return [str(tmp_path / name), str(tmp_path / "transforms.json")]

    return photographed


def nearness(gaussians: Gaussians) -> float:
    """How near a ball looks to the coloured one from where the picture was taken, in dB."""
    pictures = [render(each, front_camera(SIZE), (0, 0, 0)) for each in (gaussians, ball(0))]
    return psnr(*(np.clip(each.image, 0, 1) for each in pictures))


@pytest.mark.parametrize(
    ("name", "axes", "transparent"),
    [
        ("a.ply", None, True),
        ("a.ply", Axes.Y_UP, True),
        ("a.splat", None, True),
        ("a.spz", None, True),
        ("a.ply", None, False),
    ],
)
def test_a_file_comes_to_match_its_photo_in_its_own_axes(photographed, tmp_path, capsys, name, axes, transparent):
    source = photographed(name, axes, transparent)
    out = tmp_path / f"out{name[1:]}"
    assert main(["refine", *source, "-o", str(out)]) == 0
    told = capsys.readouterr()
    assert told.out == f"{out}\n" and f"{name}: 1 photo," in told.err and "dB now" in told.err
    before, after = nearness(formats.load(source[0])), nearness(formats.load(out))
    assert after > before + 6
    # The result is in the source's axes: the same cameras refine it once more, and find little left to do.
    assert main(["refine", str(out), source[1], "-o", str(out), "--no-split", "--no-outlines"]) == 0
    assert nearness(formats.load(out)) > after - 0.5


def test_strength_and_options_hold_back(photographed, tmp_path):
    source = photographed("a.ply")
    results = {}
    for label, options in {"none": ["--strength", "0"], "half": ["--strength", "0.5"], "all": []}.items():
        path = tmp_path / f"{label}.ply"
        assert main(["refine", *source, "-o", str(path), "--no-split", "--no-outlines", *options]) == 0
        results[label] = formats.load(path)
        assert len(results[label]) == COUNT
        np.testing.assert_array_equal(results[label].opacities, results["none"].opacities)
    assert nearness(results["none"]) + 3 < nearness(results["half"]) < nearness(results["all"])


def moved_up(refined, _views, reporter, _rasterizer):
    """The second step, as if it had a card."""
    reporter.stage("Fitting shapes", steps=2)
    reporter.step(2)
    gaussians = refined.gaussians
    means = gaussians.means + np.array([0, 0, 0.01], np.float32)
    return replace(refined, gaussians=gaussians.replace(means=means), after=refined.after + 1)


def test_shapes_follow_where_there_is_a_card_and_the_first_step_stays_where_it_fails(
    photographed, tmp_path, capsys, monkeypatch
):
    def lost(*_):
        raise RuntimeError("CUDA error: unspecified launch failure")

    def missing():
        raise FaceLiftError("Changing them needs an NVIDIA graphics card, and PyTorch finds none here.")

    source, means = photographed("a.ply"), {}
    ways = {"kept": (moved_up, ["--no-shapes"]), "moved": (moved_up, []), "lost": (lost, []), "missing": (moved_up, [])}
    for label, (step, options) in ways.items():
        monkeypatch.setattr(refining, "refine_shapes", step)
        monkeypatch.setattr(refining, "cuda_rasterizer", missing if label == "missing" else object)
        path = tmp_path / f"{label}.ply"
        assert main(["refine", *source, "-o", str(path), "--no-split", *options]) == 0
        means[label], told = formats.load(path).means, capsys.readouterr().err
        assert ("keep their places and shapes" in told) == (label in ("lost", "missing"))
        assert ("graphics driver was reset" in told) == (label == "lost")
        assert ("PyTorch finds none" in told) == (label == "missing")
    np.testing.assert_allclose(means["moved"] - means["kept"], np.tile([0, 0, 0.01], (COUNT, 1)), atol=1e-6)
    for label in ("lost", "missing"):
        np.testing.assert_array_equal(means[label], means["kept"])


def test_cameras_are_read_as_other_programs_write_them(tmp_path):
    camera = front_camera(SIZE, fov=30)
    matrix = camera.blender_matrix().tolist()
    path = tmp_path / "transforms.json"
    # As NeRF's own data: one angle for all, no sizes, paths without a suffix.
    angle = np.radians(30)
    frames = [{"file_path": "./train/r_0", "transform_matrix": matrix}]
    path.write_text(json.dumps({"camera_angle_x": angle, "frames": frames}))
    (frame,) = read_transforms(path, lambda _: (SIZE, SIZE))
    assert frame.path == tmp_path / "train" / "r_0.png"
    np.testing.assert_allclose(frame.camera.c2w, camera.c2w, atol=1e-12)
    assert frame.camera.fx == pytest.approx(camera.fx) and frame.camera.cx == SIZE / 2
    # As nerfstudio's: the lens beside the frames, in pixels.
    lens = {"fl_x": 90.0, "fl_y": 91.0, "cx": 60.0, "cy": 61.0, "w": 128, "h": 120, "k1": 0.0}
    path.write_text(json.dumps({**lens, "frames": [{"file_path": "a.jpg", "transform_matrix": matrix}]}))
    (frame,) = read_transforms(path, None)
    told = frame.camera
    assert (told.width, told.height, told.fx, told.fy, told.cx, told.cy) == (128, 120, 90, 91, 60, 61)


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        ({"transform_matrix": [[1, 0], [0, 1]]}, "not 4 × 4 numbers"),
        ({"transform_matrix": np.diag([1.0, 1, -1, 1]).tolist()}, "is no rotation"),
        ({"transform_matrix": "no"}, "lacks its picture or its matrix"),
        ({"k1": 0.1}, "is distorted (k1)"),
        ({"fl_x": 0}, "sizes are not positive"),
        ({"fl_x": "wide"}, "can't be read"),
        ({"h": 999}, "its camera 128 × 999"),
        ({"file_path": "gone.png"}, "gone.png could not be opened"),
        ({"file_path": "a.ply"}, "a.ply"),
    ],
)
def test_what_is_wrong_with_cameras_and_photos_is_told(photographed, tmp_path, capsys, frame, message):
    source = photographed("a.ply", **frame)
    assert main(["refine", *source, "-o", str(tmp_path / "out.ply")]) == 2
    told = capsys.readouterr().err
    assert message in told and "Traceback" not in told
    assert not (tmp_path / "out.ply").exists()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"frames": []}', '{"frames": [1]}'])
def test_other_files_are_no_cameras(photographed, tmp_path, capsys, text):
    splats, transforms = photographed("a.ply")
    (tmp_path / "transforms.json").write_text(text)
    assert main(["refine", splats, transforms, "-o", str(tmp_path / "out.ply")]) == 2
    assert "transforms.json is no transforms.json" in capsys.readouterr().err
    assert main(["refine", splats, str(tmp_path / "none.json"), "-o", str(tmp_path / "out.ply")]) == 2
    assert "none.json could not be opened" in capsys.readouterr().err


def test_a_camera_that_looks_elsewhere_is_told(photographed, tmp_path, capsys):
    away = front_camera(SIZE).blender_matrix() @ np.diag([-1.0, 1, -1, 1])
    source = photographed("a.ply", transform_matrix=(to_ours_matrix(Axes.Y_DOWN).T @ away).tolist())
    assert main(["refine", *source, "-o", str(tmp_path / "out.ply")]) == 2
    assert "does not see these splats" in capsys.readouterr().err
