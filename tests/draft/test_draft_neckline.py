"""Clothes at the neck: their edge is carried on around it; on the mean head drawn as a photo."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from core.engines.draft.cover import VOXEL, build_cover
from core.engines.draft.cut import shoulder_cut
from core.engines.draft.lattice import Lattice
from core.engines.draft.neckline import BINS, find_neckline, paint_collar
from core.engines.draft.portrait import BODY_REGIONS
from core.engines.draft.thickness import cover_thickness
from core.engines.draft.torso import build_torso
from core.head.model import Region
from core.splats.parts import Part
from tests.helpers.draft import labels, with_cap

WHITE, NAVY = np.array([0.93, 0.95, 0.98]), np.array([0.12, 0.14, 0.22])
BEHIND = np.r_[BINS - 12 : BINS, 0:12]
"""Angles at the back: the first one is straight behind."""


def dressed(height: float):
    """The mean head with clothes up to a height over the neck's base, their segmentation and the neckline found."""
    portrait, cap = with_cap(12)
    segmentation = labels(portrait, cap)
    blank = find_neckline(portrait, segmentation)
    maps = portrait.mesh_maps
    pixels = np.stack(np.meshgrid(np.arange(512), np.arange(512)), axis=-1).reshape(-1, 2) + 0.5
    _, _, over = blank.locate(
        portrait.camera.unproject(pixels, np.where(maps.mask, maps.depth, 1.0).ravel().astype(float))
    )
    body = np.isin(portrait.region_map, BODY_REGIONS)
    parts = np.where(body, np.where(over.reshape(512, 512) < height, Part.CLOTHES, Part.NECK), segmentation.parts)
    segmentation = replace(segmentation, parts=parts.astype(np.int8))
    return portrait, cap, segmentation, find_neckline(portrait, segmentation)


@pytest.mark.parametrize("height", (0.05, 0.2))
def test_the_neckline_is_found_where_it_is_seen_and_goes_on_evenly(height):
    _, _, _, neckline = dressed(height)
    front = neckline.edge[BINS // 2 - 14 : BINS // 2 + 14]
    assert np.abs(front - height).max() < 0.025
    step = np.abs(np.diff(np.append(neckline.edge, neckline.edge[0])))
    assert step[BEHIND].max() < 0.01
    assert 0 < neckline.edge[BEHIND].min() and neckline.edge[BEHIND].max() < 0.25


def test_clothes_close_around_the_neck_and_end_in_one_line():
    portrait, cap, segmentation, neckline = dressed(0.08)
    lattice = Lattice.of_photo(portrait.camera)
    outline = lattice.continued(portrait.mask)
    torso = build_torso(portrait, segmentation, lattice, outline)
    thickness, _ = cover_thickness(portrait, cap)
    normals = portrait.fit.normals
    cover = build_cover(
        portrait, segmentation, lattice, thickness, torso, outline, cap, shoulder_cut(portrait), neckline
    )
    # Nothing stands off at the outline: there the photo's is kept.
    neck = portrait.model.in_regions(Region.NECK) & (np.abs(portrait.facing(portrait.vertices, normals)) > 0.4)
    points = portrait.vertices[neck].astype(np.float64)
    inside = cover.grid.sample(cover.body, points + 0.015 * normals[neck]) > 0
    below = neckline.below(points)
    under, over = below > VOXEL, below < -VOXEL
    assert under.sum() > 20 and over.sum() > 100
    assert inside[under].mean() > 0.97, "a closed collar, a little thick"
    assert inside[over].mean() < 0.02, "and nothing of it above its edge"


def test_a_shirts_collar_keeps_its_colour_around_the_neck():
    portrait, _, segmentation, neckline = dressed(0.1)
    skin = segmentation.is_part(Part.NECK, Part.SKIN)
    collar = segmentation.dress & (ndimage.distance_transform_edt(~skin) < 10)
    rgb = np.where(collar[..., None], WHITE, np.where(segmentation.dress[..., None], NAVY, portrait.rgb))
    angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    edge = np.interp(angles / (2 * np.pi) * BINS, np.arange(BINS) + 0.5, neckline.edge, period=BINS)
    for below, color in ((0.02, WHITE), (0.1, NAVY)):
        local = np.stack([0.4 * np.sin(angles), 0.4 * np.cos(angles), edge - below], axis=1)
        places = neckline.origin + local @ neckline.axes
        painted = paint_collar(portrait.with_colors(rgb), segmentation, neckline, places, np.tile(NAVY, (24, 1)))
        assert np.abs(painted - color).max() < 0.05
