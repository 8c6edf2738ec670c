"""What comes out of a splat file."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..gaussians import Gaussians
from .axes import Axes, Unit, to_ours


@dataclass(frozen=True, eq=False)
class Reading:
    """What a reader found.

    Attributes:
        gaussians: The splats.
        axes: The frame that they are in.
        notes: What was left out, changed or assumed, one sentence each, for a person.
        unit: What the file says of its unit.
        file_axes: The frame of the file, as far as it says so; cameras beside it are in that.
    """

    gaussians: Gaussians
    axes: Axes
    notes: tuple[str, ...] = ()
    unit: Unit = Unit.UNSTATED
    file_axes: Axes = Axes.UNSTATED

    def upright(self) -> Reading:
        """Return the same in our frame, in this value's own memory; as it is where the frame is unstated."""
        if self.axes is Axes.UNSTATED:
            return self
        own = self.axes if self.file_axes is Axes.UNSTATED else self.file_axes
        return replace(self, gaussians=to_ours(self.gaussians, self.axes, reuse=True), axes=Axes.Z_UP, file_axes=own)
