"""The random numbers of one photo, in the reference's order."""

from __future__ import annotations

import torch


class Draws:
    """Standard normal draws from one generator (FaceLift specification, section 6).

    Numbers are always drawn on the CPU in float32, whatever the models' device and precision, so
    that a seed gives the same head on every machine. The price: pictures of the reference's own
    CUDA generator cannot be reproduced.

    The order of calls is part of the contract: noise of the image embedding, initial latents,
    then one draw a denoising step if eta > 0.

    Args:
        seed: Seed of the photo.
    """

    def __init__(self, seed: int) -> None:
        self._generator = torch.Generator("cpu").manual_seed(seed)

    def normal(self, *shape: int) -> torch.Tensor:
        """Return the next draw, float32 on the CPU, contiguous."""
        return torch.randn(shape, generator=self._generator, dtype=torch.float32)
