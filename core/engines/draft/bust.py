"""From a fitted portrait to the bust's Gaussians: the engine's core, free of files and settings."""

from __future__ import annotations

import numpy as np

from ...parts import Part
from ...progress import Reporter
from .depth import build_layers
from .ears import bare_ears, sample_ears
from .lattice import Lattice
from .painting import nearest_colors, paint_surface, reliable_pixels
from .photo_sheet import build_sheet, sheet_splats
from .portrait import FittedPortrait
from .segmentation import segment
from .settings import DraftSettings
from .sheet_colors import sheet_colors
from .shell import sample_shell, shell_splats
from .slopes import find_slopes, with_parts
from .splats import Splats
from .surface import close_surface
from .surface_parts import surface_parts
from .texture import look_up, synthesize

BACK_SHADE = 0.2
"""How much darker the back is: light falls on the side that is photographed."""
TEXTURED = ((Part.HAIR, 1.0), (Part.CLOTHES, 0.5))
"""Parts that get the photo's fine structure where the photo does not show them, and how much of it."""


def build_bust(portrait: FittedPortrait, settings: DraftSettings, reporter: Reporter) -> Splats:
    """Return the bust's Gaussians in the photo's frame.

    Args:
        portrait: The fitted portrait.
        settings: Body and number of Gaussians.
        reporter: Gets the stages.

    Raises:
        Cancelled: the job was cancelled.
    """
    rng = np.random.default_rng(settings.seed)
    reporter.stage("Separating skin, hair and clothes", share=0.12)
    segmentation = segment(portrait)

    reporter.stage("Building the shape", steps=2, share=0.13)
    lattice = Lattice.of_photo(portrait.camera)
    layers = build_layers(portrait, segmentation, lattice, settings.body)
    reporter.step()
    surface = close_surface(layers, lattice)

    reporter.stage("Laying out the photo", steps=2, share=0.15)
    sheet = build_sheet(portrait, segmentation, layers)
    reporter.step()

    reporter.stage("Painting what the photo does not show", steps=3, share=0.2)
    parts = surface_parts(portrait, segmentation, layers, lattice, sheet, surface)
    reporter.step()
    colors = paint_surface(portrait, sheet, surface, parts)
    reporter.step()
    slopes = find_slopes(portrait, sheet, surface, parts, colors)
    pixels = sheet_colors(portrait, sheet, surface, parts, colors, slopes)
    sheet = with_parts(sheet, slopes)
    splats = [sheet_splats(portrait, sheet, pixels, settings.budget.photo)]
    shell = sample_shell(portrait, sheet, surface, settings.budget.shell, rng)
    shell_parts = shell.pick(surface, parts)
    shell_colors = shell.interpolate(surface, colors)
    shell_colors *= 1 - BACK_SHADE * np.clip(shell.normals[:, 1:2], 0, 1)
    reliable = reliable_pixels(portrait, sheet)
    for part, strength in TEXTURED:
        place = shell_parts == part
        texture = synthesize(portrait, reliable & (sheet.parts == part), part == Part.HAIR, rng)
        if texture is not None:
            shell_colors[place] += strength * look_up(texture, portrait, shell.positions[place])[:, None]
    # Hair ends softly: drawn out across its border, strands would be teeth.
    hairiness = shell.interpolate(surface, (parts == Part.HAIR)[:, None].astype(np.float32))[:, 0]
    strands = np.where(shell_parts == Part.HAIR, np.clip(2 * hairiness - 1, 0, 1), 0)
    splats.append(shell_splats(shell, np.clip(shell_colors, 0, 1), shell_parts, strands))
    ears = sample_ears(portrait, bare_ears(portrait, segmentation), rng)
    if ears is not None:
        shell, shade = ears
        skin = nearest_colors(surface, colors, np.isin(parts, (Part.SKIN, Part.NECK)), shell.positions)
        splats.append(shell_splats(shell, skin * shade[:, None], np.full(len(shade), Part.SKIN)))
    return Splats.concatenate(splats)
