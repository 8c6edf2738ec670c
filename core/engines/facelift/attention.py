"""Attention processors for diffusers' UNet: sparse multi-view self-attention, cached text attention.

FaceLift specification, section 7. Rows of a batch are ordered group * views + view; a group is the
unconditional or the conditional half of classifier-free guidance.
"""

from __future__ import annotations

import torch
from diffusers.models.attention_processor import Attention
from torch import nn
from torch.nn import functional


def split_heads(tokens: torch.Tensor, heads: int) -> torch.Tensor:
    """Return [B, T, C] as [B, heads, T, C / heads]."""
    return tokens.unflatten(-1, (heads, -1)).transpose(1, 2)


def project_out(attn: Attention, heads: torch.Tensor) -> torch.Tensor:
    """Return the attention's output [B, T, C] of its heads [B, H, T, D]."""
    return attn.to_out[0](heads.transpose(1, 2).flatten(2))


class SparseMultiViewAttention:
    """Self-attention whose keys are the tokens of view 0 of the same group and the row's own tokens.

    Args:
        views: Rows a group.
        plain_first_view: Compute view 0, which would see its own tokens twice, as plain
            self-attention. Exactly equal: doubling all keys leaves the softmax-weighted mean unchanged.
    """

    def __init__(self, views: int, plain_first_view: bool = False) -> None:
        self.views = views
        self.plain_first_view = plain_first_view

    def __call__(self, attn: Attention, hidden_states: torch.Tensor, *_: object, **__: object) -> torch.Tensor:
        """Return the attention's output for tokens [B, T, C], B a multiple of the number of views."""
        groups = hidden_states.unflatten(0, (-1, self.views))
        fused = getattr(attn, "to_qkv", None)
        if fused is None:
            query = attn.to_q(groups)
            keys, values = (self._with_first_view(project(groups)) for project in (attn.to_k, attn.to_v))
        else:
            query, seen = fused(groups).tensor_split([hidden_states.shape[-1]], dim=-1)
            keys, values = self._with_first_view(widened(seen)).view(seen.dtype).chunk(2, dim=-1)
        if not self.plain_first_view:
            return self._attend(attn, query, keys, values).flatten(0, 1)
        own = query.shape[2]
        front = self._attend(attn, query[:, :1], keys[:, :1, own:], values[:, :1, own:])
        return torch.cat([front, self._attend(attn, query[:, 1:], keys[:, 1:], values[:, 1:])], dim=1).flatten(0, 1)

    def _with_first_view(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return tokens [G, V, T, C] behind those of view 0: [G, V, 2 T, C]."""
        return torch.cat([tokens[:, :1].expand(-1, self.views, -1, -1), tokens], dim=2)

    @staticmethod
    def _attend(attn: Attention, *projected: torch.Tensor) -> torch.Tensor:
        """Return the output [G, V, T, C] of queries, keys and values [G, V, T or 2 T, C]."""
        heads = functional.scaled_dot_product_attention(
            *(split_heads(tokens.flatten(0, 1), attn.heads) for tokens in projected)
        )
        return project_out(attn, heads).unflatten(0, projected[0].shape[:2])


def widened(tokens: torch.Tensor) -> torch.Tensor:
    """Return tokens [..., C] as fewer, 8 bytes wide elements, to be copied and turned back.

    On a graphics card torch copies strided tensors element by element, and narrow elements slowly.
    """
    if torch.compiler.is_compiling() or not tokens.is_cuda:
        # A compiler fuses copies, and would stop at questions about memory.
        return tokens
    narrow = 8 // tokens.itemsize
    fits = all(size % narrow == 0 for size in (tokens.shape[-1], tokens.storage_offset(), *tokens.stride()[:-1]))
    return tokens.view(torch.int64) if fits else tokens


class TextAttention:
    """Cross-attention to the prompts, whose keys and values are computed once for all steps.

    The prompts are fixed and equal in both halves of classifier-free guidance, so the keys and
    values of one group serve every row of every step.

    Args:
        cached: Keep keys and values of :meth:`remember`; without it they are computed in every call.
    """

    def __init__(self, cached: bool = True) -> None:
        self.cached = cached
        self._prompts: torch.Tensor | None = None
        self._kept: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}

    def remember(self, attn: Attention, prompts: torch.Tensor) -> None:
        """Compute keys and values of prompts [V, T, C], unless they are those of the last time."""
        if prompts is self._prompts:
            return
        self._prompts = prompts
        self._kept = {1: self._projected(attn, prompts)}

    def __call__(
        self,
        attn: Attention,
        hidden_states: torch.Tensor,
        encoder_hidden_states: torch.Tensor,
        *_: object,
        **__: object,
    ) -> torch.Tensor:
        """Return the attention's output for tokens [B, T, C]."""
        query = split_heads(attn.to_q(hidden_states), attn.heads)
        if self.cached and self._kept:
            keys, values = self._of_groups(len(query) // len(self._kept[1][0]))
        else:
            keys, values = self._projected(attn, encoder_hidden_states)
        return project_out(attn, functional.scaled_dot_product_attention(query, keys, values))

    @staticmethod
    def _projected(attn: Attention, prompts: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return keys and values [B, heads, T, D] of prompts [B, T, C]."""
        return split_heads(attn.to_k(prompts), attn.heads), split_heads(attn.to_v(prompts), attn.heads)

    def _of_groups(self, groups: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the kept keys and values for a number of groups, repeated once and not in every step."""
        if groups not in self._kept:
            self._kept[groups] = tuple(tokens.repeat(groups, 1, 1, 1) for tokens in self._kept[1])
        return self._kept[groups]


def self_attentions(unet: nn.Module) -> list[Attention]:
    """Return the UNet's self-attention layers."""
    return [module for name, module in unet.named_modules() if name.endswith("attn1")]


def text_attentions(unet: nn.Module) -> list[Attention]:
    """Return the UNet's cross-attention layers."""
    return [module for name, module in unet.named_modules() if name.endswith("attn2")]


def install(unet: nn.Module, views: int, plain_first_view: bool = False, cached_text: bool = True) -> None:
    """Give a stock UNet FaceLift's attention."""
    for attn in self_attentions(unet):
        attn.set_processor(SparseMultiViewAttention(views, plain_first_view))
    for attn in text_attentions(unet):
        attn.set_processor(TextAttention(cached_text))


def remember_prompts(unet: nn.Module, prompts: torch.Tensor) -> None:
    """Compute the text keys and values of prompts [V, T, C] once, for the layers that keep them."""
    for attn in text_attentions(unet):
        if attn.processor.cached:
            attn.processor.remember(attn, prompts)


def fuse_projections(unet: nn.Module) -> None:
    """Join the query, key and value matrices of every self-attention into one product."""
    for attn in self_attentions(unet):
        weight = torch.cat([attn.to_q.weight, attn.to_k.weight, attn.to_v.weight])
        attn.to_qkv = nn.Linear(weight.shape[1], weight.shape[0], bias=False, device="meta")
        attn.to_qkv.weight = nn.Parameter(weight, requires_grad=False)
        del attn.to_q, attn.to_k, attn.to_v
