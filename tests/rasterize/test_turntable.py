"""Turntables, rendered views and the video file."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from core.cameras import six_view_rig, turntable
from core.errors import Cancelled, FaceLiftError
from core.gaussians import Gaussians
from core.progress import Reporter
from core.rasterize import cpu
from core.rasterize.metrics import psnr
from core.rasterize.turntable import rendered_views, sheet, turntable_frames, write_turntable
from core.splats.spherical_harmonics import C0
from core.system import video

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def head() -> Gaussians:
    """Three balls: red before, green at the right, blue at the left of the person."""
    means = np.array([[0, -0.5, 0], [-0.5, 0, 0.2], [0.5, 0, -0.2]])
    colors = np.eye(3)
    sh = ((colors - 0.5) / C0)[:, None]
    return Gaussians(means, np.full((3, 3), 0.1), np.tile([1.0, 0, 0, 0], (3, 1)), np.full(3, 0.95), sh)


def read_video(path: Path) -> tuple[np.ndarray, float]:
    av = pytest.importorskip("av")
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
        return np.stack(frames), float(stream.average_rate)


def test_turntable_goes_once_around_on_white(head):
    frames = list(turntable_frames(head, count=8, size=64, renderer=cpu.render))
    assert len(frames) == 8
    for frame, camera in zip(frames, turntable(8, 64), strict=True):
        np.testing.assert_array_equal(frame, cpu.render(head, camera).to_uint8())
        assert (frame[0, 0] == 255).all()
    assert not np.array_equal(frames[0], frames[4])


def test_video_shows_the_frames(head, tmp_path):
    pytest.importorskip("av")
    path = tmp_path / "turn.mp4"
    write_turntable(head, path, count=12, size=96, renderer=cpu.render)
    frames, rate = read_video(path)
    assert frames.shape == (12, 96, 96, 3)
    assert rate == 30
    expected = list(turntable_frames(head, count=12, size=96, renderer=cpu.render))
    for frame, exact in zip(frames, expected, strict=True):
        assert psnr(frame / 255, exact / 255) > 28


def test_cancelled_turntable_keeps_the_old_file(head, tmp_path):
    pytest.importorskip("av")
    path = tmp_path / "turn.mp4"
    path.write_bytes(b"old")
    cancel = threading.Event()

    def on_progress(progress):
        if progress.step == 3:
            cancel.set()

    with pytest.raises(Cancelled):
        write_turntable(head, path, Reporter(on_progress, cancel=cancel), 12, 64, cpu.render)
    assert path.read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["turn.mp4"]


def test_unwritable_video_is_an_error(head, tmp_path):
    pytest.importorskip("av")
    with pytest.raises(FaceLiftError) as caught:
        write_turntable(head, tmp_path / "nowhere" / "turn.mp4", count=2, size=64, renderer=cpu.render)
    assert caught.value.code == "file-unwritable"


def test_odd_sizes_are_refused(tmp_path):
    with pytest.raises(ValueError, match="even"):
        video.write_mp4(tmp_path / "x.mp4", [], (63, 64), 30)


def test_missing_library_says_what_to_do():
    """In a process that can't import PyAV."""
    code = (
        "import importlib.abc, importlib.machinery, importlib.util, sys\n"
        "real = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, package=None: None if name == 'av' else real(name, package)\n"
        "from core.system import video\n"
        "from core.errors import EngineUnavailable\n"
        "try:\n    video.check_available()\nexcept EngineUnavailable as error:\n    print(error.code, error)"
    )
    output = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert output.startswith("no-video")
    assert "pip install av" in output


def test_rendered_views_are_those_of_the_rig(head):
    views = rendered_views(head, 64, cpu.render)
    assert views.shape == (6, 64, 64, 3)
    for view, camera in zip(views, six_view_rig(64), strict=True):
        np.testing.assert_array_equal(view, cpu.render(head, camera).to_uint8())


def test_sheet_puts_views_side_by_side():
    views = np.stack([np.full((4, 5, 3), index, np.uint8) for index in range(6)])
    assert sheet(views).shape == (4, 30, 3)
    assert sheet(views)[0, ::5, 0].tolist() == list(range(6))
