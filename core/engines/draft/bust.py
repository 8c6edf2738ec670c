"""From a fitted portrait to the bust's Gaussians: the engine's core, free of files and settings.

Everything is decided in head space: skin lies on the fitted head, hair and clothes are a volume around it, and the
photo is one camera's look at both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...gaussians import Gaussians, concatenate
from ...progress import Reporter
from ...splats.attributes import of_no_strand
from ...splats.parts import Part
from .backlight import without_backlight
from .color import to_encoded
from .compensation import compensate
from .cover import VOXEL, build_cover
from .cover_parts import cover_parts
from .cut import neck_cut, shoulder_cut
from .detail import photo_splats
from .emission import cloth_splats, hair_gaussians, skin_splats
from .front import find_front, outline_pixels
from .headgear_edge import under_headgear
from .lattice import Lattice
from .light import unseen_shade
from .neckline import find_neckline, paint_collar
from .outline import meet_outline
from .painting import paint_surface, reliable_pixels
from .photo_sheet import FOOTPRINT, along_outline, build_sheet
from .portrait import FittedPortrait
from .rim import clean_outline
from .segmentation import segment
from .settings import DraftSettings
from .shots.look import Look
from .skin import paint_skin
from .splats import Splats
from .texture import fine_contrast, synthesize
from .thickness import cover_thickness
from .torso import build_torso
from .trust import skin_trust
from .unveiling import View
from .view_colors import view_colors

SECONDS = (1.0, 1.2, 0.6, 0.3, 0.5)
"""How long each part takes, for the progress."""
SKULL_ROUNDS = 2
"""How often a bare skull is grown to the photo's outline: each round closes most of the gap."""


@dataclass(frozen=True, eq=False)
class Bust:
    """What was made.

    Attributes:
        gaussians: The bust in the photo's frame; all carry the columns of strands.
        portrait: The portrait with the head as it was fitted in the end.
        photographed: [N] bool: the photo's own pixels.
    """

    gaussians: Gaussians
    portrait: FittedPortrait
    photographed: np.ndarray


def build_bust(
    portrait: FittedPortrait, settings: DraftSettings, reporter: Reporter, looks: Sequence[Look] = ()
) -> Bust:
    """Return the bust in the photo's frame.

    Args:
        portrait: The fitted portrait.
        settings: Body and number of Gaussians.
        reporter: Gets the stages.
        looks: Further photos of the person: their outlines tell of hair's volume at sides and back.

    Raises:
        Cancelled: the job was cancelled.
    """
    rng = np.random.default_rng(settings.seed)
    budget = settings.budget
    looks = [look for look in looks if not look.other_hair]
    separating, shaping, laying, painting, growing = reporter.parts(*SECONDS)
    separating.stage("Separating skin, hair and clothes")
    segmentation = segment(portrait)

    portrait = meet_outline(portrait, segmentation.parts)
    portrait = portrait.with_colors(clean_outline(portrait, segmentation.parts))

    shaping.stage("Building the shape", steps=2)
    covered = segmentation.covered
    for _ in range(SKULL_ROUNDS):
        worn = under_headgear(portrait, segmentation, portrait.vertices.astype(np.float64))
        thickness, growth = cover_thickness(
            portrait, segmentation.on_head & ~segmentation.beard, worn, segmentation.past_cheek, looks
        )
        portrait = portrait.with_vertices(portrait.vertices + growth[:, None] * portrait.fit.normals)
    lattice = Lattice.of_photo(portrait.camera)
    outline = lattice.continued(portrait.mask)
    torso = build_torso(portrait, segmentation, lattice, outline)
    cut = neck_cut(portrait) if settings.body == "neck" else shoulder_cut(portrait)
    shaping.step()
    neckline = find_neckline(portrait, segmentation)
    cover = build_cover(portrait, segmentation, lattice, thickness, torso, outline, covered, cut, neckline, looks)

    laying.stage("Laying out the photo")
    skin = paint_skin(portrait, segmentation.parts)
    front = find_front(portrait, segmentation, cover.surface)
    expected = portrait.on_mesh(skin.colors)
    trust = skin_trust(portrait, expected, front.on_head, segmentation.whiskers)
    sheet = build_sheet(portrait, segmentation.parts, front.depth, cut)
    sheet = along_outline(portrait, sheet, *outline_pixels(portrait, segmentation, front, sheet))

    painting.stage("Painting what the photo does not show", steps=2)
    parts = cover_parts(portrait, segmentation, torso, neckline, cover, sheet)
    worn = cover.on_head & (parts == Part.CLOTHES) & segmentation.headgear.any()
    inner = portrait.with_colors(without_backlight(portrait, segmentation.parts))
    paint = paint_surface(inner, sheet, cover.surface, parts, worn, segmentation.headgear)
    painting.step()
    dress = (parts == Part.CLOTHES) & ~cover.on_head
    paint[dress] = paint_collar(inner, segmentation, neckline, cover.surface.vertices[dress], paint[dress])
    bare = parts == Part.NECK
    paint[bare] = to_encoded(skin.light(cover.surface.normals[bare]))
    paint[~bare] *= unseen_shade(cover.surface.normals[~bare], skin.towards)[:, None]
    pixels = compensate(portrait.rgb, sheet.depth, sheet.opacities, sheet.facing, FOOTPRINT)
    reliable = reliable_pixels(portrait, sheet)
    weaves = [
        (synthesize(inner, reliable & shown, rng), members)
        for shown, members in ((segmentation.dress, ~worn), (segmentation.headgear, worn))
        if members.any()
    ]
    grain = fine_contrast(portrait, reliable & (sheet.parts == Part.SKIN))

    growing.stage("Growing hair")
    view = View(portrait, sheet, segmentation.behind)
    spare = round(budget.hair * worn.sum() / max((worn | (parts == Part.HAIR)).sum(), 1))
    hair = hair_gaussians(inner, segmentation, cover.surface, parts, paint, sheet, view, budget.hair - spare, rng)
    strands = parts == Part.HAIR
    places = cover.surface.vertices[strands]
    views = view_colors(portrait, sheet, expected, trust, segmentation.whiskers, places, paint[strands])
    photo = views.apply(photo_splats(portrait, sheet, pixels, budget), portrait)
    splats = [
        skin_splats(portrait, segmentation, torso, neckline, cover, skin, trust, view, grain, budget.skin, rng),
        cloth_splats(portrait, cover.surface, parts, paint, view, weaves, budget.cloth + spare, rng),
    ]
    body = concatenate([photo, Splats.concatenate(splats).to_gaussians()])
    kept = cut.heights(body.means) >= -VOXEL
    body = body.select(kept)
    body = body.replace(extras=of_no_strand(len(body)))
    whole = body if hair is None else concatenate([body, hair])
    photographed = np.arange(len(whole)) < kept[: len(photo)].sum()
    return Bust(whole, portrait, photographed)
