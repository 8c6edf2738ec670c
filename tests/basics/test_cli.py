"""The command line, with real files; engines of worker_entry.py stand in where failing is the point."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core import formats
from core.command_line import cli, photos
from core.engines import registry
from core.engines.base import Engine
from core.progress import Progress
from core.system.console import Console
from core.version import version
from tests.helpers import worker_entry
from tests.helpers.gaussian import random_gaussians
from tests.helpers.photo import astronaut
from tests.helpers.ply import element, raw_columns, written
from tests.helpers.worker import ROOT, photo_bytes


@pytest.fixture(autouse=True)
def engines(monkeypatch):
    """The test engines in this process's registry, for one test."""
    monkeypatch.setattr(registry, "ENGINES", list(registry.ENGINES))
    worker_entry.register(*worker_entry.ENGINES)


@pytest.fixture
def photo(tmp_path) -> Path:
    path = tmp_path / "photos" / "anna.png"
    path.parent.mkdir()
    path.write_bytes(photo_bytes())
    return path


def generate(*arguments: object) -> int:
    return cli.main(["generate", *map(str, arguments)])


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_photo_becomes_files(photo, tmp_path, capsys):
    out = tmp_path / "new" / "out"
    assert generate(photo, "--engine", "steps", "--count", 50, "--seed", 3, "-o", out, "--views") == 0
    assert names(out) == ["anna.ply", "anna_aligned.png", "anna_views.png"]
    expected = worker_entry.random_gaussians(50, 3)
    np.testing.assert_array_equal(formats.load(out / "anna.ply").means, expected.means)
    with Image.open(out / "anna_aligned.png") as aligned, Image.open(out / "anna_views.png") as views:
        assert (aligned.size, aligned.mode) == ((512, 512), "RGBA")
        assert views.size == (6 * 512, 512)
        assert np.ptp(np.asarray(views)) > 0
    printed = capsys.readouterr()
    assert printed.out.splitlines() == [str(out / name) for name in names(out)]
    assert "anna.png: Stepping" in printed.err
    assert "a note" in printed.err
    assert "50 Gaussians" in printed.err


def test_the_photos_cameras_become_files_that_refine_reads(tmp_path, capsys):
    path = tmp_path / "portrait.png"
    Image.fromarray(astronaut()).save(path)
    assert generate(path, "-o", tmp_path / "out", "--quality", "low", "--cameras") == 0
    cameras = ["portrait_photo_1.png", "portrait_transforms.json"]
    assert names(tmp_path / "out") == ["portrait.ply", "portrait_aligned.png", *cameras]
    (told,) = json.loads((tmp_path / "out" / cameras[1]).read_text())["frames"]
    assert told["file_path"] == cameras[0] and told["w"] == Image.open(tmp_path / "out" / cameras[0]).width
    arguments = [tmp_path / "out" / name for name in ("portrait.ply", cameras[1])]
    assert cli.main(["refine", *map(str, arguments), "-o", str(tmp_path / "refined.spz")]) == 0
    before, after = re.search(r"1 photo, ([\d.]+) dB before, ([\d.]+) dB now", capsys.readouterr().err).groups()
    assert float(before) > 25 and float(after) > float(before) + 1


@pytest.fixture
def further(photo):
    """Further photos of Anna: from her left, from behind, and the portrait again."""
    folder = photo.parent.parent / "more"
    folder.mkdir()
    for name, color in (("left.png", (9, 9, 9)), ("back.png", (1, 2, 3))):
        Image.new("RGB", (128, 128), color).save(folder / name)
    (folder / "again.png").write_bytes(photo.read_bytes())
    return folder


def test_further_photos_make_one_head_with_the_portrait(photo, further, tmp_path, capsys):
    more = [f"{further / 'left.png'}:left", further / "back.png", further / "again.png"]
    assert generate(photo, "--engine", "several", "-o", tmp_path / "out", "--with", *more) == 0
    assert names(tmp_path / "out") == ["anna.ply", "anna_aligned.png"]
    told = capsys.readouterr().err
    assert "again.png is the same photo as anna.png: it is taken once." in told
    assert "left.png: placed, left." in told
    assert "back.png: help, three-quarter. Its camera was not found." in told


def test_a_file_whose_name_ends_like_a_side_is_that_file(further):
    assert photos.further_photo("a.png:back") == (Path("a.png"), {"side": "back"})
    assert photos.further_photo("a.png:top") == (Path("a.png:top"), {})
    if os.name != "nt":
        (further / "a:back").touch()
        assert photos.further_photo(f"{further}/a:back") == (further / "a:back", {})


