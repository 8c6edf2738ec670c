"""What tests of the viewport share: a graphics system to draw with."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="module")
def graphics():
    """Blender's gpu module, ready to draw without a window (Blender 5.x)."""
    import gpu

    if not hasattr(gpu, "init"):
        pytest.skip("this Blender draws only with a window")
    try:
        gpu.init()
        gpu.types.GPUOffScreen(8, 8).free()
    except SystemError as error:
        pytest.skip(f"no graphics on this machine: {error}")
    return gpu
