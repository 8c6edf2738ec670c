"""Material for the FaceLift tests: the recorded subset, unpacked, and random checkpoints of other sizes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")
pytest.importorskip("transformers")

from safetensors.torch import load_file, save_file  # noqa: E402

from core.engines.facelift import models, preparation  # noqa: E402
from core.engines.facelift.gslrm import GSLRM, GSLRMConfig  # noqa: E402
from core.photo.decode import Photo  # noqa: E402
from core.photo.prepare import find_faces  # noqa: E402
from tests.helpers.photo import astronaut  # noqa: E402

HEAD_WIDTH = 16
"""GS-LRM's attention head width in the recorded checkpoint."""
OTHER_HEAD_WIDTH = 12
"""The same in :func:`other_checkpoint`, whose files state it."""


def cut_out_astronaut() -> Photo:
    """Return the astronaut, cut out beforehand, so that not every test does it again."""
    rgb = astronaut()
    opaque = Photo(np.dstack([rgb, np.full((512, 512), 255, np.uint8)]), False, "astronaut.png", "ab" * 32)
    cut_out, _ = preparation.with_matte(opaque, rgb, find_faces(rgb)[0][1])
    return Photo(cut_out, True, opaque.name, opaque.sha256)


def unet_folder(checkpoint: Path) -> Path:
    """Return the UNet's folder of a checkpoint."""
    return checkpoint / "mvdiffusion" / "pipeckpts" / "unet"


def rewrite_weights(path: Path, change) -> None:
    """Change the tensors of a safetensors file in place."""
    weights = load_file(path)
    change(weights)
    save_file(weights, path)


def other_checkpoint(source: Path, target: Path) -> Path:
    """Make a random checkpoint of other widths, layers and sizes than the recorded one.

    Pictures of 64 pixels, patches of 16 pixels, 3 free Gaussians.
    """
    shutil.copytree(source, target)
    pipeline = target / "mvdiffusion" / "pipeckpts"
    changes = {
        "unet/config.json": {
            "block_out_channels": [24, 24, 48, 72],
            "attention_head_dim": [3, 2, 6, 6],
            "cross_attention_dim": 40,
            "norm_num_groups": 4,
            "layers_per_block": 1,
            "sample_size": 8,
            "projection_class_embeddings_input_dim": 48,
        },
        "vae/config.json": {"block_out_channels": [8, 16, 16, 24], "layers_per_block": 1, "norm_num_groups": 4},
        "image_encoder/config.json": {
            "hidden_size": 48,
            "intermediate_size": 80,
            "num_attention_heads": 3,
            "image_size": 42,
            "projection_dim": 24,
        },
        "feature_extractor/preprocessor_config.json": {
            "crop_size": {"height": 42, "width": 42},
            "size": {"shortest_edge": 42},
        },
        "text_encoder/config.json": {"hidden_size": 40, "num_attention_heads": 5},
    }
    for name, change in changes.items():
        path = pipeline / name
        path.write_text(json.dumps(json.loads(path.read_text()) | change))
    generator = torch.Generator().manual_seed(0)
    for kind in ("unet", "vae", "image_encoder", "text_encoder"):
        model = models.build(kind, json.loads((pipeline / kind / "config.json").read_text()))
        weights = {name: _random(tensor, generator) for name, tensor in model.state_dict().items()}
        next((pipeline / kind).glob("*.safetensors")).unlink()
        save_file(weights, pipeline / kind / "model.safetensors")
    save_file(
        {"mean": torch.randn(1, 24, generator=generator), "std": torch.rand(1, 24, generator=generator) + 0.5},
        pipeline / "image_normalizer" / "diffusion_pytorch_model.safetensors",
    )
    with torch.device("meta"):
        gslrm = GSLRM(GSLRMConfig(width=48, head_width=OTHER_HEAD_WIDTH, layers=2, patch_size=16, free_gaussians=3))
    weights = {name: _random(tensor, generator) for name, tensor in gslrm.state_dict().items()}
    for path in (target / "gslrm").iterdir():
        path.unlink()
    torch.save({"model": weights}, target / "gslrm" / "ckpt_0000000000000001.pt")
    (target / "gslrm" / "config.json").write_text(json.dumps({"d_head": OTHER_HEAD_WIDTH}))
    return target


def _random(tensor: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    values = torch.randn(tensor.shape, generator=generator)
    return values / max(1, tensor[0].numel()) ** 0.5 if tensor.ndim >= 2 else 1 + 0.1 * values
