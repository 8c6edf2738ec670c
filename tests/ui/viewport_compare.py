"""Compares pictures of the 3D View with the reference rasterizer.

    python -m tests.ui.viewport_compare FOLDER PICTURE.png...

``FOLDER`` holds ``head.ply`` and the ``views.json`` of ``viewport_views.py``; the pictures are
those of the whole screen, in the same order.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from core import formats
from core.cameras import Camera
from core.gaussians import Gaussians
from core.rasterize import render
from core.rasterize.metrics import psnr
from core.rasterize.projection import MIN_ALPHA

OVERLAY_GAMMA = 2.2
"""Blender blends overlays in what this power makes of the screen's values."""
FAR = 1e3
"""Distance of a perspective camera that stands for an orthographic one, in metres."""


def reference(gaussians: Gaussians, view: dict) -> tuple[np.ndarray, np.ndarray]:
    """Return image and alpha of the splats as the rasterizer draws this view.

    The rasterizer leaves out what is nearer than 0.2 units, so lengths are measured in centimetres.
    """
    unit = np.diag([100.0, 100.0, 100.0, 1.0])
    world = np.array(view["object"]) @ np.array(view["to_local"])
    projection, seen = np.array(view["projection"]), np.array(view["view"])
    width, height = view["region"][2:]
    fx, fy = projection[0, 0] * width / 2, projection[1, 1] * height / 2
    cx, cy = width / 2 * (1 - projection[0, 2]), height / 2 * (1 + projection[1, 2])
    c2w = np.linalg.inv(seen)
    if projection[3, 3] == 1:
        c2w[:3, 3] += c2w[:3, 2] * FAR
        fx, fy = fx * FAR, fy * FAR
        cx, cy = width / 2, height / 2
    c2w = unit @ c2w @ np.diag([1.0, -1, -1, 1])
    c2w[:3, :3] /= 100
    camera = Camera(width, height, fx, fy, cx, cy, c2w)
    rendering = render(gaussians.transform(unit @ world), camera, (0, 0, 0))
    return rendering.image, rendering.alpha


def over(image: np.ndarray, alpha: np.ndarray, background: np.ndarray) -> np.ndarray:
    """Return premultiplied encoded colours over a background as Blender blends overlays."""
    straight = np.clip(np.divide(image, alpha[..., None], out=np.zeros_like(image), where=alpha[..., None] > 0), 0, 1)
    linear = straight**OVERLAY_GAMMA * alpha[..., None] + background**OVERLAY_GAMMA * (1 - alpha[..., None])
    return linear ** (1 / OVERLAY_GAMMA)


def main() -> int:
    """Print the figures and write the pictures side by side."""
    folder, *pictures = map(Path, sys.argv[1:])
    gaussians = formats.load(folder / "head.ply")
    for view, picture in zip(json.loads((folder / "views.json").read_text()), pictures, strict=True):
        x, y, width, height = view["region"]
        top = view["screen_height"] - y - height
        screen = np.asarray(Image.open(picture).convert("RGB")).astype(np.float64) / 255
        shown = screen[top : top + height, x : x + width]
        image, alpha = reference(gaussians, view)
        wanted = over(image, alpha, shown[height // 2, 2])
        covered = alpha > MIN_ALPHA
        sheet = np.concatenate([shown, wanted, np.clip(np.abs(shown - wanted) * 8, 0, 1)], axis=1)
        Image.fromarray((sheet * 255).astype(np.uint8)).save(folder / f"{view['name']}.png")
        inside, everywhere = psnr(shown, wanted, covered), psnr(shown, wanted)
        print(f"{view['name']:<14} {everywhere:6.1f} dB, where splats are {inside:6.1f} dB, drawing {view['drawing']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
