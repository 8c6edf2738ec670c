"""The material of a head's hair: *Principled Hair* for Cycles, *Principled BSDF* for EEVEE, in the photo's colours."""

from __future__ import annotations

import bpy

from ...core.colors import to_linear
from ...core.groom.groom import Growth, Tuft
from ...core.groom.shade import Shade, shade_of
from .. import compat
from ..splats.display.nodes import Builder
from . import pigments
from .names import GROWTH_KEY, HAIR_COLOR

FITTED_KEY = "facelift_fitted_hair"
"""Custom property of the material: what was fitted to the photo, by node and input. What differs now is the user's."""
COLORS, PIGMENTS, HAIR, SURFACE = "Colors", "Pigments", "Hair", "Surface"
"""Names of its nodes."""
COLUMNS, ROW = (0, 200, 500, 840), 520
"""Where they lie."""
SURFACE_ROUGHNESS, SURFACE_SPECULAR = 0.55, 0.2
"""Of EEVEE's hair: its highlights are those of ribbons that face the view, broad and bright."""


def give(curves: bpy.types.Object, tuft: Tuft) -> bpy.types.Material:
    """Give curves the material of their head's hair, fitted to the photo's colours.

    A head has one, for all that grows on it: it is made with the first of its curves, and the hair of the scalp decides
    what is fitted. Made again, inputs that the user changed stay as they are, and so does another material of the
    user's on these curves.

    Args:
        curves: On their base mesh, with attribute and custom property of :mod:`.names`.
        tuft: What they were made of.
    """
    material = _of_head(curves)
    if material is None:
        material = _new()
        # Solid mode shows this colour.
        material.diffuse_color = (*to_linear(tuft.guides.colors).mean(axis=0).tolist(), 1.0)
        _fit(material, shade_of(tuft.guides))
    elif curves.get(GROWTH_KEY) == Growth.HAIR:
        _fit(material, shade_of(tuft.guides))
    if not curves.data.materials:
        curves.data.materials.append(material)
    elif curves.data.materials[0] is None:
        curves.data.materials[0] = material
    return material


def _of_head(curves: bpy.types.Object) -> bpy.types.Material | None:
    """Return the material that these curves have already, or others on the same mesh."""
    grown = [hair for hair in bpy.data.objects if hair.type == "CURVES" and hair.data.surface == curves.data.surface]
    grown.sort(key=lambda hair: hair != curves)
    materials = [material for hair in grown for material in hair.data.materials if material is not None]
    return next((material for material in materials if FITTED_KEY in material and material.library is None), None)


def _new() -> bpy.types.Material:
    material = bpy.data.materials.new("FaceLift Hair")
    material[FITTED_KEY] = {}
    tree = compat.give_nodes_4_5(material)
    tree.nodes.clear()
    builder = Builder(tree)
    color = builder.node("ShaderNodeAttribute", attribute_name=HAIR_COLOR, name=COLORS)
    pigment = builder.node("ShaderNodeGroup", {}, node_tree=pigments.group(), name=PIGMENTS, label=PIGMENTS, width=220)
    builder.set(pigment.inputs[pigments.COLOR], color.outputs["Color"])
    for name in pigments.MEASURED:
        pigment.inputs[name].hide = True
    hair = builder.node("ShaderNodeBsdfHairPrincipled", model="CHIANG", parametrization="MELANIN", name=HAIR)
    for name in (pigments.MELANIN, pigments.REDNESS, pigments.TINT, pigments.RADIAL_ROUGHNESS):
        builder.set(hair.inputs[name], pigment.outputs[name])
    surface = builder.node("ShaderNodeBsdfPrincipled", {"Base Color": pigment.outputs[pigments.COLOR]}, name=SURFACE)
    for target, node, row in (("CYCLES", hair, 0), ("EEVEE", surface, 1)):
        output = builder.node("ShaderNodeOutputMaterial", {"Surface": node.outputs["BSDF"]}, target=target)
        node.location, output.location = (COLUMNS[2], -ROW * row), (COLUMNS[3], -ROW * row)
    color.location, pigment.location = (COLUMNS[0], 0), (COLUMNS[1], 0)
    return material


def _fit(material: bpy.types.Material, shade: Shade) -> None:
    """Write what was fitted where the user has not changed it since."""
    fitted = {}
    before = material[FITTED_KEY].to_dict()
    for node_name, inputs in _inputs(shade).items():
        node = material.node_tree.nodes.get(node_name)
        if node is None:
            continue
        for name, value in inputs.items():
            entry = node.inputs[name]
            if entry.is_linked:
                continue
            key = f"{node_name}: {name}"
            if key not in before or _value(entry) == _plain(before[key]):
                entry.default_value = value
                fitted[key] = _value(entry)
            else:
                fitted[key] = before[key]
    material[FITTED_KEY] = fitted


def _inputs(shade: Shade) -> dict[str, dict]:
    """Return what goes into which inputs of which node."""
    response = shade.response
    return {
        PIGMENTS: {
            pigments.MELANIN: shade.melanin,
            pigments.REDNESS: shade.redness,
            pigments.TINT: (*shade.tint, 1.0),
            pigments.VARIATION: 1.0,
            pigments.STREAKS: shade.streaks,
            pigments.RADIAL_ROUGHNESS: shade.radial_roughness,
            pigments.MEAN: tuple(shade.absorption),
            pigments.FLOOR: response.floor,
            pigments.CEILING: response.ceiling,
            pigments.STEEPNESS: response.steepness,
            pigments.BEND: response.bend,
        },
        HAIR: {"Roughness": shade.roughness, "IOR": response.ior},
        SURFACE: {"Roughness": SURFACE_ROUGHNESS, "Specular IOR Level": SURFACE_SPECULAR},
    }


def _value(entry: bpy.types.NodeSocket):
    """Return an input's value as it can be stored and compared."""
    return _plain(entry.default_value)


def _plain(value):
    return list(value) if hasattr(value, "__len__") else value
