"""All of a head's hair as curves, in one call."""

from __future__ import annotations

import numpy as np

from ..avatar.base_mesh import BaseMesh
from ..gaussians import Gaussians
from ..progress import Reporter
from .face_hair.find import find_face_hair
from .groom import Groom, Growth
from .solve import hair_tuft


def make_groom(
    gaussians: Gaussians,
    base: BaseMesh,
    guides: int,
    reporter: Reporter,
    hair: np.ndarray | None = None,
) -> Groom:
    """Find a head's hair in its splats.

    Args:
        gaussians: The head, in its local space.
        base: Its base mesh, in the same space; hair grows on it as it is shown.
        guides: How many guides the scalp's hair is wanted to have, about: 500 to 3,000 are usual.
        reporter: Progress and cancelling.
        hair: [N] bool, which splats are scalp hair, as a person selected them; None to tell it by the splats.

    Raises:
        FaceLiftError: there is no hair ("no-hair"), or nothing tells what is hair ("select-hair").
        Cancelled: cancelled through the reporter.
    """
    solving, looking = reporter.parts(80, 20)
    tuft, notes = hair_tuft(gaussians, base, guides, solving, hair)
    of_face = find_face_hair(gaussians, base, looking)
    reporter.finish()
    return Groom({Growth.HAIR: tuft, **of_face}, notes)
