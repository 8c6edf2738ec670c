"""What makes the models faster without changing their results, each with a switch."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from diffusers.models.activations import GEGLU
from torch import nn

from . import attention, layers
from .memory import is_out_of_memory

logger = logging.getLogger(__name__)

Forward = Callable[..., tuple[torch.Tensor]]


@dataclass(frozen=True)
class Acceleration:
    """Switches of the exact optimisations, so that they can be compared in one process.

    Attributes:
        cached_text: Compute keys and values of the fixed prompts once instead of in every step.
        plain_first_view: Compute view 0 as plain self-attention instead of with doubled keys: fewer
            operations, but on an H200 not faster, because the smaller call fills the card less well.
        fused_projections: One product for query, key and value of the self-attention.
        split_gates: Value and gate of the feed-forward layers as tensors of their own.
        channels_last: Convolutions on channels-last memory, and layers that keep it; CUDA only.
        vae_slice: Views that the VAE decodes at once; None takes all six, in more memory than any other stage.
        compiled: Compile the UNet with ``torch.compile``.
        cuda_graph: Replay the UNet as one CUDA graph; without effect on other devices.
    """

    cached_text: bool = True
    plain_first_view: bool = False
    fused_projections: bool = True
    split_gates: bool = True
    channels_last: bool = True
    vae_slice: int | None = 2
    compiled: bool = False
    cuda_graph: bool = False


DEFAULT = Acceleration()
MODES = {
    "off": DEFAULT,
    "graph": replace(DEFAULT, cuda_graph=True),
    "compile": replace(DEFAULT, cuda_graph=True, compiled=True),
}
"""By value of the setting ``acceleration``."""

BASELINE = Acceleration(
    cached_text=False,
    fused_projections=False,
    split_gates=False,
    channels_last=False,
    vae_slice=None,
)
"""The same models run plainly; what measurements compare with."""


@contextmanager
def full_float32() -> Iterator[None]:
    """Compute float32 convolutions in full; by default a graphics card takes 10 bits of the 23 of a number."""
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = before


def prepare_unet(unet: nn.Module, views: int, choices: Acceleration) -> None:
    """Give a UNet FaceLift's attention and the chosen optimisations, in place."""
    attention.install(unet, views, choices.plain_first_view, choices.cached_text)
    if choices.fused_projections:
        attention.fuse_projections(unet)
    if choices.split_gates:
        layers.replace_modules(unet, GEGLU, layers.SplitGEGLU)


def prepare_convolutions(model: nn.Module, device: torch.device, choices: Acceleration) -> None:
    """Give a model the layers that suit its convolutions on its device, in place."""
    if _turned(model, device, choices):
        layers.keep_channels_last(model)


def place(model: nn.Module, device: torch.device, choices: Acceleration) -> nn.Module:
    """Move a model to its device, its convolutions in the memory format that suits them there."""
    turned = _turned(model, device, choices)
    return model.to(device, memory_format=torch.channels_last if turned else torch.preserve_format)


def _turned(model: nn.Module, device: torch.device, choices: Acceleration) -> bool:
    """Return whether a model is to work on channels-last memory."""
    return choices.channels_last and device.type == "cuda" and any(p.ndim == 4 for p in model.parameters())


def forward_of(unet: nn.Module, choices: Acceleration, device: torch.device) -> Forward:
    """Return the callable that runs a prepared UNet on its device."""
    forward = torch.compile(unet, dynamic=False) if choices.compiled else unet
    if choices.cuda_graph and device.type == "cuda":
        forward = GraphedForward(forward)
    return forward if forward is unet else GuardedForward(forward, unet)


class GuardedForward:
    """Runs a faster forward pass, and from its first failure on the plain one.

    Compiling needs a compiler, capturing a driver and kernels that allow it: only trying tells.

    Args:
        fast: The faster one.
        plain: The model itself.
    """

    def __init__(self, fast: Forward, plain: Forward) -> None:
        self._fast, self._plain = fast, plain

    def __call__(self, *inputs: torch.Tensor, **named: object) -> tuple[torch.Tensor]:
        """Return the model's output.

        Raises:
            torch.OutOfMemoryError: memory ran out, for which the plain one is no remedy.
        """
        if self._fast is not self._plain:
            try:
                return self._fast(*inputs, **named)
            except Exception as error:
                if is_out_of_memory(error):
                    raise
                logger.warning("The faster forward pass does not work here, so the plain one runs: %s", error)
                self._fast = self._plain
        return self._plain(*inputs, **named)


class GraphedForward:
    """Replays a model's forward pass as a CUDA graph, captured at the first call of each input shape.

    Args:
        forward: Takes tensors only, by position or name, besides ``return_dict``.
    """

    WARM_UP_CALLS = 2
    """Calls before the capture, in which libraries choose their kernels and allocate workspaces."""

    def __init__(self, forward: Forward) -> None:
        self._forward = forward
        self._graphs: dict[tuple[Any, ...], tuple[torch.cuda.CUDAGraph, list[torch.Tensor], torch.Tensor]] = {}

    def __call__(
        self,
        sample: torch.Tensor,
        timestep: torch.Tensor,
        text: torch.Tensor,
        class_labels: torch.Tensor,
        return_dict: bool = False,
    ) -> tuple[torch.Tensor]:
        """Return the model's output for new inputs; the tensor is the caller's to keep."""
        inputs = [sample, timestep, text, class_labels]
        key = tuple(tuple(tensor.shape) for tensor in inputs)
        if key not in self._graphs:
            self._graphs[key] = self._capture([tensor.clone() for tensor in inputs])
        graph, held, output = self._graphs[key]
        for target, source in zip(held, inputs, strict=True):
            target.copy_(source)
        graph.replay()
        return (output.clone(),)

    def _capture(self, held: list[torch.Tensor]) -> tuple[torch.cuda.CUDAGraph, list[torch.Tensor], torch.Tensor]:
        def run() -> torch.Tensor:
            return self._forward(*held[:3], class_labels=held[3], return_dict=False)[0]

        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(self.WARM_UP_CALLS):
                run()
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            output = run()
        return graph, held, output
