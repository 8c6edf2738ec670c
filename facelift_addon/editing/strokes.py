"""What a selection tool keeps while the mouse is pressed: where a view shows the splats, and what was found so far."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import bpy
import numpy as np

from ...core.editing import picking
from ..splats.data import baking
from . import choices, targets


@dataclass(eq=False)
class _Subject:
    """One object under a stroke.

    Attributes:
        name: Of the object: undo and mode changes make pointers invalid.
        old: [N] bool, what was selected before.
        means: [N, 3] in the world.
        seen: Where the view shows them.
        front: [N] bool, what the view does not hide behind other splats.
        found: [N] bool, what the tool found so far.
    """

    name: str
    old: np.ndarray
    means: np.ndarray
    seen: picking.Seen
    front: np.ndarray
    found: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.found = np.zeros(len(self.means), bool)


class Stroke:
    """A selection under way.

    Args:
        context: In Object Mode or Edit Mode with splats; Edit Mode is entered, where the selection shows.
        view: How the splats are seen.
        action: An identifier of :data:`choices.SELECTIONS`.
    """

    def __init__(self, context: bpy.types.Context, view: picking.View, action: str) -> None:
        self.view, self._action = view, action
        self._began_in = context.mode
        self._subjects = [self._subject(target) for target in targets.targets_of(context)]
        targets.edit_mode(context)

    def _subject(self, target: bpy.types.Object) -> _Subject:
        gaussians = baking.stored(target)
        matrix = np.array(target.matrix_world, np.float64)
        means = gaussians.means @ matrix[:3, :3].T + matrix[:3, 3]
        spreads = gaussians.scales.max(axis=1) * np.cbrt(abs(np.linalg.det(matrix[:3, :3])))
        seen = self.view.see(means)
        old = targets.selected(target.data) if target.mode == "EDIT" else np.zeros(len(means), bool)
        return _Subject(target.name, old, means, seen, picking.front_layer(seen, spreads, gaussians.opacities))

    def find_seen(self, find: Callable[[np.ndarray], np.ndarray], only_visible: bool) -> None:
        """Add what a function finds among places [N, 2] in the view."""
        for subject in self._subjects:
            possible = np.flatnonzero(subject.front if only_visible else subject.seen.ahead)
            subject.found[possible] |= find(subject.seen.places[possible])

    def find_in_space(self, find: Callable[[np.ndarray], np.ndarray]) -> None:
        """Take instead what a function finds among points [N, 3] of the world."""
        for subject in self._subjects:
            subject.found = find(subject.means)

    def touched(self, place: np.ndarray) -> np.ndarray | None:
        """Return the point [3] of the world of the splat that is seen at a place [2]; None where there is none."""
        nearest = None
        for subject in self._subjects:
            index = picking.touched(subject.seen, subject.front, place)
            if index is not None and (nearest is None or subject.seen.depths[index] < nearest[0]):
                nearest = subject.seen.depths[index], subject.means[index]
        return None if nearest is None else nearest[1]

    def show(self) -> int:
        """Select what was found; return how many splats are selected now."""
        count = 0
        for subject in self._subjects:
            mask = choices.combined(self._action, subject.old, subject.found)
            targets.select(bpy.data.objects[subject.name].data, mask)
            count += int(mask.sum())
        return count

    def cancel(self) -> None:
        """Put the selection and the mode back."""
        for subject in self._subjects:
            targets.select(bpy.data.objects[subject.name].data, subject.old)
        if self._began_in == "OBJECT":
            bpy.ops.object.mode_set(mode="OBJECT")
