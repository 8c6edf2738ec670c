"""The reference's filters, which drop transparent, huge and stray Gaussians (FaceLift specification, section 12)."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from .gslrm import RawGaussians


@dataclass(frozen=True)
class FilterPreset:
    """Thresholds of the filters.

    Attributes:
        opacity: Gaussians stay above this opacity.
        scaling: Gaussians in the lower half (z <= 0) stay below this largest standard deviation.
        floater: Gaussians beyond this distance in |x|, |y| and -z at once are dropped.
        bounds: Lower and upper corner of the box to keep, inclusive.
    """

    opacity: float
    scaling: float
    floater: float
    bounds: tuple[tuple[float, float, float], tuple[float, float, float]] = ((-0.91, -0.91, -1.0), (0.91, 0.91, 1.0))


PRESETS = {
    "commandline": FilterPreset(opacity=0.04, scaling=0.1, floater=0.6),
    "gradio": FilterPreset(opacity=0.04, scaling=0.2, floater=0.75),
}
"""The reference's two sets of thresholds, by the program that uses them."""


def filter_masks(gaussians: RawGaussians, preset: FilterPreset) -> dict[str, torch.Tensor]:
    """Return what each filter keeps, by name in the reference's order: boolean masks [N]."""
    x, y, z = gaussians.xyz.unbind(dim=1)
    lower, upper = (gaussians.xyz.new_tensor(corner) for corner in preset.bounds)
    return {
        "opacity": torch.sigmoid(gaussians.opacity[:, 0]) > preset.opacity,
        # The upper half is exempt: large Gaussians make up the hair.
        "scaling": (gaussians.scaling.exp().amax(dim=1) < preset.scaling) | (z > 0),
        "floater": ~((x.abs() > preset.floater) & (y.abs() > preset.floater) & (z < -preset.floater)),
        "crop": ((gaussians.xyz >= lower) & (gaussians.xyz <= upper)).all(dim=1),
    }


def kept_indices(gaussians: RawGaussians, preset: FilterPreset) -> torch.Tensor:
    """Return the indices [M] int64 of the Gaussians that all filters keep, ascending."""
    return torch.stack(list(filter_masks(gaussians, preset).values())).all(dim=0).nonzero()[:, 0]


def threshold_margins(gaussians: RawGaussians, preset: FilterPreset) -> torch.Tensor:
    """Return each Gaussian's distance [N] to the nearest threshold; rounding decides below about 1e-4."""
    x, y, z = gaussians.xyz.unbind(dim=1)
    values = [
        (torch.sigmoid(gaussians.opacity[:, 0]), (preset.opacity,)),
        (gaussians.scaling.exp().amax(dim=1), (preset.scaling,)),
        (x.abs(), (preset.floater,)),
        (y.abs(), (preset.floater,)),
        (z, (0.0, -preset.floater)),
    ]
    for axis, bounds in enumerate(zip(*preset.bounds, strict=True)):
        values.append((gaussians.xyz[:, axis], bounds))
    return torch.stack([(value - limit).abs() for value, limits in values for limit in limits]).amin(dim=0)
