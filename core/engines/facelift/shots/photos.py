"""Further photos of the portrait's person: where their cameras stood, and what the reconstruction sees of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ....cameras import VIEW_NAMES, front_camera
from ....head.fitting import HeadFit, fit_head
from ....photo.decode import Photo
from ....photo.lens import Lens
from ....photo.prepare import Portrait, is_cut_out
from ....photo.sides import AUTO, FRONT, LEFT_OUT, PLACED
from ....placing import PlacedShot, place_shots
from ....progress import Reporter
from ...capture import Capture, Shot
from ...outcomes import ShotOutcome, outcome_of
from ..preparation import Preparation
from .exposure import Seen, exposure_factors, recolored
from .frame import carried, to_frame
from .views import Arrangement, RealView, real_view

NO_FACE = "The portrait shows no clear face, so that no other photo can be placed around it. Choose another portrait."

OTHER_HAIR = (
    "It was left out: the hair looks different from the portrait's, in cut or colour, or something is worn on it. "
    "Place the photo by hand to use it all the same."
)


@dataclass(frozen=True, eq=False)
class FurtherPhotos:
    """What became of the further photos.

    Attributes:
        outcomes: One for each, in the rig's frame.
        views: The placed ones as views, by the photo's number among the further ones.
        lenses: What the portrait's lens was taken for; empty where nothing was placed.
        notes: Sentences for the user.
    """

    outcomes: tuple[ShotOutcome[np.ndarray], ...]
    views: Mapping[int, RealView]
    lenses: tuple[Lens, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def pictures(self) -> tuple[RealView, ...]:
        """The views alone."""
        return tuple(self.views.values())

    def as_used(self, seen: Arrangement, where: str) -> FurtherPhotos:
        """Return what became of them in the reconstruction.

        Args:
            seen: The views that it saw, made of :attr:`pictures`.
            where: Whose memory it took, in words.
        """
        numbers, outcomes = list(self.views), list(self.outcomes)
        for place in seen.left_out:
            number, views = numbers[place], len(seen.views)
            message = f"It was left out: the {where} has no memory for more than {views} views."
            outcomes[number] = replace(outcomes[number], state=LEFT_OUT, message=message)
        names = [VIEW_NAMES[view].replace("_", " ") for view in seen.replaced if view is not None]
        notes = [f"Photos took the place of generated views: {', '.join(names)}."] if names else []
        if seen.beside:
            notes.append(f"Photos that came beside the generated views: {len(seen.beside)}.")
        return replace(self, outcomes=tuple(outcomes), notes=tuple(notes))


def place_further(prepared: Preparation, capture: Capture[Photo], reporter: Reporter) -> FurtherPhotos:
    """Find where the cameras of a capture's further photos stood, in the frame in which the rig's see the portrait.

    Args:
        prepared: The portrait.
        capture: All photos.
        reporter: Receives the stages, and a preview of each photo's crop.

    Raises:
        Cancelled: cancelled through the reporter.
    """
    further = capture.shots[1:]
    portrait = portrait_of(prepared)
    if portrait is None:
        return FurtherPhotos(tuple(_refused(shot) for shot in further), {})
    lens = capture.portrait.lens(prepared.alignment)
    camera = front_camera(fov=lens.degrees)
    fit = fit_head(portrait.landmarks.points, camera, portrait.alpha > 0.5)
    placed, fit = place_shots(portrait, fit, camera, further, reporter)
    return views_of(portrait, fit, further, placed, lens)


def views_of(
    portrait: Portrait, fit: HeadFit, further: Sequence[Shot[Photo]], placed: Sequence[PlacedShot], lens: Lens
) -> FurtherPhotos:
    """Return placed photos as views, in the rig's frame and in the portrait's exposure.

    Args:
        portrait: The portrait.
        fit: The head fitted to it.
        further: The further photos.
        placed: Where they stood, in the fit's frame.
        lens: The portrait's.
    """
    # A view is used whole: there is no keeping the portrait's hair in it.
    placed = [replace(each, state=LEFT_OUT, message=OTHER_HAIR) if each.other_hair else each for each in placed]
    frame = to_frame(fit.camera, front_camera(), fit.pose.translation)
    used = [number for number, each in enumerate(placed) if each.state == PLACED]
    seen = [Seen(placed[number].picture, placed[number].camera, placed[number].shape.vertices) for number in used]
    factors = exposure_factors(fit.model, [Seen(portrait.aligned, fit.camera, fit.vertices), *seen])[1:]
    views = {
        number: real_view(
            carried(placed[number].camera, frame),
            placed[number].alignment,
            _matted(further[number].photo, placed[number], factor),
        )
        for number, factor in zip(used, factors, strict=True)
    }
    outcomes = tuple(outcome_of(each, carried(each.camera, frame)) for each in placed)
    return FurtherPhotos(outcomes, views, (lens,))


def portrait_of(prepared: Preparation) -> Portrait | None:
    """Return a portrait as placing takes it; None where no face was found in it."""
    if prepared.landmarks is None:
        return None
    photo = prepared.prepared
    assert photo.rgb is not None and photo.matte is not None
    return Portrait(
        aligned=photo.aligned,
        faces=photo.faces,
        face=photo.face,
        rgb=photo.rgb,
        matte=photo.matte,
        landmarks=prepared.alignment.align_landmarks(prepared.landmarks),
        foreground=photo.aligned[..., :3],
        alignment=prepared.alignment,
    )


def _matted(photo: Photo, placed: PlacedShot, factors: np.ndarray) -> np.ndarray:
    """Return a photo [H, W, 4] uint8 with its matte as straight alpha, under another exposure."""
    # Under a photo's own transparency lie its true colours; what placing has of it lies over white.
    rgb = photo.rgba[..., :3] if is_cut_out(photo) else placed.rgb
    return np.dstack([recolored(rgb, factors), placed.matte])


def _refused(shot: Shot[Photo]) -> ShotOutcome[np.ndarray]:
    """Return the outcome of a photo for which nothing can be done."""
    side = FRONT if shot.options.side == AUTO else shot.options.side
    return ShotOutcome(LEFT_OUT, NO_FACE, side)
