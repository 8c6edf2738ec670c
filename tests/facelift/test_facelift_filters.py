"""Filters and conversion of GS-LRM's Gaussians."""

from __future__ import annotations

# First of all: where torch is absent, it skips the module.
from tests.helpers.facelift import torch

# isort: split
import math

import pytest

from core.engines.facelift import convert, filters
from core.engines.facelift.gslrm import RawGaussians
from core.engines.facelift.settings import FaceLiftSettings
from core.engines.settings import describe


def raw_gaussians(**columns: list) -> RawGaussians:
    count = len(next(iter(columns.values())))
    fields = {
        "xyz": [[0.0, 0.0, -0.1]] * count,
        "features": [[0.0] * 3] * count,
        "scaling": [[math.log(0.01)] * 3] * count,
        "rotation": [[2.0, 0.0, 0.0, 0.0]] * count,
        "opacity": [[3.0]] * count,
    }
    return RawGaussians(**{name: torch.tensor(value) for name, value in (fields | columns).items()})


def test_filters_decide_at_their_thresholds():
    preset = filters.PRESETS["commandline"]

    def kept(**columns: list) -> list[int]:
        return filters.kept_indices(raw_gaussians(**columns), preset).tolist()

    assert kept(opacity=[[math.log(0.05 / 0.95)], [math.log(0.03 / 0.97)]]) == [0]
    big = [[math.log(0.2), -5.0, -5.0]] * 2
    assert kept(scaling=big, xyz=[[0.0, 0.0, 0.1], [0.0, 0.0, 0.0]]) == [0]
    assert kept(xyz=[[0.7, -0.7, -0.7], [0.7, -0.7, -0.5], [0.5, -0.7, -0.7]]) == [1, 2]
    assert kept(xyz=[[0.91, 0.0, -1.0], [0.92, 0.0, 0.0], [0.0, 0.0, 1.01], [-0.91, 0.91, 1.0]]) == [0, 3]
    assert filters.PRESETS["gradio"].scaling == 0.2
    setting = next(setting for setting in describe(FaceLiftSettings) if setting.name == "filter")
    assert set(filters.PRESETS) == {option.id for option in setting.options}


def test_conversion_activates():
    raw = raw_gaussians(opacity=[[0.0], [100.0]], rotation=[[0.0, 3.0, 0.0, 4.0]] * 2)
    gaussians = convert.to_gaussians(raw, torch.tensor([1, 0]))
    assert gaussians.opacities == pytest.approx([1.0, 0.5])
    assert gaussians.rotations[0] == pytest.approx([0.0, 0.6, 0.0, 0.8])
    assert gaussians.scales == pytest.approx(0.01)
    assert gaussians.colors == pytest.approx(0.5)
