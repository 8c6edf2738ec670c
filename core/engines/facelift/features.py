"""Pictures as the models take them: CLIP's pixel values and the VAE's input."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from PIL import Image


def clip_pixels(picture: np.ndarray, config: Mapping[str, Any]) -> torch.Tensor:
    """Return CLIP's input for a picture (FaceLift specification, section 4).

    The resize works on uint8 with Pillow's bicubic filter, which rounds and clips: resizing in
    float differs by up to 0.2 at edges.

    Args:
        picture: [H, W, 3] uint8 RGB.
        config: Content of ``preprocessor_config.json``.

    Returns:
        [1, 3, crop height, crop width] float32, normalised.
    """
    height, width = picture.shape[:2]
    shortest = config["size"]["shortest_edge"]
    ratio = shortest / min(height, width)
    size = (shortest, int(height * ratio)) if width <= height else (int(width * ratio), shortest)
    resized = np.asarray(Image.fromarray(picture).resize(size, Image.Resampling(config["resample"])))
    crop_height, crop_width = config["crop_size"]["height"], config["crop_size"]["width"]
    top, left = (resized.shape[0] - crop_height) // 2, (resized.shape[1] - crop_width) // 2
    cropped = resized[top : top + crop_height, left : left + crop_width]
    scaled = (cropped.astype(np.float64) * config["rescale_factor"]).astype(np.float32)
    mean, std = (np.array(config[name], np.float32) for name in ("image_mean", "image_std"))
    return to_planes(((scaled - mean) / std)[None])


def vae_pixels(picture: np.ndarray) -> torch.Tensor:
    """Return the VAE's input [1, 3, H, W] float32, -1..1, of a picture [H, W, 3] uint8."""
    return to_planes(picture[None].astype(np.float32) / np.float32(255)) * 2 - 1


def to_planes(pictures: np.ndarray) -> torch.Tensor:
    """Return pictures [V, H, W, C] as a contiguous tensor [V, C, H, W].

    Contiguous matters: on the CPU, group normalisation of channels-last tensors loses two digits.
    """
    return torch.from_numpy(np.ascontiguousarray(pictures.transpose(0, 3, 1, 2)))


def to_uint8(pictures: torch.Tensor) -> np.ndarray:
    """Return pictures [V, 3, H, W], 0..1, as [V, H, W, 3] uint8, rounded half to even."""
    # On their device: a byte a channel comes back instead of four.
    levels = (pictures.float() * 255).round().to(torch.uint8)
    return levels.permute(0, 2, 3, 1).contiguous().cpu().numpy()
