"""The layers that keep channels-last memory, against the libraries' own."""

# First of all: where torch is absent, it skips the module.
from tests.helpers.facelift import torch

# isort: split
import pytest
from torch import nn

from core.engines.facelift import acceleration, layers, models
from core.engines.facelift.acceleration import BASELINE, DEFAULT
from core.engines.facelift.checkpoint import Checkpoint
from tests.tools.parity.compare import relative_error

CHANNELS_LAST = torch.channels_last
VIEWS = 6


def is_turned(tensor: torch.Tensor) -> bool:
    return tensor.is_contiguous(memory_format=CHANNELS_LAST) and not tensor.is_contiguous()


def turned_unet(checkpoint: Checkpoint) -> nn.Module:
    """The UNet with every optimisation, as on a graphics card."""
    unet = models.load_component(checkpoint, "unet")
    acceleration.prepare_unet(unet, VIEWS, DEFAULT)
    layers.keep_channels_last(unet)
    return unet.to(memory_format=CHANNELS_LAST)


def prediction(unet: nn.Module) -> torch.Tensor:
    """The output of both halves for fixed inputs."""
    torch.manual_seed(0)
    config = unet.config
    sample = torch.randn(2 * VIEWS, config.in_channels, config.sample_size, config.sample_size)
    text = torch.randn(VIEWS, 7, config.cross_attention_dim).repeat(2, 1, 1)
    labels = torch.randn(2 * VIEWS, config.projection_class_embeddings_input_dim)
    return unet(sample, torch.tensor(501), text, class_labels=labels, return_dict=False)[0]


@pytest.mark.parametrize(("channels", "groups", "size"), [(64, 32, 8), (96, 3, 5), (32, 32, 7)])
@pytest.mark.parametrize("offset", [0.0, 30.0])
def test_group_normalisation(channels, groups, size, offset):
    torch.manual_seed(channels)
    norm = nn.GroupNorm(groups, channels, eps=1e-6).requires_grad_(False)
    norm.weight.normal_()
    norm.bias.normal_()
    own = layers.ChannelsLastGroupNorm.of(norm)
    values = torch.randn(3, channels, size, size) + offset
    wanted = nn.functional.group_norm(values.double(), groups, norm.weight.double(), norm.bias.double(), norm.eps)
    turned = own(values.to(memory_format=CHANNELS_LAST))
    assert is_turned(turned)
    # Far from zero the float32 variance loses digits, as squares are taken before the mean is.
    assert relative_error(turned, wanted) < (1e-6 if not offset else 1e-3)
    assert relative_error(own(values), wanted) < 1e-4
    assert relative_error(own(values.flatten(2)), wanted.flatten(2)) < 1e-4


def test_group_normalisation_of_equal_values_is_the_bias():
    """Rounding must not make a variance negative."""
    norm = layers.ChannelsLastGroupNorm(4, 16, eps=1e-6).requires_grad_(False)
    values = torch.full((2, 16, 33, 33), 77.7).to(memory_format=CHANNELS_LAST)
    assert torch.isfinite(norm(values)).all()
    assert norm(values.half()).dtype == torch.float16


@torch.inference_mode()
def test_unet_keeps_channels_last_and_its_result(checkpoint_folder):
    checkpoint = Checkpoint.open(checkpoint_folder)
    plain, turned = models.load_component(checkpoint, "unet"), turned_unet(checkpoint)
    acceleration.prepare_unet(plain, VIEWS, BASELINE)
    lost = []

    def watch(name: str):
        def see(_: nn.Module, inputs: tuple, __: object) -> None:
            if inputs[0].shape[-1] > 1 and not is_turned(inputs[0]):
                lost.append(name)

        return see

    for name, module in turned.named_modules():
        if isinstance(module, nn.Conv2d | nn.GroupNorm) and name != "conv_in":
            module.register_forward_hook(watch(name))
    assert relative_error(prediction(turned), prediction(plain)) < 2e-5
    assert not lost


@torch.inference_mode()
def test_unet_compiles_in_one_piece(checkpoint_folder):
    """Where tracing stops and starts again, the compiled parts can't be fused with each other."""
    unet = turned_unet(Checkpoint.open(checkpoint_folder))
    traced = torch.compile(unet, dynamic=False, fullgraph=True, backend="eager")
    assert relative_error(prediction(traced), prediction(unet)) < 2e-5
