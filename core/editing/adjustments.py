"""The non-destructive stack, as numbers: what the Adjustments modifier in Blender does.

Order: what is hidden, too faint, too small or too big goes, then what the box and the neck
plane cut off; the density of the rest is reduced; what remains is scaled and graded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from ..gaussians import Gaussians
from ..splats.parts import Part
from . import density, regions, selection
from .edit import Edit
from .grading import Grade, grade


@dataclass(frozen=True)
class PartAdjustments:
    """What happens to one part.

    Attributes:
        visible: Whether it is there at all.
        grade: On top of that of the whole object.
    """

    visible: bool = True
    grade: Grade = field(default_factory=Grade)


@dataclass(frozen=True, eq=False)
class Adjustments:
    """Everything that the stack does; the defaults change nothing.

    Attributes:
        min_opacity: Fainter Gaussians go, 0..1.
        min_size: Smaller Gaussians go, world units.
        max_size: Bigger Gaussians go, world units; 0 for no limit.
        box: [4, 4] as in :func:`~core.editing.regions.inside_box`; None to crop nothing.
        plane: [4, 4] as in :func:`~core.editing.regions.above_plane`; None to cut nothing.
        density: Share of Gaussians kept, 0..1.
        cell: Side of the density's cells, world units.
        size: Factor of all scales.
        grade: Of the whole object.
        parts: By part, where they differ from the defaults. Parts that are not
            in :class:`~core.splats.parts.Part` count as unknown.
    """

    min_opacity: float = 0.0
    min_size: float = 0.0
    max_size: float = 0.0
    box: np.ndarray | None = None
    plane: np.ndarray | None = None
    density: float = 1.0
    cell: float = 1.0
    size: float = 1.0
    grade: Grade = field(default_factory=Grade)
    parts: Mapping[Part, PartAdjustments] = field(default_factory=dict)


def adjust(gaussians: Gaussians, adjustments: Adjustments) -> Edit:
    """Return what the stack makes of some Gaussians."""
    known = np.where(np.isin(gaussians.parts, [int(part) for part in Part]), gaussians.parts, Part.UNKNOWN)
    keeps = selection.by_opacity(gaussians, adjustments.min_opacity)
    keeps &= selection.by_size(gaussians, adjustments.min_size, adjustments.max_size or np.inf)
    keeps &= ~np.isin(known, [int(part) for part, how in adjustments.parts.items() if not how.visible])
    if adjustments.box is not None:
        keeps &= regions.inside_box(gaussians.means, adjustments.box)
    if adjustments.plane is not None:
        keeps &= regions.above_plane(gaussians.means, adjustments.plane)
    remaining = np.flatnonzero(keeps)
    chosen, result = density.thin(gaussians.select(remaining), adjustments.density, adjustments.cell)
    sources = remaining[chosen]
    if adjustments.size != 1:
        result = result.replace(scales=result.scales * np.float32(adjustments.size))
    for part in Part:
        how = adjustments.grade.combined(adjustments.parts.get(part, PartAdjustments()).grade)
        result = grade(result, how, known[sources] == part)
    return Edit(sources, result)
