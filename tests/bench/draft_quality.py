"""What the draft engine's heads are judged by, for the benchmark and the tests."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage

from core.cameras import Camera, six_view_rig, turntable
from core.engines.base import GenerateResult
from core.gaussians import Gaussians
from core.photo.fine import FACTOR, fine_photo
from core.photo.landmarks import FACE_OVAL
from core.photo.prepare import Portrait
from core.rasterize.cpu import render
from core.rasterize.metrics import psnr, silhouette_iou
from core.splats.parts import Part
from core.splats.spherical_harmonics import from_colors
from tests.bench.novel_views import ssim

FACE_RIM = 16
"""Fine pixels inside the face's outline that are left out of its sharpness: what is beside it shows there."""
HOLE_VIEWS = 24
HOLE_SIZE = 256
"""Views around the head, and their size in pixels, in which holes are counted."""
HOLE_ALPHA = 0.5
"""Coverage below which a pixel inside the silhouette is a hole."""
FINE, COARSE = 1.0, 4.0
"""Standard deviations in pixels of 512 between which structure is fine: strands and small locks."""
HAIR_VIEWS = (135.0, 180.0, 225.0)
"""Degrees from the front from which invented hair is seen."""
HAIR_SHARE = 0.95
"""Share of hair in a pixel from which it counts."""
LEAST_HAIR = 2000
"""Pixels of hair that a view must show."""
LOOSE = 0.02
"""Metres from the rest beyond which something floats."""
FAINT = 0.1
"""Opacity below which nobody sees it."""


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


def fine_face(prepared: Portrait) -> np.ndarray | None:
    """Return the foreground over white [1024, 1024, 3], 0..1, of a large photo; None where it has no more than 512."""
    fine = fine_photo(prepared)
    if fine is None:
        return None
    alpha = prepared.alpha.repeat(FACTOR, 0).repeat(FACTOR, 1)[..., None]
    return fine.astype(np.float64) * alpha + 1 - alpha


def sharpness(result: GenerateResult, landmarks: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """Return PSNR in dB and SSIM of a head's face against a large photo's, at the photo's resolution.

    Args:
        result: The head.
        landmarks: [L, 2+] the face's landmarks in aligned pixels.
        truth: [1024, 1024, 3] as :func:`fine_face` returns it.
    """
    size = len(truth)
    image = render(result.gaussians, result.photo_camera.resized(size)).image
    oval = face_oval(landmarks * (size / 512), size)
    inner = ndimage.binary_erosion(oval, iterations=FACE_RIM)
    image = np.clip(image, 0, 1).astype(np.float64)
    return psnr(image, truth, inner), ssim(image, truth, inner)


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


def hair_structure(gaussians: Gaussians) -> list[float] | None:
    """Return the fine structure of hair at each of :data:`HAIR_VIEWS` over that seen from the front.

    Structure is the standard deviation of lightness between two scales over the mean lightness, in
    pixels that show hair alone.

    Returns:
        None for heads that show next to no hair from the front or from behind.
    """
    values = [_fine_structure(gaussians, Camera.orbit(270 + azimuth)) for azimuth in (0.0, *HAIR_VIEWS)]
    return None if None in values else [value / values[0] for value in values[1:]]


def _fine_structure(gaussians: Gaussians, camera: Camera) -> float | None:
    hair = np.repeat((gaussians.parts == Part.HAIR)[:, None], 3, axis=1).astype(np.float32)
    share = render(gaussians.replace(sh=from_colors(hair)), camera, (0, 0, 0)).image[..., 0]
    # What lies outside must not reach in through the wider of the two filters.
    inside = ndimage.binary_erosion(share > HAIR_SHARE, iterations=round(2 * COARSE))
    if inside.sum() < LEAST_HAIR:
        return None
    light = render(gaussians, camera).image.mean(-1)
    fine = ndimage.gaussian_filter(light, FINE) - ndimage.gaussian_filter(light, COARSE)
    return float(fine[inside].std() / light[inside].mean())


def floating_count(gaussians: Gaussians, metres_per_unit: float) -> int:
    """Return how many visible Gaussians belong to pieces that lie farther than :data:`LOOSE` from the largest one."""
    means = gaussians.means[gaussians.opacities > FAINT].astype(np.float64)
    cells = np.floor((means - means.min(0)) * metres_per_unit / (LOOSE / 2)).astype(int)
    # Cells of half that distance: pieces are apart where not even cells with one between them touch.
    filled = np.zeros(cells.max(0) + 1, bool)
    filled[tuple(cells.T)] = True
    pieces, _ = ndimage.label(ndimage.binary_dilation(filled, np.ones((3, 3, 3))))
    labels = pieces[tuple(cells.T)]
    return int((labels != np.bincount(labels).argmax()).sum())


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
