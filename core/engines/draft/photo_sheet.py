"""The front: every pixel of the photo becomes a flat Gaussian on its ray."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from ...cameras import Camera
from ...geometry.vectors import unit
from ...splats.parts import Part
from .compensation import BLUR
from .cut import Cut
from .fields import blur_inside
from .portrait import FittedPortrait
from .splats import Splats, oriented_frames

FOOTPRINT = 0.5
"""Standard deviation of a pixel's Gaussian in pixels: with the rasterizer's own blur of
sqrt(0.3) pixels neighbours overlap enough to be opaque, and no more."""
FLATNESS = 0.2
"""Thickness in pixels."""
STEEPEST, STEEPEST_AT_RIM, STEEP_RIM = 1 / 3, 0.8, 4
"""Cosine between normal and ray below which a pixel's Gaussian is tilted no further; at the outline, where long
Gaussians would stick out as bristles; and pixels from the outline on which the first holds."""
FAINTEST, FAINTEST_CLOTH = 0.1, 0.35
"""Alpha from which a pixel gets a Gaussian; cloth ends sharply: fainter pixels around it are the matte's doubt."""
FRINGE = 2.0
"""Pixels over which depth is averaged beyond the outline, so that soft edges don't fray."""
HIGHEST_OPACITY = 0.97
OVERLAP = 2 * np.pi * (FOOTPRINT**2 + BLUR)
"""Sum of all Gaussians' weights at a place when every pixel has one."""


@dataclass(frozen=True, eq=False)
class PhotoSheet:
    """The photo's pixels in space.

    Attributes:
        used: [512, 512] bool: pixels that become Gaussians.
        positions: [512, 512, 3] world positions.
        normals: [512, 512, 3] unit normals towards the camera.
        facing: [512, 512] cosine between normal and ray, unclamped: small where the photo sees
            the surface at a grazing angle.
        depth: [512, 512] depth along the camera's z.
        opacities: [512, 512] 0..1: with all neighbours they add up to the matte.
        parts: [512, 512] int8 parts, continued beyond the matte.
    """

    used: np.ndarray
    positions: np.ndarray
    normals: np.ndarray
    facing: np.ndarray
    depth: np.ndarray
    opacities: np.ndarray
    parts: np.ndarray


def build_sheet(portrait: FittedPortrait, parts: np.ndarray, depth: np.ndarray, cut: Cut) -> PhotoSheet:
    """Return the photo's pixels in space.

    Args:
        portrait: The portrait.
        parts: [512, 512] the photo's parts.
        depth: [512, 512] depth of the photo's pixels along the camera's z.
        cut: Where the bust ends.
    """
    mask, camera = portrait.mask, portrait.camera
    depth = np.where(mask, depth, blur_inside(depth, mask, FRINGE))
    parts = parts[portrait.nearest_person]
    positions = pixel_positions(camera, depth)
    normals = np.cross(smaller_step(positions, 0), smaller_step(positions, 1))
    normals = unit(ndimage.gaussian_filter(normals, (0.7, 0.7, 0)))
    rays = unit(camera.position - positions)
    facing = (normals * rays).sum(-1)
    rim = portrait.inwards
    steepest = np.interp(rim, (1, STEEP_RIM), (STEEPEST_AT_RIM, STEEPEST))
    held = held_normals(normals, rays, facing, steepest)
    faintest = np.where(parts == Part.CLOTHES, FAINTEST_CLOTH, FAINTEST)
    used = (portrait.alpha >= faintest) & (cut.heights(positions) >= 0)
    opacities = pixel_opacities(portrait.alpha) * used
    return PhotoSheet(used, positions, held, facing, depth, opacities, parts)


def pixel_positions(camera: Camera, depth: np.ndarray) -> np.ndarray:
    """Return the world positions [H, W, 3] of a camera's pixels at depths [H, W] along its z."""
    rows, columns = np.mgrid[: depth.shape[0], : depth.shape[1]]
    pixels = np.stack([columns.ravel() + 0.5, rows.ravel() + 0.5], axis=1)
    return camera.unproject(pixels, depth.ravel()).reshape(*depth.shape, 3)


def pixel_opacities(alpha: np.ndarray) -> np.ndarray:
    """Return opacities [H, W] of pixels' Gaussians that with all neighbours add up to the matte [H, W]."""
    return np.clip(-np.log1p(-np.minimum(alpha, 0.999)) / OVERLAP, 0, HIGHEST_OPACITY)


def along_outline(portrait: FittedPortrait, sheet: PhotoSheet, left_out: np.ndarray, turned: np.ndarray) -> PhotoSheet:
    """Return the sheet without smears.

    Args:
        portrait: The portrait.
        sheet: The pixels in space.
        left_out: [512, 512] bool: pixels that get no Gaussian.
        turned: [512, 512] bool: pixels whose discs face the camera: it sees what it saw, and from the side, edge-on,
            there is little of them.
    """
    rays = unit(portrait.camera.position - sheet.positions)
    used = sheet.used & ~left_out
    normals = np.where(turned[..., None], rays, sheet.normals)
    return replace(sheet, used=used, normals=normals, opacities=sheet.opacities * used)


