"""The FaceLift pipeline on a CUDA device; skipped where there is none."""

# First of all: where torch is absent, it skips the module.
from tests.helpers.facelift import HEAD_WIDTH, torch

# isort: split
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from core.engines.facelift.acceleration import BASELINE, MODES, full_float32
from core.engines.facelift.checkpoint import Checkpoint
from core.engines.facelift.pipeline import Pipeline, Sampling

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def exact_convolutions() -> Iterator[None]:
    with full_float32():
        yield


@pytest.fixture(scope="module")
def checkpoint(checkpoint_folder):
    return Checkpoint.open(checkpoint_folder)


def views_of(checkpoint: Checkpoint, device: str = "cuda", **options) -> np.ndarray:
    pipeline = Pipeline(checkpoint, device, head_width=HEAD_WIDTH, **options)
    rows, columns = np.mgrid[: pipeline.picture_size, : pipeline.picture_size]
    picture = np.stack([rows * 2, columns * 2, (rows + columns) % 256], axis=2).astype(np.uint8)
    return pipeline.generate_views(picture, Sampling(3)).astype(int)


def test_recorded_tensors_agree(record_folder):
    command = [sys.executable, "-m", "tests.tools.parity", record_folder, "--device", "cuda"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("mode", MODES)
def test_modes_give_the_views_of_the_processor(checkpoint, mode, caplog):
    own = views_of(checkpoint, choices=MODES[mode])
    assert np.abs(own - views_of(checkpoint, "cpu", choices=BASELINE)).max() <= 1
    # The plain forward pass takes over where the faster one fails, and pieces where compiling stops.
    assert not [record for record in caplog.records if record.levelname in ("WARNING", "ERROR")]


def test_low_memory_leaves_nothing_on_the_card(checkpoint):
    own = views_of(checkpoint, low_memory=True, choices=MODES["off"])
    assert np.abs(own - views_of(checkpoint, choices=MODES["off"])).max() <= 1
    pipeline = Pipeline(checkpoint, "cuda", low_memory=True, head_width=HEAD_WIDTH)
    for name in ("vae", "unet", "gslrm"):
        before = torch.cuda.memory_allocated()
        with pipeline.resident(name) as model:
            weights = {key: value.clone() for key, value in model.state_dict().items()}
            assert all(value.is_cuda for value in weights.values())
        kept = model.state_dict()
        assert all(torch.equal(kept[key], value.cpu()) for key, value in weights.items())
        del weights
        assert torch.cuda.memory_allocated() <= before
