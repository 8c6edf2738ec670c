"""From splats and base mesh to the texture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...errors import FaceLiftError
from ...gaussians import Gaussians
from ...geometry.ramps import smooth_step
from ...head.model import Region, vertex_normals
from ...progress import Reporter
from ...splats.parts import Part
from ...system import blocks
from ..base_mesh import BaseMesh
from . import delighting, eyes, filling, skin
from .blending import Blend
from .projection import look
from .texels import Texels, fill_gaps, texels_of
from .views import VIEWS, normalized, smaller

SIZE = 2048
SOFT = 0.0012
"""Standard deviation, as a share of the texture, of the blur that draws in the borders of bare skin."""
SIZES = (512, 1024, 2048, 4096)
SKIN = (Region.FACE, Region.SCALP, Region.EARS, Region.NECK)
BARE = (Region.FACE, Region.EARS)


@dataclass(frozen=True, eq=False)
class Texture:
    """A baked texture, upper row first.

    Attributes:
        image: [S, S, 3] uint8, sRGB-encoded; no texel is left empty.
        seen: [S, S] uint8, how far each texel shows what the splats show, 0..255; the rest is filled.
    """

    image: np.ndarray
    seen: np.ndarray


def bake_texture(
    gaussians: Gaussians, base: BaseMesh, size: int = SIZE, delight: float = 0.0, reporter: Reporter | None = None
) -> Texture:
    """Bake the splats' colours onto the base mesh's UV map.

    Hair is left out where splats say that they are hair, or where around the hairline a colour is
    not skin's; what stays unseen continues its surroundings. Eyeballs, teeth and tongue are completed.

    Args:
        gaussians: The head's splats.
        base: The mesh in their place, with the expression that they show.
        size: Width and height, one of :data:`SIZES`.
        delight: How much of the light's smooth shading to take off the skin, 0..1.
        reporter: Told each view; may cancel.

    Raises:
        FaceLiftError: No splat lies on the mesh.
        Cancelled: cancelled through the reporter.
    """
    reporter = reporter or Reporter()
    base, factor = normalized(base)
    model = base.model
    is_hair: np.ndarray = gaussians.parts == Part.HAIR
    zone = skin.zone_with_hair(base, gaussians.means[is_hair] * np.float32(factor))
    shown = gaussians.select(~is_hair)
    shown = shown.replace(means=shown.means * np.float32(factor), scales=shown.scales * np.float32(factor))
    normals = vertex_normals(base.shown, base.triangles)
    looking, painting = reporter.parts(80, 20)
    looking.stage("Looking at the head", steps=len(VIEWS))
    texels = texels_of(model, size)
    blend, views = Blend(len(texels)), smaller(VIEWS, min(1, size / SIZE))
    for sight in blocks.each(lambda view: look(shown, base, normals, texels, view), views):
        blend.add(sight)
        looking.step()
    colors, beliefs = blend.result()
    if beliefs.max(initial=0) < 0.5:
        raise FaceLiftError(
            "No splat lies on the base mesh.", "Fit the base mesh to this head again.", code="no-splats-on-mesh"
        )

    painting.stage("Painting the texture")
    painted, kept = _paint(base, normals, texels, colors, beliefs, zone, delight)
    picture, mask = texels.picture(np.column_stack([painted, kept]))
    return Texture(_to_bytes(fill_gaps(picture[..., :3], mask)), _to_bytes(picture[..., 3]))


def _to_bytes(picture: np.ndarray) -> np.ndarray:
    """Return values 0..1 as uint8, rounded."""
    return (np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8)


def _paint(
    base: BaseMesh,
    normals: np.ndarray,
    texels: Texels,
    colors: np.ndarray,
    beliefs: np.ndarray,
    zone: np.ndarray,
    delight: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Return all texels' colours [N, 3] float32 from what was seen of them, and how far each shows that [N]."""
    model, count = base.model, len(base.neutral)
    separate = model.in_regions(Region.EYES, Region.TEETH)
    own = texels.interpolate(separate) > 0.5
    seen, known = texels.gather(colors, np.where(own, 0, beliefs), count)
    tone = skin.SkinColor(model, seen, known)
    priors = filling.inner_priors(model, tone.color)
    head = ~model.in_regions(Region.NECK, Region.TORSO)
    # What the skin next to the hair lets expect under it.
    sure = np.where(model.in_regions(*BARE), known * (1 - zone) * tone.likeness(seen), 0)
    expected = filling.membrane(model, seen, sure, priors)
    bare = skin.bare_skin(model, zone, skin.local_likeness(seen, expected), known)

    texel_zone = texels.interpolate(zone)
    close = np.flatnonzero(texel_zone > 0)
    kept = np.where(own, beliefs, beliefs * texels.interpolate(bare))
    likeness = skin.local_likeness(colors[close], texels.interpolate(expected, close))
    kept[close] *= 1 - texel_zone[close] * (1 - likeness)
    kept[close] = np.minimum(kept, texels.drawn_in(kept, SOFT * texels.size))[close]

    if delight:
        lit = np.where(model.in_regions(*SKIN) & (bare > 0.5), known * tone.likeness(seen), 0)
        light = np.where(model.in_regions(Region.TORSO), 1, delighting.shading(normals, seen, lit))
        colors = delighting.take_off(colors, texels.interpolate(light), delight)

    seen, known = texels.gather(colors, np.where(own, 0, kept), count)
    likeness = np.where(head, tone.likeness(seen), skin.local_likeness(seen, expected, 1.5))
    fill = filling.membrane(model, seen, known * likeness, priors)
    clothes = filling.membrane(model, seen, known * (1 - likeness) + 1e-4 * (known > 0.5), priors)
    dressed = filling.membrane(
        model, np.where(head, 0, 1 - likeness)[:, None], np.where(head, 1, known), np.array([0.0])
    )[:, 0]
    smooth = texels.interpolate(fill)
    share = smooth_step(texels.interpolate(dressed), 0.42, 0.58)[:, None]
    is_skin = texels.interpolate(model.in_regions(*SKIN))
    sure = (kept > 0.9) & (is_skin > 0.9) & (texel_zone < 0.3)
    strength = filling.natural_strength(colors, smooth, sure)
    smooth += is_skin[:, None] * filling.variation(texels.interpolate(model.mean), strength)
    smooth += share * (texels.interpolate(clothes) - smooth)
    result = smooth + smooth_step(kept, 0.0, 1.0)[:, None] * (colors - smooth)
    eyes.paint_eyes(model, texels, colors, kept, result)
    eyes.paint_mouth(model, texels, colors, kept, tone.color, result)
    return result, kept
