"""What the photo tells the UNet: CLIP embeddings with noise, and image latents.

FaceLift specification, section 4.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from diffusers import DDPMScheduler

from .draws import Draws
from .gslrm import Observer, observe_nothing


@dataclass(frozen=True, eq=False)
class Conditioning:
    """The photo as conditions of the conditional half; the unconditional half has zeros.

    Attributes:
        class_labels: [V, 2 D] noised CLIP embeddings and the embedding of noise level 0.
        image_latents: [V, 4, h, w] scaled VAE latents of the photo.
        prompts: [V, 77, C] prompt embeddings, the same in both halves.
    """

    class_labels: torch.Tensor
    image_latents: torch.Tensor
    prompts: torch.Tensor

    @property
    def views(self) -> int:
        """Number of views V."""
        return len(self.image_latents)


@dataclass(frozen=True, eq=False)
class NoiseAugmentation:
    """Adds noise of level 0 to CLIP embeddings, in the embedding's precision.

    In half precision the kept share rounds to exactly 1, so that the noise has no effect there,
    as in the reference.

    Attributes:
        mean, std: [1, D] statistics of the embeddings.
        kept: The noising schedule's cumulated alpha at level 0.
    """

    mean: torch.Tensor
    std: torch.Tensor
    kept: torch.Tensor

    @classmethod
    def of_files(cls, weights: Mapping[str, torch.Tensor], config: Mapping[str, Any]) -> NoiseAugmentation:
        """Return the augmentation of the normalizer's weights and the noising scheduler's configuration."""
        schedule = DDPMScheduler.from_config(dict(config))
        return cls(weights["mean"], weights["std"], schedule.alphas_cumprod[0])

    def __call__(self, embeddings: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """Return class labels [V, 2 D].

        Args:
            embeddings: [V, D] CLIP embeddings; their dtype is the precision of everything here.
            noise: [V, D] standard normal draws.
        """
        mean, std, kept = (tensor.to(embeddings) for tensor in (self.mean, self.std, self.kept))
        normalised = (embeddings - mean) / std
        noised = kept**0.5 * normalised + (1 - kept) ** 0.5 * noise.to(embeddings)
        half = embeddings.shape[1] // 2
        # The sinusoidal embedding of level 0, cosine half first.
        level = torch.cat([torch.ones(half), torch.zeros(embeddings.shape[1] - half)])
        return torch.cat([noised * std + mean, level.to(embeddings).expand(len(embeddings), -1)], dim=1)


def image_embeddings(
    encoder: torch.nn.Module,
    augmentation: NoiseAugmentation,
    pixels: torch.Tensor,
    views: int,
    draws: Draws,
    observe: Observer = observe_nothing,
) -> torch.Tensor:
    """Return the class labels [V, 2 D] of the photo; takes the first draw.

    Args:
        encoder: CLIP's vision tower with projection.
        augmentation: Noise of level 0.
        pixels: [1, 3, h, w] normalised picture.
        views: Number of views V, which share the embedding and have noise of their own.
        draws: The photo's random numbers.
        observe: Looks at intermediate tensors.
    """
    embeddings = encoder(pixels.to(encoder.device, encoder.dtype)).image_embeds.expand(views, -1)
    observe("clip/image_embeds", embeddings)
    noise = draws.normal(*embeddings.shape)
    observe("rng/draw0_image_embeds_noise", noise)
    labels = augmentation(embeddings, noise)
    observe("clip/image_embeds_noised", labels)
    return labels


def image_latents(
    vae: torch.nn.Module, pixels: torch.Tensor, views: int, observe: Observer = observe_nothing
) -> torch.Tensor:
    """Return the photo's latents [V, 4, h, w]: the posterior's mode, scaled, the same for all views."""
    mode = vae.encode(pixels.to(vae.device, vae.dtype)).latent_dist.mode()
    latents = (mode * vae.config.scaling_factor).expand(views, -1, -1, -1)
    observe("vae/image_latents", latents)
    return latents
