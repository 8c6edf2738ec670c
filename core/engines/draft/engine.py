"""The draft engine: one photo to a head in seconds, with numpy, scipy and Pillow alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from ...cameras import Camera, front_camera
from ...errors import PhotoError
from ...head.fitting import fit_head
from ...head.model import load_head_model
from ...photo.decode import Photo
from ...photo.lens import lens_of
from ...photo.network import load_network
from ...photo.prepare import Portrait, prepare_photo
from ...progress import Reporter
from ...version import version
from ..base import EngineInfo, GenerateResult
from ..settings import read
from .bust import build_bust
from .detail import fine_photo
from .portrait import FittedPortrait
from .settings import DraftSettings

SMALLEST_PERSON = 2000
"""Pixels of the aligned photo that must show the person."""


class DraftEngine:
    """Makes a plausible head from one photo: the face as photographed, the rest invented."""

    settings_type = DraftSettings

    def info(self) -> EngineInfo:
        """Describe the engine."""
        return EngineInfo(
            id="draft",
            label="Draft",
            description="A head in seconds, on any machine. The front is the photo; sides and back are guessed.",
            licence="CC0 / Apache-2.0",
            available=True,
        )

    def prepare(self, photo: Photo, settings: Mapping[str, Any], reporter: Reporter) -> Portrait:
        """Find the face, matte and align, without generating.

        Raises:
            PhotoError: no usable face.
            SettingsError: unknown or out-of-range settings.
            Cancelled: cancelled through the reporter.
        """
        options = read(DraftSettings, settings)
        return prepare_photo(photo, options.face, reporter, aligned=options.aligned)

    def generate(self, photo: Photo, settings: Mapping[str, Any], reporter: Reporter) -> GenerateResult:
        """Make a head.

        Raises:
            As :meth:`prepare`.
        """
        options = read(DraftSettings, settings)
        prepared = prepare_photo(photo, options.face, reporter, aligned=options.aligned)
        reporter.stage("Fitting the head", share=0.4)
        lens = lens_of(prepared.alignment, photo.focal, options.lens, options.lens_degrees, options.lens_mm)
        portrait = fit_portrait(prepared, front_camera(fov=lens.degrees))
        if options.budget.detail:
            portrait = replace(portrait, fine=fine_photo(prepared))
        bust = build_bust(portrait, options, reporter)

        reporter.stage("Finishing", share=0.05)
        canonical = portrait.fit.canonical if options.straighten else np.eye(4)
        gaussians = bust.gaussians.transform(canonical)
        reporter.finish()
        return GenerateResult(
            gaussians=gaussians,
            aligned=prepared.aligned,
            photo_camera=portrait.camera.moved(canonical),
            recipe={
                "engine": "draft",
                "version": version(),
                "settings": asdict(options),
                "lens": asdict(lens),
                "seed": options.seed,
                "photo": photo.name,
                "sha256": photo.sha256,
                **photo.edits.facts(),
            },
            stage_seconds=dict(reporter.stage_seconds),
            notes=prepared.sentences,
            shape=bust.portrait.fit.shape.transformed(canonical),
        )

    def unload(self) -> None:
        """Free the networks and the head model."""
        load_network.cache_clear()
        load_head_model.cache_clear()


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
