"""A new engine is one folder and one line: it is in the panel with its settings, and makes heads of several photos."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.addon.toy_steps import CHOSEN
from tests.helpers.addon import needs_blender

pytestmark = needs_blender

ROOT = Path(__file__).resolve().parents[2]
LINE = '    "facelift",\n'
"""The last line of the registry's list."""


def tree_with_a_toy_engine(folder: Path) -> Path:
    """Copy what becomes the extension, and add the folder and the line."""
    for name in ("core", "facelift_addon"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("blender_manifest.toml", "LICENSE"):
        shutil.copy(ROOT / name, folder / name)
    shutil.copytree(ROOT / "tests" / "addon" / "toy_engine", folder / "core" / "engines" / "toy")
    registry = folder / "core" / "engines" / "registry.py"
    text = registry.read_text(encoding="utf-8")
    assert text.count(LINE) == 1
    registry.write_text(text.replace(LINE, LINE + '    "toy",\n'), encoding="utf-8")
    return folder


def test_a_new_engine_is_one_folder_and_one_line(tmp_path, astronaut):
    tree = tree_with_a_toy_engine(tmp_path / "tree")
    further = tmp_path / "further.png"
    Image.new("RGB", (64, 64), (0, 255, 0)).save(further)
    command = [sys.executable, "-m", "tests.addon.toy_steps", tmp_path / "resources", tree, astronaut, further]
    environment = {name: value for name, value in os.environ.items() if name != "BLENDER_USER_RESOURCES"}
    done = subprocess.run(list(map(str, command)), cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    assert done.returncode == 0, done.stdout
    found = json.loads(done.stdout.splitlines()[-1])

    assert list(found["engines"]) == ["draft", "facelift", "toy"], "files know engines by their place"
    assert found["engines"]["toy"] == ["Toy", "A ball in the photo's color"]
    assert found["drawn"] == ["engine", *CHOSEN, "head_height"], "its settings, and no lens that it would not use"
    assert found["properties"]["count"] == ["INT", "Count", "How many Gaussians the ball has"]
    assert found["properties"]["solid"][:2] == ["BOOLEAN", "Solid"]
    assert found["properties"]["half"] is None, "settings for experts are for the command line"
    assert found["paint"] == [["photo", "Photo", "The photos' mean color"], ["gray", "Gray", "No color"]]
    assert found["roundness"] == [1.0, 0.0, 1.0]

    assert found["errors"] == []
    recipe = found["recipe"]
    assert recipe["engine"] == "toy" and recipe["settings"] == CHOSEN | {"half": False} and recipe["licence"] == "CC0"
    assert [shot["photo"]["name"] for shot in recipe["shots"]] == ["astronaut.png"]
    assert found["splats"] == CHOSEN["count"]

    two = found["two shots"]
    assert two["errors"] == []
    assert two["photos"] == ["astronaut.png", "further.png"] and two["roles"] == ["portrait", "further"]
    portrait = np.asarray(Image.open(astronaut).convert("RGB")).mean(axis=(0, 1)) / 255
    assert two["color"] == pytest.approx((portrait + np.eye(3)[1]) / 2, abs=2e-3), "both photos reached the engine"
    assert two["again"], "a head's further photos are found again"
