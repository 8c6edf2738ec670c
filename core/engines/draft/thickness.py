"""How thick hair, beard or a hat stands off the fitted head, everywhere on it.

The photo shows thickness only along the head's outline. Over the rest of the head it is the smoothest
function that meets what is seen there: zero where the photo shows skin, the outline's along the outline. A smooth
function loses the outline's fine structure over a distance as long as that structure is wide, so that a bun
is about as deep as it is wide.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage, sparse

from ...geometry.ramps import smooth_step
from ...head import bending
from ...head.model import HeadModel, Region
from ...head.symmetry import completed
from .fields import sample_map, signed_distance
from .portrait import EAR_REACH, FittedPortrait
from .shots.look import Look
from .silhouettes import CONTOUR, HIDDEN, LONGEST, LOWEST_NORMAL, SEEN_SKIN, FurtherView, Runs

HULL = (Region.FACE, Region.SCALP, Region.NECK)
"""The head without what sticks out of it: hair is measured from here."""
RIM = 6
"""Pixels inside the outline that tell whether hair or skin ends there."""
STIFFNESS = 0.3
"""Weight of smoothness along the mesh's edges against one vertex's evidence."""
FITTED_TO = 0.03
"""Metres above the eyes up to which landmarks fit the face; the skull above is fitted to the outline."""
HIDDEN_SKULL = 0.3
"""Weight with which the skull's hidden side grows as much as its outline does."""
BARE_WEIGHT = 2.0
"""Weight of bare skin against an outline's thickness."""
SEEN = (-0.2, 0.0)
"""Cosines between normal and ray from which the photo tells something of a place, and all: elsewhere the mirrored side
does, as far as that is seen better."""
USUAL = 0.3
"""Weight of what is usual, hair on scalps and none elsewhere, against one look at the photo."""
WORN = 1.0
"""Weight of headgear where it is not seen: it ends as sharply as on the forehead."""
HAIRLINE = (0.35, 0.65)
"""Share of hair in the votes around a place from which hair begins, and is full."""
MINIMUM_HAIR = 0.035
"""World units of hair that places with hair have at least, about 7 mm."""
LARGEST_LACK, LACK_WEIGHT = 0.06, 1.0
"""World units by which a skull is smaller than fitted at most, about 12 mm, and weight of that against smoothness."""
SLANTED = 0.5
"""Least share of a normal that must lie across the picture for the outline to tell about it."""
SETTLE = 1e-4
"""Weight that draws places without any evidence to zero."""


def cover_thickness(
    portrait: FittedPortrait,
    covered: np.ndarray,
    worn: np.ndarray | None = None,
    behind: np.ndarray | None = None,
    looks: Sequence[Look] = (),
) -> tuple[np.ndarray, np.ndarray]:
    """Return how far cover and bare skull reach beyond the fitted head, world units; zeros off the hull.

    Args:
        portrait: The portrait.
        covered: [512, 512] bool: pixels of hair, beard or headgear.
        worn: [V] bool: vertices that headgear covers, seen or not; None for none.
        behind: [512, 512] bool: hair that lies behind the outline beyond which it shows; None for none.
        looks: Further photos, whose outlines tell how thick hair is at sides and back.

    Returns:
        Thickness [V] of what covers the head, and by how much the head itself is larger [V], smaller where negative.
    """
    model, camera = portrait.model, portrait.camera
    vertices, normals = portrait.vertices.astype(np.float64), portrait.fit.normals
    hull = model.in_regions(*HULL)
    facing = portrait.facing(vertices, normals)
    pixels, depths = camera.project(vertices)
    size = covered.shape[0]
    columns, rows = np.clip(np.floor(pixels), 0, size - 1).astype(int).T
    inside = ((pixels >= 0) & (pixels < size)).all(1)

    neck, scalp = model.in_regions(Region.NECK), model.in_regions(Region.SCALP)
    outline = hull & ~neck & inside & (np.abs(facing) < CONTOUR) & (normals[:, 2] > LOWEST_NORMAL)
    labels = covered[portrait.nearest_person]
    seen, hairy, ear = np.zeros(len(vertices)), np.zeros(len(vertices), bool), np.zeros(len(vertices), bool)
    person = portrait.mask if behind is None else portrait.mask & ~behind
    reach, hairy[outline], ear[outline] = _reach(portrait, person, labels, pixels[outline], normals[outline])
    seen[outline] = np.clip(reach * depths[outline] / camera.fx, 0, LONGEST)
    # Where the photo's ear is what ends there, the head behind it is not seen.
    outline &= ~ear
    certain = np.where(outline, 1 - np.abs(facing) / CONTOUR, 0)
    front = portrait.mask[rows, columns] & (depths < portrait.mesh_maps.depth[rows, columns] + HIDDEN)
    shown = hull & inside & front & (facing > SEEN_SKIN)
    bare = shown & ~labels[rows, columns] & ~portrait.around_ears[rows, columns]
    hair = shown & labels[rows, columns] & ~neck
    # Where nothing is seen, scalps have hair as far as the outline's scalp has.
    usual = scalp * float((certain * scalp * hairy).sum() / max((certain * scalp).sum(), 1e-6))
    worn = np.zeros(len(vertices), bool) if worn is None else worn & hull & ~shown & ~outline
    clarity = hull * inside * (front | outline) * smooth_step(facing, *SEEN)
    views = [FurtherView.of(portrait, look) for look in looks]
    votes, said = certain + hair + bare + WORN * worn, np.where(outline, hairy, hair | worn).astype(float)
    for view in views:
        under_hair, uncovered = view.shown()
        # Whether hair falls over the face is the portrait's to say.
        under_hair, uncovered = under_hair & scalp, uncovered & hull & ~neck
        more = votes + under_hair + uncovered
        said = (votes * said + under_hair) / np.maximum(more, SETTLE)
        votes, clarity = more, np.maximum(clarity, under_hair | uncovered)
    fitted = model.in_regions(Region.FACE) & (model.mean[:, 2] < FITTED_TO)
    # Hair over a cheek hangs there, and grows elsewhere: it tells nothing of a cheek before which none hangs.
    lent = None if behind is None else ~fitted | worn | ~np.where(outline, hairy, hair)
    votes, said = completed(model, clarity, votes, said, lent)
    hairiness = _smooth(model, hull, votes + USUAL, (votes * said + USUAL * usual) / (votes + USUAL))
    known = certain + BARE_WEIGHT * (bare | neck)
    full = smooth_step(hairiness, *HAIRLINE)
    target = np.where(outline & hairy, seen, 0)
    for view in views:
        sure, reach = view.thickness(hull & ~neck & (full > 0.5))
        target = (known * target + sure * reach) / np.maximum(known + sure, SETTLE)
        known, clarity = known + sure, np.maximum(clarity, sure > 0)
    cover = _smooth(model, hull, *completed(model, clarity, known, target))
    cover = np.maximum(cover, MINIMUM_HAIR) * full
    bald = certain * ~hairy
    hidden = scalp & (facing < -CONTOUR) & (model.mean[:, 2] > FITTED_TO)
    mean = float((bald * scalp * seen).sum() / max((certain * scalp).sum(), 1e-6))
    target = np.where(outline & ~hairy, seen, np.where(hidden, mean, 0))
    skull = _smooth(model, hull, bald + HIDDEN_SKULL * hidden + BARE_WEIGHT * (neck | fitted), target)
    rise = smooth_step(model.mean[:, 2], FITTED_TO / 2, FITTED_TO * 2) * (1 - full)
    growth = np.where(model.in_regions(Region.SCALP, Region.FACE), skull * rise, 0)
    return cover, growth - _lack(portrait, cover * (full > 0))


