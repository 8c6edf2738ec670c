"""``generate VIDEO``: what is asked for is done or refused in words, and videos don't mix."""

import json

import numpy as np
import pytest
from PIL import Image

from core import formats
from core.command_line import cli
from core.engines.draft.engine import DraftEngine
from core.errors import FaceLiftError
from tests.helpers.photo import astronaut
from tests.tools.truth_clip import write_video


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """Her photo four times."""
    path = tmp_path_factory.mktemp("clips") / "ann.mp4"
    write_video(path, [np.ascontiguousarray(astronaut()[:360, 60:420])] * 4, (360, 360), 20)
    return path


def generate(*arguments):
    return cli.main(["generate", *map(str, arguments)])


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["--with", "side.png"], "--with: that is for a single head"),
        (["--views"], "--views: that is for a single head"),
        (["--turntable", "--cameras"], "--turntable, --cameras: that is for a single head"),
        (["--face", "1"], "--face: that can't be chosen for a video"),
        (["--format", "docx"], "needs a folder, and a format of splats"),
    ],
)
def test_what_a_head_a_frame_has_no_use_for_is_refused_in_words(clip, tmp_path, capsys, given, told):
    assert generate(clip, "--every-frame", "-o", tmp_path / "heads", *given) == cli.EXIT_USAGE
    assert told in capsys.readouterr().err and not (tmp_path / "heads").exists()


def test_each_of_several_videos_has_a_folder_of_its_own(clip, tmp_path, capsys):
    other = tmp_path / "bob.mp4"
    other.write_bytes(clip.read_bytes())
    asked = ("--every-frame", "--end", "0.02", "--quality", "low", "-o", tmp_path / "heads")
    assert generate(clip, other, *asked) == 0
    made = [tmp_path / "heads" / name / f"{name}_00001.spz" for name in ("ann", "bob")]
    assert capsys.readouterr().out.split() == list(map(str, made))
    assert all(len(formats.load(path)) > 1000 for path in made)
    assert json.loads((made[1].parent / "sequence.json").read_text())["recipe"]["clip"] == "bob.mp4"


def test_photos_that_are_named_join_the_best_frames_of_a_video(clip, tmp_path, monkeypatch):
    taken, side = [], tmp_path / "side.png"
    Image.fromarray(astronaut()).save(side)

    def generate_nothing(self, capture, settings, reporter):
        taken.extend((shot.photo.name[:4], shot.role, shot.options.side) for shot in capture.shots)
        raise FaceLiftError("Enough.")

    monkeypatch.setattr(DraftEngine, "generate", generate_nothing)
    assert generate(clip, "--with", f"{side}:left", "-o", tmp_path / "head.ply") == cli.EXIT_FAILED
    assert taken == [("ann ", "portrait", "auto"), ("side", "further", "left")]


def test_a_command_that_is_stopped_says_how_to_go_on(clip, tmp_path, monkeypatch, capsys):
    def stopped(self, capture, settings, reporter):
        raise KeyboardInterrupt

    monkeypatch.setattr(DraftEngine, "generate", stopped)
    assert generate(clip, "--every-frame", "-o", tmp_path / "heads") == cli.EXIT_INTERRUPTED
    assert "the same command goes on from there" in capsys.readouterr().err
