"""Colours of what the photo does not show: the photo's colours, spread over the surface.

Every part spreads its own colours along the surface by solving a screened Poisson equation, so
that they continue the photo without a seam and lose themselves far from it in the part's mean, those of hair and
headgear in the photo's wrapped around the head (:mod:`.hair_colors`).
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage, sparse

from ...geometry.relaxation import relaxed
from ...head.model import Region
from ...splats.parts import Part
from .fields import blur_inside
from .hair_colors import wrapped_colors
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
THIN, INNERMOST_SHARE = 10.0, 0.1
"""Pixels from the border up to which hair is thin, told by the innermost share of it, which then lends the colour."""
SOLID = 0.98
"""Alpha of pixels that show the person alone."""
EAR_MARGIN = 8
"""Pixels around the fitted ears that may still show the photo's."""
NEAR_PHOTO = 0.06
"""World units between surface and photo within which the surface has the photo's colour."""
SMOOTHING = 2.5
"""Pixels over which lent colours are averaged."""
FADE, HAIR_FADE = 150.0, 20.0
"""Cells of the surface over which a spread colour gives way to the part's mean; and hair's to the photo's hair
wrapped around the head, which fits it at the outline."""
TOLERANCE, SOLVER_STEPS = 2e-3, 400
FAMILIES = (
    ((Part.SKIN, Part.NECK, Part.EYES, Part.MOUTH), False),
    ((Part.HAIR,), False),
    ((Part.CLOTHES,), False),
    ((Part.CLOTHES,), True),
)
"""Parts that lend each other colours, and whether they are headgear; eyes and mouth take but do not give."""
FEWEST_SOURCES = 50


def paint_surface(
    portrait: FittedPortrait,
    sheet: PhotoSheet,
    surface: Surface,
    parts: np.ndarray,
    worn: np.ndarray,
    headgear: np.ndarray,
) -> np.ndarray:
    """Return smooth colours [V, 3] of the surface's vertices.

    Args:
        portrait: The portrait.
        sheet: The photo's pixels in space.
        surface: The closed surface.
        parts: [V] part of each vertex.
        worn: [V] bool: vertices of headgear, whose cloth is not the clothes'.
        headgear: [512, 512] bool: pixels of it.
    """
    reliable = reliable_pixels(portrait, sheet)
    rows, columns = nearest_pixels(portrait, surface.vertices).T
    near = np.linalg.norm(surface.vertices - sheet.positions[rows, columns], axis=1) < NEAR_PHOTO
    edges = np.concatenate([surface.quads[:, [k, (k + 1) % 4]] for k in range(4)])
    # Light shines through ears: neither skin nor the hair around them has their red.
    ears = ndimage.binary_dilation(portrait.region_map == Region.EARS, iterations=EAR_MARGIN) & ~portrait.face_oval
    colors = np.full((len(parts), 3), 0.5)
    for family, on_head in FAMILIES:
        members = np.isin(parts, family) & (worn == on_head)
        shown = np.isin(sheet.parts, family) & (headgear == on_head)
        if not members.any():
            continue
        taken = shown & ~ears & ~np.isin(sheet.parts, (Part.EYES, Part.MOUTH))
        # Where parts meet, pixels show a mixture of both.
        pure = reliable & taken & ndimage.binary_erosion(shown, iterations=MIXED_RIM, border_value=1)
        thin = innermost(portrait, taken) if Part.HAIR in family else None
        choices = (pure if thin is None else thin, reliable & taken, portrait.mask & taken, reliable)
        source = next((choice for choice in choices if choice.sum() >= FEWEST_SOURCES), portrait.mask)
        smooth = blur_inside(portrait.rgb, source, SMOOTHING, source)
        known = members & near & source[rows, columns]
        if Part.HAIR in family or on_head:
            far, fade = wrapped_colors(portrait, source, surface.vertices[members]), HAIR_FADE
        else:
            far, fade = np.tile(np.median(portrait.rgb[source], axis=0), (int(members.sum()), 1)), FADE
        colors[members] = _spread(members, known, smooth[rows, columns], far, fade, edges)
    return np.clip(colors, 0, 1)


def innermost(portrait: FittedPortrait, hair: np.ndarray) -> np.ndarray | None:
    """Return the pixels [512, 512] of thin hair that show most of it and least of skin and background; None if thick.

    Short hair is a narrow band; where the photo is out of focus, its borders are mixed all through.
    """
    solid = hair & portrait.mask & (portrait.alpha > SOLID)
    if not solid.any():
        return None
    depth = ndimage.distance_transform_edt(solid)
    deepest = float(np.percentile(depth[solid], 100 * (1 - INNERMOST_SHARE)))
    return solid & (depth >= deepest) if deepest < THIN else None


def reliable_pixels(portrait: FittedPortrait, sheet: PhotoSheet) -> np.ndarray:
    """Return the pixels [512, 512] whose colours tell what the surface looks like."""
    inner = ndimage.binary_erosion(portrait.mask, iterations=RELIABLE_RIM, border_value=1)
    return inner & (sheet.facing > RELIABLE_COSINE) & (portrait.alpha > SOLID)


def _spread(
    members: np.ndarray, known: np.ndarray, values: np.ndarray, far: np.ndarray, fade: float, edges: np.ndarray
) -> np.ndarray:
    """Return values [M, 3] of the member vertices: known ones held, the others smooth along the edges.

    Args:
        members: [V] bool.
        known: [V] bool, among the members.
        values: [V, 3], read where known.
        far: [M, 3] that values fade to.
        fade: Edges over which they do.
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
    result = far.astype(np.float64)
    result[held] = values[members][held]
    if not free.any() or not held.any():
        return result
    screen = 1 / fade**2 * 4
    diagonal = np.asarray(links.sum(1)).ravel()[free] + screen
    border = links[free][:, held] @ result[held] + screen * far[free]
    links = links[free][:, free]
    for channel in range(3):
        right, start = border[:, [channel]], result[free, channel][:, None]
        result[free, channel] = relaxed(links, diagonal, right, start, TOLERANCE, SOLVER_STEPS)[:, 0]
    return result
