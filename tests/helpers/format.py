"""Splats that try a format's limits, and programs that are not ours to compare with."""

from __future__ import annotations

import shutil
import subprocess
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import strategies as st

from core import formats
from core.errors import FormatError
from core.gaussians import Gaussians
from core.geometry import quaternions
from tests.helpers.gaussian import random_gaussians

ROOT = Path(__file__).resolve().parents[2]


@st.composite
def splats(draw: st.DrawFn, degrees: tuple[int, ...] = (0, 1, 2, 3), largest: int = 40) -> Gaussians:
    """A few Gaussians: random ones, some with the opacities, sizes and rotations at which quantisers fail."""
    gaussians = random_gaussians(
        draw(st.integers(1, largest)),
        draw(st.sampled_from(degrees)),
        seed=draw(st.integers(0, 2**31)),
        size=draw(st.sampled_from((1e-3, 0.05, 3))),
        spread=draw(st.sampled_from((0, 0.1, 1, 90))),
    )
    opacities, rotations, scales = (np.array(v) for v in (gaussians.opacities, gaussians.rotations, gaussians.scales))
    opacities[0] = draw(st.sampled_from((0, 0.5, 1)))
    rotations[-1] = draw(st.sampled_from((*np.eye(4), *-np.eye(4), [0.5] * 4, [0.5, -0.5, -0.5, 0.5])))
    scales[0] = draw(st.sampled_from((1e-4, 1.0, 100.0)))
    return gaussians.replace(opacities=opacities, rotations=rotations, scales=scales)


def angles(a: Gaussians, b: Gaussians) -> np.ndarray:
    """The angles [N] in radians between two sets of rotations.

    q and -q are the same, and half a turn about an axis of its own changes no ellipsoid.
    """
    p, q = (item.rotations.astype(np.float64) for item in (a, b))
    turned = [quaternions.multiply(q, turn) for turn in np.eye(4)]
    chords = [np.linalg.norm(p - sign * item, axis=1) for item in turned for sign in (1, -1)]
    return 4 * np.arcsin(np.minimum(np.min(chords, axis=0) / 2, 1))


def assert_near(
    a: Gaussians,
    b: Gaussians,
    *,
    means: float = 0,
    log_scales: float = 2e-6,
    angle: float = 2e-6,
    opacities: float = 0,
    base: float = 0,
    higher: float = 0,
) -> None:
    """Compare within absolute tolerances; float32's own rounding is always allowed."""
    eps = 2.0**-22
    np.testing.assert_allclose(a.means, b.means, rtol=eps, atol=means)
    np.testing.assert_allclose(np.log(a.scales), np.log(b.scales), rtol=0, atol=log_scales)
    assert angles(a, b).max() <= angle
    np.testing.assert_allclose(a.opacities, b.opacities, rtol=eps, atol=opacities)
    np.testing.assert_allclose(a.sh[:, 0], b.sh[:, 0], rtol=eps, atol=base + eps)
    assert a.sh.shape == b.sh.shape
    np.testing.assert_allclose(a.sh[:, 1:], b.sh[:, 1:], rtol=eps, atol=higher + 4 * eps)


def within_range(gaussians: Gaussians) -> Gaussians:
    """The same with colours and harmonics that every format can hold."""
    sh = np.clip(gaussians.sh, -0.95, 0.95)
    sh[:, 0] = np.clip(gaussians.sh[:, 0], -1.7, 1.7)
    return gaussians.replace(sh=sh)


def node_package(name: str) -> Path:
    """The main file of a package of npm's; skips the test where Node or the package is absent.

    Looked for as Node does, from the checkout upwards and in NODE_PATH.
    """
    if shutil.which("node") is None:
        pytest.skip("Node is not installed")
    asked = subprocess.run(
        ["node", "-p", f"require.resolve({name!r})"], capture_output=True, text=True, cwd=ROOT, check=False
    )
    if asked.returncode:
        pytest.skip(f"the npm package {name} is not installed")
    return Path(asked.stdout.strip())


def splat_transform(source: Path, target: Path, *options: str) -> None:
    """Convert a file with PlayCanvas' program."""
    program = node_package("@playcanvas/splat-transform").parents[1] / "bin" / "cli.mjs"
    done = subprocess.run(
        ["node", str(program), "-q", "-w", *options, str(source), str(target)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def code_of(data: bytes, suffix: str) -> str:
    """The error code that reading ``data`` ends in."""
    with pytest.raises(FormatError) as caught:
        formats.loads(data, suffix)
    assert caught.value.message.endswith(".") and caught.value.advice.endswith(".")
    return caught.value.code


def peak_of(data: bytes, suffix: str) -> int:
    """The most memory that refusing ``data`` takes."""
    tracemalloc.start()
    try:
        code_of(data, suffix)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
