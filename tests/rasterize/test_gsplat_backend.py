"""The gsplat backend's conventions, on the CPU, and its pictures where there is a CUDA device.

gsplat's kernels need CUDA, but its package carries plain PyTorch versions of projection and
spherical harmonics. Fed with the backend's arguments and blended here by gsplat's rules they must
give the reference rasterizer's picture.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from core.cameras import Camera
from core.gaussians import Gaussians
from core.rasterize import cpu, gsplat_backend
from core.rasterize.choice import best_renderer
from core.rasterize.metrics import psnr
from core.rasterize.projection import MIN_ALPHA
from tests.helpers.gaussian import random_gaussians
from tests.helpers.patience import PATIENCE

ROOT = Path(__file__).resolve().parents[2]
SAME_PICTURE = 45.0
"""dB."""
MAX_ALPHA, MIN_TRANSMITTANCE = 0.999, 1e-4
"""gsplat's limits."""
DARK = (0.1, 0.2, 0.3)


def small_head(degree: int) -> Gaussians:
    return random_gaussians(400, degree=degree, seed=7, size=0.05, spread=0.35)


def cameras() -> list[Camera]:
    off_center = Camera.orbit(200, 15, size=64)
    wide = Camera(80, 48, 70.0, 60.0, 37.0, 26.0, off_center.c2w)
    return [Camera.orbit(270, size=64), off_center, wide]


def picture_by_gsplats_reference(gaussians: Gaussians, camera: Camera) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return image over DARK, alpha and mean depth from the backend's arguments."""
    torch = pytest.importorskip("torch")
    reference = pytest.importorskip("gsplat.cuda._torch_impl")
    cpu_device = torch.device("cpu")
    splats = gsplat_backend.splat_arguments(gaussians, cpu_device)
    view = gsplat_backend.camera_arguments(camera, cpu_device)
    covariances, _ = reference._quat_scale_to_covar_preci(splats["quats"], splats["scales"], True, False)
    radii, centers, depths, conics, _ = reference._fully_fused_projection(
        splats["means"],
        covariances,
        view["viewmats"],
        view["Ks"],
        view["width"],
        view["height"],
        eps2d=view["eps2d"],
        near_plane=view["near_plane"],
    )
    position = torch.linalg.inv(view["viewmats"][0])[:3, 3]
    colors = reference._spherical_harmonics(splats["sh_degree"], splats["means"] - position, splats["colors"])
    colors = (colors + 0.5).clamp(min=0)
    order = [index for index in torch.argsort(depths[0]).tolist() if (radii[0, index] > 0).all()]
    rows, columns = torch.meshgrid(torch.arange(camera.height), torch.arange(camera.width), indexing="ij")
    pixels = torch.stack([columns, rows], dim=-1) + 0.5
    left = torch.ones(camera.height, camera.width)
    blended = torch.zeros(camera.height, camera.width, 4)
    done = torch.zeros(camera.height, camera.width, dtype=torch.bool)
    for index in order:
        dx, dy = (pixels - centers[0, index]).unbind(-1)
        xx, xy, yy = conics[0, index]
        power = 0.5 * (xx * dx * dx + yy * dy * dy) + xy * dx * dy
        alpha = (splats["opacities"][index] * torch.exp(-power)).clamp(max=MAX_ALPHA)
        alpha[(power < 0) | (alpha < MIN_ALPHA)] = 0
        done |= (left * (1 - alpha) <= MIN_TRANSMITTANCE) & (alpha > 0)
        weight = torch.where(done, 0, left * alpha)
        blended += weight[..., None] * torch.cat([colors[index], depths[0, index, None]])
        left = torch.where(done, left, left * (1 - alpha))
    alpha = 1 - left
    image = blended[..., :3] + left[..., None] * torch.tensor(DARK)
    depth = torch.where(alpha > 0, blended[..., 3] / alpha.clamp(min=1e-10), 0)
    return image.numpy(), alpha.numpy(), depth.numpy()


