"""All of a head's hair as curves, in one call."""

from __future__ import annotations

import numpy as np

from ..avatar.base_mesh import BaseMesh
from ..errors import FaceLiftError
from ..gaussians import Gaussians
from ..progress import Reporter
from .face_hair.find import find_face_hair
from .groom import Groom, Growth, Tuft
from .hairy import NO_HAIR
from .solve import hair_tuft

BALD = "This head has no hair on its scalp that curves could be made of: what it has on its face is there."


def make_groom(
    gaussians: Gaussians,
    base: BaseMesh,
    guides: int,
    reporter: Reporter,
    hair: np.ndarray | None = None,
) -> Groom:
    """Find a head's hair in its splats: the scalp's, where there is some, brows, lashes and beard.

    Args:
        gaussians: The head, in its local space.
        base: Its base mesh, in the same space; hair grows on it as it is shown.
        guides: How many guides the scalp's hair is wanted to have, about: 500 to 3,000 are usual.
        reporter: Progress and cancelling.
        hair: [N] bool, which splats are scalp hair, as a person selected them; None to tell it by the splats.

    Raises:
        FaceLiftError: there is no hair, on the face neither ("no-hair"), or nothing tells what is hair ("select-hair").
        Cancelled: cancelled through the reporter.
    """
    solving, looking = reporter.parts(80, 20)
    tufts: dict[Growth, Tuft] = {}
    notes: tuple[str, ...] = (BALD,)
    bald = None
    try:
        tufts[Growth.HAIR], notes = hair_tuft(gaussians, base, guides, solving, hair)
    except FaceLiftError as error:
        if error.code != NO_HAIR or hair is not None:
            raise
        bald = error
    tufts |= find_face_hair(gaussians, base, guides, looking)
    if not tufts and bald is not None:
        raise bald
    reporter.finish()
    return Groom(tufts, notes)
