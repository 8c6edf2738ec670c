"""Damaged checkpoints name the file and the remedy."""

from __future__ import annotations

# First of all: where torch is absent, it skips the module.
from tests.helpers.facelift import (
    other_checkpoint,
    rewrite_weights,
    torch,
    unet_folder,
)

# isort: split
import json
import pickle
from pathlib import Path

import pytest
from safetensors.torch import save_file

from core.engines.facelift import models
from core.engines.facelift.checkpoint import Checkpoint
from core.engines.facelift.errors import CheckpointError
from core.engines.facelift.gslrm import GSLRMConfig

PIPELINE = "mvdiffusion/pipeckpts"
UNET = f"{PIPELINE}/unet/diffusion_pytorch_model.safetensors"
GSLRM = "gslrm/ckpt_0000000000021125.pt"


def failure(action) -> CheckpointError:
    with pytest.raises(CheckpointError) as caught:
        action()
    assert caught.value.code == "bad-checkpoint"
    assert caught.value.advice
    return caught.value


@pytest.mark.parametrize(
    "name",
    [
        GSLRM,
        UNET,
        f"{PIPELINE}/unet/config.json",
        f"{PIPELINE}/vae/diffusion_pytorch_model.safetensors",
        f"{PIPELINE}/image_encoder/model.safetensors",
        f"{PIPELINE}/image_normalizer/diffusion_pytorch_model.safetensors",
        f"{PIPELINE}/text_encoder/model.safetensors",
        f"{PIPELINE}/scheduler/scheduler_config.json",
        f"{PIPELINE}/image_noising_scheduler/scheduler_config.json",
        f"{PIPELINE}/feature_extractor/preprocessor_config.json",
    ],
)
def test_a_missing_file_is_named(own_checkpoint: Path, name):
    (own_checkpoint / name).unlink()
    error = failure(lambda: Checkpoint.open(own_checkpoint))
    assert error.details["file"] == name
    assert name in error.message


def test_a_missing_folder_is_named(tmp_path):
    assert "nowhere" in failure(lambda: Checkpoint.open(tmp_path / "nowhere")).message


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.999])
def test_a_truncated_file_is_named(own_checkpoint: Path, share):
    for name in (UNET, GSLRM):
        path = own_checkpoint / name
        path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    checkpoint = Checkpoint.open(own_checkpoint)
    error = failure(lambda: models.load_component(checkpoint, "unet"))
    assert error.details["file"] == UNET and "download" in error.advice
    error = failure(lambda: models.load_gslrm(checkpoint))
    assert error.details["file"] == GSLRM


def test_a_tensor_that_does_not_fit_is_named(own_checkpoint: Path):
    path = own_checkpoint / UNET
    rewrite_weights(path, lambda weights: weights.update({"conv_in.bias": torch.zeros(7)}))
    error = failure(lambda: models.load_component(Checkpoint.open(own_checkpoint), "unet"))
    assert error.details == {"file": UNET, "tensor": "conv_in.bias"}
    rewrite_weights(path, lambda weights: weights.pop("conv_in.bias"))
    error = failure(lambda: models.load_component(Checkpoint.open(own_checkpoint), "unet"))
    assert error.details["tensor"] == "conv_in.bias"
    rewrite_weights(path, lambda weights: weights.update({"conv_in.bias": torch.zeros(16), "extra": torch.zeros(1)}))
    error = failure(lambda: models.load_component(Checkpoint.open(own_checkpoint), "unet"))
    assert error.details["tensor"] == "extra"


def test_another_kind_of_unet_is_refused(own_checkpoint: Path):
    path = unet_folder(own_checkpoint) / "config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps(config | {"sparse_mv_attention": False}))
    assert "multi-view" in failure(lambda: models.load_component(Checkpoint.open(own_checkpoint), "unet")).message
    path.write_text("{ not json")
    assert failure(lambda: Checkpoint.open(own_checkpoint)).details["file"].endswith("unet/config.json")


