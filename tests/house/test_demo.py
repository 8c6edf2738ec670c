"""``build.py demo`` with the FaceLift engine, all the way: the zip installed, the worker, every file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from core import formats
from tests.helpers.addon import needs_blender
from tests.helpers.patience import PATIENCE
from tests.helpers.photo import astronaut
from tests.tools.building.packages import build_zip

ROOT = Path(__file__).resolve().parents[2]


@needs_blender
def test_demo_of_a_noise_head_ends_and_writes_every_file(tmp_path, checkpoint_folder):
    """Random weights make thousands of large splats, through which Cycles would not get in minutes."""
    # Here, for it loads PyTorch: most runs choose nothing of this module. Where there is none, it skips.
    from tests.helpers.facelift import other_checkpoint

    photo = tmp_path / "photo.png"
    Image.fromarray(astronaut()).resize((256, 256)).save(photo)
    weights = other_checkpoint(checkpoint_folder, tmp_path / "weights")
    out = tmp_path / "out"
    command = [sys.executable, "-m", "tests.tools.demo", "--zip", build_zip(tmp_path / "facelift.zip")]
    command += ["--engine", "facelift", "--checkpoint", weights, "--photo", photo, "--out", out]
    folders = {name: str(tmp_path / name) for name in ("XDG_CACHE_HOME", "FACELIFT_WEIGHTS", "HF_HUB_CACHE")}
    result = subprocess.run(
        [str(part) for part in command],
        cwd=ROOT,
        env=os.environ | folders,
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert {path.name for path in out.iterdir()} == {
        "head.ply",
        "head.blend",
        "front.png",
        "turntable.png",
        "report.json",
    }
    report = json.loads((out / "report.json").read_text())
    assert report["recipe"]["engine"] == "facelift"
    assert report["renderer"] == "reference rasterizer"
    assert len(formats.load(out / "head.ply")) == report["gaussians"] > 1000
    for name, size in {"front.png": (512, 512), "turntable.png": (1024, 512)}.items():
        with Image.open(out / name) as picture:
            assert picture.size == size
            assert np.asarray(picture).std() > 20
