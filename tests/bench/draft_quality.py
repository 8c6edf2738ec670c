"""What the draft engine's heads are judged by, for the benchmark and the tests."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage

from core.cameras import Camera, six_view_rig, turntable
from core.engines.base import GenerateResult
from core.engines.draft.portrait import FACE_OVAL
from core.gaussians import Gaussians
from core.rasterize.cpu import render
from core.rasterize.metrics import psnr, silhouette_iou

HOLE_VIEWS = 24
HOLE_SIZE = 256
"""Views around the head, and their size in pixels, in which holes are counted."""
HOLE_ALPHA = 0.5
"""Coverage below which a pixel inside the silhouette is a hole."""


def over_white(rgba: np.ndarray) -> np.ndarray:
    """Return straight-alpha RGBA uint8 [H, W, 4] composited over white, float 0..1 [H, W, 3]."""
    rgba = rgba.astype(np.float64) / 255
    return rgba[..., :3] * rgba[..., 3:] + 1 - rgba[..., 3:]


def face_oval(landmarks: np.ndarray, size: int = 512) -> np.ndarray:
    """Return the mask [size, size] inside the face's outline, of landmarks [L, 2+] in pixels."""
    canvas = Image.new("L", (size, size))
    ImageDraw.Draw(canvas).polygon([(float(x), float(y)) for x, y in landmarks[list(FACE_OVAL), :2] - 0.5], fill=1)
    return np.asarray(canvas).astype(bool)


def front_quality(result: GenerateResult, landmarks: np.ndarray) -> dict[str, float]:
    """Compare the head, seen through its photo camera, with the aligned photo.

    Args:
        result: The head.
        landmarks: [L, 2+] the face's landmarks in aligned pixels.

    Returns:
        "front_psnr" in dB inside the face's outline, "front_iou" of silhouette and matte.
    """
    view = render(result.gaussians, result.photo_camera)
    image = np.clip(view.image, 0, 1).astype(np.float64)
    oval = face_oval(landmarks)
    return {
        "front_psnr": psnr(image, over_white(result.aligned), oval),
        "front_iou": silhouette_iou(view.alpha, result.aligned[..., 3] / 255),
    }


def hole_share(gaussians: Gaussians, views: int = HOLE_VIEWS, size: int = HOLE_SIZE) -> float:
    """Return the greatest share, over views around the head, of see-through pixels inside its silhouette.

    Pixels count as holes where coverage falls below one half and the background can't be reached
    without crossing the silhouette; the picture's border is part of the silhouette where the bust
    touches it.
    """
    worst = 0.0
    for camera in turntable(views, size):
        solid = render(gaussians, camera).alpha > HOLE_ALPHA
        holes = ndimage.binary_fill_holes(solid) & ~solid
        worst = max(worst, holes.sum() / max(solid.sum(), 1))
    return float(worst)


def truth_quality(
    gaussians: Gaussians, truths: Sequence[np.ndarray], cameras: Sequence[Camera] | None = None
) -> dict[str, float | list[float]]:
    """Compare a head with pictures of the true one.

    Args:
        gaussians: The head.
        truths: RGBA pictures [H, W, 4] uint8, the photo's view first.
        cameras: Their cameras; the six-view rig by default.

    Returns:
        "six_psnr" mean over all views, "unseen_psnr" mean without the first, "view_psnr" each.
    """
    cameras = six_view_rig() if cameras is None else cameras
    values = [
        psnr(np.clip(render(gaussians, camera).image, 0, 1).astype(np.float64), over_white(truth))
        for camera, truth in zip(cameras, truths, strict=True)
    ]
    return {"six_psnr": float(np.mean(values)), "unseen_psnr": float(np.mean(values[1:])), "view_psnr": values}