@pytest.mark.parametrize(
    ("engine", "more", "message"),
    [
        ("steps", ["left.png"], "2 photos were given, and this engine makes a head from at most 1"),
        ("several", ["left.png", "gone.png"], "gone.png could not be opened"),
        ("several", ["left.png", "damaged.png"], "damaged.png is damaged or incomplete"),
    ],
)
def test_further_photos_that_can_t_be_used_are_told_by_name(photo, further, tmp_path, capsys, engine, more, message):
    (further / "damaged.png").write_bytes((further / "left.png").read_bytes()[:60])
    files = [further / name for name in more]
    assert generate(photo, "--engine", engine, "-o", tmp_path / "out", "--with", *files) == 1
    assert message in capsys.readouterr().err


def test_further_photos_belong_to_one_portrait(photo, further, tmp_path, capsys):
    arguments = [photo, further / "left.png", "--engine", "several", "-o", tmp_path, "--with", further / "back.png"]
    assert generate(*arguments) == 2
    assert "Name one portrait" in capsys.readouterr().err


def test_a_single_photo_may_name_its_file(photo, tmp_path):
    assert generate(photo, "--engine", "steps", "-o", tmp_path / "out" / "head.PLY") == 0
    assert names(tmp_path / "out") == ["head.PLY", "head_aligned.png"]


def test_a_folder_with_a_bad_photo_goes_on_and_says_so(photo, tmp_path, capsys):
    folder = photo.parent
    (folder / "broken.jpg").write_bytes(b"no photo")
    (folder / "zoe.PNG").write_bytes(photo_bytes())
    (folder / "notes.txt").write_text("not a photo")
    (folder / "._anna.png").write_bytes(b"what macOS leaves behind")
    (folder / "empty.jpg").mkdir()
    out = tmp_path / "out"
    assert generate(folder, tmp_path / "missing.jpg", "--engine", "steps", "-o", out) == 1
    assert names(out) == ["anna.ply", "anna_aligned.png", "zoe.ply", "zoe_aligned.png"]
    printed = capsys.readouterr().err
    assert "[2/4] broken.jpg: " in printed
    assert "missing.jpg could not be opened" in printed
    assert "2 of 4 photos done, 2 failed" in printed
    assert "Traceback" not in printed


def test_photos_of_one_name_do_not_replace_each_other(photo, tmp_path):
    twin = tmp_path / "Anna.jpg"
    Image.open(io.BytesIO(photo_bytes())).save(twin)
    out = tmp_path / "out"
    assert generate(photo, twin, photo, "--engine", "steps", "-o", out) == 0
    assert [name for name in names(out) if name.endswith(".ply")] == ["Anna-2.ply", "anna-3.ply", "anna.ply"]


def test_a_bug_is_shown_whole_and_the_batch_goes_on(photo, tmp_path, capsys):
    assert generate(photo, photo, "--engine", "failing", "--how", "error", "-o", tmp_path / "out") == 1
    printed = capsys.readouterr().err
    assert printed.count("RuntimeError: a bug") == 2
    assert "0 of 2 photos done, 2 failed" in printed


def test_expected_errors_are_plain_words(photo, tmp_path, capsys):
    assert generate(photo, "--engine", "failing", "--how", "photo", "-o", tmp_path / "out") == 1
    printed = capsys.readouterr().err
    assert "anna.png: No face was found. Choose another photo." in printed
    assert "Traceback" not in printed


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--engine", "steps", "--count", "-1"], "'count'"),
        (["--engine", "steps", "--count", "many"], "--count"),
        (["--engine", "steps", "--face", "-1"], "'face'"),
        (["--engine", "steps", "--lens", "selfie"], "--lens"),
        (["--engine", "steps", "--how", "softly"], "--how"),
        (["--engine", "steps", "--nonsense"], "--nonsense"),
        (["--engine", "magic"], "magic"),
    ],
)
def test_wrong_usage_is_refused_before_work(photo, tmp_path, capsys, arguments, words):
    out = tmp_path / "out"
    try:
        status = generate(photo, *arguments, "-o", out)
    except SystemExit as exit_:
        status = exit_.code
    assert status == 2
    assert words in capsys.readouterr().err
    assert not out.exists()


