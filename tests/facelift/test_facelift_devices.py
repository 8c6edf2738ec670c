"""Every tensor of the FaceLift pipeline is where its models are, in a precision that fits.

No graphics card is needed: torch's meta device computes shapes, devices and precisions and no
values, and refuses to mix devices as a graphics card does. What a pipeline brings back to the CPU
is replaced by ones.
"""

# First of all: where torch is absent, it skips the module.
from tests.helpers.facelift import HEAD_WIDTH, torch

# isort: split
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.engines.facelift.acceleration import BASELINE
from core.engines.facelift.checkpoint import Checkpoint
from core.engines.facelift.diffusion import Guidance
from core.engines.facelift.draws import Draws
from core.engines.facelift.gslrm import FIELDS
from core.engines.facelift.pipeline import Pipeline, Sampling

DEVICE = "meta"


@pytest.fixture(autouse=True)
def ones_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let meta tensors come to the CPU as ones, and count as true."""
    plain_to, plain_bool = torch.Tensor.to, torch.Tensor.__bool__

    def to(tensor, *arguments, **named):
        targets = [value for value in (*arguments, *named.values()) if isinstance(value, (str, torch.device))]
        if tensor.is_meta and targets and torch.device(targets[0]).type == "cpu":
            tensor = torch.ones(tensor.shape, dtype=tensor.dtype)
        return plain_to(tensor, *arguments, **named)

    monkeypatch.setattr(torch.Tensor, "to", to)
    monkeypatch.setattr(torch.Tensor, "cpu", lambda tensor: to(tensor, "cpu"))
    monkeypatch.setattr(torch.Tensor, "__bool__", lambda tensor: tensor.is_meta or plain_bool(tensor))


def pipeline_of(folder: Path, cache: Path, **options) -> Pipeline:
    return Pipeline(
        Checkpoint.open(folder), DEVICE, torch.float16, head_width=HEAD_WIDTH, prompt_cache=cache, **options
    )


@pytest.mark.parametrize(
    ("options", "sampling"),
    [
        ({}, Sampling(3)),
        ({}, Sampling(3, fast=True)),
        ({"low_memory": True}, Sampling(3, Guidance(sequential=True))),
        ({"choices": BASELINE}, Sampling(3)),
        ({"vae_dtype": torch.float32}, Sampling(2)),
    ],
    ids=["default", "fast", "low-memory", "plain", "exact-vae"],
)
def test_a_photo_goes_through_on_one_device(checkpoint_folder, tmp_path, options, sampling):
    pipeline = pipeline_of(checkpoint_folder, tmp_path, **options)
    picture = np.zeros((pipeline.picture_size, pipeline.picture_size, 3), np.uint8)
    views = pipeline.generate_views(picture, sampling)
    assert views.shape == (pipeline.views, *picture.shape)
    raw = pipeline.reconstruct(views)
    assert all(getattr(raw, name).device.type == DEVICE for name in FIELDS)
    assert len({len(getattr(raw, name)) for name in FIELDS}) == 1


def test_a_tensor_left_behind_is_noticed(checkpoint_folder, tmp_path):
    pipeline = pipeline_of(checkpoint_folder, tmp_path)
    draws, sampling = Draws(4), Sampling(1)
    condition = pipeline.condition(np.zeros((pipeline.picture_size, pipeline.picture_size, 3), np.uint8), draws)
    latents, solver = condition.image_latents, pipeline.solver(sampling, draws)
    astray = replace(condition, prompts=torch.zeros(condition.prompts.shape, dtype=torch.float16))
    with pytest.raises(RuntimeError, match="device"):
        pipeline.denoise(solver, latents, astray, sampling.guidance)
