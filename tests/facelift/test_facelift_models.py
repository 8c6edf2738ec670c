"""The parts of the FaceLift engine against explicit formulas."""

from __future__ import annotations

# First of all: where torch is absent, it skips the module.
from tests.helpers.facelift import (
    HEAD_WIDTH,
    rewrite_weights,
    torch,
)

# isort: split
import math

import numpy as np
import pytest

from core.cameras import six_view_rig
from core.engines.facelift import acceleration, attention, features, models, prompts, rays
from core.engines.facelift.acceleration import BASELINE, DEFAULT, MODES, Acceleration
from core.engines.facelift.checkpoint import Checkpoint
from core.engines.facelift.conditioning import NoiseAugmentation
from core.engines.facelift.diffusion import Guidance
from core.engines.facelift.draws import Draws
from core.engines.facelift.gslrm import GSLRM, GSLRMConfig
from core.engines.facelift.pipeline import Pipeline, Sampling
from core.engines.facelift.solvers import DDIM, DPMSolver
from core.weights.table import sha256_of

DDIM_CONFIG = {
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "num_train_timesteps": 1000,
    "prediction_type": "v_prediction",
    "clip_sample": False,
    "set_alpha_to_one": False,
    "steps_offset": 1,
    "timestep_spacing": "leading",
}
VIEWS = 6


@pytest.fixture(scope="module")
def checkpoint(checkpoint_folder):
    return Checkpoint.open(checkpoint_folder)


@pytest.fixture(scope="module")
def picture(checkpoint) -> np.ndarray:
    rows, columns = np.mgrid[:128, :128]
    return np.stack([rows * 2, columns * 2, (rows + columns) % 256], axis=2).astype(np.uint8)


def relative(own: torch.Tensor, wanted: torch.Tensor) -> float:
    return ((own - wanted).norm() / wanted.norm()).item()