def test_several_photos_cannot_share_a_file(photo, tmp_path, capsys):
    assert generate(photo, photo, "--engine", "steps", "-o", tmp_path / "head.ply") == 2
    assert "Name a folder" in capsys.readouterr().err


def test_a_folder_without_photos_is_said(tmp_path, capsys):
    assert generate(tmp_path, "--engine", "steps", "-o", tmp_path / "out") == 2
    assert "no photo" in capsys.readouterr().err


def test_an_output_folder_that_is_a_file_is_said(photo, tmp_path, capsys):
    assert generate(photo, "--engine", "steps", "-o", photo) == 2
    assert "could not be made" in capsys.readouterr().err


def test_settings_become_arguments(capsys):
    with pytest.raises(SystemExit) as caught:
        generate("--engine", "steps", "--help")
    assert caught.value.code == 0
    printed = capsys.readouterr().out
    for words in (
        "settings of the steps engine",
        "--count 0..10000000",
        "--no-views-too",
        "--how {exit,",
        "default: 100",
    ):
        assert words in printed


@pytest.mark.parametrize("engine", ["draft", "facelift"])
def test_every_engine_can_be_asked_for_help(capsys, engine):
    assert isinstance(registry.create_engine(engine), Engine)
    with pytest.raises(SystemExit) as caught:
        generate("--engine", engine, "--help")
    assert caught.value.code == 0
    assert "--seed" in capsys.readouterr().out


def test_info_names_the_engines(capsys):
    assert cli.main(["info"]) == 0
    printed = capsys.readouterr().out
    assert version() in printed
    for engine in registry.ENGINES:
        assert f"{engine}: " in printed


def test_info_for_programs():
    command = [sys.executable, "-m", "core", "info", "--json"]
    facts = json.loads(subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout)
    assert facts["version"] == version()
    assert [engine["id"] for engine in facts["engines"]] == ["draft", "facelift"]


def test_a_terminal_shows_one_line(monkeypatch):
    leader, follower = pytest.importorskip("pty").openpty()
    monkeypatch.setenv("COLUMNS", "40")
    with os.fdopen(leader, "rb", buffering=0) as screen:
        with os.fdopen(follower, "w") as stream:
            console = Console(stream)
            console.progress("[1/2] anna.png", Progress("Fitting the head", 1, 4, 0.25, 12.3))
            console.progress("[1/2] a-very-long-name-that-does-not-fit.png", Progress("Fitting", 4, 4, 1.0, 0.0))
            console.message("done")
            # A terminal hands over what has arrived, which can be less than was written.
            shown = b""
            while not shown.endswith(b"done\r\n"):
                shown += screen.read(4096)
    first, second, third = shown.decode().split("\r\x1b[K")[1:]
    assert first == "[1/2] anna.png: Fitting the head (25%, 12 s left)"[:39]
    assert len(second) == 39
    assert third.strip() == "done"


def test_the_draft_engine_from_the_command_line(tmp_path):
    Image.fromarray(astronaut()).save(tmp_path / "astronaut.png")
    command = [sys.executable, "-m", "core", "generate", tmp_path / "astronaut.png", "--quality", "low"]
    done = subprocess.run([*command, "-o", tmp_path], cwd=ROOT, stdout=subprocess.PIPE, check=True, text=True)
    head, _ = done.stdout.splitlines()
    assert 60_000 <= len(formats.load(head)) <= 200_000


def test_convert_tells_what_is_left_out_and_assumed(tmp_path, capfd):
    columns = raw_columns(random_gaussians(10))
    columns["x"][3] = np.nan
    (tmp_path / "in.ply").write_bytes(written(element(columns)))
    assert cli.main(["convert", str(tmp_path / "in.ply"), str(tmp_path / "out.splat")]) == 0
    out, err = capfd.readouterr()
    assert out.strip() == str(tmp_path / "out.splat")
    assert "1 of 10 splats left out" in err and "+Y is taken for down" in err
    np.testing.assert_allclose(formats.read(tmp_path / "out.splat").gaussians.means[:, 0], np.delete(columns["x"], 3))
    assert (
        cli.main(["convert", str(tmp_path / "out.splat"), str(tmp_path / "up.ply"), "--from", "y-up", "--to", "z-up"])
        == 0
    )
    assert b"comment Axes: RFU" in (tmp_path / "up.ply").read_bytes()
    assert "+Y is" not in capfd.readouterr().err
    assert cli.main(["convert", str(tmp_path / "absent.ply"), str(tmp_path / "out.spz")]) == 2
