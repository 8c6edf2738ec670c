"""Tells photos that are mirrored, as cameras that face their user make them.

Heads are almost alike on both sides, so a mirrored photo is placed as well as any other. Skin is not: another photo of
it matches more places of the mirror image than of the photo itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..head.landmark_solver import Solution
from ..head.model import HeadModel
from .tracks import Look, Tracks, find_tracks

MORE, MORE_TIMES = 8, 1.7
"""Places by which, and times as many as which, the mirror image must match. Of thirteen photos that are not mirrored
none is told; of seven mirrored ones of the portrait's sitting five are, of six from other years none."""
ACROSS = np.diag([-1.0, 1.0, 1.0])
"""Of the camera's axes."""


def find_mirrored(
    model: HeadModel, looks: Sequence[Look], solutions: Sequence[Solution], tracks: Sequence[Tracks]
) -> list[int]:
    """Return the numbers of the photos that look mirrored against the first.

    Args:
        model: The head model.
        looks: The photos.
        solutions: Where the head lies in each.
        tracks: Places that pairs of them show.
    """
    compared = [each for each in tracks if each.first == 0]
    numbers = [each.second for each in compared]
    turned = [_mirrored(looks[number], solutions[number]) for number in numbers]
    pairs = [(0, place) for place in range(1, len(turned) + 1)]
    found = find_tracks(
        model, [looks[0], *(look for look, _ in turned)], [solutions[0], *(solution for _, solution in turned)], pairs
    )
    own, other = ([len(each.vertices) for each in each_way] for each_way in (compared, found))
    return [n for n, as_is, mirrored in zip(numbers, own, other, strict=True) if mirrored > MORE_TIMES * as_is + MORE]


def _mirrored(look: Look, solution: Solution) -> tuple[Look, Solution]:
    """Return the mirror image of a photo, and where an unmirrored head lies in it."""
    camera, pose = look.camera, solution.pose
    axes, position = camera.c2w[:3, :3], camera.c2w[:3, 3]
    across = axes @ ACROSS @ axes.T
    mirrored = replace(
        pose, rotation=across @ pose.rotation @ ACROSS, translation=position + across @ (pose.translation - position)
    )
    picture, alpha = (np.ascontiguousarray(values[:, ::-1]) for values in (look.picture, look.alpha))
    return Look(picture, alpha, replace(camera, cx=camera.width - camera.cx)), replace(solution, pose=mirrored)
