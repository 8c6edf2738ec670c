"""All hair of a face."""

from __future__ import annotations

from ...avatar.base_mesh import BaseMesh
from ...gaussians import Gaussians
from ...progress import Reporter
from ..groom import Growth, Tuft
from .beard import find_beard
from .brows import brow_color, find_brows
from .lashes import find_lashes
from .sight import Face


def find_face_hair(gaussians: Gaussians, base: BaseMesh, guides: int, reporter: Reporter) -> dict[Growth, Tuft]:
    """Return brows, lashes and beard as the splats show them; what they do not show is left out.

    Args:
        gaussians: The head.
        base: Its base mesh, in the same space, with the expression that the splats show.
        guides: How many guides the scalp's hair is wanted to have, about; the beard has as many for its size.
        reporter: Told each step; may cancel.

    Raises:
        Cancelled: cancelled through the reporter.
    """
    reporter.stage("Looking at brows, lashes and beard", steps=4)
    face = Face.of(gaussians, base)
    reporter.step()
    brows = find_brows(face)
    reporter.step()
    lashes = find_lashes(face, brow_color(brows))
    reporter.step()
    beard = find_beard(face, guides)
    reporter.step()
    found = {Growth.BROWS: brows, Growth.LASHES: lashes, Growth.BEARD: beard}
    return {growth: tuft for growth, tuft in found.items() if tuft is not None}
