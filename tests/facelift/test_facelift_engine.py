"""The FaceLift engine as its callers use it, with the tiny random checkpoint: noise, but the whole road."""

from __future__ import annotations

# First of all: where torch is absent, it skips the module.
from tests.helpers.facelift import (
    cut_out_astronaut,
    rewrite_weights,
    torch,
    unet_folder,
)

# isort: split
import io
import json
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.engines.base import Engine
from core.engines.capture import Capture
from core.engines.facelift import memory
from core.engines.facelift.errors import NotFiniteError, OutOfMemoryError
from core.engines.facelift.runner import VIEWS
from core.engines.recipe import Recipe
from core.errors import Cancelled, EngineUnavailable, PhotoError, SettingsError
from core.photo.decode import Photo
from core.progress import Progress, Reporter
from core.splats.parts import Part

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def photo() -> Photo:
    return cut_out_astronaut()


@pytest.fixture
def settings(checkpoint_folder: Path) -> dict:
    return {"checkpoint": str(checkpoint_folder), "steps": 3}


def test_photo_to_head(engine, photo, settings):
    progress, previews = [], {}
    reporter = Reporter(progress.append, previews.__setitem__)
    result = engine.generate(photo, settings, reporter)
    assert isinstance(engine, Engine)
    gaussians = result.gaussians
    assert len(gaussians) > 1000 and gaussians.sh.shape[1] == 1
    assert np.isfinite(gaussians.means).all() and np.abs(gaussians.means).max() <= 1.0
    assert np.linalg.norm(gaussians.rotations, axis=1) == pytest.approx(1, abs=1e-5)
    assert result.views.shape == (6, 128, 128, 3)
    assert result.aligned.shape == (512, 512, 4)
    assert result.photo_camera.position == pytest.approx([0, -2.7, 0])
    fractions = [entry.fraction for entry in progress]
    assert fractions == sorted(fractions) and fractions[-1] == 1.0
    assert sum(entry.stage == VIEWS for entry in progress) == 1 + 3 + 3
    assert set(previews) == {"crop", "matte", "views"}
    assert Image.open(io.BytesIO(previews["views"])).size == (6 * 128, 128)
    recipe = result.recipe
    assert Recipe.from_dict(json.loads(json.dumps(recipe.to_dict()))) == recipe
    assert recipe.seed == 4 and recipe.portrait.photo.sha256 == photo.sha256
    assert "checkpoint" not in recipe.settings
    # Noise shows no face: the engine says so instead of inventing parts.
    assert (gaussians.parts == Part.UNKNOWN).all() and any("parts" in note for note in result.notes)


def test_background_goes_and_the_cut_out_is_aligned(engine, photo, settings):
    cut_out = engine.prepare(photo, settings, Reporter())
    opaque = Photo(photo.rgba, False, "astronaut.png", "00")
    matted = engine.prepare(opaque, settings, Reporter())
    for prepared in (cut_out, matted):
        assert not prepared.aligned[:100, 420:, 3].any()
        assert prepared.aligned[280, 252, 3] == 255
    assert np.abs(cut_out.aligned[..., 3].astype(int) - matted.aligned[..., 3]).mean() < 4
    assert len(cut_out.faces) == 1


def test_recipe_makes_the_same_head_and_another_seed_another(engine, photo, settings):
    first = engine.generate(photo, settings, Reporter())
    again = engine.generate(photo, {**settings, **first.recipe.settings}, Reporter())
    assert np.array_equal(first.gaussians.means, again.gaussians.means)
    assert np.array_equal(first.gaussians.sh, again.gaussians.sh)
    other = engine.generate(photo, {**settings, "seed": 5}, Reporter())
    assert not np.array_equal(first.views, other.views)


@pytest.mark.parametrize(
    "change",
    [
        {"low_memory": True},
        {"acceleration": "graph"},
        {"preset": "fast", "steps": 6},
        {"filter": "gradio"},
        {"guidance": 1.0, "eta": 0.0},
        {"dtype": "bfloat16"},
        {"dtype": "bfloat16", "vae_float32": True},
        {"guidance_begin": 0.2, "guidance_end": 0.6},
    ],
)
def test_settings_run(engine, photo, settings, change):
    result = engine.generate(photo, settings | change, Reporter())
    # Noise of the right form: a picture of noise is all that the random weights can give.
    gaussians = result.gaussians
    for values in (gaussians.means, gaussians.scales, gaussians.rotations, gaussians.opacities, gaussians.sh):
        assert np.isfinite(values).all()
    assert len(gaussians) > 1000 and np.abs(gaussians.means).max() <= 1.0 and (gaussians.scales > 0).all()
    assert np.linalg.norm(gaussians.rotations, axis=1) == pytest.approx(1, abs=1e-5)
    assert gaussians.opacities.min() >= 0 and 0.1 < gaussians.opacities.max() <= 1
    assert result.views.shape == (6, 128, 128, 3) and min(view.std() for view in result.views) > 1
    assert result.aligned.shape == (512, 512, 4) and result.photo_camera.position == pytest.approx([0, -2.7, 0])
    # What a head was made with is remembered, each setting; where it was made is not.
    places = {"checkpoint", "device", "low_memory", "acceleration"}
    kept = {name: value for name, value in change.items() if name not in places}
    assert kept.items() <= result.recipe.settings.items() and not places & result.recipe.settings.keys()


def test_low_memory_gives_the_same_views(engine, photo, settings):
    plain = engine.generate(photo, settings, Reporter()).views
    low = engine.generate(photo, settings | {"low_memory": True}, Reporter()).views
    assert np.abs(plain.astype(int) - low).max() <= 1