class Layer(torch.nn.Module):
    """An attention layer with the names of diffusers', heads 3 of width 4."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.heads = 3
        self.to_q, self.to_k, self.to_v = (torch.nn.Linear(12, 12, bias=False) for _ in range(3))
        self.to_out = torch.nn.ModuleList([torch.nn.Linear(12, 12)])


def plain_attention(layer: Layer, tokens: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
    """Attention of tokens [T, C] over seen [S, C], head by head."""
    query, key, value = layer.to_q(tokens), layer.to_k(seen), layer.to_v(seen)
    heads = []
    for head in range(layer.heads):
        part = slice(head * 4, head * 4 + 4)
        weights = torch.softmax(query[:, part] @ key[:, part].T / math.sqrt(4), dim=1)
        heads.append(weights @ value[:, part])
    return layer.to_out[0](torch.cat(heads, dim=1))


@pytest.mark.parametrize("plain_first_view", [True, False])
@pytest.mark.parametrize("fused", [True, False])
def test_sparse_attention_sees_the_front_view_and_its_own(plain_first_view, fused):
    layer = Layer()
    tokens = torch.randn(2 * VIEWS, 5, 12)
    wanted = torch.stack(
        [plain_attention(layer, row, torch.cat([tokens[i // VIEWS * VIEWS], row])) for i, row in enumerate(tokens)]
    )
    if fused:
        holder = torch.nn.Module()
        holder.attn1 = layer
        attention.fuse_projections(holder)
        assert not hasattr(layer, "to_q")
    own = attention.SparseMultiViewAttention(VIEWS, plain_first_view)(layer, tokens)
    assert relative(own, wanted) < 1e-6


def test_text_attention_is_the_same_cached():
    layer, processor = Layer(), attention.TextAttention()
    tokens, prompt = torch.randn(2 * VIEWS, 5, 12), torch.randn(VIEWS, 7, 12)
    wanted = torch.stack([plain_attention(layer, row, prompt[i % VIEWS]) for i, row in enumerate(tokens)])
    assert relative(processor(layer, tokens, prompt.repeat(2, 1, 1)), wanted) < 1e-6
    processor.remember(layer, prompt)
    # What it remembers counts, not what it is given.
    assert relative(processor(layer, tokens, torch.full_like(prompt.repeat(2, 1, 1), torch.nan)), wanted) < 1e-6
    other = torch.randn(VIEWS, 7, 12)
    processor.remember(layer, other)
    assert relative(processor(layer, tokens, other.repeat(2, 1, 1)), wanted) > 1e-2


@pytest.mark.parametrize(
    "choices",
    [
        Acceleration(cached_text=False),
        Acceleration(plain_first_view=True),
        Acceleration(fused_projections=False),
        Acceleration(split_gates=False),
        Acceleration(vae_slice=4),
        BASELINE,
    ],
)
def test_accelerations_change_nothing(checkpoint, picture, choices):
    sampling = Sampling(steps=2)
    views = Pipeline(checkpoint, choices=DEFAULT).generate_views(picture, sampling)
    other = Pipeline(checkpoint, choices=choices).generate_views(picture, sampling)
    assert np.abs(views.astype(int) - other).max() <= 1


@pytest.mark.parametrize("error", [RuntimeError("no compiler"), None])
def test_a_faster_forward_pass_that_fails_is_replaced(checkpoint, picture, monkeypatch, caplog, error):
    calls = []

    def compiled(unet, **_):
        def run(*inputs, **named):
            calls.append(error)
            if error is not None:
                raise error
            return unet(*inputs, **named)

        return run

    monkeypatch.setattr(torch, "compile", compiled)
    plain = Pipeline(checkpoint).generate_views(picture, Sampling(steps=2))
    pipeline = Pipeline(checkpoint, choices=MODES["compile"])
    assert np.array_equal(pipeline.generate_views(picture, Sampling(steps=2)), plain)
    assert len(calls) == (2 if error is None else 1)
    assert ("no compiler" in caplog.text) == (error is not None)


def test_a_faster_forward_pass_out_of_memory_is_not_replaced():
    def exhausted():
        raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(torch.OutOfMemoryError):
        acceleration.GuardedForward(exhausted, lambda: None)()


@pytest.mark.parametrize("low_memory", [False, True])
def test_sequential_guidance_and_low_memory_change_nothing(checkpoint, picture, low_memory):
    views = Pipeline(checkpoint).generate_views(picture, Sampling(steps=2))
    pipeline = Pipeline(checkpoint, low_memory=low_memory)
    other = pipeline.generate_views(picture, Sampling(steps=2, guidance=Guidance(3.0, sequential=True)))
    assert np.abs(views.astype(int) - other).max() <= 1


def test_vae_in_float32_beside_models_in_half_precision(checkpoint, picture):
    """Less is lost than in half precision throughout, and the UNet's inputs stay as narrow as it is."""

    def outputs(**precision) -> dict[str, torch.Tensor]:
        seen = {}
        Pipeline(checkpoint, **precision).generate_views(picture, Sampling(steps=1), observe=seen.__setitem__)
        return seen

    exact = outputs()
    low, mixed = (outputs(dtype=torch.bfloat16, vae_dtype=dtype) for dtype in (None, torch.float32))
    assert torch.equal(mixed["vae/image_latents"], exact["vae/image_latents"])
    assert mixed["unet_out/step0"].dtype == torch.bfloat16
    assert mixed["vae/decoded"].dtype == torch.float32
    wanted = exact["vae/image_latents"]
    assert relative(low["vae/image_latents"], wanted) > 1e-3


def test_guidance_interval(checkpoint, picture):
    def outputs(guidance: Guidance) -> dict:
        seen = {}
        Pipeline(checkpoint).generate_views(picture, Sampling(steps=4, guidance=guidance), observe=seen.__setitem__)
        return seen

    late = outputs(Guidance(3.0, begin=0.5))
    assert [len(late[f"unet_out/step{i}"]) for i in range(4)] == [6, 6, 12, 12]
    assert torch.equal(outputs(Guidance(3.0, begin=1.0))["latents/final"], outputs(Guidance(1.0))["latents/final"])


