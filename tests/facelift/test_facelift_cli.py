"""The command line with the FaceLift engine: photos in, everything that the reference's script writes out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

from core import formats
from core.command_line import cli
from core.weights.table import FileTable
from tests.helpers.patience import PATIENCE
from tests.helpers.photo import astronaut

ROOT = Path(__file__).resolve().parents[2]
FRAMES = 3


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> Path:
    """A folder with two portraits and a file that is no picture."""
    folder = tmp_path_factory.mktemp("photos")
    portrait = Image.fromarray(astronaut())
    portrait.save(folder / "ann.png")
    portrait.transpose(Image.Transpose.FLIP_LEFT_RIGHT).resize((400, 400)).save(folder / "bob.jpg", quality=95)
    (folder / "broken.png").write_bytes(b"no picture")
    return folder


@pytest.fixture(scope="module")
def environment(tmp_path_factory) -> dict[str, str]:
    """The process's environment without the user's own folders."""
    base = tmp_path_factory.mktemp("home")
    folders = {"XDG_CACHE_HOME": "cache", "FACELIFT_WEIGHTS": "weights", "HF_HUB_CACHE": "hub"}
    own = {name: str(base / folder) for name, folder in folders.items()}
    return {key: value for key, value in os.environ.items() if key != "FACELIFT_CHECKPOINT"} | own


def run(environment: dict[str, str], *arguments: object) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "core", *map(str, arguments)]
    one_thread = {"OMP_NUM_THREADS": "1"}
    return subprocess.run(
        command, cwd=ROOT, env=environment | one_thread, capture_output=True, text=True, timeout=PATIENCE
    )


def settings(checkpoint: Path) -> tuple:
    return ("--engine", "facelift", "--checkpoint", checkpoint, "--steps", 2)


class Answer(NamedTuple):
    """How a command line ended: exit code, what it printed, what it told."""

    code: int
    out: str
    err: str


@pytest.fixture
def run_here(environment, monkeypatch, capsys):
    """The command line in this process, where PyTorch is loaded once: loading it takes longer than tiny models."""
    for name, folder in environment.items():
        monkeypatch.setenv(name, folder)
    monkeypatch.delenv("FACELIFT_CHECKPOINT", raising=False)

    def run_here(*arguments: object) -> Answer:
        return Answer(cli.main([str(argument) for argument in arguments]), *capsys.readouterr())

    return run_here


@pytest.fixture
def generate_here(run_here, checkpoint_folder):
    """The same for heads: exit code and what it wrote to stderr."""

    def generate_here(*arguments: object, checkpoint: Path = checkpoint_folder) -> tuple[int, str]:
        answer = run_here("generate", *arguments, *settings(checkpoint))
        return answer.code, answer.err

    return generate_here


@pytest.fixture(scope="module")
def batch(environment, checkpoint_folder, photos, tmp_path_factory):
    """One run over the folder with everything switched on."""
    out = tmp_path_factory.mktemp("out")
    extras = ("--views", "--turntable", out / "videos", "--turntable-frames", FRAMES)
    # OpenMP tells its settings when torch loads it.
    told = environment | {"OMP_DISPLAY_ENV": "TRUE"}
    return run(told, "generate", photos, "-o", out, *extras, *settings(checkpoint_folder)), out


def test_a_bad_photo_does_not_stop_the_batch(batch):
    result, out = batch
    assert result.returncode == 1
    assert "broken.png" in result.stderr
    assert "2 of 3 photos done, 1 failed" in result.stderr
    assert "Traceback" not in result.stderr
    assert {path.name for path in out.glob("*.ply")} == {"ann.ply", "bob.ply"}


def test_idle_threads_sleep(batch):
    """On a busy computer spinning ones slow small models down by a factor of 20 and more."""
    result, _ = batch
    if "OPENMP DISPLAY" not in result.stderr:
        pytest.skip("this torch's threads are not OpenMP's")
    assert "OMP_WAIT_POLICY" in result.stderr and "PASSIVE" in result.stderr


def test_every_file_of_the_references_script_is_written(batch):
    pytest.importorskip("av")
    result, out = batch
    for name in ("ann", "bob"):
        gaussians = formats.load(out / f"{name}.ply")
        assert len(gaussians) > 1000
        assert np.abs(gaussians.means[:, :2]).max() <= 0.91 + 1e-6, "the filters cropped it"
        for suffix, size in {"aligned": (512, 512), "multiview": (6 * 128, 128), "views": (6 * 512, 512)}.items():
            with Image.open(out / f"{name}_{suffix}.png") as picture:
                assert picture.size == size
                assert np.ptp(np.asarray(picture)) > 50
        assert (out / "videos" / f"{name}_turntable.mp4").stat().st_size > 1000
    printed = [Path(line) for line in result.stdout.splitlines()]
    assert sorted(printed) == sorted(path for path in out.rglob("*") if path.is_file())


def test_video_has_the_frames_asked_for(batch):
    av = pytest.importorskip("av")
    with av.open(str(batch[1] / "videos" / "ann_turntable.mp4")) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(frames) == FRAMES
    assert frames[0].shape == (512, 512, 3)


def test_a_photo_alone_gives_the_same_head_as_in_a_batch(generate_here, photos, batch, tmp_path):
    code, told = generate_here(photos / "bob.jpg", "-o", tmp_path / "again.ply")
    assert code == 0, told
    assert (tmp_path / "again.ply").read_bytes() == (batch[1] / "bob.ply").read_bytes()


def test_seed_crop_and_preset_change_the_head(generate_here, photos, batch, tmp_path):
    heads = {(batch[1] / "ann.ply").read_bytes()}
    for number, options in enumerate((["--seed", 5], ["--aligned"], ["--preset", "fast", "--guidance", 2.0])):
        head = tmp_path / f"{number}.ply"
        code, told = generate_here(photos / "ann.png", "-o", head, *options)
        assert code == 0, told
        heads.add(head.read_bytes())
    assert len(heads) == 4


def test_low_memory_gives_the_same_head(generate_here, photos, batch, tmp_path):
    head = tmp_path / "low.ply"
    code, told = generate_here(photos / "ann.png", "-o", head, "--low-memory")
    assert code == 0, told
    exact, low = formats.load(batch[1] / "ann.ply"), formats.load(head)
    assert abs(len(exact) - len(low)) < 0.01 * len(exact)


def test_missing_weights_are_told_before_any_work(run_here, generate_here, photos, tmp_path):
    result = run_here("generate", photos, "--engine", "facelift", "-o", tmp_path / "out")
    assert result.code != 0
    assert "weights are not here" in result.err
    _, told = generate_here(photos, "-o", tmp_path / "out", checkpoint=tmp_path / "nowhere")
    assert "nowhere" in told
    assert not list(tmp_path.rglob("*.ply"))


def test_several_heads_do_not_share_one_video(generate_here, photos, tmp_path):
    pytest.importorskip("av")
    code, told = generate_here(photos, "-o", tmp_path, "--turntable", tmp_path / "all.mp4")
    assert code == 2
    assert "one file" in told
    assert not list(tmp_path.iterdir())


def test_weights_from_verification_to_a_head_of_the_slimmed_form(
    run_here,
    environment,
    checkpoint_folder,
    photos,
    batch,
    tmp_path,
):
    table = tmp_path / "table.json"
    table.write_text(run_here("weights", "table", checkpoint_folder, "--licence", "CC0").out)
    assert FileTable.read(table).files == FileTable.of_folder(checkpoint_folder).files
    checked = run_here("weights", "verify", checkpoint_folder, "--table", table)
    assert checked.code == 0, checked.err
    assert "20 files" in checked.err
    official = run_here("weights", "verify", checkpoint_folder)
    assert official.code == 1
    assert "ckpt_0000000000021125.pt holds other bytes" in official.out
    refused = run_here("weights", "slim", checkpoint_folder)
    assert refused.code == 2
    assert "other bytes" in refused.err
    slimmed = run_here("weights", "slim", checkpoint_folder, "--table", table)
    assert slimmed.code == 0, slimmed.err
    folder = Path(slimmed.out.strip())
    assert folder.is_relative_to(environment["FACELIFT_WEIGHTS"])
    assert run_here("weights", "verify", folder).code == 0
    found = run_here("weights", "resolve")
    assert found.out.strip() == str(folder)
    assert "slimmed" in found.err
    head = tmp_path / "slim.ply"
    made = run_here("generate", photos / "ann.png", "-o", head, "--engine", "facelift", "--steps", 2)
    assert made.code == 0, made.err
    exact, slim = formats.load(batch[1] / "ann.ply"), formats.load(head)
    assert abs(len(exact) - len(slim)) < 0.02 * len(exact)
    assert json.loads((folder / "slim.json").read_text())["licence"] == "CC0"


def test_download_asks_for_consent(environment, tmp_path):
    result = run(environment, "weights", "download", tmp_path / "weights")
    assert result.returncode == 2
    assert "Adobe Research License" in result.stderr
    assert not (tmp_path / "weights").exists()
