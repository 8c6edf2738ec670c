"""Strand numbers and places on their way through files, the worker's packing, Blender and its tools."""

from __future__ import annotations

import numpy as np
import pytest

from core import formats
from core.formats.registry import Loss
from core.splats import attributes as names
from tests.helpers.addon import add_splats, needs_blender, surface_gaussians
from tests.helpers.gaussian import random_gaussians


def with_strands(gaussians, strands=4):
    """Number the Gaussians; every fifth is no strand's."""
    count = len(gaussians)
    numbers = np.where(np.arange(count) % 5, 1 + np.arange(count) * strands // count, 0).astype(np.int32)
    place = np.linspace(0, 1, count, dtype=np.float32)
    return gaussians.replace(extras={names.STRAND: numbers, names.STRAND_PLACE: place})


@pytest.mark.parametrize("kind", formats.FORMATS, ids=lambda kind: kind.id)
def test_every_format_takes_strands(kind, tmp_path):
    gaussians = with_strands(random_gaussians(40))
    path = tmp_path / f"hair{kind.suffixes[0]}"
    formats.save(gaussians, path)
    back = formats.load(path)
    assert len(back) == 40
    if Loss.EXTRAS not in kind.losses:
        np.testing.assert_array_equal(back.extras[names.STRAND], gaussians.extras[names.STRAND])
        np.testing.assert_array_equal(back.extras[names.STRAND_PLACE], gaussians.extras[names.STRAND_PLACE])


@needs_blender
def test_blender_has_strands_as_attributes(blender):
    geometry = blender.module("facelift_addon.splats.data.geometry")
    cloud = geometry.from_gaussians("cloud", with_strands(surface_gaussians(20)))
    types = {attribute.name: attribute.data_type for attribute in cloud.attributes}
    assert types[names.STRAND] == "INT" and types[names.STRAND_PLACE] == "FLOAT"


@needs_blender
def test_strands_of_joined_and_mirrored_objects_get_numbers_of_their_own(blender):
    import bpy

    geometry = blender.module("facelift_addon.splats.data.geometry")
    first = add_splats(blender, with_strands(surface_gaussians(40)), name="first")
    second = add_splats(blender, with_strands(surface_gaussians(40)), name="second")
    third = add_splats(blender, surface_gaussians(40), name="third")
    for target in (first, second, third):
        target.select_set(True)
    bpy.context.view_layer.objects.active = first
    assert bpy.ops.facelift.join_splats() == {"FINISHED"}
    numbers = geometry.to_gaussians(first.data).extras[names.STRAND]
    assert len(numbers) == 120 and numbers.dtype == np.int32
    np.testing.assert_array_equal(np.unique(numbers), np.arange(9))
    assert np.bincount(numbers)[0] == 8 + 8 + 40

    single = add_splats(blender, with_strands(surface_gaussians(40)), name="single")
    bpy.ops.object.select_all(action="DESELECT")
    single.select_set(True)
    bpy.context.view_layer.objects.active = single
    assert bpy.ops.facelift.symmetrize() == {"FINISHED"}
    numbers = geometry.to_gaussians(single.data).extras[names.STRAND]
    half = len(numbers) // 2
    before, after = numbers[:half], numbers[half:]
    assert not np.intersect1d(before[before > 0], after[after > 0]).size