@pytest.mark.parametrize("step", [1, 2, 5])
def test_cancel_stops_at_the_step(engine, photo, settings, step):
    cancel, seen = threading.Event(), []

    def on_progress(progress: Progress) -> None:
        if progress.stage == VIEWS:
            seen.append(progress.step)
            if progress.step == step:
                cancel.set()

    with pytest.raises(Cancelled):
        engine.generate(photo, settings, Reporter(on_progress, cancel=cancel))
    assert seen[-1] == step
    assert len(engine.generate(photo, settings, Reporter()).gaussians) > 1000


def test_numbers_that_are_none_stop_with_advice(engine, photo, own_checkpoint):
    path = unet_folder(own_checkpoint) / "diffusion_pytorch_model.safetensors"
    rewrite_weights(path, lambda weights: weights["conv_out.bias"].fill_(torch.nan))
    with pytest.raises(NotFiniteError) as caught:
        engine.generate(photo, {"checkpoint": str(own_checkpoint), "steps": 4}, Reporter())
    assert "step 1 of 4" in caught.value.message
    assert "guidance" in caught.value.advice and "float32 VAE" in caught.value.advice


class Exhausted:
    """A progress callback that runs out of memory, as a device would in the middle of a step."""

    MESSAGE = (
        "CUDA out of memory. Tried to allocate 3.00 GiB. "
        "GPU 0 has a total capacity of 7.78 GiB of which 1.00 GiB is free."
    )

    def __init__(self, times: int) -> None:
        self.times = times

    def __call__(self, progress: Progress) -> None:
        if progress.stage == VIEWS and progress.step == 1 and self.times:
            self.times -= 1
            raise torch.OutOfMemoryError(self.MESSAGE)


def test_out_of_memory_is_tried_once_more_in_low_memory_mode(engine, photo, settings):
    plain = engine.generate(photo, settings, Reporter())
    result = engine.generate(photo, settings, Reporter(Exhausted(1)))
    assert any("low-memory" in note for note in result.notes)
    assert np.abs(plain.views.astype(int) - result.views).max() <= 1


def test_out_of_memory_says_how_much_was_missing(engine, photo, settings):
    with pytest.raises(OutOfMemoryError) as caught:
        engine.generate(photo, settings, Reporter(Exhausted(2)))
    assert caught.value.details["missing"] == 2 << 30
    assert "2.0 GiB" in caught.value.message and caught.value.code == "out-of-memory"


def test_memory_messages_are_understood():
    cpu = RuntimeError(
        "DefaultCPUAllocator: can't allocate memory: you tried to allocate 4294967296 bytes. Error code 12"
    )
    assert memory.is_out_of_memory(cpu)
    assert memory.out_of_memory(cpu, torch.device("cpu")).details["missing"] == 4 << 30
    assert not memory.is_out_of_memory(RuntimeError("shapes do not match"))
    assert "missing" not in memory.out_of_memory(MemoryError(), torch.device("cpu")).details
    cuda = "CUDA out of memory. Tried to allocate {}.00 GiB. GPU 0 has 8.00 GiB of which 3.00 GiB is free."
    found = memory.out_of_memory(RuntimeError(cuda.format(5)), torch.device("cuda"))
    assert found.details["missing"] == 2 << 30 and "graphics card" in found.message
    # Refused although enough is free: no amount is better than "0.0 GiB were missing".
    assert "missing" not in memory.out_of_memory(RuntimeError(cuda.format(2)), torch.device("cuda")).details


def test_info_imports_no_torch():
    code = (
        "import sys; from core.engines.registry import create_engine; reason = create_engine('facelift').obstacle();"
        "assert 'torch' not in sys.modules; print(reason)"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.startswith("The FaceLift weights are not here.")


def test_checkpoint_of_the_environment_is_found(engine, checkpoint_folder, monkeypatch):
    monkeypatch.setenv("FACELIFT_CHECKPOINT", str(checkpoint_folder))
    assert not engine.obstacle()


def test_what_is_missing_is_said(engine, photo, tmp_path):
    with pytest.raises(EngineUnavailable, match="weights are not here"):
        engine.generate(photo, {}, Reporter())
    with pytest.raises(EngineUnavailable, match="nowhere"):
        engine.generate(photo, {"checkpoint": str(tmp_path / "nowhere")}, Reporter())


def test_wrong_settings_are_refused(engine, photo, settings):
    for change in ({"steps": 0}, {"checkpoint": 5}, {"filter": "none"}, {"colour": 1}, {"eta": 2.0}):
        with pytest.raises(SettingsError):
            engine.generate(photo, settings | change, Reporter())
    with pytest.raises(PhotoError, match="number 4"):
        engine.generate(Capture.of(photo, face=3), settings, Reporter())


def test_no_face(engine, settings):
    blank = Photo(np.full((300, 200, 4), 200, np.uint8), False, "blank.png", "00")
    with pytest.raises(PhotoError) as caught:
        engine.prepare(blank, settings, Reporter())
    assert caught.value.code == "no-face"
    whole = engine.prepare(Capture.of(blank, aligned=True), settings, Reporter())
    assert whole.aligned.shape == (512, 512, 4) and "background stays" in whole.notes[0]


def test_models_stay_loaded_until_unload(engine, photo, settings):
    engine.generate(photo, settings, Reporter())
    pipeline = engine._runner.pipeline
    loaded = dict(pipeline._models)
    assert set(loaded) == {"image_encoder", "vae", "unet", "gslrm"}
    engine.generate(photo, settings, Reporter())
    assert all(pipeline._models[name] is model for name, model in loaded.items())
    engine.unload()
    assert not pipeline._models and engine._runner is None
