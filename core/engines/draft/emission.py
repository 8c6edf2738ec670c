"""From surfaces and their colours to Gaussians, where the photo's own pixels do not reach."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage, sparse
from scipy.spatial import cKDTree

from ...gaussians import Gaussians
from ...hair.build import build_hair
from ...hair.volume import HairPhoto, HairVolume, thickness_over
from ...head.model import Region
from ...splats.attributes import STRAND
from ...splats.parts import Part
from .cover import Cover
from .ears import over_ears, showing_ears
from .fields import sample_map, sample_picture
from .front import FLESH, SKIN_REGIONS
from .neckline import Neckline
from .photo_sheet import PhotoSheet
from .portrait import FittedPortrait
from .samples import sample_splats, spread
from .segmentation import Segmentation
from .skin import RIM, Skin, visibility
from .splats import Splats
from .surface import Surface
from .texture import look_up
from .thickness import HULL
from .torso import Torso
from .unveiling import View

EAR_DENSITY, INNER_DENSITY, TURNED_DENSITY = 4.0, 0.3, 2.0
"""Samples per area on ears, whose relief is fine, inside the mouth, and where skin turns away and shows the photo in
place of its pixels, against those of other skin."""
TURNED = (0.0, 0.5)
"""Cosines between normal and ray at which skin turns away."""
SEEN = (0.05, 0.2)
"""Cosines between normal and ray from which skin takes some of the photo's colour, and all of it."""
PURE_ALPHA, PURE_RIM = 0.95, 1
"""Alpha from which, and pixels inside its edge where, the photo's colours are free of the background."""
COVERED = 0.015
"""World units under the cover from which skin is not emitted: nothing shows it."""
UNDER_EDGE = 0.03
"""World units below the clothes' edge from which skin is not emitted: there they cover it, however thin they are."""
UNDER_COLLAR = (0.15, 0.04)
"""World units around the neck over which its skin goes on: down to where a bare torso, or where clothes begin."""
WHORL = np.array([0.0, 0.045, 0.115])
"""Metres in the model's frame: over the back of the crown, where the whorl is."""
SOFT_ROUNDS = 2
"""Edges over which hair's border is softened."""
SMALLEST_DISC = 0.1
"""Share of its radius that a disc under the strands keeps at least beside another part; smaller ones go."""
FEWEST_HAIRS = 200
"""Vertices of hair from which strands grow."""


def skin_splats(
    portrait: FittedPortrait,
    segmentation: Segmentation,
    torso: Torso,
    neckline: Neckline,
    cover: Cover,
    skin: Skin,
    trust: np.ndarray,
    view: View,
    grain: float,
    count: int,
    rng: np.random.Generator,
) -> Splats:
    """Return Gaussians on the fitted head's skin.

    Args:
        portrait: The portrait.
        segmentation: The photo's parts.
        torso: Neck and torso.
        neckline: Where clothes end at the neck.
        cover: What covers the head.
        skin: The skin's colours.
        trust: [512, 512] how far the photo's pixels show it, 0..1.
        view: The photo, to be kept in sight.
        grain: Standard deviation of lightness between neighbours, for what is not seen.
        count: Number of samples.
        rng: Source of chance.
    """
    model = portrait.model
    ears = model.in_regions(Region.EARS)
    hidden = ears & ~showing_ears(portrait, segmentation)
    to_neck, _ = cKDTree(portrait.vertices[model.in_regions(Region.NECK)]).query(portrait.vertices)
    shoulders = model.in_regions(Region.TORSO) & (to_neck < UNDER_COLLAR[torso.dressed])
    shown = (model.in_regions(*SKIN_REGIONS) & ~hidden) | shoulders
    quads = model.faces[shown[model.faces].all(1)]
    surface = Surface(portrait.vertices.astype(np.float64), portrait.fit.normals, quads)
    inner = model.in_regions(Region.MOUTH, Region.TEETH)[quads].any(1)
    aslant = portrait.facing(surface.vertices, surface.normals)[quads].mean(1)
    turned = (aslant > TURNED[0]) & (aslant < TURNED[1])
    density = np.select([ears[quads].all(1), inner, turned], [EAR_DENSITY, INNER_DENSITY, TURNED_DENSITY], 1.0)
    samples = spread(surface, density, count, rng)

    flesh = np.isin(segmentation.parts, FLESH) & portrait.mask
    pure = ndimage.binary_erosion(portrait.alpha > PURE_ALPHA, iterations=PURE_RIM, border_value=1)
    sure = ndimage.binary_erosion(flesh, iterations=RIM, border_value=1) & pure
    on_ears = samples.pick(surface, ears)
    pixels, seen, facing = visibility(portrait, samples.positions, samples.normals, sure, on_ears)
    share = seen * np.clip((facing - SEEN[0]) / (SEEN[1] - SEEN[0]), 0, 1)
    share = (share * sample_map(trust, pixels))[:, None]
    colors = samples.interpolate(surface, skin.colors)
    colors = colors + grain * rng.standard_normal((len(colors), 1))
    colors = colors + (sample_picture(portrait.rgb, pixels) - colors) * share

    depth = cover.grid.sample(np.maximum(cover.hair, cover.body), samples.positions)
    dressed = torso.dressed & (neckline.below(samples.positions) > UNDER_EDGE)
    kept = (depth < COVERED) & ~dressed | (seen & (facing > 0)) | on_ears
    samples, colors = samples.select(kept), colors[kept]
    below = np.isin(samples.pick(surface, model.regions), (Region.NECK, Region.TORSO))
    parts = np.where(below, Part.NECK, Part.SKIN)
    samples, kept = view.fit(samples, parts)
    return sample_splats(samples, colors[kept], parts[kept])


