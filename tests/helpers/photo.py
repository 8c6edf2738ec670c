"""Pictures that several photo tests share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

SHARED = Path(__file__).resolve().parents[3] / "shared"
PORTRAITS = sorted((SHARED / "portraits").glob("*.png"))
SAMPLE_FRONT = SHARED / "sample-head" / "six" / "cam_000.png"
needs_portraits = pytest.mark.skipif(not PORTRAITS, reason="needs ../shared/portraits")
needs_sample_head = pytest.mark.skipif(not SAMPLE_FRONT.is_file(), reason="needs ../shared/sample-head")


def astronaut() -> np.ndarray:
    """Return scikit-image's public-domain portrait, [512, 512, 3] uint8; skips where it is missing."""
    return pytest.importorskip("skimage.data").astronaut()


def on_canvas(picture: np.ndarray, size: tuple[int, int], corner: tuple[int, int], color: int = 128) -> np.ndarray:
    """Return a plain canvas of ``size`` (width, height) with a picture at ``corner``."""
    canvas = Image.new("RGB", size, (color,) * 3)
    canvas.paste(Image.fromarray(picture), corner)
    return np.asarray(canvas)


def read_rgb(path: Path) -> np.ndarray:
    """Return a picture file as [H, W, 3] uint8 over white."""
    picture = Image.open(path).convert("RGBA")
    canvas = Image.new("RGBA", picture.size, "white")
    canvas.alpha_composite(picture)
    return np.asarray(canvas.convert("RGB"))
