"""Counting what the models compute and weigh, and how fast a device multiplies matrices."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Iterable
from dataclasses import replace

import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from core.engines.facelift import acceleration, attention, models
from core.engines.facelift.acceleration import BASELINE, DEFAULT, Acceleration
from core.engines.facelift.gslrm import GSLRM, GSLRMConfig

from .facelift_random import CONFIGS, GSLRM_SIZE
from .report import Measurement

MATRIX_SIZE = {"cuda": 8192, "cpu": 1024, "mps": 4096}
VIEWS, STEPS, PICTURE, LATENT = 6, 50, 512, 64
GIGA, TERA = 1e9, 1e12
DIFFUSION_MODELS = ("image_encoder", "vae", "unet")


@torch.inference_mode()
def counted_operations(function: Callable[[], object]) -> int:
    """Return the floating-point operations of a call's products, convolutions and attention."""
    counter = FlopCounterMode(display=False)
    with counter:
        function()
    return counter.get_total_flops()


def matrix_rate(device: torch.device, dtype: torch.dtype) -> float:
    """Return the device's measured rate of large matrix products in FLOP/s."""
    size = MATRIX_SIZE[device.type]
    left, right = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
    best = float("inf")
    for _ in range(10):
        wait_for(device)
        start = seconds_on(device)
        left @ right
        wait_for(device)
        best = min(best, seconds_on(device) - start)
    return 2 * size**3 / best


def seconds_on(device: torch.device) -> float:
    """Return a clock's reading: on the CPU this process's own time, which other processes do not disturb."""
    return time.process_time() if device.type == "cpu" else time.perf_counter()


def wait_for(device: torch.device) -> None:
    """Wait until the device has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize()


def full_size_operations() -> list[Measurement]:
    """Count the released models' operations on the meta device: exact, and no computer is too small."""
    plain = STEPS * unet_operations(BASELINE) / TERA
    rows = [Measurement(f"{STEPS} guided steps, plain", plain, "TFLOP")]
    choices = {
        "text keys cached": replace(BASELINE, cached_text=True),
        "front view plain": replace(BASELINE, plain_first_view=True),
        "default": DEFAULT,
    }
    for label, choice in choices.items():
        count = STEPS * unet_operations(choice) / TERA
        rows.append(Measurement(f"{STEPS} guided steps, {label}", count, "TFLOP", "", "plain", plain))
    unguided = STEPS * unet_operations(DEFAULT, guided=False) / TERA
    rows.append(Measurement(f"{STEPS} steps without guidance, default", unguided, "TFLOP", "", "plain", plain))
    fast = STEPS // 2 * unet_operations(DEFAULT) / TERA
    rows.append(Measurement(f"{STEPS // 2} guided steps of the fast preset", fast, "TFLOP", "", "plain", plain))
    return [*rows, Measurement("GS-LRM", gslrm_operations() / TERA, "TFLOP")]


def unet_operations(choices: Acceleration, guided: bool = True) -> int:
    """Return the operations of one step of the full-size UNet."""
    unet = models.build("unet", CONFIGS["unet"]).eval()
    acceleration.prepare_unet(unet, VIEWS, choices)
    config, rows = unet.config, (2 if guided else 1) * VIEWS
    with torch.device("meta"), torch.inference_mode():
        attention.remember_prompts(unet, torch.empty(VIEWS, 77, config.cross_attention_dim))
        sample = torch.empty(rows, config.in_channels, LATENT, LATENT)
        text = torch.empty(rows, 77, config.cross_attention_dim)
        labels = torch.empty(rows, config.projection_class_embeddings_input_dim)
        time_step = torch.empty((), dtype=torch.long)
        return counted_operations(lambda: unet(sample, time_step, text, class_labels=labels))


def gslrm_inputs(views: int, size: int = PICTURE) -> tuple[torch.Tensor, ...]:
    """Return pictures and cameras for GS-LRM without contents."""
    return tuple(torch.empty(views, *shape) for shape in ((3, size, size), (4, 4), (4,)))


def gslrm_operations(views: int = VIEWS) -> int:
    """Return the operations of the full-size GS-LRM."""
    with torch.device("meta"):
        model, given = GSLRM(GSLRM_SIZE).eval(), gslrm_inputs(views)
        return counted_operations(lambda: model(*given))


class _LiveBytes(TorchDispatchMode):
    """Counts the bytes of all tensors that are alive at once."""

    def __init__(self, known: Iterable[torch.Tensor]) -> None:
        super().__init__()
        self.now = self.peak = 0
        self._live = {tensor.untyped_storage()._cdata for tensor in known}

    def __torch_dispatch__(self, function, types, arguments=(), options=None):
        result = function(*arguments, **(options or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, torch.Tensor) and tensor.untyped_storage()._cdata not in self._live:
                storage = tensor.untyped_storage()
                self._live.add(storage._cdata)
                self.now += storage.nbytes()
                self.peak = max(self.peak, self.now)
                weakref.finalize(storage, self._gone, storage._cdata, storage.nbytes())
        return result

    def _gone(self, key: int, size: int) -> None:
        self._live.discard(key)
        self.now -= size


def gslrm_bytes(config: GSLRMConfig, views: int, size: int, dtype: torch.dtype) -> int:
    """Return the memory that a pass through GS-LRM takes at once beside weights, counted without computing anything."""
    # Not as at inference: there, tensors do not tell what is done with them.
    with FakeTensorMode(), torch.inference_mode(False), torch.no_grad():
        model = GSLRM(config)
        for module in model.modules():
            if isinstance(module, torch.nn.Linear):
                module.weight = torch.nn.Parameter(torch.empty(module.weight.shape, dtype=dtype), requires_grad=False)
        given = gslrm_inputs(views, size)
        counting = _LiveBytes(model.parameters())
        with counting:
            GSLRM.forward.__wrapped__(model, *given)
    return counting.peak + given[0].nbytes


def full_size_weights() -> list[Measurement]:
    """Count the bytes of the released models' weights on a device in float16, exactly, on the meta device."""
    sizes = {kind: model_bytes(models.build(kind, CONFIGS[kind]).half()) for kind in DIFFUSION_MODELS}
    with torch.device("meta"):
        # Its norms and embeddings stay float32.
        sizes["gslrm"] = model_bytes(GSLRM(GSLRM_SIZE).set_precision(torch.float16))
    rows = [Measurement(f"weights of {kind}", size / GIGA, "GB") for kind, size in sizes.items()]
    together = sum(sizes.values()) / GIGA
    rows.append(Measurement("weights on the device", together, "GB"))
    return [*rows, Measurement("the same, low memory", max(sizes.values()) / GIGA, "GB", "", "normal", together)]


def model_bytes(model: torch.nn.Module) -> int:
    """Return the bytes of a model's parameters and buffers."""
    return sum(tensor.nbytes for tensor in (*model.parameters(), *model.buffers()))