def test_ddim_follows_its_formula():
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2
    alphas = torch.cumprod(1 - betas, 0).double()
    solver, draws = DDIM(DDIM_CONFIG, 7, 0.7, Draws(3)), Draws(3)
    ratio = 1000 // 7
    assert solver.timesteps == [i * ratio + 1 for i in reversed(range(7))]
    latents = torch.randn(2, 4, 3, 3)
    wanted = latents.double()
    for timestep in solver.timesteps:
        prediction = torch.sin(latents * 3 + timestep)
        latents = solver.step(prediction, timestep, latents)
        now, before = alphas[timestep], alphas[timestep - ratio] if timestep >= ratio else alphas[0]
        clean = now.sqrt() * wanted - (1 - now).sqrt() * prediction
        noise = now.sqrt() * prediction + (1 - now).sqrt() * wanted
        sigma = 0.7 * ((1 - before) / (1 - now) * (1 - now / before)).sqrt()
        wanted = before.sqrt() * clean + (1 - before - sigma**2).sqrt() * noise + sigma * draws.normal(2, 4, 3, 3)
        assert relative(latents.double(), wanted) < 1e-5
        wanted = latents.double()


def test_no_noise_is_drawn_without_eta():
    draws = Draws(0)
    solver = DDIM(DDIM_CONFIG, 5, 0.0, draws)
    solver.step(torch.zeros(1, 4, 2, 2), solver.timesteps[0], torch.zeros(1, 4, 2, 2))
    assert torch.equal(draws.normal(3), Draws(0).normal(3))


def test_fast_solver_gets_nearer_with_half_the_steps():
    """For data of N(0.3, 0.5^2) the exact prediction and the exact end are known."""
    start = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    alphas = torch.cumprod(1 - torch.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2, 0)
    mean, variance = 0.3, 0.25

    def error(solver) -> float:
        latents = start.clone()
        for timestep in solver.timesteps:
            a = alphas[timestep]
            clean = mean + variance * a.sqrt() / (variance * a + 1 - a) * (latents - mean * a.sqrt())
            noise = (latents - a.sqrt() * clean) / (1 - a).sqrt()
            latents = solver.step(a.sqrt() * noise - (1 - a).sqrt() * clean, timestep, latents)
        # The flow keeps quantiles; the reference's solver ends at the first alpha, the other at 1.
        first, last = alphas[solver.timesteps[0]], alphas[0] if isinstance(solver, DDIM) else torch.tensor(1.0)
        spread = ((variance * last + 1 - last) / (variance * first + 1 - first)).sqrt()
        return relative(latents, last.sqrt() * mean + spread * (start - first.sqrt() * mean))

    assert error(DPMSolver(DDIM_CONFIG, 25)) < 0.1 * error(DDIM(DDIM_CONFIG, 50, 0.0, Draws(0)))


def test_noise_augmentation_is_the_identity_in_half_precision(checkpoint):
    augmentation = NoiseAugmentation.of_files(
        checkpoint.weights("image_normalizer"), checkpoint.config("image_noising_scheduler")
    )
    embeddings, noise = torch.randn(VIEWS, 32), torch.randn(VIEWS, 32)
    labels = augmentation(embeddings, noise)
    assert labels.shape == (VIEWS, 64)
    assert torch.equal(labels[:, 32:48], torch.ones(VIEWS, 16)) and not labels[:, 48:].any()
    assert 1e-3 < relative(labels[:, :32], embeddings) < 2e-2
    half = augmentation(embeddings.half(), noise)
    assert torch.equal(half, augmentation(embeddings.half(), torch.zeros_like(noise)))


def test_clip_pixels_crop_and_normalise(checkpoint):
    config = checkpoint.config("feature_extractor")
    white = features.clip_pixels(np.full((128, 128, 3), 255, np.uint8), config)
    assert white.shape == (1, 3, 56, 56)
    wanted = (1 - torch.tensor(config["image_mean"])) / torch.tensor(config["image_std"])
    assert torch.allclose(white.mean(dim=(0, 2, 3)), wanted, atol=1e-6)
    wide = np.zeros((60, 180, 3), np.uint8)
    wide[:, 60:120] = 255
    assert torch.allclose(features.clip_pixels(wide, config)[0, :, :, 10:-10].mean(dim=(1, 2)), wanted, atol=1e-4)