def held_normals(normals: np.ndarray, rays: np.ndarray, facing: np.ndarray, steepest: np.ndarray) -> np.ndarray:
    """Return the normals [512, 512, 3], turned to the camera to a cosine of at least ``steepest`` with the rays."""
    aside = unit(normals - facing[..., None] * rays)
    held = steepest[..., None] * rays + np.sqrt(1 - steepest**2)[..., None] * aside
    return np.where((facing < steepest)[..., None], held, normals)


def smaller_step(positions: np.ndarray, axis: int) -> np.ndarray:
    """Return the difference to the nearer of the two neighbours along an axis, which stays on one surface."""
    after = np.diff(positions, axis=axis, append=positions.take([-1], axis))
    before = np.diff(positions, axis=axis, prepend=positions.take([0], axis))
    lengths = [np.linalg.norm(step, axis=-1) for step in (after, before)]
    valid = [np.where(length > 0, length, np.inf) for length in lengths]
    return np.where((valid[0] <= valid[1])[..., None], after, before)


def sheet_splats(portrait: FittedPortrait, sheet: PhotoSheet, colors: np.ndarray, budget: int) -> Splats:
    """Return the photo's Gaussians; over budget, the flattest 2x2 blocks outside the face become one each.

    Args:
        portrait: The portrait.
        sheet: The pixels in space.
        colors: [512, 512, 3] their colours.
        budget: Number of Gaussians.
    """
    merged = _blocks_to_merge(portrait, sheet, budget)
    block = np.kron(merged, np.ones((2, 2), bool))
    single = pixel_splats(portrait.camera, sheet, colors, sheet.used & ~block)
    return Splats.concatenate([single, _block_splats(portrait, sheet, merged)]) if merged.any() else single


def _blocks_to_merge(portrait: FittedPortrait, sheet: PhotoSheet, budget: int) -> np.ndarray:
    """Return which blocks [256, 256] of 2x2 pixels become one Gaussian, so that the budget is kept."""
    surplus = int(sheet.used.sum()) - budget
    solid = _tiles(sheet.used & (portrait.alpha > 0.99)).all(-1)
    parts = _tiles(sheet.parts)
    solid &= (parts == parts[..., :1]).all(-1) & ~_tiles(portrait.face_oval).any(-1)
    detail = sum(_tiles(channel).std(-1) for channel in np.moveaxis(portrait.rgb, -1, 0))
    merged = np.zeros(solid.shape, bool)
    count = min(max(0, -(-surplus // 3)), int(solid.sum()))
    order = np.argsort(np.where(solid, detail, np.inf), axis=None, kind="stable")[:count]
    merged.flat[order] = True
    return merged


def _tiles(values: np.ndarray) -> np.ndarray:
    """Return a map [H, W] as blocks [H / 2, W / 2, 4]."""
    height, width = values.shape
    return values.reshape(height // 2, 2, width // 2, 2).swapaxes(1, 2).reshape(height // 2, width // 2, 4)


def _block_means(values: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Return the means [B, C] of a map [H, W, C] over the chosen blocks [H / 2, W / 2]."""
    return np.stack([_tiles(channel).mean(-1)[chosen] for channel in np.moveaxis(values, -1, 0)], axis=1)


def pixel_splats(
    camera: Camera, sheet: PhotoSheet, colors: np.ndarray, chosen: np.ndarray, size: float = 1.0
) -> Splats:
    """Return one Gaussian per chosen pixel of a sheet, whose side is ``size`` pixels of the camera."""
    return _splats(
        camera,
        sheet.positions[chosen],
        sheet.normals[chosen],
        sheet.depth[chosen] * size,
        colors[chosen],
        sheet.opacities[chosen],
        sheet.parts[chosen],
    )


def _block_splats(portrait: FittedPortrait, sheet: PhotoSheet, merged: np.ndarray) -> Splats:
    """Return one Gaussian of twice the size per merged block."""
    return _splats(
        portrait.camera,
        _block_means(sheet.positions, merged),
        unit(_block_means(sheet.normals, merged)),
        _block_means(sheet.depth[..., None], merged)[:, 0] * 2,
        _block_means(portrait.rgb, merged),
        np.full(int(merged.sum()), HIGHEST_OPACITY),
        sheet.parts[::2, ::2][merged],
    )


def _splats(
    camera: Camera,
    positions: np.ndarray,
    normals: np.ndarray,
    sizes: np.ndarray,
    colors: np.ndarray,
    opacities: np.ndarray,
    parts: np.ndarray,
) -> Splats:
    """Return flat Gaussians that the camera sees as discs.

    Args:
        camera: The photo's camera.
        positions: [N, 3] world.
        normals: [N, 3] unit.
        sizes: [N] depth times pixels per Gaussian.
        colors: [N, 3] 0..1.
        opacities: [N] 0..1.
        parts: [N] values of Part.
    """
    rays = unit(camera.position - positions)
    # The first axis runs down the slope, where the ray's foreshortening stretches the disc.
    frames = oriented_frames(normals, rays)
    cosine = np.maximum((normals * rays).sum(1), STEEPEST)
    pixel = sizes / camera.fx
    scales = np.stack([FOOTPRINT * pixel / cosine, FOOTPRINT * pixel, FLATNESS * pixel], axis=1)
    return Splats(positions, scales, frames, colors, opacities, parts)
