"""How long the viewport's drawing keeps a processor: sorting when the view turns, reading after an edit."""

from __future__ import annotations

import numpy as np

from core.cameras import Camera
from core.viewing import order, texels

from .report import Measurement, best_seconds, print_table

COUNTS = (150_000, 500_000)
"""A usual head, and the largest that the draft engine makes."""
REPEATS = 20


def main() -> None:
    """Measure and print."""
    for count in COUNTS:
        _measure(count)


def _measure(count: int) -> None:
    random = np.random.default_rng(0)
    means = random.normal(size=(count, 3)).astype(np.float32)
    scales = random.uniform(0.001, 0.01, (count, 3)).astype(np.float32)
    rotations = random.normal(size=(count, 4)).astype(np.float32)
    base = random.uniform(size=(count, 4)).astype(np.float32)
    rows = order.depth_rows(np.linalg.inv(Camera.orbit(200, 20).blender_matrix())[None])

    def sort() -> np.ndarray:
        return texels.as_single_rows(order.far_to_near(order.depths([means], rows)))

    def sort_floats() -> np.ndarray:
        return texels.as_single_rows(np.argsort(-order.depths([means], rows), kind="stable"))

    plain = best_seconds(sort_floats, REPEATS) * 1e3
    packed = best_seconds(lambda: texels.join([texels.splat_texels(means, scales, rotations, base)]), REPEATS) * 1e3
    print_table(
        f"Viewport, {count:,} splats",
        [
            Measurement("sort for a turned view", best_seconds(sort, REPEATS) * 1e3, "ms", "<= 30", "argsort", plain),
            Measurement("make texels after an edit", packed, "ms"),
            *_with_graphics(means),
        ],
    )


def _with_graphics(means: np.ndarray) -> list[Measurement]:
    """The upload of the order, where Blender can draw without a window (5.x)."""
    try:
        import bpy  # noqa: F401 - brings the modules of Blender
        import gpu

        gpu.init()
    except (ImportError, AttributeError, SystemError):
        return []
    rows = texels.as_single_rows(np.arange(len(means)))
    size = (texels.WIDTH, len(rows))

    def upload() -> object:
        data = gpu.types.Buffer("FLOAT", rows.size, rows.ravel())
        return gpu.types.GPUTexture(size, format="R32F", data=data)

    label = f"upload of the order, {gpu.platform.renderer_get()}"[:58]
    return [Measurement(label, best_seconds(upload, REPEATS) * 1e3, "ms")]


if __name__ == "__main__":
    main()
