"""The modifiers of hair: what fills the gaps between guides, what an artist may do to all of it, what lets it follow.

Hair follows its mesh last of all: what comes before works on the mesh at rest. So the same hairs grow in every frame,
and each of them, not only the guides, is carried by the place where it grows.
"""

from __future__ import annotations

from dataclasses import dataclass

import bpy
import numpy as np

from ...core.avatar.base_mesh import BaseMesh
from ...core.groom.groom import Growth, Tuft
from ...core.groom.roots import area_grown_on
from ..splats.display.modifier_inputs import ModifierInputs, find_modifier
from . import essentials, names

IN_VIEWPORT = 0.5
"""Share of the hair that the viewport shows, so that a head with 60,000 hairs plays; renders have all."""
BETWEEN = 2
"""Guides of which each hair is a mean. Of more, fringes and crowns become flatter than what they are a mean of."""
REMEMBERED, DEFORM = "Guides", "Surface Deform"
"""Names of our own modifiers."""


@dataclass(frozen=True)
class Styling:
    """A modifier that an artist may switch on.

    Attributes:
        group: The asset.
        label: What the panel calls it.
        main: The input that the panel shows.
        values: Inputs that are set at first, by their names.
        lengths: Inputs that are set to a length, in metres.
    """

    group: str
    label: str
    main: str
    values: dict[str, float | bool]
    lengths: dict[str, float]


STYLINGS = (
    Styling(essentials.TRIM, "Length", "Length Factor", {"Length Factor": 0.8, "Replace Length": False}, {}),
    Styling(essentials.CLUMP, "Clump", "Factor", {"Factor": 0.6, "Preserve Length": True}, {"Guide Distance": 0.012}),
    Styling(essentials.CURL, "Curl", "Factor", {"Frequency": 6.0}, {"Guide Distance": 0.012, "Radius": 0.006}),
    Styling(essentials.NOISE, "Noise", "Factor", {"Scale": 30.0, "Preserve Length": True}, {"Distance": 0.004}),
)
"""In the order of the stack. All are switched off at first, but for the curls of hair that curls: guides have none."""
RADIANS = 20.0
"""By which a curl turns on a unit of length at a frequency of 1 (measured in 5.2)."""


def give(hair: bpy.types.Object, tuft: Tuft, base: BaseMesh, fill: bool) -> None:
    """Give hair those of its modifiers that it lacks, each in its place; those that are there stay as they are.

    Args:
        hair: Has the tuft's guides.
        tuft: As its head has it, but for its wave, which is in the hair's units.
        base: The mesh under it, in its own local space.
        fill: Let hair grow between the guides; otherwise there are just these.
    """
    wanted = [essentials.INTERPOLATE] if fill else []
    wanted += [styling.group for styling in STYLINGS]
    before = find_modifier(hair, essentials.INTERPOLATE)
    if before is not None and not fill:
        hair.modifiers.remove(before)
    groups = essentials.groups(wanted)
    new = not any(modifier.type == "NODES" for modifier in hair.modifiers)
    if fill and before is None and essentials.INTERPOLATE in groups:
        modifier = _add(hair, groups[essentials.INTERPOLATE], essentials.INTERPOLATE)
        hair.modifiers.move(list(hair.modifiers).index(modifier), 0)
        _set_up(ModifierInputs(modifier), hair, tuft, base)
    guides = find_modifier(hair, essentials.GUIDES) or _add(hair, essentials.guides_group(), REMEMBERED)
    hair.modifiers.move(list(hair.modifiers).index(guides), 0)
    if new:
        # Who removed one of these does not want it back.
        for styling in STYLINGS:
            if styling.group in groups:
                _add_styling(hair, styling, groups[styling.group], base.pose.scale)
        curls = find_modifier(hair, essentials.CURL)
        if curls is not None and tuft.wave.radius > 0:
            curls.show_viewport = curls.show_render = True
            inputs = ModifierInputs(curls)
            inputs["Radius"], inputs["Frequency"] = tuft.wave.radius, 2 * np.pi / (RADIANS * tuft.wave.length)
    if find_modifier(hair, essentials.DEFORM) is None:
        _add(hair, essentials.deform_group(), DEFORM).use_pin_to_last = True


def stylings_of(hair: bpy.types.Object) -> list[tuple[Styling, bpy.types.Modifier]]:
    """Return what an artist may switch on, as far as it is there."""
    found = [(styling, find_modifier(hair, styling.group)) for styling in STYLINGS]
    return [(styling, modifier) for styling, modifier in found if modifier is not None]


def _add(hair: bpy.types.Object, group: bpy.types.NodeTree, name: str) -> bpy.types.Modifier:
    modifier = hair.modifiers.new(name, "NODES")
    modifier.node_group = group
    modifier.show_expanded = False
    return modifier


def _set_up(inputs: ModifierInputs, hair: bpy.types.Object, tuft: Tuft, base: BaseMesh) -> None:
    """Let as many hairs grow in all as a tuft has, where it has them."""
    mask = names.density_of(Growth(hair[names.GROWTH_KEY]))
    area = area_grown_on(base.neutral, base.triangles, tuft.density)
    inputs["Viewport Amount"] = IN_VIEWPORT
    inputs["Interpolation Guides"] = BETWEEN
    inputs["Density"] = tuft.hairs / area if area > 0 else 0.0
    inputs.take_attribute("Density Mask", mask)
    if "Resting Surface" in inputs:
        inputs["Resting Surface"] = True
    else:
        # Blender 4.5 wants to be told the mesh. Random places are its other way, and quicker than evenly spread ones.
        inputs["Surface"] = hair.data.surface
        inputs["Surface Rest Position"], inputs["Poisson Disk Distribution"] = True, False


def _add_styling(hair: bpy.types.Object, styling: Styling, group: bpy.types.NodeTree, metre: float) -> None:
    modifier = _add(hair, group, group.name)
    modifier.show_viewport = modifier.show_render = False
    inputs = ModifierInputs(modifier)
    for name, value in styling.values.items():
        inputs[name] = value
    for name, length in styling.lengths.items():
        inputs[name] = length * metre
