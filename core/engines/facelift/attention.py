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

    def __init__(self, views: int, plain_first_view: bool = True) -> None:
        self.views = views
        self.plain_first_view = plain_first_view

    def __call__(self, attn: Attention, hidden_states: torch.Tensor, *_: object, **__: object) -> torch.Tensor:
        """Return the attention's output for tokens [B, T, C], B a multiple of the number of views."""
        fused = getattr(attn, "to_qkv", None)
        if fused is None:
            projected = (attn.to_q(hidden_states), attn.to_k(hidden_states), attn.to_v(hidden_states))
        else:
            projected = fused(hidden_states).chunk(3, dim=-1)
        query, key, value = (split_heads(tokens, attn.heads).unflatten(0, (-1, self.views)) for tokens in projected)
        if self.plain_first_view:
            front = functional.scaled_dot_product_attention(query[:, 0], key[:, 0], value[:, 0])
            others = self._attend(query[:, 1:], key, value)
            heads = torch.cat([front[:, None], others], dim=1)
        else:
            heads = self._attend(query, key, value)
        return project_out(attn, heads.flatten(0, 1))

    @staticmethod
    def _attend(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
        """Return attention of the group's last views [G, V', H, T, D] over [view 0, own] tokens."""
        views = query.shape[1]
        keys, values = (
            torch.cat([tokens[:, :1].expand(-1, views, -1, -1, -1), tokens[:, -views:]], dim=3).flatten(0, 1)
            for tokens in (key, value)
        )
        heads = functional.scaled_dot_product_attention(query.flatten(0, 1), keys, values)
        return heads.unflatten(0, (-1, views))


class TextAttention:
    """Cross-attention to the prompts, whose keys and values are computed once for all steps.

    The prompts are fixed and equal in both halves of classifier-free guidance, so the keys and
    values of one group serve every row of every step.

    Args:
        cached: Keep keys and values of :meth:`remember`; without it they are computed in every call.
    """

    def __init__(self, cached: bool = True) -> None:
        self.cached = cached
        self._prompts = self._keys = self._values = None

    def remember(self, attn: Attention, prompts: torch.Tensor) -> None:
        """Compute keys and values of prompts [V, T, C], unless they are those of the last time."""
        if prompts is self._prompts:
            return
        self._prompts = prompts
        self._keys = split_heads(attn.to_k(prompts), attn.heads)
        self._values = split_heads(attn.to_v(prompts), attn.heads)

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
        if self.cached and self._keys is not None:
            groups = len(query) // len(self._keys)
            keys, values = (tokens.repeat(groups, 1, 1, 1) for tokens in (self._keys, self._values))
        else:
            keys = split_heads(attn.to_k(encoder_hidden_states), attn.heads)
            values = split_heads(attn.to_v(encoder_hidden_states), attn.heads)
        return project_out(attn, functional.scaled_dot_product_attention(query, keys, values))


def self_attentions(unet: nn.Module) -> list[Attention]:
    """Return the UNet's self-attention layers."""
    return [module for name, module in unet.named_modules() if name.endswith("attn1")]


def text_attentions(unet: nn.Module) -> list[Attention]:
    """Return the UNet's cross-attention layers."""
    return [module for name, module in unet.named_modules() if name.endswith("attn2")]


def install(unet: nn.Module, views: int, plain_first_view: bool = True, cached_text: bool = True) -> None:
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
