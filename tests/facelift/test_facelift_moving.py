"""A clip becomes a head a frame with the FaceLift engine: the tiny random checkpoint, on the processor."""

from __future__ import annotations

# First of all: where torch is absent, it skips the module.
from tests.helpers.facelift import torch  # noqa: F401

# isort: split
import json

import numpy as np
import pytest

from core import formats
from core.engines.facelift.pipeline import Pipeline
from core.moving.making import make_moving
from core.moving.manifest import recipe_of
from core.progress import Reporter
from tests.helpers.photo import astronaut
from tests.tools.truth_clip import write_video


@pytest.fixture
def clip(tmp_path):
    """Her photo three times, the last time brighter."""
    photo = np.ascontiguousarray(astronaut()[:360, 60:420])
    path = tmp_path / "ann.mp4"
    write_video(path, [photo, photo, np.minimum(photo, 215) + 40], (360, 360), 10)
    return path


def test_a_clip_becomes_heads_of_one_seed_with_models_that_stay(engine, clip, checkpoint_folder, tmp_path, monkeypatch):
    loads, load = [], Pipeline.load
    monkeypatch.setattr(Pipeline, "load", lambda self, step: (loads.append(id(self)), load(self, step))[1])
    settings, folder = {"checkpoint": str(checkpoint_folder), "steps": 2}, tmp_path / "heads"
    recipe = recipe_of(clip, "facelift", settings, rate=10.0, suffix=".ply")
    made = make_moving(clip, folder, recipe, engine, settings, Reporter())
    assert made.made == 3 and not made.failed and len(loads) == 3 and len(set(loads)) == 1
    heads = [formats.load(folder / f"ann_0000{number}.ply") for number in (1, 2, 3)]
    assert min(map(len, heads)) > 1000 and all(np.isfinite(head.means).all() for head in heads)
    stored = json.loads((folder / "sequence.json").read_text())
    assert stored["recipe"]["settings"]["seed"] == 4 and "checkpoint" not in stored["recipe"]["settings"]
    # Made again after a stop, with less memory: the same head, where nothing else is made anew.
    before = (folder / "ann_00003.ply").read_bytes()
    (folder / "ann_00002.ply").unlink()
    (folder / "ann_00003.ply").unlink()
    made = make_moving(clip, folder, recipe, engine, settings, Reporter())
    assert made.made == 2 and made.there == 1 and (folder / "ann_00003.ply").read_bytes() == before