def cloth_splats(
    portrait: FittedPortrait,
    surface: Surface,
    parts: np.ndarray,
    paint: np.ndarray,
    view: View,
    weaves: Sequence[tuple[np.ndarray | None, np.ndarray]],
    count: int,
    rng: np.random.Generator,
) -> Splats:
    """Return Gaussians on the cover as far as it is not hair: clothes, and the torso's skin.

    Args:
        portrait: The portrait.
        surface: The cover's surface.
        parts: [V] part of its vertices.
        paint: [V, 3] colours of its vertices.
        view: The photo, to be kept in sight.
        weaves: Fine structure of each cloth, None for none, and which of the vertices [V] bool are of it.
        count: Number of samples.
        rng: Source of chance.
    """
    quads = surface.quads[(parts[surface.quads] != Part.HAIR).any(1)]
    samples = spread(Surface(surface.vertices, surface.normals, quads), np.ones(len(quads)), count, rng)
    part_surface = Surface(surface.vertices, surface.normals, quads)
    labels = samples.pick(part_surface, parts)
    colors = samples.interpolate(part_surface, paint)
    for texture, members in weaves:
        if texture is not None:
            place = (labels == Part.CLOTHES) & samples.pick(part_surface, members)
            colors = colors * (1 + look_up(texture, portrait, samples.positions) * place)[:, None]
    fitted, kept = view.fit(samples, labels)
    kept_hair = labels[kept] != Part.HAIR
    return sample_splats(fitted.select(kept_hair), colors[kept][kept_hair], labels[kept][kept_hair])


def hair_gaussians(
    portrait: FittedPortrait,
    segmentation: Segmentation,
    surface: Surface,
    parts: np.ndarray,
    paint: np.ndarray,
    sheet: PhotoSheet,
    view: View,
    count: int,
    rng: np.random.Generator,
) -> Gaussians | None:
    """Return the hair's strands with their backing; None where there is no hair.

    Args:
        portrait: The portrait.
        segmentation: The photo's parts.
        surface: The cover's surface.
        parts: [V] part of its vertices.
        paint: [V, 3] colours of its vertices.
        sheet: The photo's pixels in space.
        view: The photo, to be kept in sight.
        count: Number of Gaussians.
        rng: Source of chance.
    """
    hair = parts == Part.HAIR
    if hair.sum() < FEWEST_HAIRS:
        return None
    skull = np.unique(portrait.triangles(HULL))
    ground = portrait.vertices[skull].astype(np.float64)
    under = thickness_over(surface.vertices, ground, portrait.fit.normals[skull])
    crown = portrait.fit.pose.apply(WHORL)
    volume = HairVolume(surface.vertices, surface.normals, surface.quads, _softened(surface, hair), crown, under)
    pixels = segmentation.is_part(Part.HAIR) & portrait.mask
    photo = HairPhoto(portrait.camera, portrait.rgb, pixels, sheet.depth, sheet.used, portrait.alpha)
    grown = build_hair(volume, [photo], paint, count, rng)
    if grown is None:
        return None
    radii = grown.scales.max(1)
    means, kept, _ = view.place(grown.means.astype(np.float64), Part.HAIR, radii)
    kept &= ~over_ears(portrait, showing_ears(portrait, segmentation), means)
    # Strands run along the parts beside them; the discs under them would reach over these.
    discs = grown.extras[STRAND] == 0
    share = np.where(discs, view.trimmed(means, Part.HAIR, radii) / radii, 1)[:, None]
    kept &= share[:, 0] > SMALLEST_DISC
    return grown.replace(means=means.astype(np.float32), scales=grown.scales * share).select(kept)


def _softened(surface: Surface, members: np.ndarray) -> np.ndarray:
    """Return a mask's share [V] around each vertex."""
    edges = np.concatenate([surface.quads[:, [k, (k + 1) % 4]] for k in range(4)])
    count = len(members)
    links = sparse.coo_matrix((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), (count, count)).tocsr()
    links = links + links.T
    degree = np.maximum(np.asarray(links.sum(1)).ravel(), 1)
    share = members.astype(np.float64)
    for _ in range(SOFT_ROUNDS):
        share = (share + links @ share / degree) / 2
    return share
