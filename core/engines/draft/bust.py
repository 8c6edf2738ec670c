"""From a fitted portrait to the bust's Gaussians: the engine's core, free of files and settings."""

from __future__ import annotations

from ...parts import Part
from ...progress import Reporter
from .depth import build_layers
from .lattice import Lattice
from .photo_sheet import build_sheet, sheet_splats
from .portrait import FittedPortrait
from .segmentation import segment
from .settings import DraftSettings
from .shell import sample_shell, shell_splats
from .splats import Splats
from .surface import close_surface
from .unseen import assign_parts, fill_colors

HAIR_SHARE = 0.04
"""Share of the person from which hair counts as hair."""


def build_bust(portrait: FittedPortrait, settings: DraftSettings, reporter: Reporter) -> Splats:
    """Return the bust's Gaussians in the photo's frame.

    Args:
        portrait: The fitted portrait.
        settings: Body and number of Gaussians.
        reporter: Gets the stages.

    Raises:
        Cancelled: the job was cancelled.
    """
    reporter.stage("Separating skin, hair and clothes", share=0.12)
    segmentation = segment(portrait)
    has_hair = bool((segmentation.parts == Part.HAIR).sum() > HAIR_SHARE * portrait.mask.sum())

    reporter.stage("Building the shape", steps=2, share=0.13)
    lattice = Lattice.of_photo()
    layers = build_layers(portrait, segmentation, lattice, has_hair)
    reporter.step()
    surface = close_surface(layers, lattice)

    reporter.stage("Laying out the photo", steps=2, share=0.15)
    sheet = build_sheet(portrait, segmentation, layers)
    reporter.step()
    front = sheet_splats(portrait, sheet, settings.budget.photo)

    reporter.stage("Painting what the photo does not show", steps=3, share=0.2)
    shell = sample_shell(portrait, sheet, surface, settings.budget.shell, settings.seed)
    reporter.step()
    parts = assign_parts(portrait, segmentation, sheet, shell, has_hair)
    reporter.step()
    colors = fill_colors(portrait, sheet, shell, parts)
    return Splats.concatenate([front, shell_splats(shell, colors, parts)])
