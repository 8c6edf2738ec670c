"""Refine to Photos, first step: colours, opacities and splitting, on any machine. :mod:`.gradients` is the second."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..errors import FaceLiftError
from ..gaussians import Gaussians
from ..progress import Reporter
from .anchors import TURNS, seen_elsewhere, seen_in
from .colors import solve_colors
from .outlines import ITERATIONS, fit_outlines
from .splitting import Division, plan_division
from .types import Refined, View
from .views import LEAST_WEIGHT, Seen, look, nearness

FIRST_ITERATIONS, LAST_ITERATIONS = 4, 9
"""Of the colours: before splitting, which only shows what detail they can't follow, and after."""
OUTLINE_ROUNDS, OUTLINE_SIZE = 2, 512
"""Outlines are matched at so many pixels: they are no sharper than splats are."""
HOLD, HOLD_HIDDEN, HOLD_LEAST = 0.03, 0.1, 0.01
"""How strongly splats are held to what they are, as shares of the pixels that they fill in the photo and of those that
they fill beyond in pictures from other sides, and in pixels. In shares of what they fill, splats that lie over each
other change alike, so that they still agree from another side."""


@dataclass(frozen=True)
class RefineOptions:
    """What may change.

    Attributes:
        outlines: Opacities, where a photo's outline is known.
        split: The number of splats, where the photos have more detail.
        most: How many splats there may be in the end; as many as before are always allowed.
    """

    outlines: bool = True
    split: bool = True
    most: int = 500_000

    def of(self, views: Sequence[View]) -> list[View]:
        """Return photos whose outlines count only if they may."""
        return [replace(view, outlines=view.outlines and self.outlines) for view in views]


def refine_to_views(gaussians: Gaussians, views: Sequence[View], options: RefineOptions, reporter: Reporter) -> Refined:
    """Change splats so that they look as photos show them; from other sides they look as before.

    Args:
        gaussians: The splats.
        views: The photos, in the splats' space.
        options: What may change.
        reporter: Receives the stages; cancelling takes effect within a step.

    Raises:
        FaceLiftError: there is no photo ("no-photos"), or no photo shows any splat ("nothing-seen").
        Cancelled: cancelled through the reporter.
    """
    if not views or not len(gaussians):
        raise FaceLiftError("There is no photo to refine to.", "Choose a head with its photo.", code="no-photos")
    known = [view for view in options.of(views) if view.outlines]
    weights = (15, 15 * bool(known), 15, 15 * options.split, 15 * options.split, 25)
    looking, outlining, drawing, finding, redrawing, solving = reporter.parts(*weights)
    looking.stage("Looking at the splats from other sides", steps=len(TURNS) * len(views))
    beyond = np.max([seen_elsewhere(gaussians, view.camera, looking.step) for view in views], axis=0)
    changed = _with_outlines(gaussians, known, beyond, outlining)

    seen = _drawn(changed, views, drawing)
    if not any(each.shown.any() for each in seen):
        raise FaceLiftError(
            "The photo's camera does not see these splats where the photo shows the person.",
            "Check the camera and its picture.",
            code="nothing-seen",
        )
    before = _nearness(seen)
    plan = Division.none(len(gaussians))
    if options.split:
        finding.stage("Finding detail", steps=FIRST_ITERATIONS)
        solved = solve_colors(changed, seen, _hold(seen, beyond), FIRST_ITERATIONS, finding.step)
        most = max(options.most, len(gaussians))
        plan = plan_division(changed, [each.recolored(solved) for each in seen], beyond, most)
        if plan.divides:
            changed = plan.divide(changed)
            seen = _drawn(changed, views, redrawing)
    sources = plan.sources
    solving.stage("Solving colors", steps=LAST_ITERATIONS)
    refined = solve_colors(changed, seen, _hold(seen, beyond[sources]), LAST_ITERATIONS, solving.step)
    after = _nearness([each.recolored(refined) for each in seen])
    reporter.finish()
    return Refined(sources, plan.divide(gaussians), refined, before, after)


def _with_outlines(gaussians: Gaussians, views: Sequence[View], beyond: np.ndarray, reporter: Reporter) -> Gaussians:
    if not views:
        return gaussians
    reporter.stage("Matching outlines", steps=OUTLINE_ROUNDS * (len(views) + ITERATIONS))
    for _ in range(OUTLINE_ROUNDS):
        seen = _seen(gaussians, [view.reduced(OUTLINE_SIZE) for view in views], reporter, least=0)
        gaussians = fit_outlines(gaussians, seen, _hold(seen, beyond), reporter.step)
    return gaussians


def _drawn(gaussians: Gaussians, views: Sequence[View], reporter: Reporter) -> list[Seen]:
    reporter.stage("Drawing the splats", steps=len(views))
    return _seen(gaussians, views, reporter, LEAST_WEIGHT)


def _seen(gaussians: Gaussians, views: Sequence[View], reporter: Reporter, least: float) -> list[Seen]:
    seen = []
    for view in views:
        seen.append(look(gaussians, view, least))
        reporter.step()
    return seen


def _hold(seen: Sequence[Seen], beyond: np.ndarray) -> np.ndarray:
    here = seen_in(seen, len(beyond))
    return HOLD * here + HOLD_HIDDEN * np.maximum(beyond - here, 0) + HOLD_LEAST


def _nearness(seen: Sequence[Seen]) -> float:
    return nearness([each.view for each in seen], [each.picture() for each in seen], [each.coverage for each in seen])
