"""Colours of what the photo does not show: the photo's colours, spread over the surface.

Every part spreads its own colours along the surface by solving a screened Poisson equation, so
that they continue the photo without a seam and lose themselves in the part's mean far from it.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage, sparse
from scipy.sparse.linalg import cg

from ...head.model import Region
from ...parts import Part
from .fields import blur_inside
from .photo_sheet import PhotoSheet
from .portrait import FittedPortrait
from .samples import nearest_pixels
from .surface import Surface

RELIABLE_COSINE = 0.25
"""Pixels seen at a more grazing angle lend no colour."""
RELIABLE_RIM = 3
"""Pixels at the person's outline that lend no colour."""
MIXED_RIM = 4
"""Pixels at the border between parts that lend no colour."""
EAR_MARGIN = 8
"""Pixels around the fitted ears that may still show the photo's."""
NEAR_PHOTO = 0.06
"""World units between surface and photo within which the surface has the photo's colour."""
SMOOTHING = 2.5
"""Pixels over which lent colours are averaged."""
FADE = 150.0
"""Cells of the surface over which a spread colour gives way to the part's mean."""
TOLERANCE = 2e-3
FAMILIES = ((Part.SKIN, Part.NECK, Part.EYES, Part.MOUTH), (Part.HAIR,), (Part.CLOTHES,))
"""Parts that lend each other colours; eyes and mouth take but do not give."""
FEWEST_SOURCES = 50


def paint_surface(portrait: FittedPortrait, sheet: PhotoSheet, surface: Surface, parts: np.ndarray) -> np.ndarray:
    """Return smooth colours [V, 3] of the surface's vertices.

    Args:
        portrait: The portrait.
        sheet: The photo's pixels in space.
        surface: The closed surface.
        parts: [V] part of each vertex.
    """
    reliable = reliable_pixels(portrait, sheet)
    rows, columns = nearest_pixels(portrait, surface.vertices).T
    near = np.linalg.norm(surface.vertices - sheet.positions[rows, columns], axis=1) < NEAR_PHOTO
    edges = np.concatenate([surface.quads[:, [k, (k + 1) % 4]] for k in range(4)])
    # Light shines through ears: neither skin nor the hair around them has their red.
    ears = ndimage.binary_dilation(portrait.region_map == Region.EARS, iterations=EAR_MARGIN) & ~portrait.face_oval
    colors = np.full((len(parts), 3), 0.5)
    for family in FAMILIES:
        members = np.isin(parts, family)
        source = reliable & ~ears & np.isin(sheet.parts, family) & ~np.isin(sheet.parts, (Part.EYES, Part.MOUTH))
        if source.sum() < FEWEST_SOURCES:
            source = reliable
        if not members.any() or not source.any():
            continue
        # Where parts meet, pixels show a mixture of both.
        pure = source & ndimage.binary_erosion(np.isin(sheet.parts, family), iterations=MIXED_RIM, border_value=1)
        source = pure if pure.sum() >= FEWEST_SOURCES else source
        smooth = blur_inside(portrait.rgb, source, SMOOTHING)
        known = members & near & source[rows, columns]
        mean = np.median(portrait.rgb[source], axis=0)
        colors[members] = _spread(members, known, smooth[rows, columns], mean, edges)
    return np.clip(colors, 0, 1)


def reliable_pixels(portrait: FittedPortrait, sheet: PhotoSheet) -> np.ndarray:
    """Return the pixels [512, 512] whose colours tell what the surface looks like."""
    inner = ndimage.binary_erosion(portrait.mask, iterations=RELIABLE_RIM, border_value=1)
    return inner & (sheet.facing > RELIABLE_COSINE) & (portrait.alpha > 0.98)


def _spread(
    members: np.ndarray, known: np.ndarray, values: np.ndarray, mean: np.ndarray, edges: np.ndarray
) -> np.ndarray:
    """Return values [M, 3] of the member vertices: known ones held, the others smooth along the edges.

    Args:
        members: [V] bool.
        known: [V] bool, among the members.
        values: [V, 3], read where known.
        mean: [3] that values fade to.
        edges: [E, 2] vertex indices.
    """
    index = np.cumsum(members) - 1
    inside = edges[members[edges].all(1)]
    first, second = index[inside].T
    count = int(members.sum())
    ones = np.ones(len(first))
    links = sparse.csr_matrix((ones, (first, second)), (count, count))
    links = links + links.T
    held = known[members]
    free = ~held
    result = np.tile(mean, (count, 1)).astype(np.float64)
    result[held] = values[members][held]
    if not free.any() or not held.any():
        return result
    screen = 1 / FADE**2 * 4
    degree = np.asarray(links.sum(1)).ravel()
    system = (sparse.diags(degree + screen) - links).tocsr()[free][:, free]
    border = links[free][:, held] @ result[held] + screen * mean
    inverse = sparse.diags(1 / system.diagonal())
    for channel in range(3):
        result[free, channel], _ = cg(
            system, border[:, channel], result[free, channel], rtol=TOLERANCE, maxiter=400, M=inverse
        )
    return result
