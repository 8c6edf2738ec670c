"""What slimming a checkpoint needs of the models: GS-LRM's tensors, the prompts, and a comparison of outputs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np
import torch

from ...cameras import VIEW_NAMES, six_view_rig
from ...progress import Reporter
from ...weights.slim_outputs import Tensors
from ...weights.tensor_files import ArrayTensor
from . import attention, models, prompts, rays
from .checkpoint import Checkpoint

DTYPE_NAMES = {torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16"}
"""torch's types -> their names in safetensors files."""
PICTURE_SIZE = 64
"""Side of the pictures on which outputs are compared: every weight takes part, in seconds on a CPU."""
TIMESTEP = 481
SEED = 4


def gslrm_tensors(folder: Path) -> Tensors:
    """Return GS-LRM's inference tensors by name, memory-mapped.

    Raises:
        CheckpointError: the file is missing, damaged or holds something else.
    """
    tensors = Checkpoint.open(folder).gslrm_weights()
    # numpy has no bfloat16: it gets the bits.
    return {
        name: ArrayTensor(
            DTYPE_NAMES[tensor.dtype],
            (tensor.view(torch.uint16) if tensor.dtype == torch.bfloat16 else tensor).numpy(),
        )
        for name, tensor in tensors.items()
    }


def prompt_embeddings(folder: Path) -> np.ndarray:
    """Return the embeddings of the six prompts, [6, 77, C] float16.

    Raises:
        CheckpointError: the text encoder or the tokenizer is missing or damaged.
    """
    return prompts.prompt_embeddings(Checkpoint.open(folder)).to(torch.float16).numpy()


def differences(original: Path, slimmed: Path, reporter: Reporter) -> dict[str, float]:
    """Return the relative L2 difference of every model's output between two checkpoints.

    Both run in float32 on the CPU on the same random inputs, one model at a time.

    Raises:
        CheckpointError: a file is missing, damaged or does not fit.
        Cancelled: cancelled through the reporter.
    """
    folders = Checkpoint.open(original), Checkpoint.open(slimmed)
    found = {}
    for name, run in RUNS.items():
        outputs = []
        for checkpoint in folders:
            reporter.check()
            outputs.append(run(checkpoint))
        found[name] = max(relative_difference(*pair) for pair in zip(*outputs, strict=True))
    return found


def relative_difference(exact: torch.Tensor, other: torch.Tensor) -> float:
    """Return the L2 norm of the difference over that of the exact values."""
    return float(torch.linalg.vector_norm(other - exact) / torch.linalg.vector_norm(exact))


def _noise(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(SEED))


@torch.inference_mode()
def _run_unet(checkpoint: Checkpoint) -> Iterable[torch.Tensor]:
    unet = models.load_component(checkpoint, "unet", torch.float32)
    attention.install(unet, len(VIEW_NAMES), cached_text=False)
    views, side = len(VIEW_NAMES), 2 ** len(unet.config.block_out_channels)
    labels = _noise(views, unet.config.projection_class_embeddings_input_dim)
    text = _noise(views, prompts.TOKENS, unet.config.cross_attention_dim)
    latents = _noise(views, unet.config.in_channels, side, side)
    return [unet(latents, TIMESTEP, text, class_labels=labels, return_dict=False)[0]]


@torch.inference_mode()
def _run_vae(checkpoint: Checkpoint) -> Iterable[torch.Tensor]:
    vae = models.load_component(checkpoint, "vae", torch.float32)
    latents = vae.encode(_noise(1, vae.config.in_channels, PICTURE_SIZE, PICTURE_SIZE)).latent_dist.mode()
    return [latents, vae.decode(_noise(*latents.shape), return_dict=False)[0]]


@torch.inference_mode()
def _run_image_encoder(checkpoint: Checkpoint) -> Iterable[torch.Tensor]:
    encoder = models.load_component(checkpoint, "image_encoder", torch.float32)
    size = encoder.config.image_size
    return [encoder(_noise(1, encoder.config.num_channels, size, size)).image_embeds]


def _run_image_normalizer(checkpoint: Checkpoint) -> Iterable[torch.Tensor]:
    weights = checkpoint.weights("image_normalizer")
    return [weights[name].float() for name in ("mean", "std")]


def _run_gslrm(checkpoint: Checkpoint) -> Iterable[torch.Tensor]:
    gslrm = models.load_gslrm(checkpoint)
    c2w, intrinsics = rays.camera_tensors(six_view_rig(PICTURE_SIZE), torch.device("cpu"))
    raw = gslrm(_noise(len(VIEW_NAMES), 3, PICTURE_SIZE, PICTURE_SIZE).sigmoid(), c2w, intrinsics)
    return [raw.xyz, raw.features, raw.scaling, raw.rotation, raw.opacity]


def _read_prompts(checkpoint: Checkpoint) -> Iterable[torch.Tensor]:
    return [prompts.prompt_embeddings(checkpoint).float()]


RUNS: Mapping[str, Callable[[Checkpoint], Iterable[torch.Tensor]]] = {
    "unet": _run_unet,
    "vae": _run_vae,
    "image_encoder": _run_image_encoder,
    "image_normalizer": _run_image_normalizer,
    "gslrm": _run_gslrm,
    "prompt_embeddings": _read_prompts,
}
"""Model -> function that returns its outputs for fixed inputs."""
