"""Layers that replace the libraries' own where those move more memory than the result needs.

On a graphics card convolutions are fastest on channels-last tensors. torch's group normalisation turns
such tensors back, diffusers' transformers hand theirs back turned, and its gated feed-forward layers
read their two halves from one interleaved tensor. Results are equal up to rounding.
"""

from __future__ import annotations

from collections.abc import Callable
from types import MethodType

import torch
from diffusers.models.activations import GEGLU
from diffusers.models.transformers.transformer_2d import Transformer2DModel
from torch import nn
from torch.nn import functional


class ChannelsLastGroupNorm(nn.GroupNorm):
    """Group normalisation that leaves channels-last tensors so (Wu and He 2018, arXiv 1803.08494).

    Statistics and the affine map are float32 in every precision.
    """

    @classmethod
    def of(cls, norm: nn.GroupNorm) -> ChannelsLastGroupNorm:
        """Return the same normalisation with the same parameters."""
        own = cls(norm.num_groups, norm.num_channels, norm.eps, device="meta")
        own.weight, own.bias = norm.weight, norm.bias
        return own

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Return [B, C, H, W] of values [B, C, H, W], in their dtype; other shapes and layouts as the library does."""
        turned = values.ndim == 4 and values.is_contiguous(memory_format=torch.channels_last)
        if not turned or values.is_contiguous() or torch.compiler.is_compiling():
            return super().forward(values)
        batch, channels = values.shape[:2]
        grouped, broadcast = (batch, self.num_groups, -1), (batch, channels, 1, 1)
        count = values[0].numel() / self.num_groups
        totals = values.sum(dim=(2, 3), dtype=torch.float32)
        lengths = torch.linalg.vector_norm(values, dim=(2, 3), dtype=torch.float32)
        mean = totals.view(grouped).sum(dim=2, keepdim=True) / count
        squares = torch.linalg.vector_norm(lengths.view(grouped), dim=2, keepdim=True).square() / count
        variance = torch.addcmul(squares, mean, mean, value=-1).clamp_min(0)
        scale = torch.rsqrt(variance + self.eps) * self.weight.float().view(1, self.num_groups, -1)
        shift = torch.addcmul(self.bias.float().view(1, self.num_groups, -1), mean, scale, value=-1)
        out = torch.empty_like(values)
        return torch.addcmul(shift.view(broadcast), values, scale.view(broadcast), out=out)


class SplitGEGLU(nn.Module):
    """GELU-gated linear unit (Shazeer 2020, arXiv 2002.05202) whose value and gate are tensors of their own."""

    def __init__(self, joined: GEGLU) -> None:
        super().__init__()
        self.value, self.gate = (self._half(joined.proj, half) for half in (0, 1))

    @staticmethod
    def _half(joined: nn.Linear, half: int) -> nn.Linear:
        linear = nn.Linear(joined.in_features, joined.out_features // 2, joined.bias is not None, device="meta")
        for name, parameter in joined.named_parameters():
            setattr(linear, name, nn.Parameter(parameter.chunk(2)[half].clone(), requires_grad=False))
        return linear

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return [B, T, D'] of tokens [B, T, D]."""
        return functional.gelu(self.gate(tokens)).mul_(self.value(tokens))


def replace_modules(model: nn.Module, kind: type[nn.Module], make: Callable[[nn.Module], nn.Module]) -> None:
    """Replace every module of exactly this kind inside a model."""
    for parent in list(model.modules()):
        for name, child in parent.named_children():
            if type(child) is kind:
                setattr(parent, name, make(child))


def keep_channels_last(model: nn.Module) -> None:
    """Let a model of diffusers hand channels-last tensors from layer to layer; others pass as before."""
    replace_modules(model, nn.GroupNorm, ChannelsLastGroupNorm.of)
    for module in model.modules():
        if isinstance(module, Transformer2DModel) and module.use_linear_projection:
            module._get_output_for_continuous_inputs = MethodType(_tokens_to_maps, module)


def _tokens_to_maps(
    self: Transformer2DModel,
    hidden_states: torch.Tensor,
    residual: torch.Tensor,
    batch_size: int,
    height: int,
    width: int,
    inner_dim: int,
) -> torch.Tensor:
    """Return the transformer's output [B, C, H, W] of its tokens [B, H W, C]: the library's, without its copy."""
    maps = self.proj_out(hidden_states).reshape(batch_size, height, width, inner_dim).permute(0, 3, 1, 2)
    return residual + maps
