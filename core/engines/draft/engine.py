"""The draft engine: photos to a head in seconds, with numpy, scipy and Pillow alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from ...cameras import Camera, front_camera
from ...errors import PhotoError
from ...head.fitting import HeadFit, fit_head
from ...head.model import load_head_model
from ...photo.decode import Photo
from ...photo.fine import fine_photo
from ...photo.network import load_network
from ...photo.prepare import Portrait, prepare_photo
from ...photo.sides import PLACED
from ...placing import PlacedShot, place
from ...progress import Reporter
from ...version import version
from ..base import GenerateResult
from ..capture import Capture, as_capture
from ..outcomes import ShotOutcome, outcome_of
from ..recipe import Recipe, used
from .bust import build_bust
from .description import DESCRIPTION
from .portrait import FittedPortrait
from .segmentation import segment
from .shots import join
from .shots.look import Look

PREPARING_SECONDS, FITTING_SECONDS, BUILDING_SECONDS, FINISHING_SECONDS = 0.45, 0.4, 3.8, 0.05
"""For the progress."""
SMALLEST_PERSON = 2000
"""Pixels of the aligned photo that must show the person."""


class DraftEngine:
    """Makes a plausible head from one photo or more: what they show as photographed, the rest invented."""

    description = DESCRIPTION

    def obstacle(self) -> str:
        """It runs everywhere."""
        return ""

    def prepare(self, given: Capture[Photo] | Photo, settings: Mapping[str, Any], reporter: Reporter) -> Portrait:
        """Find the portrait's face, matte and align, without generating.

        Raises:
            PhotoError: no usable face.
            SettingsError: unknown or out-of-range settings, or too many photos.
            Cancelled: cancelled through the reporter.
        """
        capture = as_capture(given)
        self.description.takes.check(capture)
        self.description.read(settings)
        shot = capture.portrait
        return prepare_photo(shot.photo, shot.options.face, reporter, aligned=shot.options.aligned, edits=shot.edits)

    def generate(
        self, given: Capture[Photo] | Photo, settings: Mapping[str, Any], reporter: Reporter
    ) -> GenerateResult:
        """Make a head.

        Raises:
            As :meth:`prepare`.
        """
        capture, options = as_capture(given), self.description.read(settings)
        further = capture.shots[1:]
        preparing, fitting, placing, building, joining, finishing = reporter.parts(*_seconds_for(len(further)))
        prepared = self.prepare(capture, settings, preparing)
        fitting.stage("Fitting the head")
        lens = capture.portrait.lens(prepared.alignment)
        portrait = fit_portrait(prepared, front_camera(fov=lens.degrees))
        placed: list[PlacedShot] = []
        if further:
            found, fit = place.place_shots(prepared, portrait.fit, portrait.camera, further, placing)
            placed, portrait = list(found), replace(portrait, fit=fit)
        if options.budget.detail:
            portrait = replace(portrait, fine=fine_photo(prepared))
        used_shots = [number for number, shot in enumerate(placed) if shot.state == PLACED]
        looks = [look_at(placed[number], portrait.fit, further[number].placement is not None) for number in used_shots]
        bust = build_bust(portrait, options, building, looks)
        if looks:
            bust, cameras = join.join_shots(bust, looks, np.random.default_rng(options.seed), joining)
            for number, moved in zip(used_shots, cameras, strict=True):
                placed[number] = replace(placed[number], camera=moved)

        finishing.stage("Finishing")
        canonical = portrait.fit.canonical if options.straighten else np.eye(4)
        gaussians = bust.gaussians.transform(canonical)
        reporter.finish()
        return GenerateResult(
            gaussians=gaussians,
            shots=(
                ShotOutcome(PLACED, camera=portrait.camera.moved(canonical), picture=prepared.aligned),
                *(outcome_of(shot, shot.camera.moved(canonical)) for shot in placed),
            ),
            recipe=Recipe(
                self.description.id,
                version(),
                settings=asdict(options),
                capture=used(capture, [lens]),
                licence=self.description.licence,
            ),
            stage_seconds=dict(reporter.stage_seconds),
            notes=prepared.sentences,
            shape=bust.portrait.fit.shape.transformed(canonical),
        )

    def unload(self) -> None:
        """Free the networks and the head model."""
        load_network.cache_clear()
        load_head_model.cache_clear()


def _seconds_for(further: int) -> tuple[float, ...]:
    """Return about how long each part of a head takes, by how many photos there are beside the portrait."""
    return (
        PREPARING_SECONDS,
        FITTING_SECONDS,
        sum(place.seconds_for(further)),
        BUILDING_SECONDS,
        sum(join.seconds_for(further)),
        FINISHING_SECONDS,
    )


def look_at(shot: PlacedShot, fit: HeadFit, held: bool) -> Look:
    """Return what the engine needs of a placed photo.

    Args:
        shot: The photo.
        fit: The head fitted to all photos.
        held: Whether the user placed it.
    """
    values = shot.picture.astype(np.float32) / 255
    look = Look(values[..., :3], values[..., 3], shot.camera, held, shot.other_hair)
    if shot.landmarks is None or not look.mask.any():
        return look
    seen = replace(fit, camera=shot.camera, vertices=shot.shape.vertices, expression=shot.shape.expression)
    own = FittedPortrait(look.rgb, look.alpha, shot.landmarks, seen)
    marks, _ = shot.camera.project(own.vertices.astype(np.float64))
    # Other hair's parts tell nothing of the portrait's.
    return replace(look, parts=None if shot.other_hair else segment(own).parts, marks=marks)


def fit_portrait(prepared: Portrait, camera: Camera) -> FittedPortrait:
    """Fit the head to a prepared photo, seen through its camera.

    Raises:
        PhotoError: the matte shows next to nothing of the person.
    """
    alpha = prepared.alpha
    if (alpha > 0.5).sum() < SMALLEST_PERSON:
        raise PhotoError(
            "The person could not be told from the background.",
            "Choose a photo with a calmer background, or cut the person out and save it with transparency.",
            code="no-person",
        )
    landmarks = prepared.landmarks.points
    fit = fit_head(landmarks, camera, alpha > 0.5)
    return FittedPortrait(prepared.foreground.astype(np.float32) / 255, alpha, landmarks, fit)