@pytest.mark.parametrize("camera", cameras(), ids=["front", "orbit", "off-center"])
@pytest.mark.parametrize("degree", [0, 1, 3])
def test_arguments_mean_the_same_to_gsplat(camera, degree):
    gaussians = small_head(degree)
    image, alpha, depth = picture_by_gsplats_reference(gaussians, camera)
    ours = cpu.render(gaussians, camera, DARK)
    assert psnr(image, ours.image) >= SAME_PICTURE
    assert psnr(alpha, ours.alpha) >= SAME_PICTURE
    covered = ours.alpha > 0.5
    assert np.abs(depth - ours.depth)[covered].max() < 0.05


def test_opaque_splats_differ_by_the_cap_of_alpha_only():
    gaussians = small_head(0).replace(opacities=np.ones(400))
    image, alpha, _ = picture_by_gsplats_reference(gaussians, cameras()[0])
    ours = cpu.render(gaussians, cameras()[0], DARK)
    assert psnr(image, ours.image) >= SAME_PICTURE
    assert psnr(alpha, ours.alpha) >= SAME_PICTURE


def test_wrong_conventions_would_show():
    """The comparison sees a picture moved by half a pixel."""
    gaussians, camera = small_head(0), cameras()[0]
    moved = Camera(camera.width, camera.height, camera.fx, camera.fy, camera.cx + 0.5, camera.cy, camera.c2w)
    image, _, _ = picture_by_gsplats_reference(gaussians, moved)
    assert psnr(image, cpu.render(gaussians, camera, DARK).image) < SAME_PICTURE


def test_splats_of_the_last_gaussians_are_kept():
    torch = pytest.importorskip("torch")
    first, second = small_head(0), small_head(1)
    arguments = gsplat_backend.splat_arguments(first, torch.device("cpu"))
    assert gsplat_backend.splat_arguments(first, torch.device("cpu")) is arguments
    assert gsplat_backend.splat_arguments(second, torch.device("cpu")) is not arguments


def test_choosing_a_renderer_without_cuda_compiles_nothing():
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("this computer has a CUDA device")
    code = (
        "import sys; from core.rasterize.choice import best_renderer; from core.rasterize import cpu;"
        "assert best_renderer() is cpu.render; assert 'gsplat' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_minutes_of_compiling_are_announced(monkeypatch, caplog):
    torch = pytest.importorskip("torch")
    pytest.importorskip("gsplat")

    def compile_in_vain(*_) -> None:
        deadline = time.monotonic() + PATIENCE
        while not caplog.records and time.monotonic() < deadline:
            time.sleep(0.01)
        raise RuntimeError("no compiler")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(gsplat_backend, "NOTICE_SECONDS", 0.01)
    monkeypatch.setattr(gsplat_backend, "render", compile_in_vain)
    assert not gsplat_backend.is_available.__wrapped__()
    assert gsplat_backend.COMPILING in caplog.text


@pytest.mark.parametrize("degree", [0, 3])
def test_pictures_on_cuda_equal_the_reference_rasterizer(degree):
    torch = pytest.importorskip("torch")
    pytest.importorskip("gsplat")
    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    assert best_renderer() is gsplat_backend.render
    gaussians = small_head(degree)
    for camera in cameras():
        ours, theirs = cpu.render(gaussians, camera, DARK), gsplat_backend.render(gaussians, camera, DARK)
        assert psnr(theirs.image, ours.image) >= SAME_PICTURE
        assert psnr(theirs.alpha, ours.alpha) >= SAME_PICTURE
        covered = ours.alpha > 0.5
        assert np.abs(theirs.depth - ours.depth)[covered].max() < 0.05


def test_a_driver_or_compiler_that_fails_leaves_a_word_in_the_log(monkeypatch, caplog):
    def render(*_):
        raise OSError("nvcc was not found")

    monkeypatch.setattr(gsplat_backend, "find_spec", lambda name: name)
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=SimpleNamespace(is_available=lambda: True)))
    monkeypatch.setattr(gsplat_backend, "render", render)
    assert not gsplat_backend.is_available.__wrapped__()
    assert "nvcc was not found" in caplog.text
