"""The full-size models with random weights, made on the device: for measuring speed and memory without a download."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from core.engines.facelift import models
from core.engines.facelift.checkpoint import Checkpoint
from core.engines.facelift.gslrm import GSLRM, GSLRMConfig

GSLRM_SIZE = GSLRMConfig(width=1024, head_width=64, layers=24, patch_size=8, free_gaussians=2)
WIDTHS = [128, 256, 512, 512]
CONFIGS = {
    "unet": {
        "attention_head_dim": [5, 10, 20, 20],
        "block_out_channels": [320, 640, 1280, 1280],
        "class_embed_type": "projection",
        "cross_attention_dim": 1024,
        "down_block_types": [*["CrossAttnDownBlockMV2D"] * 3, "DownBlock2D"],
        "in_channels": 8,
        "mid_block_type": "UNetMidBlockMV2DCrossAttn",
        "multiview_attention": True,
        "num_views": 6,
        "out_channels": 4,
        "projection_class_embeddings_input_dim": 2048,
        "sample_size": 64,
        "sparse_mv_attention": True,
        "up_block_types": ["UpBlock2D", *["CrossAttnUpBlockMV2D"] * 3],
        "use_linear_projection": True,
    },
    "vae": {
        "block_out_channels": WIDTHS,
        "down_block_types": ["DownEncoderBlock2D"] * 4,
        "layers_per_block": 2,
        "scaling_factor": 0.18215,
        "up_block_types": ["UpDecoderBlock2D"] * 4,
    },
    "image_encoder": {
        "hidden_act": "gelu",
        "hidden_size": 1280,
        "image_size": 224,
        "intermediate_size": 5120,
        "num_attention_heads": 16,
        "num_hidden_layers": 32,
        "patch_size": 14,
        "projection_dim": 1024,
    },
    "scheduler": {
        "beta_end": 0.012,
        "beta_schedule": "scaled_linear",
        "beta_start": 0.00085,
        "clip_sample": False,
        "prediction_type": "v_prediction",
        "set_alpha_to_one": False,
        "steps_offset": 1,
        "timestep_spacing": "leading",
    },
    "image_noising_scheduler": {"beta_schedule": "squaredcos_cap_v2"},
    "feature_extractor": {
        "crop_size": {"height": 224, "width": 224},
        "image_mean": [0.48145466, 0.4578275, 0.40821073],
        "image_std": [0.26862954, 0.26130258, 0.27577711],
        "resample": 3,
        "rescale_factor": 1 / 255,
        "size": {"shortest_edge": 224},
    },
}
"""Sizes of the released models (FaceLift specification, sections 4 to 9)."""


@dataclass(frozen=True)
class RandomCheckpoint(Checkpoint):
    """A checkpoint without files.

    Attributes:
        device: Where the weights are made.
        dtype: Their precision.
        home: Where they are kept.
    """

    folder: Path = Path()
    device: str = "cuda"
    dtype: torch.dtype = torch.float16
    home: str = "cuda"

    def config(self, component: str) -> dict:
        """Return a component's full-size configuration."""
        return CONFIGS[component]

    def weights_path(self, component: str) -> Path:
        """Return a name for errors."""
        return self.folder / component

    def gslrm_path(self) -> Path:
        """Return a name for errors."""
        return self.folder / "gslrm"

    def gslrm_head_width(self) -> int:
        """Return the released model's attention head width."""
        return GSLRM_SIZE.head_width

    def weights(self, component: str) -> dict[str, torch.Tensor]:
        """Return random weights of a component."""
        if component == "image_normalizer":
            return {"mean": torch.zeros(1, 1024), "std": torch.ones(1, 1024)}
        return self._drawn(models.build(component, self.config(component)))

    def gslrm_weights(self) -> dict[str, torch.Tensor]:
        """Return random weights of GS-LRM."""
        with torch.device("meta"):
            return self._drawn(GSLRM(GSLRM_SIZE))

    def _drawn(self, model: torch.nn.Module) -> dict[str, torch.Tensor]:
        """Return weights that keep activations near unit spread: scaled by fan-in, norms about 1."""
        generator = torch.Generator(self.device).manual_seed(0)
        drawn = {}
        for name, tensor in model.state_dict().items():
            values = torch.randn(tensor.shape, generator=generator, device=self.device, dtype=torch.float32)
            if tensor.ndim >= 2:
                values /= tensor[0].numel() ** 0.5
            else:
                values = 0.1 * values + (0.0 if name.endswith("bias") else 1.0)
            drawn[name] = values.to(self.dtype).to(self.home)
        return drawn
