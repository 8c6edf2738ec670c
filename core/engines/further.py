"""Preparing a further photo of a person: as a portrait where it shows a face, else by the head's outline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import PhotoError
from ..photo.decode import Photo
from ..photo.edits import Crop
from ..photo.sides import FACELESS, SIDES, WITHOUT_FACE
from ..photo.types import PreparedPhoto
from ..progress import CROP, Reporter
from ..system.pictures import png_bytes
from .base import Engine
from .capture import Capture


def prepare_further(
    engine: Engine, capture: Capture[Photo], settings: Mapping[str, Any], reporter: Reporter
) -> PreparedPhoto:
    """Prepare a photo that is to show more of a person than the portrait does.

    Args:
        engine: Prepares photos with a face.
        capture: The photo alone.
        settings: The engine's.
        reporter: As for :meth:`~core.engines.base.Engine.prepare`.

    Raises:
        PhotoError: nobody was found in it ("no-person"), or as :meth:`~core.engines.base.Engine.prepare`.
        SettingsError, Cancelled: as there.
    """
    # With what it needs of scipy it takes most of a second to load: workers would start so much later.
    from ..placing.sightings import see

    shot = capture.portrait
    preparing, looking = reporter.parts(1, 1)
    if shot.options.side not in FACELESS:
        try:
            return engine.prepare(capture, settings, preparing)
        except PhotoError as error:
            if error.code not in WITHOUT_FACE:
                raise
    looking.stage("Looking for the head")
    sighting = see(shot, looking)
    if sighting is None:
        raise PhotoError(
            f"Nobody was found in {shot.photo.name}.",
            "Choose a photo that shows the head against a calm background.",
            code="no-person",
        )
    crop = Crop.of_alignment(sighting.alignment)
    reporter.preview(CROP, png_bytes(sighting.alignment.apply(sighting.rgb)))
    return PreparedPhoto(
        aligned=sighting.picture,
        faces=(),
        face=0,
        crop=(crop.x, crop.y, crop.size),
        rgb=sighting.rgb,
        matte=sighting.matte,
        side=sighting.side if sighting.side in SIDES else "",
        has_face=sighting.landmarks is not None,
    )