def test_rays_pass_through_pixel_centres():
    rig = six_view_rig(16)
    origins, directions = rays.pixel_rays(*rays.camera_tensors(rig), (16, 16))
    for view, camera in enumerate(rig):
        point = (origins + 2.0 * directions)[view, :, 5, 9].double().numpy()
        pixels, _ = camera.project(point[None])
        assert pixels[0] == pytest.approx([9.5, 5.5], abs=1e-4)
    posed = rays.posed_images(torch.zeros(VIEWS, 3, 16, 16), origins, directions)
    nearest = posed[:, 6:]
    assert (nearest * directions).sum(dim=1).abs().max() < 1e-5


def test_patches_and_pixels_keep_their_order():
    """A GS-LRM that passes each patch's first value on shows where every pixel's Gaussian ends up."""
    config = GSLRMConfig(width=8, head_width=4, layers=0, patch_size=4, free_gaussians=2)
    model = GSLRM(config)
    pictures = torch.arange(VIEWS * 3 * 8 * 8).reshape(VIEWS, 3, 8, 8).float()
    patches = model._to_patches(pictures)
    assert patches.shape == (VIEWS, 4, 48)
    for view, patch, row, column, channel in [(0, 0, 0, 0, 0), (2, 1, 3, 2, 1), (5, 2, 1, 0, 2)]:
        wanted = pictures[view, channel, patch // 2 * 4 + row, patch % 2 * 4 + column]
        assert patches[view, patch, (row * 4 + column) * 3 + channel] == wanted


def test_gslrm_in_half_precision_stays_near(checkpoint, picture):
    views = np.stack([np.roll(picture, 9 * i, axis=1) for i in range(VIEWS)])
    full = Pipeline(checkpoint, head_width=HEAD_WIDTH).reconstruct(views)
    half = Pipeline(checkpoint, dtype=torch.bfloat16, head_width=HEAD_WIDTH).reconstruct(views)
    assert half.xyz.dtype == torch.float32
    assert 1e-5 < relative(half.xyz, full.xyz) < 2e-2


def test_same_seed_same_views_other_seed_others(checkpoint, picture):
    first, again, other = (
        Pipeline(checkpoint).generate_views(picture, Sampling(steps=2, seed=seed)) for seed in (4, 4, 5)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_prompt_embeddings_are_computed_once(checkpoint, tmp_path):
    first = prompts.prompt_embeddings(checkpoint, tmp_path)
    cached = list(tmp_path.iterdir())
    assert len(cached) == 1 and first.dtype == torch.float16 and first.shape[:2] == (6, 77)
    stamp = cached[0].stat().st_mtime_ns
    assert torch.equal(prompts.prompt_embeddings(checkpoint, tmp_path), first)
    assert cached[0].stat().st_mtime_ns == stamp
    cached[0].write_bytes(cached[0].read_bytes()[:100])
    assert torch.equal(prompts.prompt_embeddings(checkpoint, tmp_path), first)


def test_the_text_encoder_is_not_read_again(own_checkpoint, tmp_path, monkeypatch):
    checkpoint, read = Checkpoint.open(own_checkpoint), []
    monkeypatch.setattr(prompts, "sha256_of", lambda path: read.append(path) or sha256_of(path))
    encoder = checkpoint.weights_path("text_encoder")
    key = prompts.content_key(checkpoint)
    assert encoder in read
    read.clear()
    assert prompts.content_key(checkpoint) == key
    assert read and encoder not in read
    rewrite_weights(encoder, lambda weights: next(iter(weights.values())).add_(1))
    assert prompts.content_key(checkpoint) != key


def test_official_prompt_file_is_taken(own_checkpoint, tmp_path):
    embeddings = torch.randn(6, 77, 32).half()
    torch.save(embeddings, own_checkpoint / "clr_embeds.pt")
    (own_checkpoint / "mvdiffusion/pipeckpts/text_encoder/model.safetensors").unlink()
    assert torch.equal(prompts.prompt_embeddings(Checkpoint.open(own_checkpoint), tmp_path), embeddings)


def test_unet_configuration_maps_to_the_stock_class(checkpoint):
    unet = models.build("unet", checkpoint.config("unet"))
    acceleration.prepare_unet(unet, VIEWS, BASELINE)
    assert len(attention.self_attentions(unet)) == len(attention.text_attentions(unet)) == 16
    assert unet.config.in_channels == 8
