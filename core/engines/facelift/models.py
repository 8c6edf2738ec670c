"""Building the models on library parts and loading official weights strictly."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPVisionConfig, CLIPVisionModelWithProjection

from .checkpoint import REMEDY, Checkpoint
from .errors import CheckpointError
from .gslrm import GSLRM, GSLRMConfig

OLD_VAE_NAMES = {".query.": ".to_q.", ".key.": ".to_k.", ".value.": ".to_v.", ".proj_attn.": ".to_out.0."}
"""Names of the VAE's attention in files of older libraries (FaceLift specification, section 2)."""
POSITION_IDS = "position_ids"
"""A counting buffer that older files store and current classes make themselves."""


def unet_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the stock UNet's arguments for a multi-view ``unet/config.json`` (FaceLift specification, section 7).

    Block types lose their multi-view suffix; keys of the multi-view class are dropped: those
    that mean something are checked, the others have no effect.

    Raises:
        CheckpointError: the configuration asks for another kind of attention than FaceLift's.
    """
    if not (config.get("multiview_attention") and config.get("sparse_mv_attention")):
        raise CheckpointError(
            "unet/config.json does not describe a UNet with sparse multi-view attention.",
            "Choose the folder of a FaceLift checkpoint.",
            file="unet/config.json",
        )

    def stock(value: object) -> object:
        if isinstance(value, str):
            return value.replace("MV2D", "2D")
        return [stock(item) for item in value] if isinstance(value, list) else value

    known = inspect.signature(UNet2DConditionModel.__init__).parameters
    return {name: stock(value) for name, value in config.items() if name in known}


def load_strictly(model: nn.Module, weights: Mapping[str, torch.Tensor], file: str, dtype: torch.dtype | None) -> None:
    """Fill a model on the meta device; every name and shape must fit.

    Args:
        model: Built under ``torch.device("meta")``.
        weights: Names and tensors of the file.
        file: Its name, for errors.
        dtype: Cast floating-point weights to it; None keeps the file's.

    Raises:
        CheckpointError: a tensor is missing, unknown or of another shape.
    """
    expected = model.state_dict()
    renamed = {current_name(name, expected): tensor for name, tensor in weights.items()}
    renamed = {name: tensor for name, tensor in renamed.items() if not name.endswith(POSITION_IDS) or name in expected}
    for name in sorted(expected.keys() | renamed.keys()):
        if name not in renamed:
            problem = f"lacks the tensor {name}"
        elif name not in expected:
            problem = f"has an unknown tensor {name}"
        elif renamed[name].shape != expected[name].shape:
            problem = f"has {name} of shape {tuple(renamed[name].shape)}, expected {tuple(expected[name].shape)}"
        else:
            continue
        raise CheckpointError(f"{file} {problem}.", REMEDY, file=file, tensor=name)
    if dtype is not None:
        renamed = {name: tensor.to(dtype) for name, tensor in renamed.items()}
    model.load_state_dict(renamed, strict=True, assign=True)
    for module in model.modules():
        ids = module._buffers.get(POSITION_IDS)
        if ids is not None and ids.is_meta:
            module.register_buffer(POSITION_IDS, torch.arange(ids.shape[-1])[None], persistent=False)
    model.requires_grad_(False).eval()


def current_name(name: str, expected: Mapping[str, object]) -> str:
    """Return the name that the current library classes give to an official or older one."""
    if name in expected:
        return name
    for old, new in OLD_VAE_NAMES.items():
        if name.replace(old, new) in expected:
            return name.replace(old, new)
    # transformers 5 dropped the outer "text_model." of the text encoder's names.
    short = name.removeprefix("text_model.")
    return short if short in expected else name


def build(kind: str, config: Mapping[str, Any]) -> nn.Module:
    """Return an empty model on the meta device: "unet", "vae", "image_encoder" or "text_encoder"."""
    with torch.device("meta"):
        if kind == "unet":
            return UNet2DConditionModel(**unet_config(config))
        if kind == "vae":
            return AutoencoderKL.from_config(dict(config))
        if kind == "image_encoder":
            return CLIPVisionModelWithProjection(CLIPVisionConfig(**config))
        return CLIPTextModel(CLIPTextConfig(**config))


def load_component(checkpoint: Checkpoint, kind: str, dtype: torch.dtype | None = None) -> nn.Module:
    """Return a model of the diffusion pipeline with the checkpoint's weights, on the CPU.

    Raises:
        CheckpointError: a file is missing, damaged or does not fit its configuration.
    """
    model = build(kind, checkpoint.config(kind))
    load_strictly(model, checkpoint.weights(kind), checkpoint.name(checkpoint.weights_path(kind)), dtype)
    return model


def load_gslrm(checkpoint: Checkpoint, dtype: torch.dtype | None = None, head_width: int | None = None) -> GSLRM:
    """Return GS-LRM with the checkpoint's weights, on the CPU.

    Args:
        checkpoint: Where the weights are.
        dtype: Precision of the matrix products; norms stay float32.
        head_width: Attention head width; None takes the checkpoint's.

    Raises:
        CheckpointError: the file is missing, damaged or of an impossible shape.
    """
    weights = checkpoint.gslrm_weights()
    file = checkpoint.name(checkpoint.gslrm_path())
    try:
        config = GSLRMConfig.of_weights(weights, head_width or checkpoint.gslrm_head_width())
    except KeyError as error:
        raise CheckpointError(f"{file} holds no GS-LRM: it lacks {error}.", REMEDY, file=file) from error
    except ValueError as error:
        remedy = (
            'State another head width in gslrm/config.json, as {"d_head": 64}, or choose another checkpoint folder.'
        )
        raise CheckpointError(f"{file} holds no GS-LRM that can be built: {error}.", remedy, file=file) from error
    with torch.device("meta"):
        model = GSLRM(config)
    load_strictly(model, weights, file, torch.float32)
    return model.set_precision(dtype or torch.float32)