class Bomb:
    """Unpickling it would write a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.write_text, (self.path, "exploded")


@pytest.mark.parametrize("writer", [torch.save, lambda content, path: path.write_bytes(pickle.dumps(content))])
def test_no_code_of_a_pickle_runs(own_checkpoint: Path, tmp_path, writer):
    writer({"model": Bomb(tmp_path / "mark")}, own_checkpoint / GSLRM)
    assert failure(lambda: models.load_gslrm(Checkpoint.open(own_checkpoint))).details["file"] == GSLRM
    assert not (tmp_path / "mark").exists()


@pytest.mark.parametrize("content", [{"optimizer": {}}, {"model": {"a": torch.zeros(2)}}, torch.zeros(3), [1, 2]])
def test_a_pickle_of_something_else_is_refused(own_checkpoint: Path, content):
    torch.save(content, own_checkpoint / GSLRM)
    assert failure(lambda: models.load_gslrm(Checkpoint.open(own_checkpoint))).details["file"] == GSLRM


def test_training_weights_are_dropped_and_everything_else_must_fit(own_checkpoint: Path):
    content = torch.load(own_checkpoint / GSLRM, weights_only=True)
    assert any(name.startswith("loss_calculator.") for name in content["model"])
    models.load_gslrm(Checkpoint.open(own_checkpoint))
    content["model"]["surplus.weight"] = torch.zeros(1)
    torch.save(content, own_checkpoint / GSLRM)
    assert failure(lambda: models.load_gslrm(Checkpoint.open(own_checkpoint))).details["tensor"] == "surplus.weight"


def test_slimmed_form_gives_the_same_model(own_checkpoint: Path):
    official = models.load_gslrm(Checkpoint.open(own_checkpoint), head_width=16).state_dict()
    weights = Checkpoint.open(own_checkpoint).gslrm_weights()
    save_file({name: tensor.clone() for name, tensor in weights.items()}, own_checkpoint / "gslrm/gslrm.safetensors")
    (own_checkpoint / GSLRM).unlink()
    (own_checkpoint / "gslrm/config.json").write_text(json.dumps({"d_head": 16}))
    slim = models.load_gslrm(Checkpoint.open(own_checkpoint))
    assert slim.config.head_width == 16
    assert all(torch.equal(tensor, official[name]) for name, tensor in slim.state_dict().items())


def test_names_of_older_libraries_load(own_checkpoint: Path):
    def age(weights: dict) -> None:
        for new, old in {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}.items():
            for name in [name for name in weights if f".{new}." in name]:
                weights[name.replace(f".{new}.", f".{old}.")] = weights.pop(name)

    checkpoint = Checkpoint.open(own_checkpoint)
    current = models.load_component(checkpoint, "vae").state_dict()
    rewrite_weights(checkpoint.weights_path("vae"), age)
    aged = models.load_component(checkpoint, "vae").state_dict()
    assert all(torch.equal(tensor, aged[name]) for name, tensor in current.items())
    ids = {"vision_model.embeddings.position_ids": torch.arange(17)[None]}
    rewrite_weights(checkpoint.weights_path("image_encoder"), lambda weights: weights.update(ids))
    models.load_component(checkpoint, "image_encoder")


def test_other_sizes_load(checkpoint_folder: Path, tmp_path):
    checkpoint = Checkpoint.open(other_checkpoint(checkpoint_folder, tmp_path / "other"))
    assert models.load_gslrm(checkpoint).config == GSLRMConfig(48, 12, 2, 16, 3)
    (checkpoint.folder / "gslrm" / "config.json").unlink()
    with pytest.raises(CheckpointError, match="width 48 is no multiple of the head width 64") as caught:
        models.load_gslrm(checkpoint)
    assert "gslrm/config.json" in caught.value.advice
    with pytest.raises(CheckpointError):
        models.load_gslrm(checkpoint, head_width=11)