def _lack(portrait: FittedPortrait, cover: np.ndarray) -> np.ndarray:
    """Return by how much [V] cover of a thickness [V] sticks out of the person's outline, world units.

    There the head under it is smaller than the fitted one, for hair ends at the outline.
    """
    model, camera = portrait.model, portrait.camera
    normals = portrait.fit.normals
    pixels, depths = camera.project(portrait.vertices + cover[:, None] * normals)
    across = np.linalg.norm(normals @ camera.c2w[:3, :2], axis=1)
    beyond = -sample_map(signed_distance(portrait.mask).astype(np.float32), pixels) * depths / camera.fx
    lack = np.where(cover > 0, np.clip(beyond / np.maximum(across, SLANTED), 0, LARGEST_LACK), 0)
    members = model.in_regions(*HULL)
    return np.minimum(_smooth(model, members, np.full(len(lack), LACK_WEIGHT), lack), LARGEST_LACK)


def _smooth(model: HeadModel, hull: np.ndarray, weight: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return the smoothest values [V] on the hull that meet targets [V] by their weights [V]."""
    members = np.flatnonzero(hull)
    edges = bending.adjacency(model)[members][:, members]
    laplacian = sparse.diags(np.asarray(edges.sum(1)).ravel()) - edges
    system = STIFFNESS * laplacian + sparse.diags(weight[members] + SETTLE)
    values = np.zeros(len(weight))
    values[members] = bending.solve(system, (weight * target)[members, None])[:, 0]
    return np.clip(values, 0, LONGEST)


def _reach(
    portrait: FittedPortrait, person: np.ndarray, covered: np.ndarray, pixels: np.ndarray, normals: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return how many pixels [N] a person [512, 512] reaches beyond the fitted head along normals, and what ends there.

    Returns:
        The pixels, whether what ends there is cover, and whether it is an ear.
    """
    head = (portrait.region_map >= 0) & (portrait.region_map != Region.EARS)
    runs = Runs.of(portrait.camera, person, head, pixels, normals)
    steps = np.arange(runs.rows.shape[1])[None]
    last = np.clip(runs.reach - 1, 0, None)[:, None]
    rim = (steps <= last) & (steps > last - RIM)
    hairy = (rim & covered[runs.rows, runs.columns]).sum(1) > 0.5 * rim.sum(1)
    beside_ears = ndimage.binary_dilation(portrait.region_map == Region.EARS, iterations=EAR_REACH)
    ear = ~hairy & ((rim & beside_ears[runs.rows, runs.columns]).sum(1) > 0.5 * rim.sum(1))
    return runs.beyond, hairy, ear
