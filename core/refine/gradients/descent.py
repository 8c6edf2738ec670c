"""Gradient descent from splats as they are to splats whose pictures are nearer to the photos."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from ...cameras import Camera
from ...gaussians import Gaussians
from ...progress import Reporter
from ...rasterize.gsplat_backend import camera_arguments
from ...rasterize.projection import NEAR
from ..anchors import cameras_beside
from ..types import Refined, View
from ..views import nearness, reference_scale
from .bounds import bounds_of
from .losses import Target, distance
from .movable import Movable
from .rasterizer import Rasterizer

ANCHOR_SIZE = 512
"""Pixels of the width of pictures from other sides, at most: no more than the photos have."""
ANCHORS = 0.5
"""Weight of a picture from another side beside a photo's."""
RATE, LAST_RATE = 0.05, 0.005
"""Share of what a value may go that it goes in a step of Adam's, at the beginning and in the end."""
STILL = 1e-2
"""Gradients below this, in pixels of the photo, move a splat little: Adam makes whole steps of the smallest ones."""

Draw = Callable[[dict[str, Any], dict[str, Any]], tuple[torch.Tensor, torch.Tensor]]
"""Takes arguments of splats and of a view; returns a picture over black [H, W, 3] and its coverage [H, W]."""


def descend(refined: Refined, views: Sequence[View], reporter: Reporter, rasterizer: Rasterizer, steps: int) -> Refined:
    """Do what :func:`.shapes.refine_shapes` says."""
    reporter.stage("Fitting shapes", steps=steps)
    device = torch.device(rasterizer.device)

    def draw(splats: dict[str, Any], view: dict[str, Any]) -> tuple[torch.Tensor, torch.Tensor]:
        colors, alphas, _ = rasterizer.rasterize(**splats, **view)
        return colors[0], alphas[0, ..., 0]

    before, bounds = refined.unrefined, bounds_of(refined.gaussians, any(view.outlines for view in views))
    with torch.no_grad():
        splats = Movable(before, bounds, device).arguments()
        photos = [_photo(view, before, splats, draw, device) for view in views]
        width = min(ANCHOR_SIZE, max(view.camera.width for view in views))
        beside = cameras_beside(before.means, [view.camera for view in views], width)
        anchors = [_anchor(camera, before, splats, draw, device) for camera in beside]
    movable = Movable(refined.gaussians, bounds, device)
    first = _nearness(views, photos, movable, draw)
    _walk(movable, photos, anchors, draw, reporter, steps)
    last = _nearness(views, photos, movable, draw)
    return replace(refined, gaussians=movable.gaussians(), after=last) if last > first else refined


def _walk(
    movable: Movable, photos: Sequence[Target], anchors: Sequence[Target], draw: Draw, reporter: Reporter, steps: int
) -> None:
    """Move splats towards photos and away from no anchor, one of each a step."""
    optimizer = torch.optim.Adam(movable.shares, lr=RATE, eps=STILL)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, (LAST_RATE / RATE) ** (1 / steps))
    for number in range(steps):
        splats, photo = movable.arguments(), photos[number % len(photos)]
        off = distance(*draw(splats, photo.view), photo)
        if anchors:
            anchor = anchors[number % len(anchors)]
            off = off + ANCHORS * distance(*draw(splats, anchor.view), anchor)
        optimizer.zero_grad()
        (off * photo.pixels).backward()
        movable.mend_gradients()
        optimizer.step()
        schedule.step()
        movable.keep_within()
        reporter.step()


def _photo(view: View, gaussians: Gaussians, splats: dict[str, Any], draw: Draw, device: torch.device) -> Target:
    """Return a photo as a target. Where its outline is not known, the unrefined splats' coverage stays."""
    camera = _view_of(view.camera, gaussians, device)
    image, matte = (torch.tensor(values, dtype=torch.float32, device=device) for values in (view.image, view.alpha))
    alpha = matte if view.outlines else draw(splats, camera)[1]
    weight = torch.ones_like(matte) if view.outlines else matte
    return Target(camera, image * alpha[..., None], alpha, weight, max(float(view.alpha.sum()), 1.0))


def _anchor(camera: Camera, gaussians: Gaussians, splats: dict[str, Any], draw: Draw, device: torch.device) -> Target:
    """Return a picture of the unrefined splats as a target."""
    view = _view_of(camera, gaussians, device)
    color, alpha = draw(splats, view)
    return Target(view, color, alpha, torch.ones_like(alpha), max(float(alpha.sum()), 1.0))


def _view_of(camera: Camera, gaussians: Gaussians, device: torch.device) -> dict[str, Any]:
    """Return a rasterizer's arguments of a camera, with the near plane in the splats' unit."""
    near = NEAR / reference_scale(gaussians, camera)
    return {**camera_arguments(camera, device), "render_mode": "RGB", "near_plane": near}


def _nearness(views: Sequence[View], photos: Sequence[Target], movable: Movable, draw: Draw) -> float:
    with torch.no_grad():
        splats = movable.arguments()
        drawn = [draw(splats, photo.view) for photo in photos]
    pictures = [np.asarray(color.cpu()) for color, _ in drawn]
    return nearness(views, pictures, [np.asarray(alpha.cpu()) for _, alpha in drawn])


def release(device: str) -> None:
    """Give memory of a graphics card back to other programs, as far as nothing is in it; never raises."""
    if device == "cuda":
        # A card that was lost has none to give.
        with suppress(RuntimeError):
            torch.cuda.empty_cache()
