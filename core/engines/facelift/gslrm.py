"""GS-LRM: the transformer from six posed pictures to Gaussians (FaceLift specification, section 11)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from . import rays

Observer = Callable[[str, torch.Tensor], None]
"""Called with a name and a tensor wherever a comparison may want to look."""

LAYER_NORM_EPS = 1e-5
CHANNELS = 9
"""Colour, ray direction and nearest point, three each."""
FIELDS = {"xyz": 3, "features": 3, "scaling": 3, "rotation": 4, "opacity": 1}
"""Parameters of one Gaussian and their widths, in the decoder's order."""
PARAMETERS = sum(FIELDS.values())
FLOAT = 4
"""Bytes of a float32 number."""
SCALING_SHIFT, SCALING_LIMIT = -2.3, -1.2
OPACITY_SHIFT = -2.0
DEPTH_RANGE = 1.8
"""Pixel Gaussians lie this far at most before or behind the ray's point nearest to the origin."""


def observe_nothing(name: str, tensor: torch.Tensor) -> None:
    """Ignore an observation."""


@dataclass(frozen=True)
class GSLRMConfig:
    """Sizes of a GS-LRM.

    Attributes:
        width: Token width d.
        head_width: Width of an attention head.
        layers: Transformer layers.
        patch_size: Pixels along a patch's side.
        free_gaussians: Gaussians that belong to no pixel.
    """

    width: int
    head_width: int
    layers: int
    patch_size: int
    free_gaussians: int

    @classmethod
    def of_weights(cls, weights: Mapping[str, torch.Tensor], head_width: int) -> GSLRMConfig:
        """Read the sizes from a state dict's shapes; only the head width does not show in them.

        Raises:
            KeyError: a tensor that tells a size is missing.
            ValueError: the shapes do not describe a GS-LRM.
        """
        free_gaussians, width = weights["gaussian_position_embeddings"].shape
        patch_size = math.isqrt(weights["pixel_gaussian_decoder.1.weight"].shape[0] // PARAMETERS)
        layers = {int(name.split(".")[1]) for name in weights if name.startswith("transformer_layers.")}
        if not patch_size:
            raise ValueError("its decoder makes less than one Gaussian a patch")
        if head_width < 1 or width % head_width:
            raise ValueError(f"its width {width} is no multiple of the head width {head_width}")
        return cls(width, head_width, len(layers), patch_size, free_gaussians)

    def tokens(self, views: int, size: int) -> int:
        """Return the number of tokens of so many views of ``size`` pixels."""
        return self.free_gaussians + views * (size // self.patch_size) ** 2

    def working_bytes(self, views: int, size: int, item: int, scores: bool = False) -> int:
        """Return the memory that a pass takes beside the weights, counted where it is largest: in a feed-forward layer.

        Args:
            views: Number of views.
            size: Their pixels along a side.
            item: Bytes of a number in the matrix products.
            scores: Whether the device keeps the attention's scores of all pairs of tokens.
        """
        tokens = self.tokens(views, size)
        # In float32 the patches and the residual stream, before the layer and in it; the normed tokens; both sides of
        # the GELU.
        stream = tokens * self.width * (3 * FLOAT + (1 + 2 * 4) * item)
        pixels = views * size**2 * (CHANNELS + 2 * 3) * FLOAT
        pairs = tokens**2 * (self.width // self.head_width) * item if scores else 0
        return stream + pixels + pairs


@dataclass(frozen=True, eq=False)
class RawGaussians:
    """GS-LRM's Gaussians before activation, N = free Gaussians + views * height * width.

    The free ones come first, then (view, patch row, patch column, row in patch, column in patch).

    Attributes:
        xyz: [N, 3] float32 world positions.
        features: [N, 3] float32 SH coefficients of degree 0.
        scaling: [N, 3] float32 log of the standard deviations.
        rotation: [N, 4] float32 quaternions w, x, y, z, not normalised.
        opacity: [N, 1] float32 logits.
    """

    xyz: torch.Tensor
    features: torch.Tensor
    scaling: torch.Tensor
    rotation: torch.Tensor
    opacity: torch.Tensor


class Norm(nn.LayerNorm):
    """Layer normalisation in float32, with a weight and no bias."""

    def __init__(self, width: int) -> None:
        super().__init__(width, eps=LAYER_NORM_EPS, bias=False)


class Attention(nn.Module):
    """Full self-attention over all tokens of all views."""

    def __init__(self, width: int, head_width: int) -> None:
        super().__init__()
        self.head_width = head_width
        self.to_qkv = nn.Linear(width, 3 * width, bias=False)
        self.fc = nn.Linear(width, width, bias=False)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return [B, T, d] of tokens [B, T, d]."""
        query, key, value = (
            part.unflatten(-1, (-1, self.head_width)).transpose(1, 2) for part in self.to_qkv(tokens).chunk(3, dim=-1)
        )
        heads = functional.scaled_dot_product_attention(query, key, value)
        return self.fc(heads.transpose(1, 2).flatten(2))


class FeedForward(nn.Module):
    """Two linear layers around an exact (erf) GELU."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width, bias=False), nn.GELU(), nn.Linear(4 * width, width, bias=False)
        )

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return [B, T, d] of tokens [B, T, d]."""
        return self.mlp(tokens)


class Layer(nn.Module):
    """One pre-norm transformer layer. The residual stream is float32 in every precision."""

    def __init__(self, width: int, head_width: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = Norm(width), Norm(width)
        self.attn = Attention(width, head_width)
        self.mlp = FeedForward(width)

    def forward(self, tokens: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
        """Return [B, T, d] float32 of tokens [B, T, d] float32, products computed in ``dtype``."""
        tokens = tokens + self.attn(self.norm1(tokens).to(dtype))
        return tokens + self.mlp(self.norm2(tokens).to(dtype))


class GaussianUpsampler(nn.Module):
    """Decoder of the free Gaussians' tokens."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layernorm = Norm(width)
        self.linear = nn.Linear(width, PARAMETERS, bias=False)


class GSLRM(nn.Module):
    """The reconstruction model. Module names follow the official state dict."""

    def __init__(self, config: GSLRMConfig) -> None:
        super().__init__()
        self.config = config
        width, patch_area = config.width, config.patch_size**2
        self.gaussian_position_embeddings = nn.Parameter(torch.empty(config.free_gaussians, width))
        # The official embedder is a sequence whose first entry only rearranges.
        self.patch_embedder = nn.Sequential(nn.Identity(), nn.Linear(patch_area * CHANNELS, width, bias=False))
        self.input_layer_norm = Norm(width)
        self.transformer_layers = nn.ModuleList(Layer(width, config.head_width) for _ in range(config.layers))
        self.gaussian_upsampler = GaussianUpsampler(width)
        self.pixel_gaussian_decoder = nn.Sequential(Norm(width), nn.Linear(width, patch_area * PARAMETERS, bias=False))

    def set_precision(self, dtype: torch.dtype) -> GSLRM:
        """Compute the matrix products in ``dtype``; norms, residuals, rays and decoding stay float32."""
        for module in self.modules():
            if isinstance(module, nn.Linear):
                module.to(dtype)
        return self

    @property
    def dtype(self) -> torch.dtype:
        """Precision of the matrix products."""
        return self.patch_embedder[1].weight.dtype

    @torch.inference_mode()
    def forward(
        self,
        pictures: torch.Tensor,
        c2w: torch.Tensor,
        intrinsics: torch.Tensor,
        observe: Observer = observe_nothing,
        on_layer: Callable[[], None] = lambda: None,
    ) -> RawGaussians:
        """Reconstruct Gaussians.

        Args:
            pictures: [V, 3, H, W] float32, 0..1; height and width are multiples of the patch size.
            c2w: [V, 4, 4] float32 camera-to-world, OpenCV axes.
            intrinsics: [V, 4] float32 fx, fy, cx, cy in pixels.
            observe: Looks at intermediate tensors.
            on_layer: Called after each layer; may raise to cancel.
        """
        origins, directions = rays.pixel_rays(c2w, intrinsics, pictures.shape[-2:])
        posed = rays.posed_images(pictures, origins, directions)
        observe("posed_images", posed[None])
        patches = self.patch_embedder[1](self._to_patches(posed).to(self.dtype)).float()
        observe("patch_tokens", patches)
        tokens = torch.cat([self.gaussian_position_embeddings.float(), patches.flatten(0, 1)])[None]
        tokens = self.input_layer_norm(tokens)
        observe("tokens_input_norm", tokens)
        for index, layer in enumerate(self.transformer_layers):
            tokens = layer(tokens, self.dtype)
            observe(f"tokens_layer{index}", tokens)
            on_layer()
        return self._decode(tokens, origins, directions, observe)

    def _to_patches(self, pictures: torch.Tensor) -> torch.Tensor:
        """Return [V, C, H, W] as [V, patches, patch area * C], channel fastest."""
        size = self.config.patch_size
        blocks = pictures.unflatten(2, (-1, size)).unflatten(4, (-1, size))
        return blocks.permute(0, 2, 4, 3, 5, 1).flatten(3).flatten(1, 2)

    def _decode(
        self, tokens: torch.Tensor, origins: torch.Tensor, directions: torch.Tensor, observe: Observer
    ) -> RawGaussians:
        """Return the Gaussians of the last layer's tokens [1, T, d]."""
        free_tokens = tokens[:, : self.config.free_gaussians]
        upsampler, (norm, linear) = self.gaussian_upsampler, self.pixel_gaussian_decoder
        free = upsampler.linear(upsampler.layernorm(free_tokens).to(self.dtype)).float()
        pixels = linear(norm(tokens[:, self.config.free_gaussians :]).to(self.dtype)).float()
        observe("free_raw", free)
        observe("pixel_raw", pixels)
        distance = self._to_patches(rays.nearest_distance(origins, directions)).flatten()[:, None]
        direction = self._to_patches(directions).reshape(-1, 3)
        origin = origins.flatten(1).repeat_interleave(len(direction) // len(origins), dim=0)
        free_fields = free.reshape(-1, PARAMETERS).split(list(FIELDS.values()), dim=1)
        pixel_fields = pixels.reshape(-1, PARAMETERS).split(list(FIELDS.values()), dim=1)
        spread = DEPTH_RANGE * (2 * torch.sigmoid(pixel_fields[0].mean(dim=1, keepdim=True)) - 1)
        xyz = torch.cat([free_fields[0], origin + (spread + distance) * direction])
        _, features, scaling, rotation, opacity = (
            torch.cat(pair) for pair in zip(free_fields, pixel_fields, strict=True)
        )
        scaling = (scaling + SCALING_SHIFT).clamp(max=SCALING_LIMIT)
        gaussians = RawGaussians(xyz, features, scaling, rotation, opacity + OPACITY_SHIFT)
        for name in FIELDS:
            tensor = getattr(gaussians, name)[None]
            observe(name, tensor.unsqueeze(2) if name == "features" else tensor)
        return gaussians
